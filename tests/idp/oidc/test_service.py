"""The statements alone hold every condition, whatever was checked before them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.oidc import clients, consents, service
from idp.oidc.authentication import Authentication
from idp.oidc.models import AuthorizationCode, Consent
from idp.oidc.registration import ClientMetadata
from idp.oidc.service import AuthorizationCodeRefused, CodeRequest, Redemption
from idp.sessions import service as sessions
from idp.sessions.models import AccountSession
from idp.sessions.rules import OpenedWith
from shared.secrets import new_secret
from tests.conftest import FrozenClock
from tests.relying_party import REDIRECT_URI, make_parent

SCOPES = frozenset({"openid", "profile"})
ASKED = CodeRequest(
    "livret",
    REDIRECT_URI,
    "openid profile",
    nonce=None,
    code_challenge=None,
    authentication=Authentication("an acr", ("pwd",)),
    claims=None,
    consent_scopes=SCOPES,
    consented_since=consents.ANY_TIME,
)


@pytest.fixture
def session_id(idp_context: Flask, clock: FrozenClock) -> UUID:
    """A living session of an active parent; the client is registered."""
    clients.add_client(ClientMetadata("livret", "Livret", (REDIRECT_URI,), "openid"), now=clock.now)
    account_id = make_parent()
    consents.agree(account_id, "livret", SCOPES, now=clock.now)
    with transaction():
        return sessions.open_session(account_id, OpenedWith.CHOSEN, now=clock.now).id


def change(model: Any, **values: Any) -> None:
    with transaction():
        db.session.execute(update(model).values(**values))


def redemption(authorization_code: str, **changes: Any) -> Redemption:
    values = {"client_id": "livret", "redirect_uri": REDIRECT_URI, "code_challenge": None} | changes
    return Redemption(authorization_code=authorization_code, mint=lambda _facts: new_secret(), **values)


def test_a_code_for_a_session_that_holds(session_id: UUID, clock: FrozenClock):
    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is not None


@pytest.mark.parametrize("state", [state for state in AccountState if state is not AccountState.ACTIVE])
def test_none_for_an_account_that_is_not_active(session_id: UUID, clock: FrozenClock, state: AccountState):
    change(Account, state=state)

    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is None


def test_none_for_the_letters_password(session_id: UUID, clock: FrozenClock):
    change(AccountSession, opened_with=OpenedWith.PROVISIONAL)

    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is None


def test_none_for_a_session_that_ended_or_ran_out_or_never_was(session_id: UUID, clock: FrozenClock):
    assert service.issue_authorization_code(ASKED, uuid4(), now=clock.now) is None
    assert service.issue_authorization_code(ASKED, session_id, now=clock.now + timedelta(hours=8)) is None
    change(AccountSession, ended_at=clock.now)
    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is None


def test_none_for_a_client_that_is_disabled_or_unknown(session_id: UUID, clock: FrozenClock):
    unknown = replace(ASKED, client_id="nobody")
    assert service.issue_authorization_code(unknown, session_id, now=clock.now) is None
    clients.disable_client("livret", now=clock.now)
    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is None
    assert db.session.scalars(select(AuthorizationCode.id)).all() == []


def test_none_beyond_what_the_person_agreed_to(session_id: UUID, clock: FrozenClock):
    """Core 3.1.2.4: asked by the very statement that issues (AZ-46)."""
    later = clock.now + timedelta(seconds=1)
    wider = (frozenset({"openid", "children"}), frozenset({"openid", "prof"}), frozenset({"openid", "child"}))
    for scopes in wider:
        asked = replace(ASKED, consent_scopes=scopes)
        assert service.issue_authorization_code(asked, session_id, now=clock.now) is None
    assert (
        service.issue_authorization_code(replace(ASKED, consented_since=later), session_id, now=clock.now)
        is None
    )
    assert service.issue_authorization_code(
        replace(ASKED, consent_scopes=frozenset({"profile"})), session_id, now=clock.now
    )
    change(Consent, revoked_at=clock.now)
    assert service.issue_authorization_code(ASKED, session_id, now=clock.now) is None


def test_a_withdrawn_consent_redeems_and_honours_nothing_even_once_given_again(
    session_id: UUID, clock: FrozenClock
):
    kept = str(service.issue_authorization_code(ASKED, session_id, now=clock.now))
    used = str(service.issue_authorization_code(ASKED, session_id, now=clock.now))
    access_token = service.redeem_authorization_code(redemption(used), now=clock.now).access_token
    consent = db.session.scalars(select(Consent)).one()
    later = clock.now + timedelta(seconds=1)

    consents.withdraw(AccountId(consent.account_id), consent.id, now=clock.now)
    honoured = [service.find_access_token(access_token, now=later)]
    consents.agree(AccountId(consent.account_id), "livret", SCOPES, now=later)
    honoured.append(service.find_access_token(access_token, now=later))

    assert honoured == [None, None]
    with pytest.raises(AuthorizationCodeRefused):
        service.redeem_authorization_code(redemption(kept), now=later)


def test_an_expired_session_redeems_and_honours_nothing(session_id: UUID, clock: FrozenClock):
    kept = service.issue_authorization_code(ASKED, session_id, now=clock.now)
    used = service.issue_authorization_code(ASKED, session_id, now=clock.now)
    access_token = service.redeem_authorization_code(redemption(str(used)), now=clock.now).access_token
    change(AccountSession, expires_at=clock.now)

    with pytest.raises(AuthorizationCodeRefused):
        service.redeem_authorization_code(redemption(str(kept)), now=clock.now)
    assert service.find_access_token(access_token, now=clock.now) is None


def test_a_hot_path_is_few_statements(session_id: UUID, clock: FrozenClock):
    """design 7: one to issue, two to redeem, one to honour; begin and commit beside."""
    statements: list[str] = []

    def listen(*arguments: Any) -> None:
        if not arguments[2].startswith("BEGIN"):
            statements.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        code = service.issue_authorization_code(ASKED, session_id, now=clock.now)
        issued = len(statements)
        tokens = service.redeem_authorization_code(redemption(str(code)), now=clock.now)
        redeemed = len(statements) - issued
        service.find_access_token(tokens.access_token, now=clock.now)
        honoured = len(statements) - issued - redeemed
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)

    assert (issued, redeemed, honoured) == (1, 2, 1)
