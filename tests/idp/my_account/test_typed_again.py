"""What was typed outlives an old sign-in and an ended session: the same page, its values, never a secret."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.test import TestResponse

from tests.conftest import Browser, FrozenClock
from tests.idp.my_account.conftest import PASSWORD, Parent
from tests.web import form_values

PAGE, PASSWORD_PAGE = "/compte/adresse", "/compte/mot-de-passe"
TYPED = {"email": "neuve@famille.example", "email_confirmation": "neuve@famile.example"}
CHOSEN = "Autre-mot-2026"


def fill_in(
    browser: Browser, clock: FrozenClock, *, minutes: int, page: str = PAGE, **typed: str
) -> TestResponse:
    """Open a page, leave it open, send it."""
    values = form_values(browser.get(page).text, action=page) | (typed or TYPED)
    clock.advance(minutes=minutes)
    return browser.post(page, data=values)


def shown(browser: Browser, page: str = PAGE) -> dict[str, str]:
    return form_values(browser.get(page).text, action=page)


def form_cookie(app: Flask, browser: Browser) -> dict[str, str]:
    """What the form cookie holds, read as we would read it."""
    cookie = next(one for one in browser._cookies.values() if "idp_form" in one.key)
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    held: dict[str, str] = serializer.loads(cookie.value)
    return held


def test_after_ten_minutes_the_page_comes_back_as_it_was_filled_in(
    idp_app: Flask, browser: Browser, clock: FrozenClock
):
    asked = fill_in(browser, clock, minutes=11)

    assert asked.location == f"/compte/confirmer?suite={PAGE}"
    assert "famille" not in str(form_cookie(idp_app, browser))
    proven = browser.post(
        asked.location,
        data=form_values(browser.get(asked.location).text, action="/compte/confirmer")
        | {"password": PASSWORD},
    )
    assert proven.location == PAGE
    assert shown(browser).items() >= TYPED.items()
    # Once: who opens the page later begins anew.
    assert shown(browser)["email"] == ""


def test_after_thirty_idle_minutes_one_is_told_why_and_comes_back(
    browser: Browser, parent: Parent, clock: FrozenClock
):
    asked = fill_in(browser, clock, minutes=31)

    assert asked.location == f"/connexion?suite={PAGE}"
    page = browser.get(asked.location).text
    assert "Reconnectez-vous après 30 minutes sans action" in page
    again = sign_in_at(browser, asked.location, parent)
    assert again.location == PAGE
    assert shown(browser).items() >= TYPED.items()


def test_se_07_an_ended_session_is_not_called_idle(browser: Browser, parent: Parent, clock: FrozenClock):
    clock.advance(minutes=60 * 13)

    asked = browser.get(PAGE)

    assert "sans action" not in browser.get(asked.location).text


@pytest.mark.parametrize("minutes", [11, 31])
def test_no_secret_is_kept(idp_app: Flask, browser: Browser, clock: FrozenClock, minutes: int):
    new = {"new_password": CHOSEN, "new_password_confirmation": CHOSEN, "current_password": PASSWORD}

    fill_in(browser, clock, minutes=minutes, page=PASSWORD_PAGE, **new)

    assert "typed" not in form_cookie(idp_app, browser)


def test_az_01_another_person_at_the_same_browser_sees_nothing_of_it(
    browser: Browser, new_parent: Callable[..., Parent], clock: FrozenClock
):
    other_parent = new_parent(identifier="t.urvillain")
    asked = fill_in(browser, clock, minutes=31)

    assert sign_in_at(browser, asked.location, other_parent).location == PAGE
    assert shown(browser)["email"] == ""


def test_what_was_typed_is_kept_for_an_hour(browser: Browser, parent: Parent, clock: FrozenClock):
    asked = fill_in(browser, clock, minutes=31)
    clock.advance(minutes=61)

    sign_in_at(browser, asked.location, parent)

    assert shown(browser)["email"] == ""


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/compte", "/deconnexion", "/oauth/authorize", "x" * 400],
)
def test_or_01_signing_in_leads_to_pages_of_the_account_and_nowhere_else(
    new_browser: Callable[[], Browser], parent: Parent, elsewhere: str
):
    browser = new_browser()
    page = browser.get("/connexion", query_string={"suite": elsewhere})
    values = form_values(page.text) | {"identifier": parent.identifier, "password": PASSWORD}

    answer = browser.post("/connexion", query_string={"suite": elsewhere}, data=values)

    assert "evil" not in page.text
    assert answer.location == "/compte"


def sign_in_at(browser: Browser, address: str, person: Parent) -> TestResponse:
    """Sign in on the page that a redirect led to."""
    values = form_values(browser.get(address).text, action="/connexion")
    return browser.post(address, data=values | {"identifier": person.identifier, "password": PASSWORD})
