"""Reading what happened to one's own account, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db

PAGE_ENTRIES = 25


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that happened."""

    name: str
    recorded_at: datetime
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Some entries, the latest first. `page` counts from 1."""

    entries: tuple[JournalEntry, ...]
    page: int
    pages: int


def read_page(account_id: AccountId, names: Collection[str], page: int) -> JournalPage:
    """One page of the entries of this account that have one of these names; the nearest page there is."""
    count = (
        db.session.scalar(select(func.count()).select_from(AuditEntry).where(*_own(account_id, names))) or 0
    )
    pages = max(1, -(-count // PAGE_ENTRIES))
    shown = min(max(page, 1), pages)
    entries = _entries(account_id, names, offset=(shown - 1) * PAGE_ENTRIES, limit=PAGE_ENTRIES)
    return JournalPage(entries, shown, pages)


def read_all(account_id: AccountId, names: Collection[str]) -> tuple[JournalEntry, ...]:
    """Every entry of this account that has one of these names, the latest first."""
    return _entries(account_id, names)


def _entries(
    account_id: AccountId, names: Collection[str], *, offset: int = 0, limit: int | None = None
) -> tuple[JournalEntry, ...]:
    rows = db.session.execute(
        select(AuditEntry.name, AuditEntry.recorded_at, AuditEntry.details)
        .where(*_own(account_id, names))
        .order_by(AuditEntry.recorded_at.desc(), AuditEntry.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return tuple(JournalEntry(*row) for row in rows)


def _own(account_id: AccountId, names: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return AuditEntry.account_id == account_id, AuditEntry.name.in_(names)
