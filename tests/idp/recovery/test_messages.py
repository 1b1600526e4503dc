"""Every message of recovery, rendered: the same words twice, and nothing that it must not hold."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from flask import Flask

from idp.messaging import mail, sms
from idp.messaging.rules import Channel, Message, RenderedMail
from idp.recovery import messages

ACCOUNT_ID = UUID(int=3)
TO = "celine@exemple.fr"
URL = "https://compte.example/connexion"


@pytest.fixture(params=["code", "one identifier", "two identifiers", "not served"])
def rendered(request: pytest.FixtureRequest, idp_context: Flask) -> RenderedMail:
    made = {
        "code": lambda: code(Channel.EMAIL, TO),
        "one identifier": lambda: listing(Channel.EMAIL, TO, ["c.dupont"]),
        "two identifiers": lambda: listing(Channel.EMAIL, TO, ["c.dupont", "j.dupont"]),
        "not served": lambda: messages.not_served(
            to=TO, account_id=ACCOUNT_ID, identifier="c.dupont", locale="fr"
        ),
    }
    return mail.render(made[request.param]())


def test_text_and_html_say_the_same_words(rendered: RenderedMail) -> None:
    body = rendered.html[rendered.html.index("<body>") :]

    assert unescape(re.sub(r"<[^>]+>", " ", body)).split() == rendered.text.split()


def test_a_url_stands_alone_on_its_line(rendered: RenderedMail) -> None:
    for line in rendered.text.splitlines():
        assert "://" not in line or re.fullmatch(r"https://compte\.example/\S+", line)


def test_a_mail_closes_as_every_mail_does(rendered: RenderedMail) -> None:
    assert "Nous ne demandons jamais votre mot de passe" in rendered.text
    assert "https://compte.example/aide" in rendered.text
    assert "Si vous n’avez rien demandé" in rendered.text or "Si ce n’est pas vous" in rendered.text


def test_a_mail_is_light_and_loads_nothing(rendered: RenderedMail) -> None:
    assert len(rendered.text.encode()) + len(rendered.html.encode()) < 15_000
    assert re.findall(r"<(?:img|link|script|iframe|style)\b|\bsrc=", rendered.html) == []


def test_the_code_stands_alone_within_ten_lines(idp_context: Flask) -> None:
    text = mail.render(code(Channel.EMAIL, TO)).text

    assert "482 913" in text.splitlines()[:10]
    assert "valable 15 minutes" in text


def test_every_identifier_of_the_address_is_listed(idp_context: Flask) -> None:
    mailed = mail.render(listing(Channel.EMAIL, TO, ["c.dupont", "j.dupont"]))

    assert "c.dupont, j.dupont" in mailed.text.splitlines()[:10]
    assert mailed.subject.endswith(" - vos identifiants")


@pytest.mark.usefixtures("sms_on")
def test_sm_05_an_sms_with_a_code_has_no_name(idp_context: Flask) -> None:
    text = sms.render(code(Channel.SMS, "+33639981234")).text

    assert "482913" in text
    assert "c.dupont" not in text
    assert text.endswith("@compte.example #482913")


@pytest.mark.usefixtures("sms_on")
def test_an_sms_lists_as_many_long_identifiers_as_fit(idp_context: Flask) -> None:
    long = ["a." + "b" * 40 + "10", "c." + "d" * 40 + "11"]

    assert len(sms.render(listing(Channel.SMS, "+33639981234", long)).text) <= 160


def code(channel: Channel, to: str) -> Message:
    return messages.recovery_code(
        channel,
        to=to,
        account_id=ACCOUNT_ID,
        identifier="c.dupont",
        numeric_code="482913",
        valid_for=timedelta(minutes=15),
        locale="fr",
    )


def listing(channel: Channel, to: str, identifiers: list[str]) -> Message:
    return messages.identifiers(
        channel, to=to, account_id=ACCOUNT_ID, identifiers=identifiers, url=URL, locale="fr"
    )
