"""Recording events in the journal."""

from datetime import datetime
from uuid import UUID

from idp.audit.models import AuditEntry
from idp.audit.rules import AuditEvent, event_details
from idp.db import db


def record(event: AuditEvent, *, now: datetime, account_id: UUID | None = None) -> None:
    """Add one entry, in the caller's transaction. An event with its own `account_id` needs none given."""
    concerned = account_id or getattr(event, "account_id", None)
    db.session.add(
        AuditEntry(name=event.name, account_id=concerned, recorded_at=now, details=event_details(event))
    )
    db.session.flush()
