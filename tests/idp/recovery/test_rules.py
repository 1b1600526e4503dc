from datetime import UTC, datetime, timedelta

import pytest

from idp.accounts.rules import AccountId, AccountState
from idp.messaging.rules import Channel
from idp.recovery.rules import (
    AddressMalformed,
    ConfirmedChannel,
    ContactMalformed,
    RecoverableAccount,
    in_sms,
    print_numeric_code,
    read_contact,
)
from shared.database import uuid7

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EMAIL = ConfirmedChannel("celine@exemple.fr", NOON)
NO_PHONE = ConfirmedChannel(None, None)


@pytest.mark.parametrize(
    ("typed", "contact"),
    [
        (" Celine@Exemple.FR ", (Channel.EMAIL, "celine@exemple.fr")),
        ("celine\uff20exemple.fr", (Channel.EMAIL, "celine@exemple.fr")),
        ("06 39 98 12 34", (Channel.SMS, "+33639981234")),
        ("0033 6 39 98 12 34", (Channel.SMS, "+33639981234")),
        ("+262 692 12 34 56", (Channel.SMS, "+262692123456")),
    ],
)
def test_an_address_or_a_mobile_is_understood(typed: str, contact: tuple[Channel, str]) -> None:
    assert read_contact(typed, takes_phones=True) == contact


@pytest.mark.parametrize("typed", ["", "celine", "03 53 01 00 00", "+44 7700 900123", "+883 5100 1234", "@"])
def test_nothing_else_is_written_to(typed: str) -> None:
    with pytest.raises(ContactMalformed):
        read_contact(typed, takes_phones=True)


def test_without_sms_a_mobile_is_no_contact() -> None:
    with pytest.raises(AddressMalformed):
        read_contact("06 39 98 12 34", takes_phones=False)


@pytest.mark.parametrize(("seconds", "serves"), [(-1, False), (0, True), (1, True)])
def test_a_channel_serves_from_its_instant_on(seconds: int, serves: bool) -> None:
    assert EMAIL.serves(now=NOON + timedelta(seconds=seconds)) is serves


@pytest.mark.parametrize("state", [state for state in AccountState if state is not AccountState.ACTIVE])
def test_only_an_active_account_is_served(state: AccountState) -> None:
    account = account_of(state)

    assert account.address_for(Channel.EMAIL, now=NOON) is None
    assert account.address_to_explain(now=NOON) == "celine@exemple.fr"


def test_an_active_account_is_served_by_what_it_confirmed() -> None:
    account = account_of(AccountState.ACTIVE)

    assert account.address_for(Channel.EMAIL, now=NOON) == "celine@exemple.fr"
    assert account.address_for(Channel.SMS, now=NOON) is None
    assert account.address_to_explain(now=NOON) is None


def test_identifiers_share_an_sms_as_long_as_they_fit() -> None:
    long = ["a." + "b" * 40, "c." + "d" * 40, "e." + "f" * 40]

    assert in_sms(["c.dupont", "j.dupont"]) == (("c.dupont", "j.dupont"),)
    assert in_sms(long) == ((long[0], long[1]), (long[2],))


def test_a_code_is_shown_in_two_groups() -> None:
    assert print_numeric_code("482913") == "482 913"


def account_of(state: AccountState) -> RecoverableAccount:
    return RecoverableAccount(
        AccountId(uuid7()), "c.dupont", "fr", state, EMAIL, NO_PHONE, is_in_the_schools_hands=False
    )
