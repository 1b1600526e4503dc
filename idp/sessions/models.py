"""Sign-in sessions (ADR 0010)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.sessions.rules import OpenedWith
from shared.database import uuid7

ENDED = text("ended_at IS NOT NULL")


class AccountSession(Model):
    """One browser, signed in. `sid` is public (it is a claim); the cookie's secret is kept as a digest."""

    __tablename__ = "account_sessions"
    # Who tells services of ended sessions reads those that ended lately, every second.
    __table_args__ = (
        Index("ix_account_sessions_ended_at", "ended_at", sqlite_where=ENDED, postgresql_where=ENDED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    sid: Mapped[str] = mapped_column(String(43), unique=True)
    session_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    opened_with: Mapped[OpenedWith] = mapped_column(
        Enum(
            OpenedWith,
            native_enum=False,
            length=16,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        )
    )
    # Which letter proved who signed in: a newer letter ends what an older one opened.
    issue_number: Mapped[int | None]
    signed_in_at: Mapped[datetime]
    # When the password was last typed in this session; None only where an older release opened it.
    proven_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(String(300), default="", info={"personal": True})
