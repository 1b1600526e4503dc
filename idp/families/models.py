"""Schools, guardians, children, and who may see whom."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.families.rules import (
    CONTACT_LENGTHS,
    LinkEnder,
    LinkState,
    MergeEffect,
    MergeUndoer,
    SchoolTaskKind,
)
from shared.database import uuid7

__all__ = [
    "AccountMerge",
    "Child",
    "Guardian",
    "Link",
    "LinkEnder",
    "LinkState",
    "MergedLink",
    "School",
    "SchoolTask",
]

MERGE_STANDS = text("undone_at IS NULL")


def _values(states: type[StrEnum]) -> list[str]:
    return [state.value for state in states]


class School(Model):
    """A school and the contact that parents are given (S36)."""

    __tablename__ = "schools"

    uai: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(CONTACT_LENGTHS["name"]))
    phone: Mapped[str] = mapped_column(String(CONTACT_LENGTHS["phone"]), default="")
    email: Mapped[str] = mapped_column(String(CONTACT_LENGTHS["email"]), default="")


class Guardian(Model):
    """What the roster of the last school says of an account's person. Never used to recover an account."""

    __tablename__ = "guardians"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    school_uai: Mapped[str] = mapped_column(ForeignKey("schools.uai"), index=True)
    roster_email: Mapped[str] = mapped_column(String(254), default="", index=True, info={"personal": True})
    roster_phone: Mapped[str] = mapped_column(String(40), default="", index=True, info={"personal": True})
    """E.164; empty when the roster gives none."""
    postal_address: Mapped[str] = mapped_column(String(500), default="", info={"personal": True})


class Child(Model):
    """A pupil, as the roster of the last school says. Has no account."""

    __tablename__ = "children"
    __table_args__ = (Index("ix_children_school_uai_class_label", "school_uai", "class_label"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    ine: Mapped[str | None] = mapped_column(String(20), unique=True, info={"personal": True})
    family_name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    usage_name: Mapped[str] = mapped_column(String(100), default="", info={"personal": True})
    given_name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    birth_date: Mapped[date] = mapped_column(info={"personal": True})
    roster_birth_date: Mapped[date | None] = mapped_column(info={"personal": True})
    """What the roster says where the school has corrected the date here; None where both agree."""
    sex: Mapped[str] = mapped_column(String(1), default="", info={"personal": True})
    level: Mapped[str | None] = mapped_column(String(4))
    class_label: Mapped[str] = mapped_column(String(100), default="", info={"personal": True})
    class_id: Mapped[str] = mapped_column(String(20), default="")
    school_uai: Mapped[str] = mapped_column(ForeignKey("schools.uai"))
    left_at: Mapped[datetime | None]


class Link(Model):
    """A guardian may see a child's data while the link is active."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("account_id", "child_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    child_id: Mapped[UUID] = mapped_column(ForeignKey("children.id", ondelete="CASCADE"), index=True)
    state: Mapped[LinkState] = mapped_column(
        Enum(LinkState, native_enum=False, length=16, values_callable=_values), default=LinkState.ACTIVE
    )
    school_uai: Mapped[str] = mapped_column(ForeignKey("schools.uai"), index=True)
    """The school whose roster stated this link last: its rosters alone may end it."""
    relationship: Mapped[str | None] = mapped_column(String(40), info={"personal": True})
    is_legal: Mapped[bool] = mapped_column(default=True)
    is_contact: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[LinkEnder | None] = mapped_column(
        Enum(LinkEnder, native_enum=False, length=16, values_callable=_values)
    )
    """Who froze or detached it. A roster takes back only what a roster did."""
    merge_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account_merges.id", ondelete="SET NULL"), index=True
    )
    """The merge that brought it to this account; None when a roster did."""


class SchoolTask(Model):
    """What a school must look at. One event told to two schools is two rows of one reference."""

    __tablename__ = "school_tasks"
    __table_args__ = (
        UniqueConstraint("reference", "school_uai"),
        Index("ix_school_tasks_school_uai_settled_at", "school_uai", "settled_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    school_uai: Mapped[str] = mapped_column(ForeignKey("schools.uai"))
    kind: Mapped[SchoolTaskKind] = mapped_column(
        Enum(SchoolTaskKind, native_enum=False, length=32, values_callable=_values)
    )
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    link_id: Mapped[UUID | None] = mapped_column(ForeignKey("links.id", ondelete="CASCADE"), index=True)
    """The child it is about, where it is about one."""
    reference: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class AccountMerge(Model):
    """One account taken into another, and until when that can be undone. At most one stands for an account."""

    __tablename__ = "account_merges"
    __table_args__ = (
        Index(
            "ix_account_merges_standing",
            "merged_account_id",
            unique=True,
            sqlite_where=MERGE_STANDS,
            postgresql_where=MERGE_STANDS,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kept_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    merged_account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    merged_at: Mapped[datetime]
    undo_until: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[MergeUndoer | None] = mapped_column(
        Enum(MergeUndoer, native_enum=False, length=16, values_callable=_values)
    )


class MergedLink(Model):
    """What one merge did to one link, and what the link was before: what an undo needs."""

    __tablename__ = "merged_links"

    merge_id: Mapped[UUID] = mapped_column(
        ForeignKey("account_merges.id", ondelete="CASCADE"), primary_key=True
    )
    link_id: Mapped[UUID] = mapped_column(
        ForeignKey("links.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    effect: Mapped[MergeEffect] = mapped_column(
        Enum(MergeEffect, native_enum=False, length=16, values_callable=_values)
    )
    former_state: Mapped[LinkState] = mapped_column(
        Enum(LinkState, native_enum=False, length=16, values_callable=_values)
    )
    former_ended_at: Mapped[datetime | None]
    former_ended_by: Mapped[LinkEnder | None] = mapped_column(
        Enum(LinkEnder, native_enum=False, length=16, values_callable=_values)
    )
    former_school_uai: Mapped[str] = mapped_column(String(8))
    former_merge_id: Mapped[UUID | None]
