"""The outbox, on both databases, delivering to a real SMTP server."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from idp.db import db, transaction
from idp.messaging import mail, service
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import (
    ALERT_AFTER_ATTEMPTS,
    DEAD_LETTERS_KEPT,
    LEASE,
    LONGEST_WAIT,
    DeliveryRefused,
    DeliveryReport,
    DeliveryState,
    Message,
)

ACCOUNT_ID = UUID(int=5)
TEMPLATE = "activation/confirm_email"
URL = "https://compte.example/activation/adresse?code=the-secret-of-the-link"


def a_message(to: str = "celine@exemple.fr", account_id: UUID = ACCOUNT_ID) -> Message:
    return Message.mail(
        to=to,
        subject="activation du compte",
        template=TEMPLATE,
        variables={"identifier": "c.dupont", "url": URL, "hours": 24},
        account_id=account_id,
    )


def enqueue(now, **changed) -> UUID:
    with transaction():
        return service.enqueue(a_message(**changed), now=now)


def row(row_id: UUID) -> OutboxMessage:
    db.session.rollback()
    found = db.session.get(OutboxMessage, row_id, populate_existing=True)
    assert found is not None
    return found


def die(*_args: object, **_kwargs: object) -> None:
    """What a killed worker does at this place."""
    raise KeyboardInterrupt


def test_a_message_of_a_transaction_that_fails_was_never_written(idp_context, now):
    def fail_afterwards() -> None:
        with transaction():
            service.enqueue(a_message(), now=now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_afterwards()

    assert db.session.scalar(select(OutboxMessage.id)) is None


def test_em_07_waiting_words_are_sealed(idp_context, now):
    waiting = row(enqueue(now))

    stored = bytes(waiting.sealed_words or b"")
    assert b"the-secret-of-the-link" not in stored
    assert b"celine" not in stored


def test_sealed_words_open_in_their_own_row_only(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    first, second = enqueue(now, to="un@exemple.fr"), enqueue(now, to="deux@exemple.fr")
    with transaction() as session:
        one, other = session.get_one(OutboxMessage, first), session.get_one(OutboxMessage, second)
        one.sealed_words, other.sealed_words = other.sealed_words, one.sealed_words

    assert service.deliver_due(now=now) == DeliveryReport(failed=2)
    assert mail_server.postman.taken == []


def test_a_due_message_is_delivered_once_and_its_words_erased(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)
    assert service.deliver_due(now=now + LEASE) == DeliveryReport()

    [received] = mail_server.postman.taken
    assert URL in received.get_body(("plain",)).get_content().splitlines()
    assert (row(row_id).state, row(row_id).sealed_words) == (DeliveryState.SENT, None)


def test_a_temporary_refusal_is_tried_again_later(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "451 later"
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(postponed=1)
    waiting = row(row_id)
    assert now < waiting.due_at <= now + timedelta(seconds=15)
    assert (waiting.failure, waiting.sealed_words is None) == ("451", False)

    mail_server.postman.rcpt_reply = "250 OK"
    assert service.deliver_due(now=now) == DeliveryReport()
    assert service.deliver_due(now=now + timedelta(seconds=15)) == DeliveryReport(sent=1)


def test_a_day_of_temporary_refusals_is_final(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "451 later"
    row_id = enqueue(now)

    assert service.deliver_due(now=now + timedelta(hours=23, minutes=59)) == DeliveryReport(postponed=1)
    assert service.deliver_due(now=now + timedelta(hours=24) + LONGEST_WAIT) == DeliveryReport(failed=1)
    assert row(row_id).state is DeliveryState.FAILED


def test_a_failed_mail_keeps_its_sealed_words_for_seven_days(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.data_reply = "554 not these words"
    row_id = enqueue(now)
    service.deliver_due(now=now)

    service.deliver_due(now=now + DEAD_LETTERS_KEPT - timedelta(seconds=1))
    assert row(row_id).sealed_words is not None
    service.deliver_due(now=now + DEAD_LETTERS_KEPT)
    assert row(row_id).sealed_words is None


def test_a_final_refusal_is_not_tried_again(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "550 no such person"
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(failed=1)
    assert service.deliver_due(now=now + timedelta(days=1)) == DeliveryReport()
    failed = row(row_id)
    assert (failed.state, failed.failure, failed.sealed_words) == (DeliveryState.FAILED, "550", None)


@pytest.mark.parametrize("is_offered", [False, True])
def test_mh_08_nothing_leaves_in_clear_it_stays_and_somebody_is_told(
    start_server, use_mail_server, other_host_certificate, caplog, now, is_offered
):
    options = {"tls_context": other_host_certificate.server_context()} if is_offered else {}
    server = start_server(**options)
    use_mail_server(server, mail_security="starttls", mail_ca_file=other_host_certificate.path)
    row_id = enqueue(now)

    for attempt in range(ALERT_AFTER_ATTEMPTS):
        instant = now + LONGEST_WAIT * attempt
        assert service.deliver_due(now=instant) == DeliveryReport(postponed=1)

    assert server.postman.taken == []
    assert row(row_id).state is DeliveryState.WAITING
    told = [record for record in caplog.records if "'alert': True" in str(record.msg)]
    assert [str(record.msg).count("message stays") for record in told] == [1]


def test_one_refusal_does_not_hold_the_others_up(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.data_reply = "451 later"
    enqueue(now)
    service.deliver_due(now=now)
    mail_server.postman.data_reply = "250 OK"

    enqueue(now + timedelta(seconds=1))

    assert service.deliver_due(now=now + timedelta(seconds=1)) == DeliveryReport(sent=1)


def test_a_worker_that_dies_before_sending_loses_nothing(mail_server, use_mail_server, now, monkeypatch):
    use_mail_server(mail_server)
    enqueue(now)

    with monkeypatch.context() as killed:
        killed.setattr(mail, "send", die)
        with pytest.raises(KeyboardInterrupt):
            service.deliver_next(now=now)

    assert service.deliver_next(now=now + LEASE - timedelta(seconds=1)) is None
    assert service.deliver_next(now=now + LEASE) is DeliveryState.SENT
    assert len(mail_server.postman.taken) == 1


def test_a_worker_that_dies_after_the_250_sends_a_recognisable_copy(
    mail_server, use_mail_server, now, monkeypatch
):
    use_mail_server(mail_server)
    enqueue(now)

    with monkeypatch.context() as killed:
        killed.setattr(service, "_mark_sent", die)
        with pytest.raises(KeyboardInterrupt):
            service.deliver_next(now=now)

    assert service.deliver_next(now=now + LEASE) is DeliveryState.SENT
    first, second = mail_server.postman.taken
    assert first["Message-ID"] == second["Message-ID"]


def test_a_slow_worker_cannot_undo_what_a_faster_one_did(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    row_id = enqueue(now)
    slow = service._claim(now)
    assert slow is not None

    service.deliver_next(now=now + LEASE)
    service._mark_refused(slow, DeliveryRefused("550", is_permanent=True), now + LEASE)

    delivered = row(row_id)
    assert (delivered.state, delivered.failed_at, delivered.failure) == (DeliveryState.SENT, None, None)


def test_words_that_do_not_open_fail_without_stopping_the_worker(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    row_id = enqueue(now)
    with transaction():
        row_to_break = db.session.get(OutboxMessage, row_id)
        assert row_to_break is not None
        row_to_break.sealed_words = b"x" * 64
    enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1, failed=1)


def test_a_withdrawn_message_does_not_leave(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    withdrawn, other = enqueue(now), enqueue(now, account_id=uuid4())

    with transaction():
        service.withdraw(ACCOUNT_ID, TEMPLATE, now=now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)
    assert row(withdrawn).sealed_words is None
    assert row(other).state is DeliveryState.SENT


def test_a_rehearsed_message_is_stored_like_any_other_and_never_leaves(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    real = enqueue(now)
    with transaction():
        service.rehearse(a_message("somebody.else@exemple.fr"), now=now)
    rehearsed = db.session.scalars(select(OutboxMessage.id).where(OutboxMessage.id != real)).one()
    assert row(rehearsed).state is DeliveryState.WAITING
    assert abs(len(row(rehearsed).sealed_words or b"") - len(row(real).sealed_words or b"")) < 20

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)

    assert [received["To"] for received in mail_server.postman.taken] == ["celine@exemple.fr"]
    assert (row(rehearsed).failure, row(rehearsed).sealed_words) == (service.WITHDRAWN, None)


def test_the_last_delivery_tells_the_newest_messages_state(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    assert service.last_delivery(ACCOUNT_ID, TEMPLATE) is None
    mail_server.postman.rcpt_reply = "550 no such person"
    enqueue(now)
    service.deliver_due(now=now)
    assert service.last_delivery(ACCOUNT_ID, TEMPLATE) is DeliveryState.FAILED

    enqueue(now + timedelta(seconds=1))

    assert service.last_delivery(ACCOUNT_ID, TEMPLATE) is DeliveryState.WAITING


def test_eight_workers_deliver_forty_messages_once_each(mail_server, use_mail_server, idp_context, now):
    use_mail_server(mail_server)
    for _ in range(40):
        enqueue(now)
    start = Barrier(8)

    def work() -> int:
        with idp_context.app_context():
            start.wait()
            return service.deliver_due(now=now).sent

    with ThreadPoolExecutor(8) as pool:
        sent = sum(pool.map(lambda _: work(), range(8)))

    assert sent == 40
    assert len({received["Message-ID"] for received in mail_server.postman.taken}) == 40
    assert len(mail_server.postman.taken) == 40
