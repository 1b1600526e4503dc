"""What attackers try at the token endpoint and with access tokens, case by case; each refusal changes nothing."""

import base64
import io
import logging
import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask

from shared.logging import configure_logging
from tests.conftest import FrozenClock, browser_at
from tests.relying_party import ISSUER, REDIRECT_URI, VERIFIER, RelyingParty, basic

DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


def post(party: RelyingParty, code: str, headers: dict[str, str], **changes: Any) -> Any:
    query = changes.pop("query_string", None)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    return browser_at(party.app, ISSUER).post(
        "/oauth/token", data=form | changes, headers=headers, query_string=query
    )


def encoded(client_id: str, client_secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_te_06_the_header_is_form_urlencoded(party: RelyingParty, parent: object):
    """RFC 6749 2.3.1: every octet may be written with a percent sign."""
    pair = "".join(f"%{octet:02X}" for octet in party.client_id.encode()) + ":" + (party.secret or "")
    header = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    assert post(party, party.authorization_code(), header).status_code == 200


@pytest.mark.parametrize("text", [":", "%", "+", "é", "%zz", "a:b", "%00"])
def test_te_06_odd_characters_are_refused_the_same_way_each_time(party: RelyingParty, text: str):
    answers = [
        post(party, "x", headers)
        for headers in (
            encoded(text, "x"),
            encoded(party.client_id, text),
            basic(text, "x"),
            basic(party.client_id, text),
        )
    ]

    assert {(answer.status_code, answer.json["error"]) for answer in answers} == {(401, "invalid_client")}


def test_te_08_a_secret_in_the_query_string_is_refused_and_not_logged(
    party: RelyingParty, parent: object, monkeypatch: pytest.MonkeyPatch
):
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("DEBUG")
    try:
        response = post(
            party,
            party.authorization_code(),
            {},
            query_string={"client_id": party.client_id, "client_secret": party.secret},
        )
    finally:
        root.handlers = handlers
        root.setLevel(level)

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
    assert "/oauth/token" in stream.getvalue()
    assert str(party.secret) not in stream.getvalue()


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:token-exchange", "unsupported_grant_type"),
        ("refresh_token", "unauthorized_client"),
        ("client_credentials", "unauthorized_client"),
        ("", "invalid_request"),
        (["authorization_code", "authorization_code"], "invalid_request"),
    ],
)
def test_te_16_every_other_grant_is_closed(party: RelyingParty, parent: object, grant_type: Any, error: str):
    code, header = party.authorization_code(), basic(party.client_id, party.secret or "")

    response = post(party, code, header, grant_type=grant_type, refresh_token="x")

    assert (response.status_code, response.json["error"]) == (400, error)
    assert post(party, code, header).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_te_18_other_methods_are_none(party: RelyingParty, path: str, method: str):
    assert browser_at(party.app, ISSUER).open(path, method=method).status_code == 405


def test_te_21_the_headers_of_the_answer(party: RelyingParty, parent: object):
    response = post(party, party.authorization_code(), basic(party.client_id, party.secret or ""))

    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"grant_type": "\"'\\é\r\n"},
        {"grant_type": "refresh_token", "refresh_token": "\"'\\", "token": "\"'\\", "client_id": "livret"},
        {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x", "token": "x"},
    ],
)
def test_te_22_errors_are_words_of_the_protocol(party: RelyingParty, path: str, data: dict[str, str]):
    """RFC 6749 5.2."""
    response = browser_at(party.app, ISSUER).post(path, data=data)

    assert response.status_code in {400, 401}
    assert DESCRIPTION.fullmatch(response.json["error_description"])
    assert response.headers["Cache-Control"] == "no-store"


def test_te_24_the_default_method_is_enforced(idp_app: Flask, clock: FrozenClock, parent: Any):
    """Registered without a method: never silently public."""
    silent = RelyingParty(idp_app, clock, client_id="silent").register()
    silent.sign_in(parent)
    code = silent.authorization_code()

    for grant in (
        {},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "client_credentials"},
    ):
        response = post(silent, code, {}, client_id="silent", **grant)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert post(silent, code, basic("silent", silent.secret or "")).status_code == 200


def test_at_07_with_openid_alone_userinfo_says_sub_alone(party: RelyingParty, parent: object):
    answer = party.userinfo(party.tokens(scope="openid")["access_token"])

    assert set(answer.json) == {"sub"}
