"""Two accounts become one: services see the new list at the next token, and the closed account's tokens are dead."""

from uuid import UUID

import pytest
from flask import Flask

from idp.accounts.rules import AccountId
from idp.attachment import service as attachment
from idp.db import db
from idp.families.models import AccountMerge
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession
from tests.factories import make_child, make_link
from tests.relying_party import (
    ALL_SCOPES,
    REFRESHING,
    RelyingParty,
    answer_of,
    basic,
    is_sent_to_sign_in,
    make_parent,
)

PASSWORD = "Romarin77"
SCOPE = "openid children children.ine offline_access"


@pytest.fixture
def kept(idp_app: Flask, parent: AccountId) -> AccountId:
    """The account to keep, with Léa."""
    with idp_app.app_context():
        make_link(parent, make_child(given_name="Léa", ine="123456789AB"))
    return parent


@pytest.fixture
def other(idp_app: Flask) -> AccountId:
    """The same person's other account, with Zoé."""
    with idp_app.app_context():
        account_id = make_parent(password_hash=passwords.hash_password(PASSWORD), identifier="c.other")
        make_link(account_id, make_child(given_name="Zoé", ine="987654321CD"))
    return account_id


@pytest.fixture
def kept_party(offline_party: RelyingParty, kept: AccountId) -> RelyingParty:
    """A service that the kept account's browser is signed in at."""
    return offline_party


@pytest.fixture
def other_party(idp_app: Flask, kept_party: RelyingParty, other: AccountId) -> RelyingParty:
    """Another service, that the other account's browser is signed in at."""
    party = RelyingParty(idp_app, kept_party.clock, client_id="other-service")
    party.register(scope=f"{ALL_SCOPES} offline_access", grant_types=REFRESHING)
    party.sign_in(other)
    return party


def names(party: RelyingParty, tokens: dict[str, str]) -> list[str]:
    """The children of an ID token, which userinfo names too."""
    told = party.read_id_token(tokens["id_token"])["children"]
    assert party.userinfo(tokens["access_token"]).json["children"] == told
    return [child["given_name"] for child in told]


def test_every_service_sees_the_new_list_at_the_next_token_and_at_once_in_userinfo(
    kept_party: RelyingParty, other: AccountId
):
    tokens = kept_party.tokens(scope=SCOPE)
    assert names(kept_party, tokens) == ["Léa"]

    attach(kept_party)

    assert names(kept_party, kept_party.refresh(tokens["refresh_token"]).json) == ["Léa", "Zoé"]
    assert names(kept_party, kept_party.tokens(scope=SCOPE)) == ["Léa", "Zoé"]
    silent = kept_party.redeem(answer_of(kept_party.authorize(scope=SCOPE, prompt="none"))["code"]).json
    assert names(kept_party, silent) == ["Léa", "Zoé"]
    seen = kept_party.userinfo(tokens["access_token"]).json["children"]
    assert [child["given_name"] for child in seen] == ["Léa", "Zoé"]


def test_a_child_keeps_its_identifier_at_a_service_whichever_account_names_it(
    kept_party: RelyingParty, other: AccountId
):
    other_browser = RelyingParty(kept_party.app, kept_party.clock, client_id=kept_party.client_id)
    other_browser.secret = kept_party.secret
    other_browser.sign_in(other)
    before = other_browser.read_id_token(other_browser.tokens(scope=SCOPE)["id_token"])["children"][0]["sub"]

    attach(kept_party)

    after = kept_party.read_id_token(kept_party.tokens(scope=SCOPE)["id_token"])["children"]
    assert {child["given_name"]: child["sub"] for child in after}["Zoé"] == before


def test_all_that_the_closed_account_had_is_refused_at_once(
    kept_party: RelyingParty, other_party: RelyingParty
):
    tokens = other_party.tokens(scope=SCOPE)
    authorization_code = other_party.authorization_code(scope=SCOPE)

    attach(kept_party)

    assert all_is_refused(other_party, tokens, authorization_code)


def test_an_undo_gives_back_the_list_but_no_session_and_no_token(
    kept_party: RelyingParty, other_party: RelyingParty, other: AccountId
):
    dead = other_party.tokens(scope=SCOPE)
    authorization_code = other_party.authorization_code(scope=SCOPE)
    session = attach(kept_party)
    tokens = kept_party.tokens(scope=SCOPE)

    with kept_party.app.app_context():
        merge_id = db.session.scalars(db.select(AccountMerge.id)).one()
        attachment.undo_attach(session, UUID(str(merge_id)), now=kept_party.clock.now)

    assert names(kept_party, kept_party.refresh(tokens["refresh_token"]).json) == ["Léa"]
    assert all_is_refused(other_party, dead, authorization_code)
    other_party.sign_in(other)
    assert names(other_party, other_party.tokens(scope=SCOPE)) == ["Zoé"]


def all_is_refused(party: RelyingParty, tokens: dict[str, str], authorization_code: str) -> bool:
    """Session, code, access token, refresh token, userinfo, introspection (design 4.5)."""
    assert is_sent_to_sign_in(party.authorize(scope=SCOPE))
    assert answer_of(party.authorize(scope=SCOPE, prompt="none"))["error"] == "login_required"
    assert party.redeem(authorization_code).json["error"] == "invalid_grant"
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    for name in ("access_token", "refresh_token"):
        inspected = party.browser.post(
            "/oauth/introspect",
            data={"token": tokens[name]},
            headers=basic(party.client_id, party.secret or ""),
        )
        assert inspected.json == {"active": False}
    return True


def attach(party: RelyingParty) -> CurrentSession:
    """Attach the other account to the one signed in in the party's browser."""
    now = party.clock.now
    cookie = party.browser.get_cookie("__Host-idp_session", domain="compte.example")
    assert cookie is not None
    with party.app.app_context():
        session = sessions.find_session(cookie.value, now=now)
        assert session is not None
        sealed = attachment.prove_couple(session, ("c.other", PASSWORD), network="192.0.2.0/24", now=now)
        attachment.attach(session, sealed, now=now)
    return session
