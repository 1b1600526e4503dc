"""Addresses that mails come back from: remembered by a keyed digest, until somebody has one confirmed."""

import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from idp import settings
from idp.audit import service as audit
from idp.db import db
from idp.messaging.models import OutboxMessage, UndeliverableAddress
from idp.messaging.reports import ReturnedMail
from idp.messaging.rules import Channel, MailReturned
from shared.sealing import derive_key


def recipient_digest(address: str) -> bytes:
    """HMAC-SHA256 of an address without case, 32 bytes."""
    key = derive_key(settings.current().outbox_key, "messaging.recipients")
    return hmac.digest(key, address.casefold().encode(), "sha256")


def is_undeliverable(address: str) -> bool:
    """Whether mails came back from this address, and nobody has had it confirmed since."""
    return _is_known(recipient_digest(address))


def is_stopped(message: OutboxMessage) -> bool:
    """Whether a mail must not leave: mails came back from its address, and nobody asks for this one."""
    digest = message.recipient_digest
    return digest is not None and not message.is_asked_for and _is_known(digest)


def forget(address: str) -> None:
    """Mails arrive there: it was confirmed. In the caller's transaction."""
    db.session.execute(
        delete(UndeliverableAddress).where(UndeliverableAddress.digest == recipient_digest(address))
    )


def record(returned: ReturnedMail, *, now: datetime) -> bool:
    """A mail of ours came back: failed, and its address undeliverable, in the caller's transaction.

    False when it is no mail of ours, or came back before: then nothing changes.
    """
    digest = db.session.scalar(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == returned.message_id,
            OutboxMessage.channel == Channel.EMAIL,
            OutboxMessage.recipient_digest.is_not(None),
            OutboxMessage.attempts > 0,
            OutboxMessage.returned_at.is_(None),
        )
        .values(returned_at=now, failed_at=now, failure=returned.reason, sealed_words=None)
        .returning(OutboxMessage.recipient_digest)
    )
    if digest is None:
        return False
    _remember(digest, returned.reason, now)
    audit.record(MailReturned(returned.message_id), now=now)
    return True


def next_untold() -> tuple[UUID, UUID | None] | None:
    """A returned mail that no school has been told of, and its account; the oldest first."""
    row = db.session.execute(
        select(OutboxMessage.id, OutboxMessage.account_id)
        .where(OutboxMessage.returned_at.is_not(None), OutboxMessage.told_at.is_(None))
        .order_by(OutboxMessage.returned_at)
        .limit(1)
    ).first()
    return None if row is None else (row.id, row.account_id)


def mark_told(message_id: UUID, *, now: datetime) -> bool:
    """Whether it is for the caller to tell: once, in the caller's transaction."""
    marked = db.session.scalar(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.told_at.is_(None))
        .values(told_at=now)
        .returning(OutboxMessage.id)
    )
    return marked is not None


def _remember(digest: bytes, reason: str, now: datetime) -> None:
    insert = postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
    db.session.execute(
        insert(UndeliverableAddress)
        .values(digest=digest, since=now, reason=reason)
        .on_conflict_do_nothing(index_elements=[UndeliverableAddress.digest])
    )


def _is_known(digest: bytes) -> bool:
    return bool(db.session.scalar(select(exists().where(UndeliverableAddress.digest == digest))))
