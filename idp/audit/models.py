"""The journal's table: entries are added, never changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, String, Uuid, event
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class AuditEntry(Model):
    """One event. `account_id` is the account it concerns, None when there is none."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_account_id_recorded_at", "account_id", "recorded_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(80))
    # No foreign key: the journal outlives the account that it tells about.
    account_id: Mapped[UUID | None] = mapped_column(Uuid, info={"personal": True})
    recorded_at: Mapped[datetime]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class JournalIsAppendOnly(RuntimeError):
    """Something tried to change or delete an entry."""


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse_change(_mapper: object, _connection: object, entry: AuditEntry) -> None:
    raise JournalIsAppendOnly(entry.name)
