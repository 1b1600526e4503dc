"""The tables of counters and of the tries that paces remember."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class ThrottleCounter(Model):
    """How often one limit was spent on one thing. `expires_at`: counts nothing from then on."""

    __tablename__ = "throttle_counters"

    limit_name: Mapped[str] = mapped_column(String(60), primary_key=True)
    # A digest of (identifier, network): few enough exist to be guessed from it.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, info={"personal": True})
    spent: Mapped[int]
    blocked_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ThrottleTry(Model):
    """One try that a pace counts: under way, or failed. A right password takes its own back."""

    __tablename__ = "throttle_tries"
    __table_args__ = (Index("ix_throttle_tries_limit_name_key_tried_at", "limit_name", "key", "tried_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    limit_name: Mapped[str] = mapped_column(String(60))
    key: Mapped[bytes] = mapped_column(LargeBinary(32), info={"personal": True})
    tried_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
