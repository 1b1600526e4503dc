"""RFC 7009: a client gives back what it holds, of its own grants alone."""

from typing import Any

import pytest
from sqlalchemy import select

from idp.audit.models import AuditEntry
from idp.db import db
from tests.conftest import browser_at
from tests.relying_party import ISSUER, REFRESHING, RelyingParty, basic

OFFLINE = "openid offline_access"


def revoke(party: RelyingParty, token: str | None, headers: Any = None, **kwargs: Any) -> Any:
    data = {} if token is None else {"token": token}
    headers = basic(party.client_id, party.secret or "") if headers is None else headers
    return browser_at(party.app, ISSUER).post("/oauth/revoke", data=data, headers=headers, **kwargs)


@pytest.mark.parametrize("presented", ["access_token", "refresh_token"])
def test_one_token_of_a_grant_ends_the_grant(offline_party: RelyingParty, presented: str):
    """RFC 7009 2.1."""
    tokens = offline_party.tokens(scope=OFFLINE)
    newer = offline_party.refresh(tokens["refresh_token"]).json

    response = revoke(offline_party, newer[presented])

    assert (response.status_code, response.data) == (200, b"")
    assert "no-store" in response.headers["Cache-Control"]
    assert offline_party.userinfo(tokens["access_token"]).status_code == 401
    assert offline_party.userinfo(newer["access_token"]).status_code == 401
    assert offline_party.refresh(newer["refresh_token"]).json["error"] == "invalid_grant"


def test_a_superseded_refresh_token_ends_the_grant_too(offline_party: RelyingParty):
    tokens = offline_party.tokens(scope=OFFLINE)
    newer = offline_party.refresh(tokens["refresh_token"]).json

    assert revoke(offline_party, tokens["refresh_token"]).status_code == 200

    assert offline_party.refresh(newer["refresh_token"]).json["error"] == "invalid_grant"


def test_without_offline_access_the_access_token_ends(party: RelyingParty, parent: object):
    tokens, other = party.tokens(), party.tokens()

    assert revoke(party, tokens["access_token"]).status_code == 200

    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.userinfo(other["access_token"]).status_code == 200
    with party.app.app_context():
        names = db.session.scalars(select(AuditEntry.name)).all()
    assert "oidc:grant:ended" in names


def test_rf_17_another_client_ends_nothing_and_learns_nothing(offline_party: RelyingParty):
    other = RelyingParty(offline_party.app, offline_party.clock, client_id="other").register(
        scope=OFFLINE, grant_types=REFRESHING
    )
    tokens = offline_party.tokens(scope=OFFLINE)

    answers = [revoke(other, tokens[name]) for name in ("access_token", "refresh_token")]
    answers.append(revoke(other, "unknown"))

    assert {(answer.status_code, answer.data) for answer in answers} == {(200, b"")}
    assert offline_party.userinfo(tokens["access_token"]).status_code == 200
    assert offline_party.refresh(tokens["refresh_token"]).status_code == 200


def test_a_public_client_gives_back_its_own(party: RelyingParty, parent: Any):
    public = RelyingParty(party.app, party.clock, client_id="public")
    public.register(token_endpoint_auth_method="none")
    public.sign_in(parent)
    tokens = public.tokens()

    response = browser_at(party.app, ISSUER).post(
        "/oauth/revoke", data={"token": tokens["access_token"], "client_id": "public"}
    )

    assert response.status_code == 200
    assert public.userinfo(tokens["access_token"]).status_code == 401


def test_who_asks_must_prove_it(party: RelyingParty, parent: object):
    access_token = party.tokens()["access_token"]

    for headers in ({}, basic(party.client_id, "wrong"), basic("nobody", "x")):
        response = revoke(party, access_token, headers)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert party.userinfo(access_token).status_code == 200


@pytest.mark.parametrize(
    ("token", "kwargs"),
    [
        (None, {}),
        ("x", {"query_string": {"x": "1"}}),
        ("x", {"content_type": "application/json"}),
        ("x", {"content_type": "multipart/form-data"}),
        ("é", {}),
        ("x" * 3000, {}),
    ],
)
def test_a_malformed_request_is_refused(party: RelyingParty, token: str | None, kwargs: dict[str, Any]):
    kwargs = kwargs.copy()
    if kwargs.get("content_type") == "application/json":
        response = browser_at(party.app, ISSUER).post("/oauth/revoke", json={"token": token})
    else:
        response = revoke(party, token, **kwargs)

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_get_is_not_a_method(party: RelyingParty):
    assert party.browser.get("/oauth/revoke").status_code == 405
