"""OpenID Connect Core 5.3, RFC 6750: the token in the header or the body, and what it opens."""

import io
import logging
from typing import Any

import pytest
from joserfc import jws
from sqlalchemy import update

from idp.accounts.models import Account
from idp.db import db, transaction
from shared.logging import configure_logging
from tests.conftest import browser_at
from tests.relying_party import ISSUER, RelyingParty


def ask(party: RelyingParty, method: str = "get", **kwargs: Any) -> Any:
    return getattr(browser_at(party.app, ISSUER), method)("/oauth/userinfo", **kwargs)


def bearer(access_token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {access_token}"}


def test_get_post_header_and_post_body(party: RelyingParty, parent: object):
    """oidc U1, U2, U3."""
    tokens = party.tokens(scope="openid profile email phone")
    access_token = tokens["access_token"]

    answers = [
        ask(party, headers=bearer(access_token)),
        ask(party, headers=bearer(access_token, "bearer")),
        ask(party, "post", headers=bearer(access_token)),
        ask(party, "post", data={"access_token": access_token}),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json == answers[0].json for answer in answers)
    assert answers[0].json["sub"] == party.read_id_token(tokens["id_token"])["sub"]
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_types_and_truth(party: RelyingParty, parent: object):
    """oidc U4: no null, no empty string; a number where one is due; an unconfirmed address is not told."""
    answer = party.userinfo(party.tokens(scope="openid profile email phone")["access_token"]).json

    assert answer["name"] == "Céline L’HÉNORET"
    assert answer["email_verified"] is True
    assert isinstance(answer["updated_at"], int)
    assert "phone_number" not in answer
    assert all(value not in (None, "") for value in answer.values())


def test_an_unconfirmed_address_is_not_told(party: RelyingParty, parent: object):
    access_token = party.tokens(scope="openid email phone")["access_token"]
    with party.app.app_context(), transaction():
        db.session.execute(update(Account).values(email_confirmed_at=None, phone="+33639981234"))

    assert set(party.userinfo(access_token).json) == {"sub"}


def test_a_usage_name_is_the_name_shown(party: RelyingParty, parent: object):
    access_token = party.tokens(scope="openid profile")["access_token"]
    with party.app.app_context(), transaction():
        db.session.execute(update(Account).values(usage_name="D’ARC", given_name=""))

    answer = party.userinfo(access_token).json
    assert (answer["name"], answer["family_name"]) == ("D’ARC", "D’ARC")
    assert "given_name" not in answer


def test_no_token_gets_a_bare_challenge(party: RelyingParty):
    """RFC 6750 3.1: nothing but the scheme for who sent none."""
    response = ask(party)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "error" not in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("value", ["x", "a" * 43, "é", "'", "a" * 5000, "a b", "null"])
def test_an_unknown_token_is_refused(party: RelyingParty, value: str):
    """oidc U7."""
    response = ask(party, headers=bearer(value))

    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert value not in response.headers["WWW-Authenticate"].split()


def test_at_05_an_old_token_is_refused(party: RelyingParty, parent: object):
    access_token = party.tokens()["access_token"]
    party.clock.advance(seconds=599)
    assert party.userinfo(access_token).status_code == 200
    party.clock.advance(seconds=1)

    assert party.userinfo(access_token).status_code == 401


def test_two_ways_at_once_are_refused(party: RelyingParty, parent: object):
    access_token = party.tokens()["access_token"]

    for response in (
        ask(party, "post", headers=bearer(access_token), data={"access_token": access_token}),
        ask(party, "post", query_string={"access_token": access_token}, data={"access_token": access_token}),
        ask(party, "post", query_string={"access_token": access_token}, headers=bearer(access_token)),
        ask(party, "post", data={"access_token": [access_token, access_token]}),
    ):
        assert response.status_code == 400
        assert response.json["error"] == "invalid_request"


def test_at_03_a_token_in_the_address_is_none_and_is_not_logged(
    party: RelyingParty, parent: object, monkeypatch: pytest.MonkeyPatch
):
    """RFC 6750 2.3, RFC 9700 4.3.2: it would stand in logs and histories."""
    access_token = party.tokens()["access_token"]
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("DEBUG")
    try:
        answers = [
            ask(party, method, query_string={"access_token": access_token}) for method in ("get", "post")
        ]
    finally:
        root.handlers = handlers
        root.setLevel(level)

    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("error" not in answer.headers["WWW-Authenticate"] for answer in answers)
    assert "/oauth/userinfo" in stream.getvalue()
    assert access_token not in stream.getvalue()


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Basic x", "x", "Bearer\tx", "bearer  "])
def test_a_malformed_header_opens_nothing(party: RelyingParty, authorization: str):
    assert ask(party, headers={"Authorization": authorization}).status_code in {400, 401}


def test_a_body_that_is_no_form_is_not_read(party: RelyingParty, parent: object):
    access_token = party.tokens()["access_token"]

    response = ask(party, "post", json={"access_token": access_token})

    assert response.status_code == 401


def test_a_signed_answer_for_a_client_that_wants_it(party: RelyingParty, parent: Any):
    """oidc U6; Core 5.3.2."""
    signed = RelyingParty(party.app, party.clock, client_id="signed")
    signed.register(userinfo_signed_response_alg="RS256")
    signed.sign_in(parent)
    tokens = signed.tokens(scope="openid profile children")

    response = signed.userinfo(tokens["access_token"])

    assert response.mimetype == "application/jwt"
    assert response.headers["Cache-Control"] == "no-store"
    claims = signed.read_id_token(response.text)
    assert (claims["iss"], claims["aud"]) == (ISSUER, "signed")
    assert claims["sub"] == signed.read_id_token(tokens["id_token"])["sub"]
    assert (claims["name"], claims["children"]) == ("Céline L’HÉNORET", [])
    assert "nonce" not in claims
    assert jws.extract_compact(response.data).headers()["kid"]


def test_a_signed_answer_is_no_hint_of_an_id_token(party: RelyingParty, parent: Any):
    signed = RelyingParty(party.app, party.clock, client_id="signed")
    signed.register(userinfo_signed_response_alg="RS256")
    signed.sign_in(parent)
    answer = signed.userinfo(signed.tokens()["access_token"]).text

    response = signed.browser.get("/oauth/end_session", query_string={"id_token_hint": answer})

    assert response.status_code == 400
