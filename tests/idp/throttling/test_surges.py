"""Failures over the whole service: who must come back, what operators are told, at the exact boundary."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.throttling import service as throttling
from idp.throttling.rules import SIGN_IN_IN_ALL, TooManyAttempts, sign_in_budgets
from tests.conftest import FrozenClock

LIMIT = SIGN_IN_IN_ALL


def fail(times: int, now: datetime) -> None:
    with transaction():
        for _ in range(times):
            throttling.note_failure(LIMIT, now=now)


def wait_for(name: str, now: datetime) -> int | None:
    try:
        throttling.spend(*sign_in_budgets(name, f"network of {name}"), now=now)
    except TooManyAttempts as refusal:
        return refusal.seconds if refusal.limit is LIMIT else None
    return 0


def alerts() -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.name == "provider:sign_in:surge")))


@pytest.mark.parametrize(("failures", "wait"), [(19, 0), (20, 2), (21, 2)])
def test_twenty_failures_in_a_second_are_a_surge(
    idp_context: Flask, now: datetime, failures: int, wait: int
) -> None:
    fail(failures, now)

    assert wait_for("c.dupont", now) == wait
    assert len(alerts()) == (1 if wait else 0)


@pytest.mark.parametrize(("milliseconds", "wait"), [(999, 2), (1000, 0), (1001, 0)])
def test_failures_count_for_one_second(
    idp_context: Flask, clock: FrozenClock, milliseconds: int, wait: int
) -> None:
    fail(1, clock.now)
    clock.advance(milliseconds=milliseconds)
    fail(19, clock.now)

    assert wait_for("c.dupont", clock.now) == wait


@pytest.mark.parametrize(("seconds", "wait"), [(-1, 1), (0, 0), (1, 0)])
def test_who_comes_back_after_the_pause_is_evaluated_while_the_surge_goes_on(
    idp_context: Flask, clock: FrozenClock, seconds: int, wait: int
) -> None:
    fail(20, clock.now)
    assert wait_for("c.dupont", clock.now) == 2
    clock.advance(seconds=2 + seconds)
    fail(20, clock.now)

    assert wait_for("c.dupont", clock.now) == wait


def test_whoever_fails_fastest_keeps_nobody_out(idp_context: Flask, clock: FrozenClock) -> None:
    """An attacker takes every chance; a parent who presses the button again after two seconds is evaluated."""
    for number in range(10):
        fail(25, clock.now)
        assert wait_for(f"parent{number}", clock.now) == 2
        for _ in range(2):
            clock.advance(seconds=1)
            fail(25, clock.now)
        assert wait_for(f"parent{number}", clock.now) == 0


def test_each_guess_in_a_surge_waits_anew(idp_context: Flask, clock: FrozenClock) -> None:
    waits = []
    for _ in range(3):
        fail(20, clock.now)
        waits.append(wait_for("c.dupont", clock.now))
        clock.advance(seconds=2)
        fail(20, clock.now)
        waits.append(wait_for("c.dupont", clock.now))

    assert waits == [2, 0] * 3


def test_a_clock_that_went_back_makes_no_surge(idp_context: Flask, now: datetime) -> None:
    for minute in range(1, 40):
        fail(1, now + timedelta(minutes=minute))
    fail(1, now)

    assert wait_for("c.dupont", now) == 0


def test_the_surge_ends_with_the_failures(idp_context: Flask, clock: FrozenClock) -> None:
    fail(20, clock.now)

    assert wait_for("c.dupont", clock.advance(seconds=2)) == 0


def test_a_known_device_does_not_notice(idp_context: Flask, now: datetime) -> None:
    fail(200, now)

    throttling.spend(*sign_in_budgets("c.dupont", "a network", known_device="its secret"), now=now)


def test_right_passwords_are_no_surge(idp_context: Flask, now: datetime) -> None:
    """A publication's evening: as many sign-ins a second as the machine bears."""
    for number in range(100):
        budgets = sign_in_budgets(f"parent{number}", f"network {number}")
        spent = throttling.spend(*budgets, now=now)
        with transaction():
            throttling.forget(*budgets, spent=spent)

    assert wait_for("c.dupont", now) == 0


def test_bf_02_operators_are_told_at_once_and_then_once_a_minute(
    idp_context: Flask, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(61):
        fail(20, clock.now)
        clock.advance(seconds=1)

    logged = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    told = [entry for entry in logged if entry["event"] == "sign_in_surge"]
    assert [entry["failures"] for entry in told] == [20, 20]
    assert len(throttling.surges_since(clock.now - timedelta(hours=1))) == len(alerts()) == 2
