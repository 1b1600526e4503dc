"""Counting attempts, atomically, in the database that all workers share."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, case, delete, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from idp import settings
from idp.db import db, transaction
from idp.throttling.models import ThrottleCounter
from idp.throttling.rules import (
    NEVER,
    Budget,
    GrowingDelay,
    Limit,
    Quota,
    Spent,
    TooManyAttempts,
    seconds_until,
    shared_sms_budgets,
    sms_budgets,
)
from shared.database import UtcDateTime

log = structlog.get_logger("throttling")


def spend(*budgets: Budget, now: datetime) -> Spent:
    """Count one attempt on every budget, in a short transaction of its own: call it before any other is open.

    Raises TooManyAttempts, and then counts on none: waiting attempts do not make the wait longer.
    """
    remaining = _spend_all(budgets, now)
    return Spent(min((tries for tries in remaining if tries is not None), default=None))


def spend_sms(*, number: str | None, account: str, network: str, now: datetime) -> bool:
    """Count one SMS that somebody asks for: recovery, the confirmation of a number, activation by phone.

    number: E.164, None where none will leave (the same is counted). account: its id, or what was typed,
    normalised. Waits 30, 60, then 120 s between two to one number, 5 a day: raises TooManyAttempts.

    Returns False once a range of numbers or all SMS have reached their cap: then answer as ever, send nothing and
    offer mail, for an outsider must not learn from a cap whether a number is known. The operator is told.
    """
    _spend_all(sms_budgets(number=number, account=account, network=network), now)
    caps = settings.current()
    shared = shared_sms_budgets(
        number=number, account=account, per_hour=caps.sms_per_hour, per_day=caps.sms_per_day
    )
    try:
        remaining = _spend_all(shared, now)
    except TooManyAttempts:
        return False
    # Once for each cap: its counter passes zero one time in its window.
    for budget in (budget for budget, left in zip(shared, remaining, strict=True) if number and left == 0):
        log.error("sms cap reached", alert=True, limit=budget.limit.name)
    return True


def give_back(*budgets: Budget, now: datetime) -> None:
    """Uncount one attempt that could not be evaluated after all, in a short transaction of its own."""
    with transaction():
        for budget in budgets:
            db.session.execute(
                update(ThrottleCounter)
                .where(_is_counter_of(budget), ThrottleCounter.spent > 0)
                .values(spent=ThrottleCounter.spent - 1, blocked_until=now)
            )


def forget(*budgets: Budget) -> None:
    """Start again at zero after the owner's success, in the caller's transaction."""
    for budget in budgets:
        db.session.execute(delete(ThrottleCounter).where(_is_counter_of(budget)))


def check_delay(*budgets: Budget, now: datetime) -> int:
    """Seconds until the next attempt would be evaluated, 0 when it would be now. Counts nothing.

    Raises TooManyAttempts when no wait helps.
    """
    waits = [seconds for budget in budgets if (seconds := _seconds_to_wait(budget, now))]
    return max(waits, default=0)


def purge_expired(*, now: datetime) -> int:
    """Delete counters that count nothing any more, in the caller's transaction. Returns how many."""
    gone = db.session.execute(
        delete(ThrottleCounter).where(ThrottleCounter.expires_at <= now).returning(ThrottleCounter.key)
    )
    return len(gone.all())


def _spend_all(budgets: Sequence[Budget], now: datetime) -> list[int | None]:
    with transaction():
        return [_spend_one(budget, now) for budget in budgets]


def _spend_one(budget: Budget, now: datetime) -> int | None:
    """Tries left, None for a limit without quota. Raises TooManyAttempts."""
    spent = db.session.scalar(_counting_statement(budget, now))
    if spent is None:
        # Only now, to learn how long: the statement above already decided.
        raise TooManyAttempts(budget.limit, _seconds_to_wait(budget, now) or 1)
    return budget.limit.tries - spent if isinstance(budget.limit, Quota) else None


def _counting_statement(budget: Budget, now: datetime) -> Any:
    """Inserts or increments, and returns the new count; returns no row while the counter is blocked."""
    limit, table = budget.limit, ThrottleCounter
    is_fresh = table.expires_at <= now
    spent = case((is_fresh, literal(1)), else_=table.spent + 1)
    first_end = _window_end(limit, now)
    keeps_window = isinstance(limit, Quota)
    expires_at = case(
        (is_fresh, _instant(first_end)), else_=table.expires_at if keeps_window else _instant(first_end)
    )
    insert: Callable[..., Any] = postgresql_insert if _dialect_name() == "postgresql" else sqlite_insert
    return (
        insert(table)
        .values(
            limit_name=limit.name,
            key=budget.key,
            spent=1,
            blocked_until=_first_blocked_until(limit, now),
            expires_at=first_end,
        )
        .on_conflict_do_update(
            index_elements=[table.limit_name, table.key],
            set_={
                "spent": spent,
                "expires_at": expires_at,
                "blocked_until": _blocked_until(limit, spent, expires_at, now),
            },
            where=or_(is_fresh, table.blocked_until <= now),
        )
        .returning(table.spent)
    )


def _blocked_until(
    limit: Limit, spent: ColumnElement[int], expires_at: ColumnElement[datetime], now: datetime
) -> ColumnElement[datetime]:
    if isinstance(limit, Quota):
        return case((spent >= limit.tries, expires_at), else_=_instant(now))
    # The longest delay first: the first condition that holds decides.
    steps = [
        (spent > limit.free_failures + step, _instant(now + delay)) for step, delay in enumerate(limit.delays)
    ]
    return case(*reversed(steps), else_=_instant(now))


def _first_blocked_until(limit: Limit, now: datetime) -> datetime:
    if isinstance(limit, Quota):
        return _window_end(limit, now) if limit.tries <= 1 else now
    return now + limit.delays[0] if limit.free_failures < 1 else now


def _window_end(limit: Limit, now: datetime) -> datetime:
    if isinstance(limit, GrowingDelay):
        return now + limit.forgotten_after
    return NEVER if limit.window is None else now + limit.window


def _seconds_to_wait(budget: Budget, now: datetime) -> int | None:
    """0 when nothing blocks. Raises TooManyAttempts when no wait helps."""
    blocked_until = db.session.scalar(
        select(ThrottleCounter.blocked_until).where(
            _is_counter_of(budget), ThrottleCounter.blocked_until > now, ThrottleCounter.expires_at > now
        )
    )
    if blocked_until is None:
        return 0
    seconds = seconds_until(blocked_until, now=now)
    if seconds is None:
        raise TooManyAttempts(budget.limit, None)
    return seconds


def _is_counter_of(budget: Budget) -> ColumnElement[bool]:
    return and_(ThrottleCounter.limit_name == budget.limit.name, ThrottleCounter.key == budget.key)


def _instant(value: datetime) -> ColumnElement[datetime]:
    return literal(value, UtcDateTime())


def _dialect_name() -> str:
    return db.session.get_bind().dialect.name
