"""Browsers that signed in before, one row for each account that they signed in to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class KnownDevice(Model):
    """A browser on which this account's chosen password was right."""

    __tablename__ = "known_devices"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    first_signed_in_at: Mapped[datetime]
    last_signed_in_at: Mapped[datetime]
