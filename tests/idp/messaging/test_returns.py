"""EM-21: mails that come back, at our own mail server or from beyond it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idp.db import db, transaction
from idp.messaging import dead_letters, returns, service
from idp.messaging.models import OutboxMessage, UndeliverableAddress
from idp.messaging.reports import ReturnedMail
from idp.messaging.rules import DeliveryReport, DeliveryState, Message
from tests.idp.messaging.test_service import ACCOUNT_ID, a_message, row
from tests.idp.messaging.test_sms import enqueue as enqueue_sms

ADDRESS = "celine@exemple.fr"


def a_notice(to: str = ADDRESS) -> Message:
    return Message.mail(
        to=to,
        subject="votre mot de passe a changé",
        template="notices/password_changed",
        variables={"identifier": "c.dupont", "when": "hier"},
        account_id=ACCOUNT_ID,
    )


def enqueue(now, message: Message | None = None):
    with transaction():
        return service.enqueue(message or a_notice(), now=now)


@pytest.fixture
def returned(mail_server, use_mail_server, now):
    """A mail that left, and then came back."""
    use_mail_server(mail_server)
    row_id = enqueue(now)
    assert service.deliver_due(now=now) == DeliveryReport(sent=1)
    assert dead_letters.record_return(ReturnedMail(row_id, "5.1.1"), now=now)
    mail_server.postman.taken.clear()
    return row_id


def test_em_21_an_address_that_mails_come_back_from_gets_no_other(returned, mail_server, now):
    assert (row(returned).state, row(returned).failure) == (DeliveryState.FAILED, "5.1.1")
    assert returns.is_undeliverable(ADDRESS)
    assert returns.is_undeliverable("CELINE@exemple.fr")
    stopped = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(failed=1)
    assert service.deliver_due(now=now + timedelta(days=2)) == DeliveryReport()

    assert row(stopped).failure == service.UNDELIVERABLE
    assert mail_server.postman.taken == []


def test_other_addresses_are_written_to_as_ever(returned, mail_server, now):
    enqueue(now, a_notice(to="autre@exemple.fr"))

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)


def test_a_mail_that_asks_to_confirm_the_address_leaves(returned, now):
    enqueue(
        now,
        Message.mail(
            to=ADDRESS,
            subject="activation du compte",
            template="activation/confirm_email",
            variables={"identifier": "c.dupont", "url": "https://compte.example/x", "hours": 24},
            is_asked_for=True,
        ),
    )

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)


def test_a_confirmed_address_is_written_to_again(returned, now):
    with transaction():
        returns.forget(ADDRESS)
    enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)


def test_em_21_our_mail_servers_own_refusal_of_an_address_counts(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "550 5.1.1 no such person"
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(failed=1)

    assert returns.is_undeliverable(ADDRESS)
    assert returns.next_untold() == (row_id, ACCOUNT_ID)


@pytest.mark.parametrize(
    ("rcpt", "data"),
    [
        ("550 5.7.1 your network is blocked", "250 OK"),
        ("451 4.7.1 later", "250 OK"),
        ("250 OK", "554 5.6.0 bad words"),
    ],
)
def test_a_refusal_of_us_or_of_the_words_says_nothing_of_the_address(
    mail_server, use_mail_server, now, rcpt, data
):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply, mail_server.postman.data_reply = rcpt, data
    enqueue(now)

    service.deliver_due(now=now)

    assert not returns.is_undeliverable(ADDRESS)
    assert returns.next_untold() is None


def test_the_same_report_twice_changes_nothing(returned, now):
    assert not dead_letters.record_return(ReturnedMail(returned, "5.1.1"), now=now + timedelta(hours=1))
    assert row(returned).returned_at == now
    assert db.session.scalar(select(func.count()).select_from(UndeliverableAddress)) == 1


def test_a_report_about_a_mail_that_has_not_left_is_not_believed(idp_context, now):
    row_id = enqueue(now)

    assert not dead_letters.record_return(ReturnedMail(row_id, "5.1.1"), now=now)
    assert row(row_id).state is DeliveryState.WAITING


def test_a_report_about_an_sms_is_not_believed(catcher, now):
    row_id = enqueue_sms(now)
    service.deliver_due(now=now)

    assert not dead_letters.record_return(ReturnedMail(row_id, "5.1.1"), now=now)


def test_the_address_itself_is_stored_nowhere(returned):
    stored = db.session.scalars(select(UndeliverableAddress.digest)).all()

    assert [len(digest) for digest in stored] == [32]
    assert ADDRESS.encode() not in stored[0]


def test_a_message_of_the_release_before_has_no_digest_and_leaves(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    row_id = enqueue(now, a_message())
    with transaction():
        db.session.get_one(OutboxMessage, row_id).recipient_digest = None

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)
