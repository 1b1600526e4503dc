"""Telling the holder: to which address, in which transaction, with which way to object."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from idp.accounts.rules import AccountState
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.messaging import sms
from idp.messaging.models import OutboxMessage
from idp.notices.messages import WORDS, password_sms
from idp.notices.rules import NOT_ME_LIFE, Notice
from idp.notices.service import PAGES, notify
from idp.one_time_codes.rules import Purpose, Standing
from idp.one_time_codes.service import find_one_time_code
from tests.conftest import MORNING
from tests.factories import make_account

EXAMPLES = {"browser": "Firefox", "system": "Windows", "service": "Cantine du Lac"}


def example_variables(notice: Notice) -> dict[str, str]:
    return {name: EXAMPLES[name] for name in WORDS[notice].variables}


@pytest.fixture
def account_id(idp_context):
    return make_account(
        state=AccountState.ACTIVE,
        email="celine@exemple.fr",
        email_confirmed_at=MORNING,
        identifier="c.lhenoret2",
    )


@pytest.fixture
def sent(idp_context):
    """Sends one notice and returns what the outbox holds for it, opened."""

    def send(account_id, notice, now, **kwargs):
        with transaction():
            notify(account_id, notice, now=now, **example_variables(notice) | kwargs)
        row = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
        return messaging._open(row) if row else None

    return send


def secret_in(mail) -> str:
    return re.search(r"^https://compte\.example/ce-n-est-pas-moi\?code=(\S{43})$", mail.text, re.M)[1]


@pytest.mark.parametrize("notice", Notice)
def test_every_notice_is_a_mail_to_the_confirmed_address(notice, account_id, sent, now):
    mail = sent(account_id, notice, now)

    assert mail.to == "celine@exemple.fr"
    assert mail.subject == f"Services en ligne de l’école - {WORDS[notice].subject}"
    assert "23 novembre 2026 à 09:00" in mail.text


@pytest.mark.parametrize("notice", Notice)
def test_every_notice_carries_the_way_to_object(notice, account_id, sent, now):
    secret = secret_in(sent(account_id, notice, now))

    known = find_one_time_code(secret, Purpose.NOT_ME, now=now)
    assert (known.account_id, known.about, known.issued_at) == (account_id, notice, now)
    assert known.expires_at == now + NOT_ME_LIFE


def test_a_former_address_is_told_when_the_caller_names_it(account_id, sent, now):
    assert sent(account_id, Notice.EMAIL_CHANGED, now, to="avant@exemple.fr").to == "avant@exemple.fr"


def test_an_address_that_nobody_confirmed_is_told_nothing(idp_context, sent, now):
    unconfirmed = make_account(email="autre@exemple.fr")

    assert sent(unconfirmed, Notice.PASSWORD_CHANGED, now) is None


def test_a_newer_notice_leaves_the_older_one_s_secret_alive(account_id, sent, now):
    older = secret_in(sent(account_id, Notice.EMAIL_CHANGED, now))
    sent(account_id, Notice.PASSWORD_CHANGED, now + timedelta(hours=1))

    known = find_one_time_code(older, Purpose.NOT_ME, now=now + timedelta(hours=2))
    assert known.standing is Standing.USABLE


def test_what_is_rolled_back_is_not_told(account_id, now):
    def tell_and_fail():
        with transaction():
            notify(account_id, Notice.PASSWORD_CHANGED, now=now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell_and_fail()

    assert db.session.scalars(select(OutboxMessage)).all() == []


def test_a_notice_gets_exactly_the_words_it_names(account_id, now):
    with pytest.raises(TypeError), transaction():
        notify(account_id, Notice.NEW_DEVICE, now=now)


def test_every_notice_has_words_and_a_page():
    assert set(WORDS) == set(PAGES) == set(Notice)


def channels_told() -> list[str]:
    return sorted(db.session.scalars(select(OutboxMessage.template)))


def make_person_with_phone(**values):
    channels: dict[str, Any] = {"phone": "+33639981234", "phone_confirmed_at": MORNING}
    return make_account(
        state=AccountState.ACTIVE, email="a@exemple.fr", email_confirmed_at=MORNING, **channels | values
    )


@pytest.mark.parametrize("notice", Notice)
def test_another_password_is_told_to_a_confirmed_phone_too(notice, idp_context, sms_on, sent, now):
    sent(make_person_with_phone(), notice, now)

    is_told = notice in {Notice.PASSWORD_CHANGED, Notice.RECOVERY_DONE}
    assert channels_told() == sorted([f"notices/{notice}"] + ["notices/password_sms"] * is_told)


def test_a_phone_that_nobody_confirmed_is_told_nothing(idp_context, sms_on, sent, now):
    sent(make_person_with_phone(phone_confirmed_at=None), Notice.PASSWORD_CHANGED, now)

    assert channels_told() == ["notices/password_changed"]


def test_no_sms_is_written_where_none_can_be_sent(idp_context, sent, now):
    sent(make_person_with_phone(), Notice.PASSWORD_CHANGED, now)

    assert channels_told() == ["notices/password_changed"]


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_the_sms_fits_in_one_and_names_nobody(idp_context, sms_on, locale):
    text = sms.render(password_sms(to="+33639981234", account_id=UUID(int=3), locale=locale)).text

    assert len(text) <= 160
    assert "compte" in text or "account" in text
