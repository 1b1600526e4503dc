"""What is kept of a consent, also when the page is sent twice at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging.models import OutboxMessage
from idp.oidc import clients, consents
from idp.oidc.events import ConsentGiven
from idp.oidc.models import Consent
from idp.oidc.registration import ClientMetadata
from tests.conftest import FrozenClock
from tests.relying_party import REDIRECT_URI, make_parent


@pytest.fixture
def account_id(idp_context: Flask, clock: FrozenClock) -> AccountId:
    clients.add_client(ClientMetadata("livret", "Livret", (REDIRECT_URI,), "openid"), now=clock.now)
    return make_parent()


def kept() -> Consent:
    db.session.rollback()
    return db.session.scalars(select(Consent)).one()


def test_it_is_widened_and_says_since_when(account_id: AccountId, clock: FrozenClock):
    first = clock.now
    consents.agree(account_id, "livret", {"openid", "children"}, now=first)
    consents.agree(account_id, "livret", {"openid", "email"}, now=first + timedelta(days=1))

    assert kept().scope == "children email openid"
    assert (kept().since, kept().granted_at) == (first, first + timedelta(days=1))


def test_given_again_after_a_withdrawal_it_begins_anew(account_id: AccountId, clock: FrozenClock):
    consents.agree(account_id, "livret", {"openid", "children"}, now=clock.now)
    consents.withdraw(account_id, kept().id, now=clock.now)
    later = clock.now + timedelta(days=1)

    consents.agree(account_id, "livret", {"openid"}, now=later)

    assert (kept().scope, kept().since, kept().revoked_at) == ("openid", later, None)


def told() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxMessage.template)))


def test_the_person_is_told_once_of_a_service_that_had_no_access(account_id: AccountId, clock: FrozenClock):
    consents.agree(account_id, "livret", {"openid"}, now=clock.now)
    consents.agree(account_id, "livret", {"openid", "email"}, now=clock.advance(minutes=1))
    assert told() == ["notices/new_service"]

    consents.withdraw(account_id, kept().id, now=clock.advance(minutes=1))
    consents.agree(account_id, "livret", {"openid"}, now=clock.advance(minutes=1))
    assert told() == ["notices/new_service"] * 2


def test_the_operator_s_own_service_is_no_news(idp_context: Flask, clock: FrozenClock):
    own = ClientMetadata("own", "Livret", (REDIRECT_URI,), "openid", first_party=True)
    clients.add_client(own, now=clock.now)

    consents.agree(make_parent(), "own", {"openid"}, now=clock.now)
    assert told() == []


def test_one_name_never_stands_for_another(account_id: AccountId, clock: FrozenClock):
    consents.agree(account_id, "livret", {"openid", "children.ine", "offline_access"}, now=clock.now)

    assert consents.is_agreed(account_id, "livret", {"children.ine", "openid"})
    for scopes in ({"children"}, {"ine"}, {"children.birthdate"}, {"openid", "email"}, {"offline"}):
        assert not consents.is_agreed(account_id, "livret", scopes), scopes


def test_the_page_sent_many_times_at_once_keeps_one_consent(
    idp_app: Flask, account_id: AccountId, clock: FrozenClock
):
    names = ["openid", "profile", "email", "phone", "children", "children.ine"]
    together = threading.Barrier(len(names))

    def send(scope: str) -> None:
        with idp_app.app_context():
            together.wait()
            consents.agree(account_id, "livret", {scope}, now=clock.now)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(send, names))

    assert set(kept().scope.split()) == set(names)
    assert (
        len(db.session.scalars(select(AuditEntry.id).where(AuditEntry.name == ConsentGiven.name)).all()) == 6
    )
