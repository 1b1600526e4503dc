"""OpenID Connect Core 8.1: a subject is one account's for ever, and no other's."""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.db import db, transaction
from idp.roster.service import RosterOrder, import_roster
from tests.conftest import FrozenClock
from tests.factories import LONG_AGO
from tests.idp.roster.files import GuardianLine, PupilLine, guardians_file, pupils_file
from tests.relying_party import RelyingParty

SCHOOL, EMAIL = "0990001N", "celine@exemple.example"
CHILD = PupilLine("Léa", "DUPONT", ine="123456789AB")
GUARDIAN = GuardianLine(
    [CHILD], "Céline", "DUPONT", street="3 rue Haute", email=EMAIL, mobile="06 39 98 00 01"
)


def bring(*guardians: GuardianLine, now: datetime) -> None:
    order = RosterOrder(SCHOOL, pupils_file(CHILD), guardians_file(*guardians))
    import_roster(order, mass_departure_percent=40, now=now)


def activate(account_id: AccountId) -> None:
    with transaction():
        db.session.execute(
            update(Account)
            .where(Account.id == account_id)
            .values(
                state=AccountState.ACTIVE,
                email=EMAIL,
                email_confirmed_at=LONG_AGO,
                password_changed_at=LONG_AGO,
                activated_at=LONG_AGO,
            )
        )


def open_account() -> AccountId:
    return AccountId(db.session.scalars(select(Account.id).where(Account.closed_at.is_(None))).one())


def told(party: RelyingParty, account_id: AccountId) -> dict[str, Any]:
    party.sign_in(account_id)
    return party.read_id_token(party.tokens(scope="openid email children")["id_token"])


@pytest.mark.parametrize("imports", [1, 2])
def test_at_12_who_closes_an_account_and_opens_another_is_somebody_else_to_services(
    idp_app: Flask, party: RelyingParty, clock: FrozenClock, imports: int
):
    """The same person by the same school, with the same address: a new subject, and the child is the same."""
    with idp_app.app_context():
        bring(GUARDIAN, now=clock.now)
        former = open_account()
        activate(former)
    before = told(party, former)
    with idp_app.app_context():
        with transaction():
            assert accounts.close_account(former, now=clock.now)
        for _ in range(imports):
            bring(GUARDIAN, now=clock.advance(days=1))
        later = open_account()
        activate(later)

    after = told(party, later)

    assert later != former
    assert after["sub"] != before["sub"]
    assert after["sid"] != before["sid"]
    assert after["children"] == before["children"]
    assert len(after["children"]) == 1
