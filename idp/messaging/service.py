"""The outbox: written in the caller's transaction, delivered by the worker, at least once (ADR 0007)."""

from datetime import datetime
from random import SystemRandom
from uuid import UUID

import structlog
from sqlalchemy import select, update

from idp import settings
from idp.db import db, transaction
from idp.messaging import mail
from idp.messaging.mail import DeliveryRefused, Envelope
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import (
    LEASE,
    DeliveryReport,
    DeliveryState,
    Message,
    RenderedMail,
    is_given_up,
    wait_before_retry,
)
from shared.database import uuid7
from shared.sealing import SealBroken, derive_key, seal, unseal

WITHDRAWN = "withdrawn"
log = structlog.get_logger("messaging")


def enqueue(message: Message, *, now: datetime) -> UUID:
    """Render the message and write it to the outbox, in the transaction that the caller opened.

    Returns the row's id, from which the Message-ID is made. Raises ForeignUrl.
    """
    row_id = uuid7()
    words = mail.render(message).to_bytes()
    db.session.add(
        OutboxMessage(
            id=row_id,
            channel=message.channel,
            template=message.template,
            account_id=message.account_id,
            sealed_words=seal(words, key=_words_key(), associated=row_id.bytes),
            enqueued_at=now,
            due_at=now,
        )
    )
    return row_id


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
    dies in between leaves a lease that runs out, and the message leaves again under the same Message-ID.
    """
    claimed = _claim(now)
    if claimed is None:
        return None
    try:
        words = _open(claimed)
        mail.send(words, Envelope(claimed.id, claimed.enqueued_at), on_taken=lambda: _mark_sent(claimed, now))
    except (DeliveryRefused, SealBroken) as refusal:
        return _mark_refused(claimed, refusal, now)
    return DeliveryState.SENT


def _claim(now: datetime) -> OutboxMessage | None:
    """One statement takes one message: on PostgreSQL by SKIP LOCKED, on SQLite because writers are serial."""
    oldest = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None), OutboxMessage.due_at <= now
        )
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


def _open(claimed: OutboxMessage) -> RenderedMail:
    words = unseal(claimed.sealed_words or b"", key=_words_key(), associated=claimed.id.bytes)
    return RenderedMail.from_bytes(words)


def _mark_sent(claimed: OutboxMessage, now: datetime) -> None:
    with transaction():
        _settle(claimed, sent_at=now, sealed_words=None, failure=None)
    log.info("message sent", message=str(claimed.id), attempts=claimed.attempts)


def _mark_refused(
    claimed: OutboxMessage, refusal: DeliveryRefused | SealBroken, now: datetime
) -> DeliveryState:
    """Later again, or never: a final refusal, a broken seal, or a day of temporary ones."""
    reason = refusal.reason if isinstance(refusal, DeliveryRefused) else "seal_broken"
    is_final = (
        isinstance(refusal, SealBroken) or refusal.is_permanent or is_given_up(claimed.enqueued_at, now=now)
    )
    with transaction():
        if is_final:
            _settle(claimed, failed_at=now, sealed_words=None, failure=reason)
        else:
            wait = wait_before_retry(claimed.attempts, SystemRandom())
            _settle(claimed, due_at=now + wait, failure=reason)
    log.warning("message refused", message=str(claimed.id), reason=reason, final=is_final)
    return DeliveryState.FAILED if is_final else DeliveryState.WAITING


def _settle(claimed: OutboxMessage, **values: object) -> None:
    """Write the outcome, unless the lease ran out and another worker has taken the message since."""
    db.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == claimed.id, OutboxMessage.attempts == claimed.attempts)
        .where(OutboxMessage.sent_at.is_(None))
        .values(**values)
    )


def _words_key() -> bytes:
    return derive_key(settings.current().outbox_key, "messaging.words")
