from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from idp.throttling.rules import (
    LIMITS,
    NEVER,
    SIGN_IN_PER_ACCOUNT_AND_DEVICE,
    Budget,
    birth_date_budgets,
    network_of,
    recovery_budgets,
    recovery_recipient_budgets,
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


def test_sign_in_is_counted_on_the_pair_on_the_identifier_on_the_network_and_in_all() -> None:
    keys = Counter(
        (budget.limit.name, budget.key)
        for identifier in ("c.dupont", "c.dupont2")
        for network in ("192.0.2.0/24", "192.0.3.0/24")
        for budget in sign_in_budgets(identifier, network)
    )

    assert Counter(name for name, _key in keys) == {
        "sign_in_in_all": 4,
        "sign_in_per_account_and_network": 4,
        "sign_in_per_account": 2,
        "sign_in_per_network": 2,
    }


def test_bf_08_a_known_device_has_its_own_budget_and_no_other() -> None:
    (budget,) = sign_in_budgets("c.dupont", "192.0.2.0/24", known_device="secret")

    assert budget.limit is SIGN_IN_PER_ACCOUNT_AND_DEVICE
    assert sign_in_budgets("c.dupont", "198.51.100.0/24", known_device="secret") == (budget,)
    assert sign_in_budgets("c.dupont", "192.0.2.0/24", known_device="another") != (budget,)
    assert sign_in_budgets("c.dupont2", "192.0.2.0/24", known_device="secret") != (budget,)


def test_a_known_device_recovers_by_mails_of_its_own_and_by_the_same_sms() -> None:
    def asked(device: str | None, *, is_sms: bool) -> set[Budget]:
        seen = recovery_budgets("c.dupont", "192.0.2.0/24", is_sms=is_sms, known_device=device)
        unseen = recovery_recipient_budgets("a@exemple.fr", "c.dupont", is_sms=is_sms, known_device=device)
        return {*seen, *unseen}

    assert asked("secret", is_sms=False).isdisjoint(
        asked(None, is_sms=False) | asked("another", is_sms=False)
    )
    sms_alone = {budget for budget in asked(None, is_sms=True) if budget.limit.name.startswith("sms_")}
    assert sms_alone <= asked("secret", is_sms=True)


def test_a_new_letter_starts_at_zero() -> None:
    def counted(issue_number: int) -> set[Budget]:
        return set(birth_date_budgets(UUID(int=1), issue_number))

    assert counted(1).isdisjoint(counted(2))
