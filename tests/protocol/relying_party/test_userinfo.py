"""oidc.md 3, rows P4, P6 and P8: userinfo after a sign-in, plain or signed (OpenID Connect Core 5.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, RSAKey
from werkzeug import Response

from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import (
    CLIENT_ID,
    LEA,
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    json_response,
    sign_in,
)
from tests.protocol.relying_party.sessions import PAGE, sessions_of


@pytest.fixture
def with_userinfo(provider: FakeProvider) -> FakeProvider:
    provider.metadata = {"userinfo_endpoint": provider.issuer + "/userinfo"}
    return provider


def test_by_default_an_id_token_with_children_is_enough(browser: Browser, with_userinfo: FakeProvider):
    sign_in(browser, with_userinfo)

    assert with_userinfo.count("/userinfo") == 0


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone"])
def test_p6_a_scope_of_standard_claims_calls_userinfo(
    new_relying_party: NewRelyingParty, with_userinfo: FakeProvider, scope: str
):
    """P6: with the header of RFC 6750 2.1, never in the address."""
    browser = browser_at(new_relying_party(scope=f"openid children {scope}"), LIVRET_URL)

    assert sign_in(browser, with_userinfo).status_code == 303

    assert with_userinfo.count("/userinfo") == 1
    assert all("access_token" not in request.url for request in with_userinfo.requests)
    assert browser.get(PAGE).text == "guardian-1: Léa, Noé"


def test_p6_a_setting_calls_it_after_every_sign_in(
    new_relying_party: NewRelyingParty, with_userinfo: FakeProvider
):
    browser = browser_at(new_relying_party(userinfo=True), LIVRET_URL)

    sign_in(browser, with_userinfo)

    assert with_userinfo.count("/userinfo") == 1


def test_children_that_the_id_token_does_not_name_come_from_userinfo(
    browser: Browser, with_userinfo: FakeProvider
):
    with_userinfo.claims = {"children": None}

    sign_in(browser, with_userinfo)

    assert browser.get(PAGE).text == "guardian-1: Léa"


def test_userinfo_is_called_before_the_missing_claim_is_said(
    app: Flask, browser: Browser, with_userinfo: FakeProvider
):
    """A certification run's tokens carry no `children`: no access, with a page, after the call."""
    with_userinfo.claims = {"children": None}
    with_userinfo.userinfo = lambda: json_response({"sub": "guardian-1", "name": "Céline"})

    answer = sign_in(browser, with_userinfo)

    assert answer.status_code == 403
    assert "n’ont pas été transmis" in answer.text
    assert with_userinfo.count("/userinfo") == 1
    assert sessions_of(app) == 0


@pytest.mark.parametrize("sub", ["guardian-2", "", None, 7, ["guardian-1"], "GUARDIAN-1"])
@pytest.mark.parametrize("children", [[LEA], None])
def test_p4_rp_15_an_answer_of_another_person_is_refused(
    app: Flask,
    browser: Browser,
    with_userinfo: FakeProvider,
    sub: Any,
    children: Any,
    caplog: pytest.LogCaptureFixture,
):
    """P4, RP-15: nothing of it is used, and the log says so."""
    with_userinfo.claims = {"children": None}
    with_userinfo.userinfo = lambda: json_response({"sub": sub, "children": children})

    answer = sign_in(browser, with_userinfo)

    assert answer.status_code == 400
    assert sessions_of(app) == 0
    assert "userinfo_refused" in caplog.text


def test_p4_rp_15_even_when_nothing_of_it_is_needed(
    new_relying_party: NewRelyingParty, with_userinfo: FakeProvider
):
    app = new_relying_party(userinfo=True)
    with_userinfo.userinfo = lambda: json_response({"sub": "guardian-2"})

    assert sign_in(browser_at(app, LIVRET_URL), with_userinfo).status_code == 400
    assert sessions_of(app) == 0


