"""Recording events in the journal."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from idp.audit.models import AuditEntry
from idp.audit.rules import AuditEvent, event_details
from idp.db import db


def record(event: AuditEvent, *, now: datetime, account_id: UUID | None = None) -> None:
    """Add one entry, in the caller's transaction. An event with its own `account_id` needs none given."""
    db.session.add(_entry(event, account_id or getattr(event, "account_id", None), now))
    db.session.flush()


def record_all(events: Iterable[AuditEvent], *, now: datetime) -> None:
    """Add one entry for each event, in one statement however many they are."""
    db.session.add_all(_entry(event, getattr(event, "account_id", None), now) for event in events)
    db.session.flush()


def _entry(event: AuditEvent, account_id: UUID | None, now: datetime) -> AuditEntry:
    return AuditEntry(name=event.name, account_id=account_id, recorded_at=now, details=event_details(event))
