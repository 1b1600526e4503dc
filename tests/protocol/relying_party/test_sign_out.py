"""oidc.md 3, row P14: OpenID Connect RP-Initiated Logout 1.0."""

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from werkzeug.test import TestResponse

from tests.conftest import Browser, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, NewRelyingParty, sign_in
from tests.protocol.relying_party.sessions import living_sessions_of
from tests.web import form_values


def sign_out(browser: Browser) -> TestResponse:
    page = browser.get("/deconnexion")
    return browser.post("/deconnexion", data=form_values(page.text, action="/deconnexion"))


def test_p14_the_id_token_goes_to_the_provider_in_a_form_and_in_no_address(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """P14, ADR 0022: hint, registered return address and state; the session here is over already."""
    sign_in(browser, provider)

    answer = sign_out(browser)

    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert f'action="{provider.issuer}/end_session"' in answer.text
    sent = form_values(answer.text)
    assert sent.keys() == {"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}
    assert jwt.decode(sent["id_token_hint"], provider.key).claims["sid"] == "sid-1"
    assert sent["client_id"] == "livret"
    assert sent["post_logout_redirect_uri"] == f"{LIVRET_URL}/deconnexion/retour"
    assert living_sessions_of(app) == 0
    assert "no-store" in answer.headers["Cache-Control"]


def test_p14_the_page_works_without_its_script_and_may_post_to_the_provider_alone(
    browser: Browser, provider: FakeProvider
):
    sign_in(browser, provider)

    answer = sign_out(browser)

    assert "Fermer mon Compte École" in answer.text
    assert "<button" in answer.text
    assert "Se déconnecter" not in answer.text
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert f"form-action 'self' {provider.issuer} {LIVRET_URL}" in policy


def test_p14_a_provider_that_takes_no_post_is_reached_by_get(
    new_relying_party: NewRelyingParty, provider: FakeProvider
):
    browser = browser_at(new_relying_party(sign_out_method="get"), LIVRET_URL)
    provider.metadata = {"end_session_endpoint": provider.issuer + "/end_session?tenant=a"}
    sign_in(browser, provider)

    answer = sign_out(browser)

    parts = urlsplit(answer.headers["Location"])
    asked = parse_qs(parts.query)
    assert (answer.status_code, parts.path) == (303, "/end_session")
    assert asked["tenant"] == ["a"]
    assert jwt.decode(asked["id_token_hint"][0], provider.key).claims["sid"] == "sid-1"


def test_p14_the_right_state_on_return_says_that_all_is_closed(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    state = form_values(sign_out(browser).text)["state"]

    page = browser.get("/deconnexion/retour", query_string={"state": state})

    assert "ici et dans votre Compte École" in page.text


@pytest.mark.parametrize("query", ["", "state=", "state=wrong", "state=a.b", "state=%FF", "state=a&state=b"])
def test_p14_a_wrong_or_missing_state_shows_the_signed_out_page(browser: Browser, query: str):
    """P14: never a 500."""
    answer = browser.get(f"/deconnexion/retour?{query}")

    assert answer.status_code == 200
    assert 'id="signed-out"' in answer.text
    assert "ici et dans" not in answer.text


def test_p14_without_an_end_session_endpoint_the_session_ends_here(
    app: Flask, browser: Browser, provider: FakeProvider
):
    provider.metadata = {"end_session_endpoint": None}
    sign_in(browser, provider)

    answer = sign_out(browser)

    assert answer.headers["Location"].startswith("/deconnexion/retour")
    assert living_sessions_of(app) == 0


def test_p14_the_session_id_of_an_ended_session_opens_nothing(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """LO-15: a saved cookie."""
    sign_in(browser, provider)
    saved = browser.get_cookie("__Host-livret_session", domain="livret.example")
    sign_out(browser)
    thief = browser_at(app, LIVRET_URL)
    assert saved is not None
    thief.set_cookie(saved.key, saved.value, domain="livret.example", secure=True)

    assert thief.get("/pages-de-test").status_code == 303
