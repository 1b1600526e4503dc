"""Accounts and the identifiers ever given."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.rules import AccountChannel, AccountState
from idp.db import Model
from shared.database import uuid7

__all__ = ["Account", "AccountState", "ChannelChange", "GivenIdentifier", "account_state_type"]

account_state_type = Enum(
    AccountState,
    native_enum=False,
    length=16,
    values_callable=lambda states: [state.value for state in states],
)


class Account(Model):
    """Someone who signs in. `id` never leaves the provider: services see a pairwise subject."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("identifier = lower(identifier)", name="identifier_is_lower_case"),
        # A lost identifier is looked for by its address, which people type in any case of letters.
        Index("ix_accounts_folded_email", text("lower(email)")),
        Index("ix_accounts_phone", "phone"),
    )

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
    email_recovers_from: Mapped[datetime | None]
    """From when the address serves recovery: at once when activation confirmed it, a day after a change."""
    pending_email: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    phone: Mapped[str | None] = mapped_column(String(16), info={"personal": True})
    phone_confirmed_at: Mapped[datetime | None]
    phone_recovers_from: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(String(128))
    password_changed_at: Mapped[datetime | None]
    locale: Mapped[str] = mapped_column(String(8), default="fr")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    last_signed_in_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    """When its person closed it; such an account never leaves `disabled`."""
    unlinked_at: Mapped[datetime | None]
    """When it was disabled because it had seen no child for a year; a link that comes back undoes that."""


class ChannelChange(Model):
    """An address or number that took the place of another: what an undo needs, for as long as it may be asked."""

    __tablename__ = "channel_changes"
    __table_args__ = (Index("ix_channel_changes_account_id_changed_at", "account_id", "changed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    channel: Mapped[AccountChannel] = mapped_column(
        Enum(
            AccountChannel,
            native_enum=False,
            length=8,
            values_callable=lambda channels: [channel.value for channel in channels],
        )
    )
    former_address: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    former_confirmed_at: Mapped[datetime | None]
    former_recovers_from: Mapped[datetime | None]
    new_address: Mapped[str | None] = mapped_column(String(254), info={"personal": True})
    changed_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class GivenIdentifier(Model):
    """An identifier that was given once. Kept when its account is purged: nobody inherits an identifier.

    `number` is 1 for the bare stem. Stem and number are apart so that one read tells which numbers are free.
    """

    __tablename__ = "given_identifiers"
    __table_args__ = (UniqueConstraint("stem", "number"),)

    identifier: Mapped[str] = mapped_column(String(64), primary_key=True, info={"personal": True})
    stem: Mapped[str] = mapped_column(String(64), info={"personal": True})
    number: Mapped[int]
