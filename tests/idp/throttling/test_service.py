from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.db import db, transaction
from idp.throttling import service as throttling
from idp.throttling.models import ThrottleCounter
from idp.throttling.rules import (
    BIRTH_DATE_IN_ALL,
    BIRTH_DATE_PER_DAY,
    Budget,
    Quota,
    TooManyAttempts,
    birth_date_budgets,
    sign_in_budgets,
)
from tests.conftest import FrozenClock

SIGN_IN = sign_in_budgets("c.dupont", "192.0.2.0/24")
BIRTH_DATE = birth_date_budgets(UUID(int=7), 1)


def wait_after(attempts: int, now: datetime) -> list[int | None]:
    """The wait that follows each of so many attempts, each made as soon as it may be."""
    waits: list[int | None] = []
    for _ in range(attempts):
        throttling.spend(*SIGN_IN, now=now)
        waits.append(throttling.check_delay(*SIGN_IN, now=now))
        now += timedelta(seconds=waits[-1] or 0)
    return waits


def test_the_delay_grows_from_the_fifth_failure(idp_context: Flask, now: datetime) -> None:
    waits = wait_after(11, now)

    assert waits == [0, 0, 0, 0, 60, 120, 240, 480, 900, 900, 900]


def test_an_attempt_during_the_wait_is_refused_and_does_not_make_it_longer(
    idp_context: Flask, clock: FrozenClock
) -> None:
    wait_after(5, clock.now)
    clock.advance(seconds=59)

    for _ in range(100):
        with pytest.raises(TooManyAttempts) as refusal:
            throttling.spend(*SIGN_IN, now=clock.now)
        assert refusal.value.seconds == 1

    throttling.spend(*SIGN_IN, now=clock.advance(seconds=1))


def test_failures_are_forgotten_after_24_hours_without_one(idp_context: Flask, clock: FrozenClock) -> None:
    wait_after(4, clock.now)

    assert wait_after(1, clock.advance(hours=24)) == [0]


def test_failures_are_remembered_for_24_hours(idp_context: Flask, clock: FrozenClock) -> None:
    wait_after(4, clock.now)

    assert wait_after(1, clock.advance(hours=24, seconds=-1)) == [60]


def test_a_success_forgets_the_failures(idp_context: Flask, now: datetime) -> None:
    wait_after(4, now)

    with transaction():
        throttling.forget(*SIGN_IN)

    assert wait_after(5, now) == [0, 0, 0, 0, 60]


def test_an_attempt_that_was_not_evaluated_is_given_back(idp_context: Flask, now: datetime) -> None:
    for _ in range(20):
        throttling.spend(*SIGN_IN, now=now)
        throttling.give_back(*SIGN_IN, now=now)

    assert wait_after(5, now) == [0, 0, 0, 0, 60]


def test_another_identifier_or_network_is_not_slowed(idp_context: Flask, now: datetime) -> None:
    wait_after(5, now)

    throttling.spend(*sign_in_budgets("c.dupont", "192.0.3.0/24"), now=now)
    throttling.spend(*sign_in_budgets("c.dupont2", "192.0.2.0/24"), now=now)


def test_bf_09_three_birth_dates_a_day(idp_context: Flask, clock: FrozenClock) -> None:
    remaining = [throttling.spend(*BIRTH_DATE, now=clock.now).remaining for _ in range(3)]
    with pytest.raises(TooManyAttempts) as refusal:
        throttling.spend(*BIRTH_DATE, now=clock.advance(hours=24, seconds=-1))

    assert remaining == [2, 1, 0]
    assert refusal.value.limit is BIRTH_DATE_PER_DAY
    assert refusal.value.seconds == 1
    assert throttling.spend(*BIRTH_DATE, now=clock.advance(seconds=1)).remaining == 2


def test_bf_09_ten_birth_dates_in_all_then_only_a_new_letter_helps(
    idp_context: Flask, clock: FrozenClock
) -> None:
    remaining: list[int | None] = []
    for _ in range(4):
        remaining += [
            throttling.spend(*BIRTH_DATE, now=clock.now).remaining
            for _ in range(3 if len(remaining) < 9 else 1)
        ]
        clock.advance(days=1)

    with pytest.raises(TooManyAttempts) as refusal:
        throttling.spend(*BIRTH_DATE, now=clock.advance(days=3650))

    assert remaining == [2, 1, 0, 2, 1, 0, 2, 1, 0, 0]
    assert refusal.value.limit is BIRTH_DATE_IN_ALL
    assert refusal.value.seconds is None
    throttling.spend(*birth_date_budgets(UUID(int=7), 2), now=clock.now)


def test_a_refused_attempt_counts_on_none_of_its_budgets(idp_context: Flask, clock: FrozenClock) -> None:
    for _ in range(3):
        throttling.spend(*BIRTH_DATE, now=clock.now)

    for _ in range(20):
        with pytest.raises(TooManyAttempts):
            throttling.spend(*BIRTH_DATE, now=clock.now)

    assert throttling.spend(*BIRTH_DATE, now=clock.advance(days=1)).remaining == 2


def test_bf_05_attempts_at_the_same_moment_are_evaluated_no_more_often_than_the_limit(
    idp_app: Flask, now: datetime
) -> None:
    evaluated = sum(at_the_same_moment(idp_app, 40, lambda: throttling.spend(*SIGN_IN, now=now)))

    assert evaluated == 5


def test_bf_05_a_quota_is_spent_exactly_by_attempts_at_the_same_moment(idp_app: Flask, now: datetime) -> None:
    budget = Budget(Quota("test_quota", tries=7, window=timedelta(hours=1)), "one thing")

    evaluated = sum(at_the_same_moment(idp_app, 40, lambda: throttling.spend(budget, now=now)))

    assert evaluated == 7


def test_what_is_counted_on_is_not_stored(idp_context: Flask, now: datetime) -> None:
    throttling.spend(*SIGN_IN, now=now)

    stored = db.session.scalars(select(ThrottleCounter.key)).all()

    assert {len(key) for key in stored} == {32}
    assert not any(b"dupont" in key or b"192.0.2" in key for key in stored)


def test_counters_that_count_nothing_are_purged(idp_context: Flask, clock: FrozenClock) -> None:
    throttling.spend(*SIGN_IN, now=clock.now)
    throttling.spend(*BIRTH_DATE, now=clock.now)

    with transaction():
        purged = throttling.purge_expired(now=clock.advance(hours=24))

    assert (
        purged == len(SIGN_IN) - 1 + 2 + 1
    )  # counters of the sign-in, its two tries, the birth date of the day
    assert db.session.scalar(select(func.count()).select_from(ThrottleCounter)) == 1


def at_the_same_moment(app: Flask, callers: int, attempt: Callable[[], object]) -> list[bool]:
    """Whether each of so many threads was let through."""
    barrier = Barrier(callers)

    def call(_number: int) -> bool:
        with app.app_context():
            barrier.wait()
            try:
                attempt()
            except TooManyAttempts:
                return False
            return True

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(call, range(callers)))
