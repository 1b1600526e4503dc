"""What operators do with messages that did not leave: see them, send them on their way again, put them away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from idp.db import db, transaction
from idp.messaging import returns
from idp.messaging.models import OutboxMessage
from idp.messaging.reports import ReturnedMail
from idp.messaging.rules import Channel, DeliveryState
from idp.messaging.service import WITHDRAWN, masked_recipient


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that did not leave, as operators may see it. to: masked; empty when its words are erased.

    unfit: why it cannot be tried again; empty when it can.
    """

    message_id: UUID
    channel: Channel
    template: str
    to: str
    state: DeliveryState
    enqueued_at: datetime
    attempts: int
    reason: str
    unfit: str


def waiting_messages() -> tuple[Letter, ...]:
    """What is still on its way, oldest first."""
    return _letters(OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None))


def dead_letters() -> tuple[Letter, ...]:
    """What failed for good and nobody has put away, oldest first; not what a newer message made worthless."""
    return _letters(*_is_dead())


def retry(message_ids: Iterable[UUID], *, now: datetime) -> int:
    """Send failed mails on their way again; their day of attempts begins anew. Returns how many."""
    return _change(
        message_ids,
        (OutboxMessage.sealed_words.is_not(None), OutboxMessage.channel == Channel.EMAIL),
        {"failed_at": None, "failure": None, "due_at": now, "retried_at": now},
    )


def drop(message_ids: Iterable[UUID], *, now: datetime) -> int:
    """Erase the words of failed messages, and show them no more. Returns how many."""
    return _change(message_ids, (), {"sealed_words": None, "dropped_at": now})


def record_return(returned: ReturnedMail, *, now: datetime) -> bool:
    """A mail came back from beyond our mail server. False when it is none of ours, or was told before."""
    with transaction():
        return returns.record(returned, now=now)


def _change(
    message_ids: Iterable[UUID], where: Sequence[ColumnElement[bool]], values: dict[str, object]
) -> int:
    with transaction() as session:
        changed = session.scalars(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(list(message_ids)), *_is_dead(), *where)
            .values(**values)
            .returning(OutboxMessage.id)
        )
        return len(changed.all())


def _is_dead() -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxMessage.failed_at.is_not(None),
        OutboxMessage.dropped_at.is_(None),
        OutboxMessage.failure.is_distinct_from(WITHDRAWN),
    )


def _letters(*where: ColumnElement[bool]) -> tuple[Letter, ...]:
    rows = db.session.scalars(
        select(OutboxMessage).where(*where).order_by(OutboxMessage.enqueued_at, OutboxMessage.id)
    )
    return tuple(_letter(row) for row in rows)


def _letter(row: OutboxMessage) -> Letter:
    return Letter(
        message_id=row.id,
        channel=row.channel,
        template=row.template,
        to=masked_recipient(row),
        state=row.state,
        enqueued_at=row.enqueued_at,
        attempts=row.attempts,
        reason=row.failure or "",
        unfit=_unfit(row),
    )


def _unfit(row: OutboxMessage) -> str:
    if row.channel is Channel.SMS:
        return "an SMS is never sent twice"
    return "" if row.sealed_words is not None else "its words are erased"