BROKEN: dict[str, Callable[[], Response]] = {
    "unauthorized": lambda: Response(status=401),
    "server error": lambda: Response(status=500),
    "redirect": lambda: Response(status=302, headers={"Location": "/elsewhere"}),
    "HTML": lambda: Response("<html>"),
    "empty": lambda: Response(""),
    "array": lambda: json_response([{"sub": "guardian-1"}]),
    "null": lambda: json_response(None),
    "deep": lambda: Response("[" * 100_000, mimetype="application/json"),
    "huge": lambda: json_response({"sub": "guardian-1", "x": "x" * 300_000}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rp_11_a_broken_answer_fails_closed(
    app: Flask, browser: Browser, with_userinfo: FakeProvider, case: str
):
    with_userinfo.claims = {"children": None}
    with_userinfo.userinfo = BROKEN[case]

    assert sign_in(browser, with_userinfo).status_code in (400, 503)
    assert sessions_of(app) == 0
    assert with_userinfo.count("/elsewhere") == 0


# -- signed ------------------------------------------------------------------------------------------------------


@pytest.fixture
def signing_app(new_relying_party: NewRelyingParty, with_userinfo: FakeProvider) -> Flask:
    with_userinfo.claims = {"children": None}
    return new_relying_party(userinfo_algorithm="RS256")


def signed_answer(provider: FakeProvider, changes: dict[str, Any], **signing: Any) -> Callable[[], Response]:
    claims = {"iss": provider.issuer, "aud": CLIENT_ID, "sub": "guardian-1", "children": [LEA]} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return lambda: Response(provider.signed(kept, **signing), mimetype="application/jwt")


def test_p8_a_signed_answer_is_verified_and_used(signing_app: Flask, with_userinfo: FakeProvider):
    """P8: signature, `iss`, `aud`."""
    with_userinfo.userinfo = signed_answer(with_userinfo, {})
    browser = browser_at(signing_app, LIVRET_URL)

    sign_in(browser, with_userinfo)

    assert browser.get(PAGE).text == "guardian-1: Léa"


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": [CLIENT_ID, "other"]},
     {"sub": "guardian-2"}, {"sub": None}, {"exp": 1}, {"exp": "soon"}],
)  # fmt: skip
def test_p8_a_signed_answer_with_a_wrong_claim_is_refused(
    signing_app: Flask, with_userinfo: FakeProvider, changes: dict[str, Any]
):
    with_userinfo.userinfo = signed_answer(with_userinfo, changes)

    assert sign_in(browser_at(signing_app, LIVRET_URL), with_userinfo).status_code == 400
    assert sessions_of(signing_app) == 0


def test_p8_another_signature_is_refused(
    signing_app: Flask, with_userinfo: FakeProvider, other_key: RSAKey, provider_key: RSAKey
):
    elliptic = ECKey.generate_key("P-256")
    with_userinfo.jwks = with_userinfo.public_jwks()
    with_userinfo.jwks["keys"].append(elliptic.as_dict(private=False) | {"kid": "ec"})
    for signing in (
        {"key": other_key},
        {"key": other_key, "kid": None},
        {"key": elliptic, "alg": "ES256", "kid": "ec"},
        {"key": provider_key, "alg": "PS256"},
        {"typ": "logout+jwt"},
    ):
        with_userinfo.userinfo = signed_answer(with_userinfo, {}, **signing)

        assert sign_in(browser_at(signing_app, LIVRET_URL), with_userinfo).status_code == 400
    assert sessions_of(signing_app) == 0


def test_p8_a_plain_answer_where_a_signed_one_was_agreed_is_refused(
    signing_app: Flask, with_userinfo: FakeProvider
):
    """Whoever can strip the signature must gain nothing by it."""
    claims = {"iss": with_userinfo.issuer, "aud": CLIENT_ID, "sub": "guardian-1", "children": [LEA]}
    with_userinfo.userinfo = lambda: json_response(claims)

    assert sign_in(browser_at(signing_app, LIVRET_URL), with_userinfo).status_code == 400
    assert sessions_of(signing_app) == 0


def test_p8_a_key_that_just_appeared_signs_userinfo_too(
    signing_app: Flask, with_userinfo: FakeProvider, other_key: RSAKey, clock: FrozenClock
):
    with_userinfo.userinfo = signed_answer(with_userinfo, {}, key=other_key, kid="k-2")
    jwks = with_userinfo.public_jwks()["keys"]
    with_userinfo.jwks = {"keys": [*jwks, other_key.as_dict(private=False) | {"kid": "k-2"}]}

    assert sign_in(browser_at(signing_app, LIVRET_URL), with_userinfo).status_code == 303
