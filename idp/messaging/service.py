"""The outbox: written in the caller's transaction, delivered by the worker, at least once (ADR 0007)."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from random import SystemRandom
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Update, and_, func, or_, select, update

from idp import settings
from idp.db import db, transaction
from idp.messaging import mail, returns, sms
from idp.messaging.mail import Envelope
from idp.messaging.models import OutboxMessage
from idp.messaging.phones import masked_email, masked_phone
from idp.messaging.reports import ReturnedMail
from idp.messaging.rules import (
    ALERT_AFTER_ATTEMPTS,
    DEAD_LETTERS_KEPT,
    LEASE,
    NOBODY,
    Channel,
    DeliveryRefused,
    DeliveryReport,
    DeliveryState,
    DeliveryUncertain,
    Message,
    RenderedMail,
    RenderedSms,
    ReportRefused,
    SmsReport,
    is_given_up,
    wait_before_retry,
)
from idp.throttling import service as throttling
from idp.throttling.rules import TooManyAttempts, sms_breaker_budget
from shared.database import uuid7
from shared.sealing import SealBroken, derive_key, seal, unseal

WITHDRAWN = "withdrawn"
UNDELIVERABLE = "undeliverable"
UNKNOWN_OUTCOME = "unknown_outcome"
Failure = DeliveryRefused | DeliveryUncertain | SealBroken
log = structlog.get_logger("messaging")


def enqueue(message: Message, *, now: datetime) -> UUID:
    """Render the message and write it to the outbox, in the transaction that the caller opened.

    Returns the row's id, from which the Message-ID is made. Raises ForeignUrl, UnfitSms, SmsOff.
    """
    return _write(message, now=now).id


def rehearse(message: Message, *, now: datetime) -> None:
    """Write the same row to nobody: it waits like any other, and the worker withdraws it when its turn comes.

    For an answer that must cost the same, and store as much, whether there is somebody to write to or not. Raises
    as `enqueue` does.
    """
    _write(replace(message, to=NOBODY[message.channel]), now=now)


def withdraw(account_id: UUID, template: str, *, now: datetime) -> None:
    """Stop what still waits of one kind for one account: a newer message makes it worthless.

    Runs in the caller's transaction. One that is being handed over at this instant may still arrive.
    """
    db.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.account_id == account_id, OutboxMessage.template == template)
        .where(OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None))
        .values(failed_at=now, failure=WITHDRAWN, sealed_words=None)
    )


def last_delivery(account_id: UUID, template: str) -> DeliveryState | None:
    """Where the newest message of this kind for this account is; None when none was ever written."""
    row = db.session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.account_id == account_id, OutboxMessage.template == template)
        .order_by(OutboxMessage.enqueued_at.desc(), OutboxMessage.id.desc())
        .limit(1)
    )
    return None if row is None else row.state


def sent_at(account_id: UUID, template: str, *, enqueued_at: datetime) -> datetime | None:
    """When the message of this kind that was written at this instant left; None while it has not."""
    return db.session.scalar(
        select(OutboxMessage.sent_at).where(
            OutboxMessage.account_id == account_id,
            OutboxMessage.template == template,
            OutboxMessage.enqueued_at == enqueued_at,
            OutboxMessage.sent_at.is_not(None),
        )
    )


def can_send_sms(*, now: datetime) -> bool:
    """Whether an SMS would leave at once: SMS are on, and Twilio takes them. Otherwise offer mail."""
    return settings.current().sms_enabled and not throttling.check_delay(sms_breaker_budget(), now=now)


def is_sms_out(*, now: datetime) -> bool:
    """Whether SMS are on, and Twilio takes none for the moment."""
    return settings.current().sms_enabled and not can_send_sms(now=now)


def record_sms_report(report: SmsReport, *, now: datetime) -> None:
    """Keep what Twilio reports on an SMS; a report that comes late or twice changes nothing.

    An SMS that nobody was certain of is thereby known to have left. Raises ReportRefused for one that we did not
    send under this name, and for the same report again.
    """
    with transaction():
        is_new = db.session.scalar(_receipt_statement(report, now))
    if is_new is None:
        _check_report_is_late(report)
    elif report.receipt.is_failure:
        log.warning("sms not delivered", message=str(report.message_id), reason=report.error_code)


def deliver_due(*, now: datetime) -> DeliveryReport:
    """Deliver everything that is due at `now`, each message tried once."""
    outcomes = []
    while (outcome := deliver_next(now=now)) is not None:
        outcomes.append(outcome)
    return DeliveryReport(
        sent=outcomes.count(DeliveryState.SENT),
        postponed=outcomes.count(DeliveryState.WAITING),
        failed=outcomes.count(DeliveryState.FAILED),
    )


def deliver_next(*, now: datetime) -> DeliveryState | None:
    """Claim the oldest due message and deliver it; None when nothing is due.

    The claim is committed before the mail server is met, so that no transaction waits for it; a worker that
    dies in between leaves a lease that runs out, and a mail leaves again under the same Message-ID. An SMS has
    no such name: one that may have left ends as failed, and is not sent again.
    """
    claimed = _claim_for_somebody(now)
    if claimed is None:
        _erase_old_words(now)
        return None
    try:
        if claimed.channel is Channel.SMS:
            _send_sms(claimed, now)
        else:
            _send_mail(claimed, now)
    except (DeliveryRefused, DeliveryUncertain, SealBroken) as failure:
        return _mark_refused(claimed, failure, now)
    return DeliveryState.SENT


def _render(message: Message) -> RenderedMail | RenderedSms:
    return sms.render(message) if message.channel is Channel.SMS else mail.render(message)


def _send_mail(claimed: OutboxMessage, now: datetime) -> None:
    words = _open(claimed)
    if returns.is_stopped(claimed):
        raise DeliveryRefused(UNDELIVERABLE, is_permanent=True)
    mail.send(words, Envelope(claimed.id, claimed.enqueued_at), on_taken=lambda: _mark_sent(claimed, now))


def _send_sms(claimed: OutboxMessage, now: datetime) -> None:
    words = _open_sms(claimed)
    _mark_handed(claimed, now)
    twilio_sid = sms.send(words, claimed.id)
    _mark_sent(claimed, now, twilio_sid=twilio_sid)


def masked_recipient(message: OutboxMessage) -> str:
    """Whom a message is for, masked; empty once its words are erased, or do not open."""
    try:
        recipient = _recipient(message)
    except SealBroken:
        return ""
    return masked_phone(recipient) if message.channel is Channel.SMS else masked_email(recipient)


def _receipt_statement(report: SmsReport, now: datetime) -> Update:
    failure = {"failed_at": now, "failure": report.error_code or report.receipt.value}
    success = {"failed_at": None, "failure": None}
    return (
        update(OutboxMessage)
        .where(_is_reported(report))
        .where(or_(OutboxMessage.receipt.is_(None), OutboxMessage.receipt.in_(report.receipt.earlier)))
        .values(
            receipt=report.receipt,
            receipt_at=now,
            twilio_sid=report.twilio_sid,
            sent_at=func.coalesce(OutboxMessage.sent_at, now),
            sealed_words=None,
            **failure if report.receipt.is_failure else success,
        )
        .returning(OutboxMessage.id)
    )


def _is_reported(report: SmsReport) -> ColumnElement[bool]:
    """The SMS of the report: handed over, and of this name if its name is known."""
    return and_(
        OutboxMessage.id == report.message_id,
        OutboxMessage.channel == Channel.SMS,
        OutboxMessage.handed_at.is_not(None),
        or_(OutboxMessage.twilio_sid.is_(None), OutboxMessage.twilio_sid == report.twilio_sid),
    )


def _check_report_is_late(report: SmsReport) -> None:
    """Only now, to learn why nothing changed. Raises ReportRefused unless another report overtook this one."""
    known = db.session.scalar(select(OutboxMessage.receipt).where(_is_reported(report)))
    if known is None or known is report.receipt:
        raise ReportRefused


def _write(message: Message, *, now: datetime) -> OutboxMessage:
    row_id = uuid7()
    words, is_mail = _render(message).to_bytes(), message.channel is Channel.EMAIL
    row = OutboxMessage(
        id=row_id,
        channel=message.channel,
        template=message.template,
        account_id=message.account_id,
        recipient_digest=returns.recipient_digest(message.to) if is_mail else None,
        is_asked_for=message.is_asked_for,
        sealed_words=seal(words, key=_words_key(), associated=row_id.bytes),
        enqueued_at=now,
        due_at=now,
    )
    db.session.add(row)
    return row


def _claim_for_somebody(now: datetime) -> OutboxMessage | None:
    """The oldest due message that has a recipient; those that were only rehearsed end here."""
    while (claimed := _claim(now)) is not None and _is_rehearsed(claimed):
        with transaction():
            _settle(claimed, failed_at=now, failure=WITHDRAWN, sealed_words=None)
    return claimed


def _is_rehearsed(claimed: OutboxMessage) -> bool:
    with suppress(SealBroken):
        return _recipient(claimed) == NOBODY[claimed.channel]
    return False


def _claim(now: datetime) -> OutboxMessage | None:
    """One statement takes one message: on PostgreSQL by SKIP LOCKED, on SQLite because writers are serial."""
    oldest = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None), OutboxMessage.due_at <= now
        )
        .where(OutboxMessage.channel.in_(_open_channels(now)))
        .order_by(OutboxMessage.due_at, OutboxMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    with transaction() as session:
        claimed = session.scalar(
            update(OutboxMessage)
            .where(OutboxMessage.id == oldest)
            .values(due_at=now + LEASE, attempts=OutboxMessage.attempts + 1)
            .returning(OutboxMessage)
            .execution_options(synchronize_session=False)
        )
        if claimed is not None:
            # Read once, kept as read: what another worker does to the row later is its own affair.
            session.expunge(claimed)
        return claimed


def _open_channels(now: datetime) -> tuple[Channel, ...]:
    """Without SMS while Twilio takes none: they wait, and nobody storms it."""
    return tuple(Channel) if not throttling.check_delay(sms_breaker_budget(), now=now) else (Channel.EMAIL,)


def _recipient(message: OutboxMessage) -> str:
    """Raises SealBroken."""
    return (_open_sms(message) if message.channel is Channel.SMS else _open(message)).to


def _open(claimed: OutboxMessage) -> RenderedMail:
    return RenderedMail.from_bytes(_unsealed(claimed))


def _open_sms(claimed: OutboxMessage) -> RenderedSms:
    return RenderedSms.from_bytes(_unsealed(claimed))


def _unsealed(claimed: OutboxMessage) -> bytes:
    return unseal(claimed.sealed_words or b"", key=_words_key(), associated=claimed.id.bytes)


def _erase_old_words(now: datetime) -> None:
    """Nobody came for these failed mails: their words go."""
    is_old = (
        OutboxMessage.failed_at <= now - DEAD_LETTERS_KEPT,
        OutboxMessage.failed_at.is_not(None),
        OutboxMessage.sealed_words.is_not(None),
    )
    if db.session.scalar(select(OutboxMessage.id).where(*is_old).limit(1)) is not None:
        with transaction():
            db.session.execute(update(OutboxMessage).where(*is_old).values(sealed_words=None))


def _mark_handed(claimed: OutboxMessage, now: datetime) -> None:
    """Say that Twilio is called now, before it is. Raises DeliveryUncertain when a worker said so and died."""
    if claimed.handed_at is not None:
        raise DeliveryUncertain(UNKNOWN_OUTCOME)
    with transaction():
        is_ours = _settle(claimed, handed_at=now)
    if not is_ours:
        raise DeliveryUncertain(UNKNOWN_OUTCOME)


def _mark_sent(claimed: OutboxMessage, now: datetime, **taken: object) -> None:
    with transaction():
        _settle(claimed, sent_at=now, failed_at=None, sealed_words=None, failure=None, **taken)
        if claimed.channel is Channel.SMS:
            throttling.forget(sms_breaker_budget())
    log.info("message sent", message=str(claimed.id), attempts=claimed.attempts)


def _mark_refused(claimed: OutboxMessage, failure: Failure, now: datetime) -> DeliveryState:
    """Later again, or never: a final refusal, a doubt, a broken seal, or a day of temporary refusals."""
    reason = "seal_broken" if isinstance(failure, SealBroken) else failure.reason
    is_final = (
        not isinstance(failure, DeliveryRefused)
        or failure.is_permanent
        or is_given_up(claimed.retried_at or claimed.enqueued_at, now=now, channel=claimed.channel)
    )
    with transaction():
        if is_final:
            is_settled = _settle(claimed, failed_at=now, failure=reason, **_words_left(claimed))
            if is_settled and getattr(failure, "is_returned", False):
                returns.record(ReturnedMail(claimed.id, reason), now=now)
        else:
            wait = wait_before_retry(claimed.attempts, SystemRandom())
            _settle(claimed, due_at=now + wait, handed_at=None, failure=reason)
    log.warning("message refused", message=str(claimed.id), reason=reason, final=is_final)
    if claimed.attempts == ALERT_AFTER_ATTEMPTS:
        log.error("message stays", alert=True, message=str(claimed.id), reason=reason)
    _count_for_the_breaker(claimed, failure, now)
    return DeliveryState.FAILED if is_final else DeliveryState.WAITING


def _words_left(claimed: OutboxMessage) -> dict[str, None]:
    """A failed mail keeps its sealed words for a while, to be tried again; an SMS is never sent again."""
    return {"sealed_words": None} if claimed.channel is Channel.SMS else {}


def _count_for_the_breaker(claimed: OutboxMessage, failure: Failure, now: datetime) -> None:
    """Twilio's own failures count; a number that it refuses does not, nor a worker that died."""
    is_down = not isinstance(failure, SealBroken) and not getattr(failure, "is_permanent", False)
    if claimed.channel is not Channel.SMS or not is_down or failure.args == (UNKNOWN_OUTCOME,):
        return
    with suppress(TooManyAttempts):  # several workers found out at once
        throttling.spend(sms_breaker_budget(), now=now)
    if throttling.check_delay(sms_breaker_budget(), now=now):
        log.error("sms stopped", alert=True, reason=str(failure))


def _settle(claimed: OutboxMessage, **values: object) -> bool:
    """Write the outcome, unless the lease ran out and another worker has taken the message since.

    Returns whether it was written.
    """
    written = db.session.scalar(
        update(OutboxMessage)
        .where(OutboxMessage.id == claimed.id, OutboxMessage.attempts == claimed.attempts)
        .where(OutboxMessage.sent_at.is_(None))
        .values(**values)
        .returning(OutboxMessage.id)
    )
    return written is not None


def _words_key() -> bytes:
    return derive_key(settings.current().outbox_key, "messaging.words")
