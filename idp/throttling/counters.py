"""Growing delays and quotas: one row a counter, one statement that counts or says no."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from idp.db import db
from idp.throttling.models import ThrottleCounter
from idp.throttling.rules import (
    NEVER,
    Budget,
    GrowingDelay,
    Limit,
    Quota,
    TooManyAttempts,
    seconds_until,
)
from shared.database import UtcDateTime

Counted = GrowingDelay | Quota
"""The limits whose counter alone decides."""


def spend_one(budget: Budget, limit: Counted, now: datetime) -> int | None:
    """Tries left, None for a limit without quota. Raises TooManyAttempts."""
    spent = db.session.scalar(_counting_statement(budget, limit, now))
    if spent is None:
        # Only now, to learn how long: the statement above already decided.
        raise TooManyAttempts(limit, seconds_to_wait(budget, now) or 1)
    return limit.tries - spent if isinstance(limit, Quota) else None


def seconds_to_wait(budget: Budget, now: datetime) -> int | None:
    """0 when nothing blocks. Raises TooManyAttempts when no wait helps."""
    blocked_until = db.session.scalar(
        select(ThrottleCounter.blocked_until).where(
            is_counter_of(budget), ThrottleCounter.blocked_until > now, ThrottleCounter.expires_at > now
        )
    )
    if blocked_until is None:
        return 0
    seconds = seconds_until(blocked_until, now=now)
    if seconds is None:
        raise TooManyAttempts(budget.limit, None)
    return seconds


def blocked_by(limit: Limit, now: datetime) -> int:
    """How many counters of this limit make somebody wait at this instant."""
    table = ThrottleCounter
    blocked = select(func.count()).where(
        table.limit_name == limit.name, table.blocked_until > now, table.expires_at > now
    )
    return db.session.scalar(blocked) or 0


def new_counter(budget: Budget, **values: Any) -> Any:
    """An INSERT of a counter that may be there already, as this database writes it."""
    insert_or: Callable[..., Any] = postgresql_insert if _dialect_name() == "postgresql" else sqlite_insert
    return insert_or(ThrottleCounter).values(limit_name=budget.limit.name, key=budget.key, **values)


def is_counter_of(budget: Budget) -> ColumnElement[bool]:
    """The row of this budget."""
    return and_(ThrottleCounter.limit_name == budget.limit.name, ThrottleCounter.key == budget.key)


def instant(value: datetime) -> ColumnElement[datetime]:
    """A value of ours among columns."""
    return literal(value, UtcDateTime())


def _counting_statement(budget: Budget, limit: Counted, now: datetime) -> Any:
    """Inserts or increments, and returns the new count; returns no row while the counter is blocked."""
    table = ThrottleCounter
    is_fresh = table.expires_at <= now
    spent = case((is_fresh, literal(1)), else_=table.spent + 1)
    first_end = _window_end(limit, now)
    keeps_window = isinstance(limit, Quota)
    expires_at = case(
        (is_fresh, instant(first_end)), else_=table.expires_at if keeps_window else instant(first_end)
    )
    first = new_counter(budget, spent=1, blocked_until=_first_blocked_until(limit, now), expires_at=first_end)
    return first.on_conflict_do_update(
        index_elements=[table.limit_name, table.key],
        set_={
            "spent": spent,
            "expires_at": expires_at,
            "blocked_until": _blocked_until(limit, spent, expires_at, now),
        },
        where=or_(is_fresh, table.blocked_until <= now),
    ).returning(table.spent)


def _blocked_until(
    limit: Counted, spent: ColumnElement[int], expires_at: ColumnElement[datetime], now: datetime
) -> ColumnElement[datetime]:
    if isinstance(limit, Quota):
        return case((spent >= limit.tries, expires_at), else_=instant(now))
    # The longest delay first: the first condition that holds decides.
    steps = [
        (spent > limit.free_failures + step, instant(now + delay)) for step, delay in enumerate(limit.delays)
    ]
    return case(*reversed(steps), else_=instant(now))


def _first_blocked_until(limit: Counted, now: datetime) -> datetime:
    if isinstance(limit, Quota):
        return _window_end(limit, now) if limit.tries <= 1 else now
    return now + limit.delays[0] if limit.free_failures < 1 else now


def _window_end(limit: Counted, now: datetime) -> datetime:
    if isinstance(limit, GrowingDelay):
        return now + limit.forgotten_after
    return NEVER if limit.window is None else now + limit.window


def _dialect_name() -> str:
    return db.session.get_bind().dialect.name
