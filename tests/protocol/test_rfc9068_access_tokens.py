"""RFC 9068 and RFC 8707: access tokens that say for whom and for what they are, and audiences of opaque ones."""

from typing import Any

import pytest
from flask import Flask
from joserfc import jws

from tests.protocol.test_client_credentials import ask
from tests.protocol.test_rfc7009_revocation import revoke
from tests.protocol.test_rfc7662_introspection import introspect
from tests.relying_party import ALL_SCOPES, ISSUER, REFRESHING, RelyingParty, answer_of

MEALS = "https://cantine.example/api"
OFFLINE = "openid offline_access"


@pytest.fixture
def meals(idp_app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """A resource that this provider knows."""
    settings = idp_app.extensions["settings"]
    known = settings.model_copy(update={"resources": frozenset({MEALS})})
    monkeypatch.setitem(idp_app.extensions, "settings", known)
    return MEALS


@pytest.fixture
def stating(offline_party: RelyingParty, parent: Any) -> RelyingParty:
    """A client that wants access tokens that it can read."""
    party = RelyingParty(offline_party.app, offline_party.clock, client_id="stating")
    party.register(
        scope=f"{ALL_SCOPES} offline_access",
        grant_types=(*REFRESHING, "client_credentials"),
        access_token_format="jwt",
    )
    party.sign_in(parent)
    return party


def type_of(token: str) -> object:
    return jws.extract_compact(token.encode()).headers()["typ"]


def test_a_signed_access_token(stating: RelyingParty):
    """RFC 9068 2.1, 2.2."""
    tokens = stating.tokens(scope=OFFLINE)
    now = int(stating.clock.now.timestamp())

    claims = stating.read_id_token(tokens["access_token"])

    assert type_of(tokens["access_token"]) == "at+jwt"
    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER,
        "sub": stating.read_id_token(tokens["id_token"])["sub"],
        "aud": ISSUER,
        "client_id": "stating",
        "exp": now + 600,
        "iat": now,
        "auth_time": now,
        "scope": OFFLINE,
    }


def test_it_works_and_ends_like_any_other(stating: RelyingParty):
    tokens = stating.tokens(scope=OFFLINE)
    assert stating.userinfo(tokens["access_token"]).status_code == 200
    assert introspect(stating, tokens["access_token"]).json["active"] is True

    revoke(stating, tokens["access_token"])

    assert stating.userinfo(tokens["access_token"]).status_code == 401
    assert introspect(stating, tokens["access_token"]).json == {"active": False}


def test_each_is_another(stating: RelyingParty):
    first, second = stating.tokens(scope=OFFLINE), stating.tokens(scope=OFFLINE)
    third = stating.refresh(first["refresh_token"]).json

    assert len({answer["access_token"] for answer in (first, second, third)}) == 3
    assert type_of(third["access_token"]) == "at+jwt"


def test_a_clients_own_speaks_of_the_client(stating: RelyingParty, meals: str):
    claims = stating.read_id_token(ask(stating, resource=meals).json["access_token"])

    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("stating", "stating", meals)
    assert "auth_time" not in claims
    assert "scope" not in claims


def test_at_01_no_kind_of_token_is_taken_for_another(stating: RelyingParty, party: RelyingParty):
    tokens = stating.tokens(scope=OFFLINE)

    assert stating.userinfo(tokens["id_token"]).status_code == 401
    hint = {"id_token_hint": tokens["access_token"], "client_id": "stating"}
    assert stating.browser.get("/oauth/end_session", query_string=hint).status_code == 400


def test_at_05_a_token_for_another_resource_opens_nothing_here(offline_party: RelyingParty, meals: str):
    """RFC 8707 2."""
    tokens = offline_party.tokens(scope=OFFLINE, resource=meals)

    response = offline_party.userinfo(tokens["access_token"])

    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert introspect(offline_party, tokens["access_token"]).json["aud"] == meals
    again = offline_party.refresh(tokens["refresh_token"], resource=meals).json
    assert introspect(offline_party, again["access_token"]).json["aud"] == meals


def test_a_signed_one_names_its_resource(stating: RelyingParty, meals: str):
    tokens = stating.tokens(scope=OFFLINE, resource=meals)

    assert stating.read_id_token(tokens["access_token"])["aud"] == meals
    assert stating.read_id_token(tokens["id_token"])["aud"] == "stating"


@pytest.mark.parametrize("resource", ["https://unknown.example", MEALS + "/", MEALS + "#x", "x", ISSUER])
def test_an_unknown_resource_is_refused_to_the_client(offline_party: RelyingParty, meals: str, resource: str):
    assert answer_of(offline_party.authorize(resource=resource))["error"] == "invalid_target"


@pytest.mark.parametrize("others", [[ISSUER], ["https://unknown.example"], ["", ISSUER, ISSUER], ["x y"]])
def test_a_token_for_several_resources_is_refused_to_the_client(
    offline_party: RelyingParty, meals: str, others: list[str]
):
    """RFC 8707 2, ADR 0027: the request is well formed, so the client is told; nothing is used up."""
    resources = [("resource", one) for one in (meals, *others)]
    pairs = [*offline_party.request().items(), *resources]
    asked = offline_party.browser.get("/oauth/authorize", query_string=pairs)
    code = offline_party.authorization_code(resource=meals)

    assert answer_of(asked)["error"] == "invalid_target"
    refused = offline_party.redeem(code, resource=[one for _, one in resources])
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_target")
    assert "access_token" in offline_party.redeem(code, resource=[meals, meals]).json


def test_the_token_endpoint_gives_no_other_resource(offline_party: RelyingParty, meals: str):
    """RFC 8707 2.2; nothing is used up by the refusal."""
    code = offline_party.authorization_code(scope=OFFLINE)
    for resource in (meals, "https://unknown.example"):
        response = offline_party.redeem(code, resource=resource)
        assert (response.status_code, response.json["error"]) == (400, "invalid_target")
    tokens = offline_party.redeem(code).json
    assert "access_token" in tokens

    response = offline_party.refresh(tokens["refresh_token"], resource=meals)
    assert (response.status_code, response.json["error"]) == (400, "invalid_target")
    offline_party.clock.advance(seconds=30)
    assert offline_party.refresh(tokens["refresh_token"]).status_code == 200


def test_an_unknown_resource_of_a_clients_own(stating: RelyingParty, meals: str):
    response = ask(stating, resource="https://unknown.example")

    assert (response.status_code, response.json["error"]) == (400, "invalid_target")
