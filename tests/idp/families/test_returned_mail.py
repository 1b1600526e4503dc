"""EM-21: the school learns of a mail that came back, once."""

from datetime import datetime

import pytest
from flask import Flask

from idp.accounts.models import AccountState
from idp.db import db, transaction
from idp.families import returned_mail
from idp.families import service as families
from idp.families.rules import SchoolTaskKind
from idp.messaging import dead_letters, service
from idp.messaging.models import OutboxMessage
from idp.messaging.reports import ReturnedMail
from idp.messaging.rules import Message
from tests.factories import SCHOOL_UAI, make_account, make_child, make_link


@pytest.fixture
def returned(idp_context: Flask, now: datetime) -> Message:
    account_id = make_account(state=AccountState.ACTIVE, email="celine@exemple.fr", email_confirmed_at=now)
    make_link(account_id, make_child())
    message = Message.mail(
        to="celine@exemple.fr",
        subject="votre mot de passe a changé",
        template="notices/password_changed",
        variables={"identifier": "c.dupont", "when": "hier"},
        account_id=account_id,
    )
    with transaction() as session:
        row_id = service.enqueue(message, now=now)
        session.get_one(OutboxMessage, row_id).attempts = 1
    assert dead_letters.record_return(ReturnedMail(row_id, "5.1.1"), now=now)
    return message


def test_em_21_the_school_learns_of_it_once(returned: Message, now: datetime) -> None:
    assert returned_mail.tell_next(now=now) is not None
    assert returned_mail.tell_next(now=now) is None

    assert [task.kind for task in families.open_tasks(SCHOOL_UAI)] == [SchoolTaskKind.MAIL_RETURNED]


def test_a_mail_whose_account_is_gone_tells_nobody(returned: Message, now: datetime) -> None:
    with transaction() as session:
        session.query(OutboxMessage).update({"account_id": None})

    assert returned_mail.tell_next(now=now) is not None
    assert families.open_tasks(SCHOOL_UAI) == ()
    assert returned_mail.tell_next(now=now) is None


def test_the_mail_to_the_school_names_nobody(returned: Message, now: datetime) -> None:
    returned_mail.tell_next(now=now)

    told = db.session.query(OutboxMessage).order_by(OutboxMessage.id.desc()).first()
    assert told is not None
    assert "celine" not in service._open(told).text.lower()
