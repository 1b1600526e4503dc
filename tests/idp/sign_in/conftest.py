"""People who sign in: one of each kind."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.db import db, transaction
from idp.passwords import service as passwords
from tests.conftest import FrozenClock
from tests.factories import make_account, make_child, make_link

CHOSEN = "Kx7mPq2w"
UNKNOWN = "x.personne"


@dataclass(frozen=True, slots=True)
class Person:
    """An account with what its holder knows; `letter` is the provisional password, dead or alive."""

    account_id: AccountId
    identifier: str
    letter: str = ""


class People:
    """Makes people, each act in an application context of its own, as requests have."""

    def __init__(self, app: Flask, clock: FrozenClock) -> None:
        self._app, self._clock = app, clock

    def of_state(self, state: AccountState, **values: Any) -> Person:
        """With a chosen password unless the state comes before one."""
        early = state in {AccountState.CREATED, AccountState.NOTIFIED}
        with self._app.app_context():
            hashed = None if early else passwords.hash_password(CHOSEN)
            account_id = make_account(**{"state": state, "password_hash": hashed} | values)
            make_link(account_id, make_child())
            identifier = db.session.scalars(select(Account.identifier).where(Account.id == account_id)).one()
        return Person(account_id, identifier)

    def active(self) -> Person:
        """Activated, with CHOSEN."""
        return self.of_state(AccountState.ACTIVE)

    def with_letter(self, state: AccountState = AccountState.NOTIFIED) -> Person:
        """With a letter in hand."""
        person = self.of_state(state)
        with self._app.app_context(), transaction():
            letter = passwords.issue_provisional_password(person.account_id, now=self._clock.now)
        return Person(person.account_id, person.identifier, letter.provisional_password)

    def reissue(self, person: Person) -> Person:
        """The same person with a newer letter."""
        with self._app.app_context(), transaction():
            letter = passwords.reissue_provisional_password(person.account_id, now=self._clock.now)
        return Person(person.account_id, person.identifier, letter.provisional_password)

    def use_letter(self, person: Person) -> None:
        """As when the activation form is accepted."""
        with self._app.app_context(), transaction():
            passwords.consume_provisional_password(person.account_id, 1, now=self._clock.now)


@pytest.fixture
def people(idp_app: Flask, clock: FrozenClock) -> People:
    return People(idp_app, clock)
