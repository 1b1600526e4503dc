"""RFC 7662, RFC 9701: what a client's own token stands for; nothing of anybody else's."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conftest import browser_at
from tests.relying_party import ISSUER, REFRESHING, RelyingParty, basic

OFFLINE = "openid profile offline_access"
SIGNED = "application/token-introspection+jwt"
INACTIVE = {"active": False}


def introspect(party: RelyingParty, token: str, headers: Any = None, **kwargs: Any) -> Any:
    proof = basic(party.client_id, party.secret or "")
    return browser_at(party.app, ISSUER).post(
        "/oauth/introspect", data={"token": token} | kwargs, headers=proof | (headers or {})
    )


def test_a_living_access_token(offline_party: RelyingParty):
    tokens = offline_party.tokens(scope=OFFLINE)
    now = int(offline_party.clock.now.timestamp())

    response = introspect(offline_party, tokens["access_token"])

    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == {
        "active": True,
        "iss": ISSUER,
        "client_id": "offline",
        "sub": offline_party.read_id_token(tokens["id_token"])["sub"],
        "aud": ISSUER,
        "iat": now,
        "exp": now + 600,
        "scope": OFFLINE,
        "token_type": "Bearer",
    }


def test_a_living_refresh_token(offline_party: RelyingParty):
    tokens = offline_party.tokens(scope=OFFLINE)
    now = int(offline_party.clock.now.timestamp())

    answer = introspect(offline_party, tokens["refresh_token"], token_type_hint="access_token").json

    assert (answer["active"], answer["exp"]) == (True, now + 30 * 86400)
    assert "token_type" not in answer


def test_what_does_not_work_is_inactive_without_a_word_more(offline_party: RelyingParty):
    tokens = offline_party.tokens(scope=OFFLINE)
    newer = offline_party.refresh(tokens["refresh_token"]).json

    for token in (tokens["refresh_token"], tokens["id_token"], "unknown", "a" * 43):
        assert introspect(offline_party, token).json == INACTIVE
    offline_party.clock.advance(minutes=10)
    assert introspect(offline_party, newer["access_token"]).json == INACTIVE


def test_what_ended_is_inactive(party: RelyingParty, parent: Any):
    from idp.db import transaction
    from idp.sessions import service as sessions
    from idp.sessions.rules import SessionEndReason

    access_token = party.tokens()["access_token"]
    assert introspect(party, access_token).json["active"] is True
    with party.app.app_context(), transaction():
        sessions.end_all_sessions(parent, SessionEndReason.SIGNED_OUT, now=party.clock.now)

    assert introspect(party, access_token).json == INACTIVE


def test_at_09_another_client_learns_nothing(offline_party: RelyingParty):
    other = RelyingParty(offline_party.app, offline_party.clock, client_id="other").register(
        scope=OFFLINE, grant_types=REFRESHING
    )
    tokens = offline_party.tokens(scope=OFFLINE)

    for name in ("access_token", "refresh_token"):
        assert introspect(other, tokens[name]).json == INACTIVE


def test_at_09_nobody_learns_anything(party: RelyingParty, parent: object):
    access_token = party.tokens()["access_token"]
    public = RelyingParty(party.app, party.clock, client_id="public").register(
        token_endpoint_auth_method="none"
    )
    anonymous = browser_at(party.app, ISSUER)

    for data, headers in (
        ({"token": access_token}, {}),
        ({"token": access_token, "client_id": party.client_id}, {}),
        ({"token": access_token, "client_id": public.client_id}, {}),
        ({"token": access_token}, basic(party.client_id, "wrong")),
    ):
        response = anonymous.post("/oauth/introspect", data=data, headers=headers)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")


def test_a_signed_answer(party: RelyingParty, parent: object):
    """RFC 9701 5: for the one that asked, of a type of its own."""
    access_token = party.tokens()["access_token"]
    plain = introspect(party, access_token).json

    response = introspect(party, access_token, {"Accept": SIGNED})

    assert response.mimetype == SIGNED
    jwks = json.loads(party.browser.get("/oauth/jwks").text)
    read = jwt.decode(response.text, KeySet.import_key_set(jwks), algorithms=["RS256"])
    assert read.header["typ"] == "token-introspection+jwt"
    assert read.header["kid"]
    assert read.claims == {
        "iss": ISSUER,
        "aud": party.client_id,
        "iat": int(party.clock.now.timestamp()),
        "token_introspection": plain,
    }
    unknown = introspect(party, "unknown", {"Accept": SIGNED}).text
    assert party.read_id_token(unknown)["token_introspection"] == INACTIVE


def test_a_signed_answer_is_no_hint_of_an_id_token(party: RelyingParty, parent: object):
    signed = introspect(party, party.tokens()["access_token"], {"Accept": SIGNED}).text

    response = party.browser.get("/oauth/end_session", query_string={"id_token_hint": signed})

    assert response.status_code == 400


@pytest.mark.parametrize("data", [{}, {"token": ["x", "x"]}, {"token": "é"}])
def test_a_malformed_request_is_refused(party: RelyingParty, data: dict[str, Any]):
    response = browser_at(party.app, ISSUER).post(
        "/oauth/introspect", data=data, headers=basic(party.client_id, party.secret or "")
    )

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_nothing_counts_in_the_query_string(party: RelyingParty):
    header = basic(party.client_id, party.secret or "")

    response = browser_at(party.app, ISSUER).post(
        "/oauth/introspect", query_string={"token": "x"}, data={"token": "x"}, headers=header
    )

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
