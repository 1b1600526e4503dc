"""oidc.md 3, row P11: request objects by reference (OpenID Connect Core 6.2, RFC 9101)."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.settings import SettingsRefused
from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import (
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    Sent,
    come_back,
    leave,
)


@pytest.fixture
def signing_app(new_relying_party: NewRelyingParty, key_file: Path) -> Flask:
    return new_relying_party(request_form="signed_object", client_key_file=str(key_file))


@pytest.fixture
def asking(signing_app: Flask) -> Browser:
    return browser_at(signing_app, LIVRET_URL)


def fetch(app: Flask, sent: Sent) -> str:
    """As the provider does: from elsewhere, without cookies."""
    answer = browser_at(app, LIVRET_URL).get(urlsplit(sent.parameters["request_uri"]).path)
    assert answer.status_code == 200
    assert answer.mimetype == "application/oauth-authz-req+jwt"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def test_p11_the_request_lies_signed_at_its_address(
    signing_app: Flask, asking: Browser, provider: FakeProvider, provider_key: RSAKey, clock: FrozenClock
):
    """P11 `request-uri-signed-rs256`: what the address no longer says, the object says."""
    sent = leave(asking, login_hint="c.dupont")

    assert sent.parameters.keys() == {"client_id", "response_type", "scope", "request_uri"}
    found = jwt.decode(fetch(signing_app, sent), provider_key, algorithms=["RS256"])
    published = json.loads(asking.get("/connexion/cles").text)["keys"][0]
    assert found.header == {"alg": "RS256", "kid": published["kid"], "typ": "oauth-authz-req+jwt"}
    claims = found.claims
    assert claims["iss"] == claims["client_id"] == "livret"
    assert claims["aud"] == provider.issuer
    assert claims["exp"] - claims["iat"] == 300
    assert claims["redirect_uri"] == f"{LIVRET_URL}/retour"
    assert claims["code_challenge_method"] == "S256"
    assert claims["login_hint"] == "c.dupont"
    assert len(claims["state"]) == len(claims["nonce"]) == len(claims["code_challenge"]) == 43


def test_p11_the_answer_to_an_object_signs_in(
    signing_app: Flask, asking: Browser, provider: FakeProvider, provider_key: RSAKey
):
    sent = leave(asking)
    claims = jwt.decode(fetch(signing_app, sent), provider_key, algorithms=["RS256"]).claims

    whole = Sent({name: str(value) for name, value in claims.items()})

    assert come_back(asking, whole, provider).status_code == 303


def test_p11_two_tabs_have_two_objects_at_registered_addresses(
    signing_app: Flask, asking: Browser, provider_key: RSAKey, clock: FrozenClock
):
    from livret_service.sign_in.request_objects import request_uris

    registered = request_uris(signing_app.extensions["relying_party"])
    sents = []
    for _ in range(25):
        sents.append(leave(asking))
        clock.advance(seconds=1)

    assert {sent.parameters["request_uri"] for sent in sents} == set(registered)
    states = {state_of(fetch(signing_app, sent), provider_key) for sent in sents[-20:]}
    assert len(states) == 20  # the oldest addresses were taken over, never a younger one


def state_of(request_object: str, key: RSAKey) -> Any:
    return jwt.decode(request_object, key, algorithms=["RS256"]).claims["state"]


def test_p11_an_object_is_gone_after_five_minutes(signing_app: Flask, asking: Browser, clock: FrozenClock):
    path = urlsplit(leave(asking).parameters["request_uri"]).path
    clock.advance(minutes=5)

    assert asking.get(path).status_code == 404


@pytest.mark.parametrize("handle", ["0", "x" * 43, "é", "x" * 5000])
def test_p11_an_address_is_not_guessed(signing_app: Flask, asking: Browser, handle: str):
    leave(asking)

    assert asking.get(f"/connexion/requete/{handle}").status_code == 404


def test_p11_an_unsigned_object_only_where_a_setting_says_so(new_relying_party: NewRelyingParty):
    """P11 `request-uri-signed-none`: for certification runs."""
    app = new_relying_party(request_form="unsigned_object")

    header, payload, signature = fetch(app, leave(browser_at(app, LIVRET_URL))).split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "none"}
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["client_id"] == "livret"
    assert signature == ""


def test_p11_signing_needs_a_key(new_relying_party: NewRelyingParty):
    with pytest.raises(SettingsRefused, match="LIVRET_CLIENT_KEY_FILE"):
        new_relying_party(request_form="signed_object")


def test_p11_by_default_no_object_is_made(app: Flask, browser: Browser):
    assert "request_uri" not in leave(browser).parameters
