from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from idp.accounts import service as accounts
from idp.accounts.models import Account, GivenIdentifier
from idp.accounts.rules import AccountId, AccountState, Person, Title
from idp.db import db, transaction

pytestmark = pytest.mark.usefixtures("idp_context")

CELINE = Person(family_name="DUPONT", given_name="Céline", title=Title.MRS)
MARTIN = Person(family_name="MARTIN", given_name="Maël")


def test_a_new_account_is_created_with_its_identifier(now: datetime) -> None:
    with transaction():
        account = accounts.create_account(CELINE, now=now)

    assert (account.identifier, account.state) == ("c.dupont", AccountState.CREATED)
    assert (account.title, account.given_name, account.family_name) == ("MME", "Céline", "DUPONT")
    assert account.password_hash is None


def test_the_second_of_a_name_gets_the_number_two(now: datetime) -> None:
    with transaction():
        accounts.create_account(CELINE, now=now)
        second = accounts.create_account(CELINE, now=now)

    assert second.identifier == "c.dupont2"


def test_five_hundred_of_one_name_at_once_get_the_numbers_in_order(now: datetime) -> None:
    with transaction():
        created = accounts.create_accounts([MARTIN] * 500, now=now)

    assert [account.identifier for account in created] == [
        "m.martin",
        *(f"m.martin{number}" for number in range(2, 501)),
    ]


def test_the_number_of_a_purged_account_is_never_given_again(now: datetime) -> None:
    with transaction():
        accounts.create_accounts([CELINE, CELINE], now=now)
    with transaction() as session:
        session.execute(delete(Account))

    with transaction():
        third = accounts.create_account(CELINE, now=now)

    assert third.identifier == "c.dupont3"


def test_a_number_that_was_left_out_is_the_smallest_never_given(now: datetime) -> None:
    with transaction() as session:
        session.add(GivenIdentifier(identifier="c.dupont2", stem="c.dupont", number=2))

    with transaction():
        created = accounts.create_accounts([CELINE, CELINE], now=now)

    assert [account.identifier for account in created] == ["c.dupont", "c.dupont3"]


def test_an_identifier_taken_under_another_stem_is_passed_over(now: datetime) -> None:
    with transaction() as session:
        session.add(GivenIdentifier(identifier="c.dupont2", stem="c.dupont2", number=1))

    with transaction():
        created = accounts.create_accounts([CELINE, CELINE], now=now)

    assert [account.identifier for account in created] == ["c.dupont", "c.dupont3"]


def test_identifiers_follow_the_order_of_the_persons(now: datetime) -> None:
    with transaction():
        created = accounts.create_accounts([MARTIN, CELINE, MARTIN], now=now)

    assert [account.identifier for account in created] == ["m.martin", "c.dupont", "m.martin2"]


def test_threads_that_want_the_same_identifier_each_get_one(idp_app: Flask, now: datetime) -> None:
    start = Barrier(4)

    def create() -> list[str]:
        with idp_app.app_context():
            start.wait()
            with transaction():
                return [account.identifier for account in accounts.create_accounts([CELINE] * 5, now=now)]

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(create) for _ in range(4)]
        given = [identifier for future in futures for identifier in future.result()]

    assert sorted(given) == sorted(["c.dupont", *(f"c.dupont{number}" for number in range(2, 21))])


def test_a_rolled_back_account_leaves_its_identifier_free(now: datetime) -> None:
    with pytest.raises(ZeroDivisionError):
        _create_then_fail(now)

    assert db.session.scalar(select(func.count()).select_from(GivenIdentifier)) == 0


def test_sign_in_finds_an_account_by_its_identifier(account_id: AccountId) -> None:
    found = accounts.find_by_identifier("c.dupont")

    assert found == accounts.AccountForSignIn(account_id, "c.dupont", AccountState.CREATED, None)
    assert accounts.find_by_identifier("c.dupond") is None


def test_a_state_changes_only_from_the_states_named(account_id: AccountId, now: datetime) -> None:
    with transaction():
        moved = _change(account_id, AccountState.CREATED, AccountState.NOTIFIED, now)
        again = _change(account_id, AccountState.CREATED, AccountState.NOTIFIED, now)

    assert (moved, again) == (True, False)
    assert _account(account_id).state is AccountState.NOTIFIED


def test_an_account_remembers_the_state_it_was_disabled_from(account_id: AccountId, now: datetime) -> None:
    with transaction():
        _change(account_id, AccountState.CREATED, AccountState.DISABLED, now)
        _change(account_id, AccountState.DISABLED, AccountState.MERGED, now)

    assert _account(account_id).previous_state is AccountState.CREATED


def test_becoming_active_notes_when_for_the_first_time_only(account_id: AccountId, now: datetime) -> None:
    with transaction():
        _change(account_id, AccountState.CREATED, AccountState.ACTIVE, now)
        _change(account_id, AccountState.ACTIVE, AccountState.DISABLED, now)
        _change(account_id, AccountState.DISABLED, AccountState.ACTIVE, now.replace(year=now.year + 1))

    assert _account(account_id).activated_at == now


def _create_then_fail(now: datetime) -> None:
    with transaction():
        accounts.create_account(CELINE, now=now)
        raise ZeroDivisionError


def _change(account_id: AccountId, before: AccountState, to: AccountState, now: datetime) -> bool:
    return accounts.change_state(account_id, from_states={before}, to=to, now=now)


def _account(account_id: AccountId) -> Account:
    found = accounts.find_account(account_id)
    assert found is not None
    return found


@pytest.fixture
def account_id(now: datetime) -> AccountId:
    with transaction():
        created = accounts.create_accounts([CELINE], now=now)
    return created[0].account_id
