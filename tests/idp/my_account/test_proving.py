"""« Confirmez que c’est vous »: the password, before what changes who holds the account."""

import pytest
from flask import Flask
from lxml import html

from idp.db import db, transaction
from idp.passwords import service as passwords
from idp.sessions.models import AccountSession
from idp.sessions.views import fresh_sign_in_required
from tests.conftest import Browser, FrozenClock
from tests.idp.my_account.conftest import PASSWORD, Parent, send
from tests.signing_in import COOKIE, sign_in_as
from tests.web import form_values

CONFIRM = "/compte/confirmer"


@pytest.mark.parametrize(("seconds", "is_asked"), [(599, False), (600, True)])
def test_ch_01_after_ten_minutes_the_password_is_asked_for(
    idp_app: Flask, parent: Parent, clock: FrozenClock, seconds: int, is_asked: bool
):
    browser_secret = signed_in_secret(idp_app, parent, clock)
    clock.advance(seconds=seconds)

    with idp_app.test_request_context(
        "/compte/page?a=b", base_url="https://compte.example", headers={"Cookie": browser_secret}
    ):
        answer = fresh_sign_in_required(lambda: "page")()

    if is_asked:
        assert answer.status_code == 303
        assert answer.location == "/compte/confirmer?suite=/compte/page?a%3Db"
    else:
        assert answer == "page"


def test_signed_out_the_guard_leads_to_signing_in(idp_app: Flask):
    with idp_app.test_request_context("/compte/page", base_url="https://compte.example"):
        assert fresh_sign_in_required(lambda: "page")().location == "/connexion"


def test_se_01_the_right_password_gives_a_new_secret_to_the_same_session(
    idp_app: Flask, parent: Parent, browser: Browser, clock: FrozenClock
):
    before = secret_of(browser)
    clock.advance(minutes=11)

    answer = send(browser, CONFIRM, {"password": PASSWORD})

    assert (answer.status_code, answer.location) == (303, "/compte")
    assert secret_of(browser) != before
    with idp_app.app_context():
        session = db.session.query(AccountSession).one()
        assert session.proven_at == clock.now
        assert session.signed_in_at < clock.now
    stolen = new_browser_with(idp_app, before)
    assert stolen.get("/compte").location == "/connexion"


def test_a_wrong_password_is_said_and_changes_nothing(parent: Parent, browser: Browser, clock: FrozenClock):
    before = secret_of(browser)
    clock.advance(minutes=11)

    answer = send(browser, CONFIRM, {"password": "Ciboulette8"})

    assert answer.status_code == 422
    assert "Ce mot de passe n’est pas celui de votre compte" in answer.text
    assert "Ciboulette8" not in answer.text
    assert secret_of(browser) == before


def test_an_empty_password_is_said(browser: Browser, clock: FrozenClock):
    clock.advance(minutes=11)

    answer = send(browser, CONFIRM, {"password": ""})

    assert answer.status_code == 422
    assert "Saisissez votre mot de passe" in answer.text


def test_ch_01_the_password_of_a_letter_issued_since_proves_nothing(
    idp_app: Flask, parent: Parent, browser: Browser, clock: FrozenClock
):
    clock.advance(minutes=11)
    with idp_app.app_context(), transaction():
        letter = passwords.issue_provisional_password(parent.account_id, now=clock.now)

    answer = send(browser, CONFIRM, {"password": letter.provisional_password})

    assert answer.status_code == 422


def test_guesses_are_counted_with_those_of_the_sign_in_page(browser: Browser, clock: FrozenClock):
    clock.advance(minutes=11)
    for _try in range(5):
        send(browser, CONFIRM, {"password": "Ciboulette8"})

    slowed = send(browser, CONFIRM, {"password": PASSWORD})

    assert slowed.status_code == 429
    assert "Trop d’essais" in slowed.text
    assert int(slowed.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/compte/adresse",
        "/\\evil.example",
        "/deconnexion",
        "/compte",
        "x" * 400,
    ],
)
def test_the_proof_leads_to_pages_that_ask_for_it_and_nowhere_else(
    browser: Browser, clock: FrozenClock, elsewhere: str
):
    assert browser.get(CONFIRM, query_string={"suite": elsewhere}).location == "/compte"
    clock.advance(minutes=11)
    page = browser.get(CONFIRM, query_string={"suite": elsewhere})
    values = form_values(page.text, action=CONFIRM) | {"password": PASSWORD}

    answer = browser.post(CONFIRM, query_string={"suite": elsewhere}, data=values)

    assert "evil" not in page.text
    assert answer.location == "/compte"


def test_strange_values_are_refused_before_anything(browser: Browser, clock: FrozenClock):
    clock.advance(minutes=11)
    token = form_values(browser.get(CONFIRM).text, action=CONFIRM)["csrf_token"]

    answer = browser.post(CONFIRM, data={"csrf_token": token, "password": ["a", PASSWORD]})

    assert answer.status_code == 400


def signed_in_secret(app: Flask, parent: Parent, clock: FrozenClock) -> str:
    browser = new_browser_with(app, None)
    sign_in_as(app, browser, parent.account_id, now=clock.now)
    return f"{COOKIE}={secret_of(browser)}"


def new_browser_with(app: Flask, secret: str | None) -> Browser:
    from tests.conftest import browser_at

    browser = browser_at(app, "https://compte.example")
    if secret is not None:
        browser.set_cookie(COOKIE, secret, domain="compte.example", secure=True)
    return browser


def secret_of(browser: Browser) -> str:
    cookie = browser.get_cookie(COOKIE, domain="compte.example")
    assert cookie is not None
    return cookie.value


def test_the_page_is_there_in_another_language_and_keeps_where_it_leads(browser: Browser, clock: FrozenClock):
    clock.advance(minutes=11)

    page = html.fromstring(browser.get(f"{CONFIRM}?suite=/compte/adresse").text)

    assert page.xpath("//a[@hreflang='en']/@href") == [f"{CONFIRM}?suite=%2Fcompte%2Fadresse&lang=en"]
