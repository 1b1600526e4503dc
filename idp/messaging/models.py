"""The outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"


class OutboxMessage(Model):
    """A message that waits, or has left. `sealed` holds recipient and body; it is erased once delivered."""

    __tablename__ = "outbox_messages"
    __table_args__ = (Index("ix_outbox_messages_due", "settled_at", "next_attempt_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    channel: Mapped[Channel] = mapped_column(
        Enum(
            Channel, native_enum=False, length=8, values_callable=lambda kinds: [kind.value for kind in kinds]
        )
    )
    template: Mapped[str] = mapped_column(String(80))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    delivered: Mapped[bool] = mapped_column(default=False)
    last_failure: Mapped[str] = mapped_column(String(200), default="")
