"""Secrets sent by mail or SMS."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.one_time_codes.rules import Purpose
from shared.database import uuid7


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
