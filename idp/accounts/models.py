"""Accounts and the identifiers ever given."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from shared.database import uuid7


class AccountState(StrEnum):
    """How far an account has come (ADR 0019)."""

    CREATED = "created"
    NOTIFIED = "notified"
    ACTIVATING = "activating"
    ACTIVE = "active"
    DISABLED = "disabled"
    MERGED = "merged"


account_state_type = Enum(
    AccountState,
    native_enum=False,
    length=16,
    values_callable=lambda states: [state.value for state in states],
)


class Account(Model):
    """Someone who signs in. `id` never leaves the provider: services see a pairwise subject."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("identifier = lower(identifier)", name="identifier_is_lower_case"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    identifier: Mapped[str] = mapped_column(String(64), unique=True, info={"personal": True})
    state: Mapped[AccountState] = mapped_column(account_state_type, default=AccountState.CREATED)
    previous_state: Mapped[AccountState | None] = mapped_column(account_state_type)
    title: Mapped[str] = mapped_column(String(8), default="", info={"personal": True})
    given_name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    family_name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    usage_name: Mapped[str] = mapped_column(String(100), default="", info={"personal": True})
    email: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    email_confirmed_at: Mapped[datetime | None]
    pending_email: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    phone: Mapped[str | None] = mapped_column(String(16), info={"personal": True})
    phone_confirmed_at: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(String(128))
    password_changed_at: Mapped[datetime | None]
    locale: Mapped[str] = mapped_column(String(8), default="fr")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    last_signed_in_at: Mapped[datetime | None]


class GivenIdentifier(Model):
    """An identifier that was given once. Kept when its account is purged: nobody inherits an identifier."""

    __tablename__ = "given_identifiers"

    identifier: Mapped[str] = mapped_column(String(64), primary_key=True, info={"personal": True})
