"""Addresses and numbers that take the place of others, and how that is undone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account, AccountState, ChannelChange
from idp.accounts.rules import AccountChannel, AccountId
from idp.db import db, transaction
from tests.factories import make_account

pytestmark = pytest.mark.usefixtures("idp_context")

OLD, NEW, THIRD = "ancienne@exemple.fr", "nouvelle@exemple.fr", "troisieme@exemple.fr"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_the_address_of_an_activation_serves_recovery_at_once(now: datetime) -> None:
    account_id = make_account(state=AccountState.ACTIVATING, pending_email=NEW)

    with transaction():
        assert accounts.confirm_email(account_id, NEW, now=now)

    assert found(account_id).email_recovers_from == now


def test_a_changed_address_serves_recovery_a_day_later(active: AccountId, now: datetime) -> None:
    changed = change(active, NEW, now=now)

    account = found(active)
    assert (account.email, account.pending_email, account.email_confirmed_at) == (NEW, None, now)
    assert account.email_recovers_from == now + DAY
    assert changed.former_address == OLD


def test_ch_02_only_the_address_that_waits_is_put_in_force(active: AccountId, now: datetime) -> None:
    with transaction():
        accounts.set_pending_email(active, THIRD, now=now)
        assert accounts.change_email(active, NEW, now=now) is None

    assert found(active).email == OLD


@pytest.mark.parametrize(("waited", "is_undone"), [(7 * DAY - SECOND, True), (7 * DAY, False)])
def test_a_change_is_undone_within_seven_days(
    active: AccountId, now: datetime, waited: timedelta, is_undone: bool
) -> None:
    before = found(active).email_recovers_from
    changed = change(active, NEW, now=now)

    with transaction():
        undone = accounts.undo_channel_change(active, changed.change_id, now=now + waited)

    assert (undone is not None) is is_undone
    assert found(active).email == (OLD if is_undone else NEW)
    if is_undone:
        assert found(active).email_recovers_from == before


def test_an_undo_reaches_back_over_later_changes(active: AccountId, now: datetime) -> None:
    """Whoever took the account may change the address twice: the first owner's link still works."""
    first = change(active, NEW, now=now)
    second = change(active, THIRD, now=now + SECOND)

    with transaction():
        assert accounts.undo_channel_change(active, first.change_id, now=now + DAY) is not None
        assert accounts.undo_channel_change(active, second.change_id, now=now + DAY) is None
        assert accounts.undo_channel_change(active, first.change_id, now=now + DAY) is None

    assert found(active).email == OLD


def test_a_change_of_another_account_is_not_undone(active: AccountId, now: datetime) -> None:
    changed = change(active, NEW, now=now)
    other = make_account(state=AccountState.ACTIVE)

    with transaction():
        assert accounts.undo_channel_change(other, changed.change_id, now=now) is None

    assert found(active).email == NEW


def test_a_number_is_changed_removed_and_restored(active: AccountId, now: datetime) -> None:
    with transaction():
        accounts.change_phone(active, "+33639981234", now=now)
    with transaction():
        removed = accounts.change_phone(active, None, now=now + SECOND)
    assert removed is not None
    assert (found(active).phone, found(active).phone_recovers_from) == (None, None)

    with transaction():
        accounts.undo_channel_change(active, removed.change_id, now=now + DAY)

    assert (found(active).phone, found(active).phone_recovers_from) == ("+33639981234", now + DAY)


def test_the_same_number_again_changes_nothing(active: AccountId, now: datetime) -> None:
    with transaction():
        accounts.change_phone(active, "+33639981234", now=now)
        assert accounts.change_phone(active, "+33639981234", now=now) is None


def test_every_recent_change_is_undone_at_once(active: AccountId, now: datetime) -> None:
    change(active, NEW, now=now - 8 * DAY)
    change(active, THIRD, now=now - DAY)
    with transaction():
        accounts.change_phone(active, "+33639981234", now=now - DAY)
        accounts.set_pending_email(active, "quatrieme@exemple.fr", now=now)

    with transaction():
        undone = accounts.undo_recent_changes(active, now=now)

    account = found(active)
    assert {one.channel for one in undone} == set(AccountChannel)
    assert (account.email, account.pending_email, account.phone) == (NEW, None, None)


def test_ch_09_a_closed_account_keeps_its_identifier_and_nothing_that_opens_it(
    active: AccountId, now: datetime
) -> None:
    change(active, NEW, now=now)
    identifier = found(active).identifier

    with transaction():
        assert accounts.close_account(active, now=now)
        assert not accounts.close_account(active, now=now)

    account = found(active)
    assert (account.state, account.closed_at, account.identifier) == (AccountState.DISABLED, now, identifier)
    assert (account.email, account.email_recovers_from, account.phone, account.password_hash) == (None,) * 4
    assert db.session.scalars(select(ChannelChange)).all() == []


@pytest.fixture
def active(idp_app: Flask, now: datetime) -> AccountId:
    return make_account(
        state=AccountState.ACTIVE,
        email=OLD,
        email_confirmed_at=now - 30 * DAY,
        email_recovers_from=now - 30 * DAY,
        password_hash="any",
    )


def change(account_id: AccountId, address: str, *, now: datetime) -> Any:
    with transaction():
        accounts.set_pending_email(account_id, address, now=now)
        changed = accounts.change_email(account_id, address, now=now)
    assert changed is not None
    return changed


def found(account_id: AccountId) -> Account:
    return db.session.get_one(Account, account_id, populate_existing=True)
