"""Secrets sent by mail or SMS."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.one_time_codes.rules import Purpose
from shared.database import uuid7

purpose_type = Enum(
    Purpose,
    native_enum=False,
    length=40,
    values_callable=lambda kinds: [kind.value for kind in kinds],
)


class OneTimeCode(Model):
    """A secret sent to one address for one purpose. A newer one supersedes it, unless they live beside each other.

    about: what the message that carries it tells of, a word of its journey's closed list.
    """

    __tablename__ = "one_time_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purpose: Mapped[Purpose] = mapped_column(purpose_type)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    channel_address: Mapped[str] = mapped_column(String(254), info={"personal": True})
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    demande: Mapped[str | None] = mapped_column(Text)
    about: Mapped[str | None] = mapped_column(String(40))


class CodeChallenge(Model):
    """One attempt of one browser to prove that it reads a channel; its secret is in that browser's cookie.

    Without an account it is a decoy, or its journey does not know yet whom it is for; it looks like any other.
    """

    __tablename__ = "code_challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    purpose: Mapped[Purpose] = mapped_column(purpose_type)
    secret_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(8))
    channel_address: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    subject: Mapped[str] = mapped_column(String(254), default="", info={"personal": True})
    demande: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    codes_issued: Mapped[int] = mapped_column(default=0)
    codes_sent_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    proven_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class NumericCode(Model):
    """Six digits sent for one challenge, kept as an HMAC. `number` counts the challenge's codes from 1."""

    __tablename__ = "numeric_codes"
    __table_args__ = (UniqueConstraint("challenge_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("code_challenges.id", ondelete="CASCADE"))
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime]
