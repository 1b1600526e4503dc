"""Sign-in attempts, guardians' sessions, and what lies there for a minute. Every secret is a digest, the ID token is sealed (ADR 0005)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from livret_service.db import Model
from shared.database import uuid7


class GuardianSession(Model):
    """A guardian signed in on one browser, with the children that the last ID token named."""

    __tablename__ = "guardian_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    session_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255), index=True, info={"personal": True})
    sid: Mapped[str | None] = mapped_column(String(255), index=True, info={"personal": True})
    session_state: Mapped[str | None] = mapped_column(String(512), info={"personal": True})
    sealed_id_token: Mapped[bytes] = mapped_column(LargeBinary, info={"personal": True})
    children: Mapped[list[Any]] = mapped_column(JSON, info={"personal": True})
    signed_in_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    renewal_due_at: Mapped[datetime]
    idle_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class SignInAttempt(Model):
    """One authorization request sent, and the page it was for. Taken once, by the browser that began it."""

    __tablename__ = "sign_in_attempts"

    state_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    browser_digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    target: Mapped[str] = mapped_column(String(1000))
    renews_id: Mapped[UUID | None] = mapped_column(ForeignKey("guardian_sessions.id", ondelete="CASCADE"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]


class HeldAnswer(Model):
    """An authorization answer that came by POST, without cookies: kept for the page that follows at once."""

    __tablename__ = "held_answers"

    handle_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    sealed_parameters: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]


class RequestObject(Model):
    """The authorization request that lies at one of the registered addresses, for the provider to fetch."""

    __tablename__ = "request_objects"

    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime]


class UsedLogoutToken(Model):
    """The `jti` of a logout token that has ended what it could: it never ends anything again."""

    __tablename__ = "used_logout_tokens"

    jti_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
