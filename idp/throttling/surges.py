"""Surges: failures counted over the whole service, and who must come back meanwhile."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import case, delete, func, insert, literal, select

from idp.audit import service as audit
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.throttling.counters import instant, is_counter_of, new_counter
from idp.throttling.models import ThrottleCounter, ThrottleTry
from idp.throttling.paces import tries_of, try_row
from idp.throttling.rules import Budget, SignInSurge, Surge, TooManyAttempts, seconds_until

EVERYBODY = "everybody"
log = structlog.get_logger("throttling")


def hold_back_in_surge(budgets: Sequence[Budget], now: datetime) -> None:
    """In a surge, an attempt is evaluated when it comes back after the pause. Raises TooManyAttempts until then.

    Who was asked to come back is remembered in a transaction that the refusal does not undo.
    """
    for budget in budgets:
        if isinstance(budget.limit, Surge) and _is_surging(budget.limit, now):
            with transaction():
                waits_until = _wait_of_its_own(budget, budget.limit, now)
            if waits_until is not None:
                raise TooManyAttempts(budget.limit, seconds_until(waits_until, now=now))


def note_failure(limit: Surge, *, now: datetime) -> None:
    """Count one evaluated failure, in the caller's transaction; enough of them in the window are a surge."""
    db.session.execute(insert(ThrottleTry).values(**try_row(limit, Budget(limit, EVERYBODY).key, now)))
    failures = db.session.scalar(
        select(func.count()).where(
            *tries_of(limit, Budget(limit, EVERYBODY).key, now),
            # A clock that went back makes no surge of what it had counted before.
            ThrottleTry.tried_at <= now,
        )
    )
    if failures is not None and failures >= limit.failures:
        _begin_surge(limit, failures, now)


def surges_since(start: datetime) -> list[datetime]:
    """When operators were told of a surge, newest first."""
    return list(
        db.session.scalars(
            select(AuditEntry.recorded_at)
            .where(AuditEntry.name == SignInSurge.name, AuditEntry.recorded_at >= start)
            .order_by(AuditEntry.recorded_at.desc())
        )
    )


def _is_surging(limit: Surge, now: datetime) -> bool:
    until = db.session.scalar(
        select(ThrottleCounter.blocked_until).where(
            is_counter_of(Budget(limit, EVERYBODY)), ThrottleCounter.blocked_until > now
        )
    )
    return until is not None


def _wait_of_its_own(budget: Budget, limit: Surge, now: datetime) -> datetime | None:
    """When this one may be evaluated; None when it is: its wait is over, and used up by this very attempt."""
    is_over = db.session.scalar(
        delete(ThrottleCounter)
        .where(is_counter_of(budget), ThrottleCounter.blocked_until <= now, ThrottleCounter.expires_at > now)
        .returning(ThrottleCounter.spent)
    )
    if is_over is not None:
        return None
    waiting = new_counter(budget, spent=1, blocked_until=now + limit.pause, expires_at=now + limit.patience)
    db.session.execute(
        waiting.on_conflict_do_update(
            index_elements=[ThrottleCounter.limit_name, ThrottleCounter.key],
            set_={"blocked_until": instant(now + limit.pause), "expires_at": instant(now + limit.patience)},
            where=ThrottleCounter.expires_at <= now,
        )
    )
    return db.session.scalar(select(ThrottleCounter.blocked_until).where(is_counter_of(budget)))


def _begin_surge(limit: Surge, failures: int, now: datetime) -> None:
    """Arm the surge anew; the first to do so in a while tells the operators.

    `expires_at` is when they are told again.
    """
    table, everybody = ThrottleCounter, Budget(limit, EVERYBODY)
    is_untold = table.expires_at <= now
    armed = new_counter(
        everybody, spent=0, blocked_until=now + limit.pause, expires_at=now + limit.told_every
    )
    repeats = db.session.scalar(
        armed.on_conflict_do_update(
            index_elements=[table.limit_name, table.key],
            set_={
                "blocked_until": instant(now + limit.pause),
                "expires_at": case((is_untold, instant(now + limit.told_every)), else_=table.expires_at),
                "spent": case((is_untold, literal(0)), else_=table.spent + 1),
            },
        ).returning(table.spent)
    )
    if repeats == 0:
        audit.record(SignInSurge(failures), now=now)
        log.warning("sign_in_surge", failures=failures, window_seconds=limit.window.total_seconds())
