from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from idp.throttling.rules import (
    LIMITS,
    NEVER,
    Budget,
    birth_date_budgets,
    network_of,
    seconds_until,
    sign_in_budgets,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("192.0.2.254", "192.0.2.0/24"),
        ("192.0.3.17", "192.0.3.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.9", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unreadable"),
        ("unix:", "unreadable"),
    ],
)
def test_hh_05_an_address_counts_with_its_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_the_wait_is_named_in_whole_seconds_rounded_up() -> None:
    assert seconds_until(NOON + timedelta(milliseconds=1), now=NOON) == 1
    assert seconds_until(NOON + timedelta(seconds=60), now=NOON) == 60
    assert seconds_until(NOON + timedelta(seconds=59, milliseconds=1), now=NOON) == 60
    assert seconds_until(NEVER, now=NOON) is None


def test_two_limits_never_share_their_counters() -> None:
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)


def test_sign_in_is_counted_on_identifier_and_network() -> None:
    keys = {
        budget.key
        for identifier in ("c.dupont", "c.dupont2")
        for network in ("192.0.2.0/24", "192.0.3.0/24")
        for budget in sign_in_budgets(identifier, network)
    }

    assert len(keys) == 4


def test_a_new_letter_starts_at_zero() -> None:
    def counted(issue_number: int) -> set[Budget]:
        return set(birth_date_budgets(UUID(int=1), issue_number))

    assert counted(1).isdisjoint(counted(2))
