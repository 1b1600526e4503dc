"""Paces: so many failures within any window, then a pause between tries. Each try is a row, until it proves right."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, insert, literal, select, update

from idp.db import db
from idp.throttling.counters import instant, is_counter_of, new_counter
from idp.throttling.models import ThrottleCounter, ThrottleTry
from idp.throttling.rules import Budget, Pace, Spent, Surge, TooManyAttempts, seconds_until
from shared.database import UtcDateTime, uuid7


def spend_pace(budget: Budget, limit: Pace, now: datetime) -> UUID:
    """Count one try; returns its row. Raises TooManyAttempts.

    The counter's row is the lock under which tries are counted, and an upper bound that spares counting them.
    """
    at_most = db.session.scalar(_pace_lock(budget, limit, now))
    if at_most is not None and at_most > limit.failures:
        tries, newest = db.session.execute(_pace_so_far(budget, limit, now)).one()
        if tries >= limit.failures and newest is not None and newest + limit.pause > now:
            raise TooManyAttempts(limit, seconds_until(newest + limit.pause, now=now))
        db.session.execute(update(ThrottleCounter).where(is_counter_of(budget)).values(spent=tries + 1))
    row = try_row(limit, budget.key, now)
    db.session.execute(insert(ThrottleTry).values(**row))
    return UUID(str(row["id"]))


def take_back(spent: Spent) -> None:
    """Uncount the tries of an attempt that was right, or was not evaluated."""
    if spent.tries:
        db.session.execute(delete(ThrottleTry).where(ThrottleTry.id.in_(spent.tries)))


def slowed_by_pace(limit: Pace, now: datetime) -> int:
    """How many things failed often enough to be paced at this instant."""
    crowded = (
        select(ThrottleTry.key)
        .where(ThrottleTry.limit_name == limit.name, ThrottleTry.tried_at > now - limit.window)
        .group_by(ThrottleTry.key)
        .having(func.count() >= limit.failures)
    )
    return db.session.scalar(select(func.count()).select_from(crowded.subquery())) or 0


def tries_of(limit: Pace | Surge, key: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The rows that count at this instant."""
    return (
        ThrottleTry.limit_name == limit.name,
        ThrottleTry.key == key,
        ThrottleTry.tried_at > now - limit.window,
    )


def try_row(limit: Pace | Surge, key: bytes, now: datetime) -> dict[str, Any]:
    """The row of one try."""
    return {
        "id": uuid7(),
        "limit_name": limit.name,
        "key": key,
        "tried_at": now,
        "expires_at": now + limit.window,
    }


def _pace_lock(budget: Budget, limit: Pace, now: datetime) -> Any:
    table, end = ThrottleCounter, now + limit.window
    counted = case((table.expires_at <= now, literal(1)), else_=table.spent + 1)
    return (
        new_counter(budget, spent=1, blocked_until=now, expires_at=end)
        .on_conflict_do_update(
            index_elements=[table.limit_name, table.key],
            set_={"spent": counted, "expires_at": instant(end)},
        )
        .returning(table.spent)
    )


def _pace_so_far(budget: Budget, limit: Pace, now: datetime) -> Any:
    """Tries within the window, and the newest; one that a wrong clock put far ahead holds nobody up."""
    is_believed = ThrottleTry.tried_at <= now + limit.pause
    return select(
        func.count(), func.max(case((is_believed, ThrottleTry.tried_at)), type_=UtcDateTime())
    ).where(*tries_of(limit, budget.key, now))
