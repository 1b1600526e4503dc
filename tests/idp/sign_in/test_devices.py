"""The browser that signed in before: its cookie, its budget at the page, and the mail about a new one."""

import json
import re
from http.cookies import SimpleCookie

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from tests.conftest import Browser, FrozenClock, browser_at
from tests.idp.sign_in.conftest import CHOSEN, UNKNOWN, People
from tests.web import submit

COOKIE = "__Host-idp_device"
WRONG = "Wrong7word"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"}


@pytest.fixture
def person(idp_app: Flask, people: People, clock: FrozenClock):
    return people.of_state(
        AccountState.ACTIVE, email="celine@exemple.fr", email_confirmed_at=clock.now, activated_at=clock.now
    )


def sign_in(browser: Browser, identifier: str, password: str = CHOSEN):
    # A new sign-in each time, whoever is signed in.
    browser.delete_cookie("__Host-idp_session", domain="compte.example")
    return submit(browser, "/connexion", {"identifier": identifier, "password": password})


def another_browser(app: Flask) -> Browser:
    return browser_at(app, "https://compte.example")


def mails(app: Flask) -> list[str]:
    with app.app_context():
        rows = db.session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.template == "notices/new_device")
            .order_by(OutboxMessage.id)
        )
        return [json.loads(messaging._unsealed(row))["text"] for row in rows]


def device_cookie(answer):
    found = [SimpleCookie(line) for line in answer.headers.getlist("Set-Cookie") if line.startswith(COOKIE)]
    return found[0][COOKIE] if found else None


def test_the_cookie_is_long_lived_and_ours_alone(idp_client: Browser, person) -> None:
    cookie = device_cookie(sign_in(idp_client, person.identifier))

    assert cookie is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie.value)
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert int(cookie["max-age"]) == 400 * 24 * 3600


def test_the_browser_keeps_its_secret_from_one_sign_in_to_the_next(idp_client: Browser, person) -> None:
    first = device_cookie(sign_in(idp_client, person.identifier))
    second = device_cookie(sign_in(idp_client, person.identifier))

    assert first.value == second.value


def test_nothing_is_set_by_a_wrong_password(idp_client: Browser, person) -> None:
    for identifier in (person.identifier, UNKNOWN):
        assert device_cookie(sign_in(idp_client, identifier, WRONG)) is None


@pytest.mark.parametrize("planted", ["", "x", "x" * 44, "é" * 43, "<script>"])
def test_a_secret_that_is_not_ours_is_replaced(idp_client: Browser, person, planted: str) -> None:
    idp_client.set_cookie(COOKIE, planted, domain="compte.example", secure=True)

    assert device_cookie(sign_in(idp_client, person.identifier)).value != planted


def test_a_new_device_is_told_by_mail_and_a_known_one_is_not(
    idp_app: Flask, idp_client: Browser, person
) -> None:
    idp_client.environ_base["HTTP_USER_AGENT"] = FIREFOX["User-Agent"]
    sign_in(idp_client, person.identifier)
    sign_in(idp_client, person.identifier)
    (told,) = mails(idp_app)
    assert "Firefox, Linux" in told
    assert "23 novembre 2026 à 09:00" in told
    assert "127.0.0" not in told

    sign_in(another_browser(idp_app), person.identifier)
    assert len(mails(idp_app)) == 2


def test_a_browser_that_does_not_say_what_it_is_is_told_all_the_same(
    idp_app: Flask, idp_client: Browser, person
) -> None:
    idp_client.environ_base["HTTP_USER_AGENT"] = "https://pirate.example/"
    sign_in(idp_client, person.identifier)

    (told,) = mails(idp_app)
    assert "qui ne dit pas son nom" in told
    assert "pirate" not in told


def test_nobody_is_told_of_a_device_at_activation(
    idp_app: Flask, idp_client: Browser, people: People, clock: FrozenClock
) -> None:
    address = {"email": "a@exemple.fr", "email_confirmed_at": clock.now}
    activating = people.of_state(AccountState.ACTIVATING, **address)
    sign_in(idp_client, activating.identifier)
    assert mails(idp_app) == []
    with idp_app.app_context(), transaction() as session:
        session.execute(
            update(Account).where(Account.id == activating.account_id).values(state=AccountState.ACTIVE)
        )

    sign_in(idp_client, activating.identifier)
    assert mails(idp_app) == []


def test_a_letter_makes_no_device_known(idp_app: Flask, idp_client: Browser, people: People) -> None:
    sign_in(idp_client, (letter := people.with_letter()).identifier, letter.letter)

    assert mails(idp_app) == []
    with idp_app.app_context():
        assert db.session.execute(db.text("SELECT count(*) FROM known_devices")).scalar() == 0


def test_bf_08_while_others_are_slowed_the_known_browser_signs_in_and_they_are_told_the_wait(
    idp_app: Flask, idp_client: Browser, person
) -> None:
    sign_in(idp_client, person.identifier)
    outsider = another_browser(idp_app)
    for _ in range(6):
        slowed = sign_in(outsider, person.identifier, WRONG)

    assert slowed.status_code == 429
    assert slowed.headers["Retry-After"] == "60"
    assert "Réessayez dans 1 minute" in slowed.text
    assert "Mot de passe perdu" in slowed.text
    assert sign_in(idp_client, person.identifier).status_code == 303


def test_the_accounts_of_one_browser_are_each_known_by_themselves(
    idp_app: Flask, idp_client: Browser, person, people: People, clock: FrozenClock
) -> None:
    other = people.of_state(
        AccountState.ACTIVE, email="paul@exemple.fr", email_confirmed_at=clock.now, activated_at=clock.now
    )
    sign_in(idp_client, person.identifier)
    sign_in(idp_client, other.identifier)
    sign_in(idp_client, person.identifier)

    assert len(mails(idp_app)) == 2
