"""Every notice, rendered: the same words twice, and nothing that it must not hold."""

import re
from html import unescape
from uuid import UUID

import pytest

from idp.messaging import mail
from idp.notices.messages import WORDS, notice_mail
from idp.notices.rules import Notice

NOT_ME_URL = "https://compte.example/ce-n-est-pas-moi?code=" + "a" * 43
EXAMPLES = {"browser": "Firefox", "system": "Windows", "service": "Cantine du Lac"}


@pytest.fixture(params=Notice)
def rendered(request, idp_context, now):
    message = notice_mail(
        request.param,
        to="celine@exemple.fr",
        account_id=UUID(int=3),
        identifier="c.dupont2",
        not_me_url=NOT_ME_URL,
        account_url="https://compte.example/compte",
        at=now,
        locale="fr",
        **{name: EXAMPLES[name] for name in WORDS[request.param].variables},
    )
    return mail.render(message)


def test_text_and_html_say_the_same_words(rendered):
    body = rendered.html[rendered.html.index("<body>") :]

    assert unescape(re.sub(r"<[^>]+>", " ", body)).split() == rendered.text.split()


def test_a_url_stands_alone_on_its_line(rendered):
    for line in rendered.text.splitlines():
        assert "://" not in line or re.fullmatch(r"https://compte\.example/\S+", line)


def test_the_way_to_object_stands_within_ten_lines(rendered):
    assert NOT_ME_URL in rendered.text.splitlines()[:10]


def test_the_notice_closes_as_every_mail_does(rendered):
    assert "Nous ne demandons jamais votre mot de passe" in rendered.text
    assert "https://compte.example/aide" in rendered.text
    assert "celle du compte c.dupont2." in rendered.text
    assert rendered.text.endswith("Cordialement,\nL’administrateur des services en ligne\n")


def test_the_notice_is_light_and_loads_nothing(rendered):
    assert len(rendered.text.encode()) + len(rendered.html.encode()) < 15_000
    assert re.findall(r"<(?:img|link|script|iframe|style)\b|\bsrc=", rendered.html) == []


def test_a_service_s_name_cannot_add_a_line(idp_context, now):
    message = notice_mail(
        Notice.NEW_SERVICE,
        to="celine@exemple.fr",
        account_id=UUID(int=3),
        identifier="c.dupont2",
        not_me_url=NOT_ME_URL,
        account_url="https://compte.example/compte",
        at=now,
        locale="fr",
        service="Cantine\n\nhttps://pirate.example/",
    )

    lines = mail.render(message).text.splitlines()
    assert "https://pirate.example/" not in lines
