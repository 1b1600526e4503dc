"""Every mail of activation, rendered: the same words twice, and nothing that it must not hold."""

import re
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from idp.activation import messages
from idp.messaging import mail

ACCOUNT_ID = UUID(int=3)
URL = "https://compte.example/activation/adresse?code=" + "a" * 43


@pytest.fixture(params=["confirm_email"])
def rendered(request, idp_context):
    common: dict[str, Any] = {
        "to": "celine@exemple.fr",
        "account_id": ACCOUNT_ID,
        "identifier": "c.dupont2",
        "locale": "fr",
    }
    message = {
        "confirm_email": lambda: messages.confirm_email(**common, url=URL, hours=24),
    }[request.param]()
    return mail.render(message)


def test_text_and_html_say_the_same_words(rendered):
    body = rendered.html[rendered.html.index("<body>") :]
    words = unescape(re.sub(r"<[^>]+>", " ", body)).split()

    assert words == rendered.text.split()


def test_a_url_stands_alone_on_its_line(rendered):
    for line in rendered.text.splitlines():
        assert "://" not in line or re.fullmatch(r"https://compte\.example/\S+", line)


def test_the_mail_closes_as_every_mail_does(rendered):
    assert "Nous ne demandons jamais votre mot de passe" in rendered.text
    assert "https://compte.example/aide" in rendered.text
    assert rendered.text.endswith("Cordialement,\nL’administrateur des services en ligne\n")


def test_the_mail_is_light_and_loads_nothing(rendered):
    assert len(rendered.text.encode()) + len(rendered.html.encode()) < 15_000
    assert re.findall(r"<(?:img|link|script|iframe|style)\b|\bsrc=", rendered.html) == []


def test_the_subject_begins_with_the_services_name(rendered):
    assert rendered.subject.startswith("Services en ligne de l’école - ")


def test_the_confirmation_has_its_url_within_ten_lines(idp_context):
    text = mail.render(
        messages.confirm_email(
            to="celine@exemple.fr",
            account_id=ACCOUNT_ID,
            identifier="c.dupont2",
            url=URL,
            hours=24,
            locale="fr",
        )
    ).text

    assert URL in text.splitlines()[:10]
    assert "avec l’identifiant c.dupont2." in text
    assert "valable 24 heures" in text
