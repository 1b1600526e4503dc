"""Accounts without a child: when they are disabled, and how they come back."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import dormancy
from idp.families import service as families
from idp.families.models import Link, LinkEnder, LinkState
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from tests.conftest import FrozenClock
from tests.factories import make_account, make_child, make_link
from tests.killing import run_until_killed

YEAR = timedelta(days=365)
BEFORE = timedelta(days=800)


def test_a_year_to_the_second_after_the_last_child_left_it_is_disabled(
    idp_context: Flask, now: datetime
) -> None:
    account_id = without_child(now, AccountState.ACTIVE, ended_at=now - YEAR + timedelta(seconds=1))

    assert disable(now) == 0
    assert disable(now + timedelta(seconds=1)) == 1

    assert states_of(account_id) == (AccountState.DISABLED, AccountState.ACTIVE)
    assert entries() == ["family:account:unlinked"]


@pytest.mark.parametrize("state", [AccountState.CREATED, AccountState.NOTIFIED, AccountState.ACTIVATING])
def test_it_is_so_from_every_state(idp_context: Flask, now: datetime, state: AccountState) -> None:
    account_id = without_child(now, state, ended_at=now - YEAR)

    assert (disable(now), states_of(account_id)) == (1, (AccountState.DISABLED, state))


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MERGED])
def test_who_is_suspended_already_stays_as_they_are(
    idp_context: Flask, now: datetime, state: AccountState
) -> None:
    account_id = without_child(now, state, ended_at=now - YEAR)

    assert (disable(now), states_of(account_id)) == (0, (state, None))


def test_a_child_who_left_the_school_is_still_a_child_of_the_account(
    idp_context: Flask, now: datetime
) -> None:
    account_id = make_account(state=AccountState.ACTIVE, created_at=now - BEFORE)
    make_link(account_id, make_child(left_at=now - BEFORE))

    assert disable(now) == 0


def test_a_new_account_without_any_child_has_its_year_too(idp_context: Flask, now: datetime) -> None:
    make_account(created_at=now - YEAR + timedelta(seconds=1))
    make_account(created_at=now - YEAR)

    assert disable(now) == 1


def test_its_sessions_end(idp_context: Flask, now: datetime) -> None:
    account_id = without_child(now, AccountState.ACTIVE, ended_at=now - YEAR)
    with transaction():
        opened = sessions.open_session(account_id, OpenedWith.CHOSEN, now=now)

    disable(now)

    assert sessions.find_session(opened.session_id, now=now) is None


def test_a_link_that_the_school_gives_back_gives_the_account_back(idp_context: Flask, now: datetime) -> None:
    account_id = without_child(now, AccountState.ACTIVE, ended_at=now - YEAR)
    disable(now)
    link = db.session.scalars(select(Link).where(Link.account_id == account_id)).one()

    with transaction():
        families.restore_link(account_id, link.id, now=now)

    assert states_of(account_id) == (AccountState.ACTIVE, None)
    assert entries()[-1] == "family:account:linked_again"


def test_an_account_disabled_for_another_reason_is_not_woken_by_a_link(
    idp_context: Flask, now: datetime
) -> None:
    """Security: nothing but whoever disabled it enables it again."""
    account_id = make_account(state=AccountState.DISABLED, previous_state=AccountState.ACTIVE)
    make_link(account_id, make_child())

    with transaction():
        assert dormancy.wake([account_id], now=now) == dormancy.wake(now=now) == 0

    assert states_of(account_id) == (AccountState.DISABLED, AccountState.ACTIVE)


def test_killed_anywhere_an_account_is_disabled_whole_or_not_at_all(
    idp_app: Flask, clock: FrozenClock
) -> None:
    with idp_app.app_context():
        account_ids = [
            without_child(clock.now, AccountState.ACTIVE, ended_at=clock.now - YEAR) for _ in range(2)
        ]

    def act() -> None:
        with idp_app.app_context():
            disable(clock.now)

    point, is_killed = 0, True
    while is_killed:
        point += 1
        is_killed = run_until_killed(idp_app, act, before=point).is_killed
        with idp_app.app_context():
            states = {states_of(account_id)[0] for account_id in account_ids}
            assert len(entries()) == (2 if states == {AccountState.DISABLED} else 0)
            assert len(states) == 1
    assert states == {AccountState.DISABLED}


def without_child(now: datetime, state: AccountState, *, ended_at: datetime) -> AccountId:
    account_id = make_account(state=state, created_at=now - BEFORE)
    make_link(
        account_id, make_child(), state=LinkState.DETACHED, ended_at=ended_at, ended_by=LinkEnder.ROSTER
    )
    return account_id


def disable(now: datetime) -> int:
    counted = dormancy.count_dormant(now=now)
    with transaction():
        disabled = dormancy.disable_dormant(10, now=now)
    assert counted == disabled
    return disabled


def states_of(account_id: AccountId) -> tuple[AccountState, AccountState | None]:
    account = db.session.get_one(Account, account_id, populate_existing=True)
    return account.state, account.previous_state


def entries() -> list[str]:
    names = (
        select(AuditEntry.name)
        .where(AuditEntry.name.startswith("family:account"))
        .order_by(AuditEntry.recorded_at, AuditEntry.id)
    )
    return list(db.session.scalars(names))
