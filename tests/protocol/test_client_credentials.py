"""RFC 6749 4.4: a client's own token, which opens nothing of a person."""

from typing import Any

import pytest
from flask import Flask

from idp.oidc import clients
from tests.conftest import FrozenClock, browser_at
from tests.protocol.test_rfc7662_introspection import introspect
from tests.relying_party import ISSUER, RelyingParty


@pytest.fixture
def machine(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    """A client without people."""
    return RelyingParty(idp_app, clock, client_id="machine").register(
        redirect_uris=(),
        post_logout_redirect_uris=(),
        scope="",
        grant_types=("client_credentials",),
        response_types=(),
    )


def ask(party: RelyingParty, **changes: Any) -> Any:
    return party.redeem(
        None, grant_type="client_credentials", redirect_uri=None, code_verifier=None, **changes
    )


def test_the_answer_is_an_access_token_alone(machine: RelyingParty):
    response = ask(machine)

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.json) == {"access_token", "token_type", "expires_in"}
    assert len(response.json["access_token"]) == 43


def test_it_speaks_of_the_client_and_opens_no_person(machine: RelyingParty):
    access_token = ask(machine).json["access_token"]

    answer = introspect(machine, access_token).json
    assert (answer["active"], answer["sub"], answer["client_id"]) == (True, "machine", "machine")
    assert "scope" not in answer
    assert machine.userinfo(access_token).status_code == 401


@pytest.mark.parametrize("scope", ["openid", "profile", "children", "offline_access", "unknown"])
def test_no_scope_is_granted(machine: RelyingParty, scope: str):
    response = ask(machine, scope=scope)

    assert (response.status_code, response.json["error"]) == (400, "invalid_scope")


def test_te_16_only_for_clients_registered_for_it(party: RelyingParty, machine: RelyingParty):
    for response in (ask(party), machine.redeem("x"), machine.refresh("x")):
        assert (response.status_code, response.json["error"]) == (400, "unauthorized_client")


def test_a_wrong_secret_gives_nothing(machine: RelyingParty):
    response = ask(machine, secret="wrong")

    assert (response.status_code, response.json["error"]) == (401, "invalid_client")


def test_a_client_disabled_since_gets_and_keeps_nothing(machine: RelyingParty):
    """Although its record is held in memory."""
    access_token = ask(machine).json["access_token"]
    with machine.app.app_context():
        clients.disable_client(machine.client_id, now=machine.clock.now)

    assert ask(machine).status_code == 401
    assert introspect(machine, access_token).json == {"active": False}


def test_a_client_may_not_ask_for_people(machine: RelyingParty):
    response = browser_at(machine.app, ISSUER).get("/oauth/authorize", query_string=machine.request())

    assert response.status_code == 400
