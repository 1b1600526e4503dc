"""Counting attempts, atomically, in the database that all workers share."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, update

from idp import settings
from idp.db import db, transaction
from idp.throttling.counters import blocked_by, is_counter_of, seconds_to_wait, spend_one
from idp.throttling.models import ThrottleCounter, ThrottleTry
from idp.throttling.paces import slowed_by_pace, spend_pace, take_back
from idp.throttling.rules import (
    LIMITS,
    Budget,
    GrowingDelay,
    Pace,
    Quota,
    Spent,
    Surge,
    TooManyAttempts,
    recovery_budgets,
    recovery_recipient_budgets,
    shared_sms_budgets,
    sms_budgets,
)
from idp.throttling.surges import hold_back_in_surge, note_failure, surges_since

__all__ = [
    "check_delay",
    "forget",
    "give_back",
    "note_failure",
    "purge_expired",
    "slowed_now",
    "spend",
    "spend_sms",
    "surges_since",
]
NOTHING = Spent()
log = structlog.get_logger("throttling")


def spend(*budgets: Budget, now: datetime) -> Spent:
    """Count one attempt on every budget, in a short transaction of its own: call it before any other is open.

    Raises TooManyAttempts, and then counts on none: waiting attempts do not make the wait longer.
    """
    hold_back_in_surge(budgets, now)
    remaining, tries = _spend_all(budgets, now)
    return Spent(min((left for left in remaining if left is not None), default=None), tuple(tries))


def spend_sms(*, number: str | None, account: str, network: str, now: datetime) -> bool:
    """Count one SMS that somebody asks for: recovery, the confirmation of a number, activation by phone.

    number: E.164, None where none will leave (the same is counted). account: its id, or what was typed,
    normalised. Waits 30, 60, then 120 s between two to one number, 5 a day: raises TooManyAttempts.

    Returns False once a range of numbers or all SMS have reached their cap: then answer as ever, send nothing and
    offer mail, for an outsider must not learn from a cap whether a number is known. The operator is told.
    """
    _spend_all(sms_budgets(number=number, account=account, network=network), now)
    return _spend_shared_sms(number, account, now)


def spend_recovery(
    *,
    address: str | None,
    is_sms: bool,
    sought: str,
    network: str,
    known_device: str | None = None,
    now: datetime,
) -> bool:
    """Count one message of recovery. sought: what was typed, normalised. address: stored, None where none is.

    known_device: what stands for a device that signed in to this account before, None for any other.

    Raises TooManyAttempts on what was typed and on the network. Returns False when the stored address or number
    has had enough: then answer as ever and send nothing, for a limit must not tell whose address it is.
    """
    _spend_all(recovery_budgets(sought, network, is_sms=is_sms, known_device=known_device), now)
    recipient = recovery_recipient_budgets(address, sought, is_sms=is_sms, known_device=known_device)
    try:
        _spend_all(recipient, now)
    except TooManyAttempts:
        return False
    return not is_sms or _spend_shared_sms(address, sought, now)


def _spend_shared_sms(number: str | None, account: str, now: datetime) -> bool:
    """False once a range of numbers or all SMS have reached their cap; the operator is told once."""
    caps = settings.current()
    shared = shared_sms_budgets(
        number=number, account=account, per_hour=caps.sms_per_hour, per_day=caps.sms_per_day
    )
    try:
        remaining, _tries = _spend_all(shared, now)
    except TooManyAttempts:
        return False
    # Once for each cap: its counter passes zero one time in its window.
    for budget in (budget for budget, left in zip(shared, remaining, strict=True) if number and left == 0):
        log.error("sms cap reached", alert=True, limit=budget.limit.name)
    return True


def give_back(*budgets: Budget, spent: Spent = NOTHING, now: datetime) -> None:
    """Uncount one attempt that could not be evaluated after all, in a short transaction of its own."""
    with transaction():
        take_back(spent)
        for budget in budgets:
            if isinstance(budget.limit, GrowingDelay | Quota):
                db.session.execute(
                    update(ThrottleCounter)
                    .where(is_counter_of(budget), ThrottleCounter.spent > 0)
                    .values(spent=ThrottleCounter.spent - 1, blocked_until=now)
                )


def forget(*budgets: Budget, spent: Spent = NOTHING) -> None:
    """Start again at zero after the owner's success, in the caller's transaction.

    What is counted on an account or a network as a whole stays, for the failures there may be an outsider's: only
    the successful try itself, `spent`, is taken back.
    """
    take_back(spent)
    for budget in budgets:
        if isinstance(budget.limit, GrowingDelay | Quota):
            db.session.execute(delete(ThrottleCounter).where(is_counter_of(budget)))


def check_delay(*budgets: Budget, now: datetime) -> int:
    """Seconds until the next attempt would be evaluated, 0 when it would be now. Counts nothing.

    Raises TooManyAttempts when no wait helps.
    """
    waits = [seconds for budget in budgets if (seconds := seconds_to_wait(budget, now))]
    return max(waits, default=0)


def slowed_now(*, now: datetime) -> dict[str, int]:
    """How many things each limit slows at this instant, by the limit's name."""
    return {
        limit.name: slowed_by_pace(limit, now) if isinstance(limit, Pace) else blocked_by(limit, now)
        for limit in LIMITS
    }


def purge_expired(*, now: datetime) -> int:
    """Delete counters and tries that count nothing any more, in the caller's transaction. Returns how many."""
    counters = delete(ThrottleCounter).where(ThrottleCounter.expires_at <= now)
    tries = delete(ThrottleTry).where(ThrottleTry.expires_at <= now)
    return len(db.session.execute(counters.returning(ThrottleCounter.key)).all()) + len(
        db.session.execute(tries.returning(ThrottleTry.id)).all()
    )


def _spend_all(budgets: Sequence[Budget], now: datetime) -> tuple[list[int | None], list[UUID]]:
    """What is left in each counter, and the tries that paces keep. Raises TooManyAttempts, and counts nothing."""
    remaining: list[int | None] = []
    tries: list[UUID] = []
    with transaction():
        for budget in budgets:
            if isinstance(budget.limit, Pace):
                tries.append(spend_pace(budget, budget.limit, now))
            elif not isinstance(budget.limit, Surge):
                remaining.append(spend_one(budget, budget.limit, now))
    return remaining, tries
