"""So many failures within any window, then a pause between tries: at the exact boundary, over many networks, at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.db import db, transaction
from idp.throttling import service as throttling
from idp.throttling.models import ThrottleTry
from idp.throttling.rules import (
    SIGN_IN_PER_ACCOUNT,
    SIGN_IN_PER_NETWORK,
    Budget,
    Pace,
    TooManyAttempts,
    sign_in_budgets,
)
from tests.conftest import FrozenClock

ACCOUNT = Budget(SIGN_IN_PER_ACCOUNT, "c.dupont")
NETWORK = Budget(SIGN_IN_PER_NETWORK, "192.0.2.0/24")
PACED = pytest.mark.parametrize("budget", [ACCOUNT, NETWORK], ids=["account", "network"])


def pace_of(budget: Budget) -> Pace:
    assert isinstance(budget.limit, Pace)
    return budget.limit


def fail(times: int, budget: Budget, now: datetime) -> None:
    for _ in range(times):
        throttling.spend(budget, now=now)


def wait_for(budget: Budget, now: datetime) -> int | None:
    """The wait named at this instant; 0 when the try was let through, and counted."""
    try:
        throttling.spend(budget, now=now)
    except TooManyAttempts as refusal:
        return refusal.seconds
    return 0


@PACED
def test_the_failure_that_fills_the_window_slows_the_next_one(
    idp_context: Flask, clock: FrozenClock, budget: Budget
) -> None:
    pace = pace_of(budget)
    fail(pace.failures - 1, budget, clock.now)
    filling = wait_for(budget, clock.now)

    assert filling == 0
    assert wait_for(budget, clock.now) == pace.pause.total_seconds()


@PACED
@pytest.mark.parametrize(("seconds", "named"), [(-1, 1), (0, 0), (1, 0)])
def test_the_pause_ends_to_the_second(
    idp_context: Flask, clock: FrozenClock, budget: Budget, seconds: int, named: int
) -> None:
    pace = pace_of(budget)
    fail(pace.failures, budget, clock.now)

    assert wait_for(budget, clock.now + pace.pause + timedelta(seconds=seconds)) == named


@PACED
def test_the_pause_never_grows(idp_context: Flask, clock: FrozenClock, budget: Budget) -> None:
    pace = pace_of(budget)
    fail(pace.failures, budget, clock.now)

    waits = []
    for _ in range(20):
        clock.now += pace.pause
        waits.append((wait_for(budget, clock.now), wait_for(budget, clock.now)))

    assert waits == [(0, pace.pause.total_seconds())] * 20


@PACED
@pytest.mark.parametrize(("seconds", "is_slowed"), [(-1, True), (0, False), (1, False)])
def test_a_failure_leaves_the_window_to_the_second(
    idp_context: Flask, clock: FrozenClock, budget: Budget, seconds: int, is_slowed: bool
) -> None:
    pace = pace_of(budget)
    fail(1, budget, clock.now)
    later = clock.now + pace.window + timedelta(seconds=seconds)
    fail(pace.failures - 1, budget, later - timedelta(seconds=1))

    assert bool(wait_for(budget, later)) is is_slowed


def test_a_trickle_of_failures_never_slows_a_shared_network(idp_context: Flask, clock: FrozenClock) -> None:
    """One fewer than the limit in every window, for thirty windows: as a carrier's address sees."""
    small = replace(SIGN_IN_PER_NETWORK, name="test_pace", failures=12)
    trickle = Budget(small, "192.0.2.0/24")

    waits = {wait_for(trickle, clock.advance(seconds=3600 / 11)) for _ in range(330)}

    assert waits == {0}


def test_a_success_takes_back_its_own_try_and_leaves_the_failures(idp_context: Flask, now: datetime) -> None:
    fail(24, ACCOUNT, now)
    for _ in range(50):
        spent = throttling.spend(ACCOUNT, now=now)
        with transaction():
            throttling.forget(ACCOUNT, spent=spent)

    assert wait_for(ACCOUNT, now) == 0
    assert wait_for(ACCOUNT, now) == 30


def test_an_attempt_that_was_not_evaluated_is_given_back(idp_context: Flask, now: datetime) -> None:
    for _ in range(60):
        spent = throttling.spend(ACCOUNT, now=now)
        throttling.give_back(ACCOUNT, spent=spent, now=now)

    fail(25, ACCOUNT, now)
    assert wait_for(ACCOUNT, now) == 30


def test_a_refused_attempt_leaves_no_try(idp_context: Flask, now: datetime) -> None:
    fail(25, ACCOUNT, now)
    for _ in range(40):
        assert wait_for(ACCOUNT, now) == 30

    assert db.session.scalar(select(func.count()).select_from(ThrottleTry)) == 25


def test_a_clock_that_went_back_holds_nobody_up(idp_context: Flask, now: datetime) -> None:
    fail(25, ACCOUNT, now + timedelta(hours=1))

    assert wait_for(ACCOUNT, now) == 0
    assert wait_for(ACCOUNT, now) == 30


@PACED
def test_rc_12_five_hundred_tries_at_once_are_evaluated_as_often_as_the_limit_says(
    idp_app: Flask, now: datetime, budget: Budget
) -> None:
    callers = 500
    barrier = Barrier(50)

    def attempt(number: int) -> bool:
        with idp_app.app_context():
            if number < 50:
                barrier.wait()
            return wait_for(budget, now) == 0

    with ThreadPoolExecutor(50) as pool:
        evaluated = sum(pool.map(attempt, range(callers)))

    assert evaluated == pace_of(budget).failures


def test_g9_five_hundred_networks_for_a_day_guess_no_faster_than_the_delays(
    idp_context: Flask, clock: FrozenClock
) -> None:
    """Every ten minutes three of 500 networks try, in turn: at once, one second too early, and in time."""
    evaluated = []
    for turn in range(24 * 6):
        for seconds, network in ((0, 3 * turn), (29, 3 * turn + 1), (1, 3 * turn + 2)):
            clock.advance(seconds=seconds)
            try:
                throttling.spend(*sign_in_budgets("c.dupont", f"network {network % 500}"), now=clock.now)
            except TooManyAttempts:
                continue
            evaluated.append(clock.now)
        clock.advance(seconds=570)

    assert min(later - earlier for earlier, later in pairwise(evaluated[24:])) == timedelta(seconds=30)
    assert len(evaluated) == 24 + 2 * (24 * 6 - 8)  # the ninth burst's first is the 25th


def test_g9_a_burst_from_five_hundred_networks_gets_twenty_five_guesses(
    idp_context: Flask, now: datetime
) -> None:
    waits: Counter[int | None] = Counter()
    for number in range(500):
        try:
            throttling.spend(*sign_in_budgets("c.dupont", f"network {number}"), now=now)
        except TooManyAttempts as refusal:
            waits[refusal.seconds] += 1
        else:
            waits[0] += 1

    assert waits == {0: 25, 30: 475}
