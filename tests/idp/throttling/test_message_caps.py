"""Caps on what anybody can make us send, at their exact boundaries and over many networks."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask

from idp.settings import Settings
from idp.throttling import service as throttling
from idp.throttling.rules import LIMITS, TooManyAttempts, mail_budgets
from tests.conftest import FrozenClock

NUMBER = "+33639981234"


def ask_mail(now: datetime, *, account: str = "a", address: str = "c@x.fr", network: str = "n") -> bool:
    try:
        throttling.spend(*mail_budgets(account=account, address=address, network=network), now=now)
    except TooManyAttempts:
        return False
    return True


def ask_sms(
    now: datetime, *, number: str | None = NUMBER, account: str = "a", network: str = "n"
) -> bool | int | None:
    """Whether the SMS may leave; the seconds to wait when it may not."""
    try:
        return throttling.spend_sms(number=number, account=account, network=network, now=now)
    except TooManyAttempts as refusal:
        return refusal.seconds


def every(seconds: int, now: datetime, times: int) -> list[datetime]:
    return [now + timedelta(seconds=seconds * place) for place in range(times)]


def test_em_22_of_a_days_requests_three_an_hour_and_ten_a_day_leave(
    idp_context: Flask, now: datetime
) -> None:
    instants = every(430, now, 200)

    left = [at for place, at in enumerate(instants) if ask_mail(at, network=f"n{place}")]

    assert len(left) == 10
    assert sum(at < now + timedelta(hours=1) for at in left) == 3


def test_em_22_the_fourth_mail_leaves_when_the_hour_is_over(idp_context: Flask, now: datetime) -> None:
    for _ in range(3):
        assert ask_mail(now)

    assert not ask_mail(now + timedelta(minutes=59, seconds=59))
    assert ask_mail(now + timedelta(hours=1))


def test_em_22_one_address_is_counted_over_accounts_and_spellings(idp_context: Flask, now: datetime) -> None:
    asked = [
        ask_mail(now, account=str(place), address=address, network=str(place))
        for place, address in enumerate(["c@x.fr", "C@x.fr", "c@X.FR", "C@X.FR"])
    ]

    assert asked == [True, True, True, False]


def test_em_22_a_school_behind_one_address_is_served_and_a_flood_is_not(
    idp_context: Flask, now: datetime
) -> None:
    asked = [ask_mail(now, account=str(place), address=f"{place}@x.fr") for place in range(310)]

    assert asked == [True] * 300 + [False] * 10


def test_sm_03_codes_in_a_loop_wait_longer_each_time_and_end_for_the_day(
    idp_context: Flask, clock: FrozenClock
) -> None:
    waits = []
    for _ in range(5):
        assert ask_sms(clock.now) is True
        waits.append(ask_sms(clock.now))
        clock.advance(seconds=int(waits[-1] or 0) - 1)
        assert ask_sms(clock.now) == 1 or len(waits) == 5
        clock.advance(seconds=1)

    assert waits[:4] == [30, 60, 120, 120]
    assert (waits[4] or 0) > timedelta(hours=23).total_seconds()


def test_sm_02_one_number_is_counted_over_accounts_and_networks(
    idp_context: Flask, clock: FrozenClock
) -> None:
    asked = [ask_sms(clock.advance(minutes=5), account=str(place), network=str(place)) for place in range(6)]

    assert asked[:5] == [True] * 5
    assert asked[5] is not True


def test_sm_02_one_account_is_counted_over_numbers(idp_context: Flask, now: datetime) -> None:
    asked = [ask_sms(now, number=f"+3361234{place:04}", network=str(place)) for place in range(6)]

    assert asked[:5] == [True] * 5
    assert asked[5] is not True


def test_sm_02_one_network_is_counted_over_numbers_and_accounts(idp_context: Flask, now: datetime) -> None:
    asked = [ask_sms(now, number=f"+336{place:04}1234", account=str(place)) for place in range(31)]

    assert asked[:30] == [True] * 30
    assert asked[30] == 3600


def test_sm_01_the_numbers_of_one_range_get_fifty_sms_in_an_hour(idp_context: Flask, now: datetime) -> None:
    asked = [
        ask_sms(now, number=f"+3363998{place:04}", account=str(place), network=str(place))
        for place in range(100)
    ]

    assert asked.count(True) == 50
    assert asked[50:] == [False] * 50


def test_g14_a_flood_costs_the_hourly_cap_at_most_and_tells_once(
    idp_context: Flask,
    now: datetime,
    with_caps: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with_caps(sms_per_hour=40)

    asked = [
        ask_sms(now, number=f"+336{place:04}0000", account=str(place), network=str(place))
        for place in range(100)
    ]

    assert asked.count(True) == 40
    assert [str(record.msg).count("sms cap reached") for record in caplog.records] == [1]
    assert ask_sms(now + timedelta(hours=1), network="other") is True


def test_who_gets_no_sms_spends_as_much_and_takes_nothing_from_the_others(
    idp_context: Flask, now: datetime, with_caps: Callable[..., None]
) -> None:
    with_caps(sms_per_hour=1)

    for place in range(3):
        assert ask_sms(now, number=None, account=f"unknown{place}", network=str(place)) is True
    assert ask_sms(now, number=None, account="unknown0", network="0") == 30
    assert ask_sms(now, account="known", network="k") is True


def test_every_limit_has_a_name_of_its_own() -> None:
    names = [limit.name for limit in LIMITS]

    assert len(set(names)) == len(names)
    assert all(len(name) <= 60 for name in names)


@pytest.fixture
def with_caps(idp_context: Flask) -> Iterator[Callable[..., None]]:
    before: Settings = idp_context.extensions["settings"]

    def use(**caps: int) -> None:
        idp_context.extensions["settings"] = before.model_copy(update=caps)

    yield use
    idp_context.extensions["settings"] = before
