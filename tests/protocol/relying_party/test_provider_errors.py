"""A clear page, with a way on, for every error a provider may send, and for everything that may be down."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug import Response

from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import (
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    come_back,
    leave,
    sign_in,
)
from tests.protocol.relying_party.sessions import PAGE, is_signed_in, sessions_of

ERRORS = {
    # RFC 6749 4.1.2.1
    "invalid_request": 400,
    "unauthorized_client": 400,
    "access_denied": 200,
    "unsupported_response_type": 400,
    "invalid_scope": 400,
    "server_error": 503,
    "temporarily_unavailable": 503,
    # OpenID Connect Core 3.1.2.6
    "interaction_required": 200,
    "login_required": 200,
    "account_selection_required": 200,
    "consent_required": 200,
    "invalid_request_uri": 400,
    "invalid_request_object": 400,
    "request_not_supported": 400,
    "request_uri_not_supported": 400,
    "registration_not_supported": 400,
    # Unmet Authentication Requirements 1.0, RFC 8707, and what nobody has named yet
    "unmet_authentication_requirements": 400,
    "invalid_target": 400,
    "<script>alert(1)</script>": 400,
    "x" * 5000: 400,
    "": 400,
}


@pytest.mark.parametrize("error", ERRORS, ids=[error[:40] for error in ERRORS])
def test_each_error_has_its_page_and_one_button_that_goes_on(
    app: Flask, browser: Browser, provider: FakeProvider, error: str
):
    sent = leave(browser, PAGE)

    answer = come_back(browser, sent, provider, code=None, error=error, error_description="canary")

    assert answer.status_code == ERRORS[error]
    assert re.search(r"<h1[^>]*>[^<]{8,}</h1>", answer.text)
    assert 'class="button button-primary" href="/connexion?target_link_uri=%2Fpages-de-test"' in answer.text
    assert "canary" not in answer.text
    assert "<script>alert" not in answer.text
    assert sessions_of(app) == 0
    assert provider.count("/token") == 0


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_client", "unauthorized_client", "unsupported_grant_type"]
)
def test_a_refusal_of_the_token_endpoint_is_told_without_its_words(
    app: Flask, browser: Browser, provider: FakeProvider, error: str
):
    provider.token_response = lambda _body: Response(
        f'{{"error": "{error}", "error_description": "canary"}}', 400, mimetype="application/json"
    )

    answer = sign_in(browser, provider)

    assert answer.status_code == 400
    assert "Ce n’est pas de votre fait" in answer.text
    assert "canary" not in answer.text


def test_with_the_provider_down_a_session_goes_on_and_a_new_sign_in_gets_a_page(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    provider.is_down = True
    clock.advance(minutes=2)

    browser.get(browser.get(PAGE).headers["Location"])
    stranger = browser_at(app, LIVRET_URL).get("/connexion")

    assert is_signed_in(browser)
    assert stranger.status_code == 503
    assert "Réessayer" in stranger.text


# -- our own database --------------------------------------------------------------------------------------------


@pytest.fixture
def without_database(new_relying_party: NewRelyingParty) -> Iterator[Flask]:
    """The service whose database went away after it started."""
    from livret_service.db import db

    app = new_relying_party()
    with app.app_context():
        engine = db.engine
        db.session.remove()

    def refuse_to_connect(*_arguments: object) -> None:
        raise engine.dialect.dbapi.OperationalError("sqlite and postgresql are away")

    engine.dispose()
    event.listen(engine, "do_connect", refuse_to_connect)
    yield app
    event.remove(engine, "do_connect", refuse_to_connect)
    engine.dispose()


@pytest.mark.parametrize("address", ["/", "/connexion", "/livrets", "/retour?state=x", "/deconnexion"])
def test_without_the_database_there_is_a_503_that_says_when_to_come_back(
    without_database: Flask, provider: FakeProvider, address: str
):
    """Never "signed in", never a 500: the page itself looks nothing up."""
    browser = browser_at(without_database, LIVRET_URL)
    for name in ("__Host-livret_session", "__Host-livret_transaction"):
        browser.set_cookie(name, "a-cookie-that-makes-it-look", domain="livret.example", secure=True)

    answer = browser.get(address)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "momentanément indisponible" in answer.text
    assert "sqlite" not in answer.text.lower()


def test_without_the_database_a_logout_token_may_come_again(without_database: Flask, provider: FakeProvider):
    answer = browser_at(without_database, LIVRET_URL).post(
        "/deconnexion/canal-arriere", data={"logout_token": provider.logout_token()}
    )

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
