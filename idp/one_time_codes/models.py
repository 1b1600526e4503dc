"""Secrets sent by mail or SMS."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class Purpose(StrEnum):
    """What a secret is good for: one thing."""

    CONFIRM_ACTIVATION_ADDRESS = "confirm_activation_address"


class OneTimeCode(Model):
    """A secret sent to one address for one purpose. A newer one supersedes it."""

    __tablename__ = "one_time_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purpose: Mapped[Purpose] = mapped_column(
        Enum(
            Purpose,
            native_enum=False,
            length=40,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        )
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    channel_address: Mapped[str] = mapped_column(String(254), info={"personal": True})
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    demande: Mapped[str | None] = mapped_column(Text)
