"""/compte/sessions: devices in words, and signing them out."""

import re
from collections.abc import Callable
from datetime import datetime

from flask import Flask

from idp.db import db, transaction
from idp.sessions.models import AccountSession
from tests.conftest import Browser, FrozenClock
from tests.idp.my_account.conftest import Parent, sign_in
from tests.signing_in import sign_in_as
from tests.web import form_values

PAGE = "/compte/sessions"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"


def test_each_device_is_told_in_words_this_one_first(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser], clock: FrozenClock
):
    elsewhere = new_browser()
    elsewhere.environ_base["HTTP_USER_AGENT"] = FIREFOX
    sign_in(elsewhere, parent.identifier)
    clock.advance(minutes=5)

    page = browser.get(PAGE).text

    assert page.index("Cet appareil") < page.index("Firefox sur Windows")
    assert "127.0.0.1" not in page
    assert re.search(r"23 novembre 2026 à 0?9:00", page)


def test_se_08_a_closed_device_is_signed_out_at_its_next_request(
    parent: Parent, browser: Browser, idp_app: Flask, new_browser: Callable[[], Browser], now: datetime
):
    elsewhere = new_browser()
    sign_in_as(idp_app, elsewhere, parent.account_id, now=now)
    page = browser.get(PAGE).text
    others = set(re.findall(r'name="device" value="([0-9a-f-]{36})"', page))
    assert len(others) == 1

    answer = browser.post(PAGE, data={"csrf_token": token(browser), "device": others.pop()})

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "Cet appareil a été déconnecté" in browser.get(PAGE).text
    assert elsewhere.get("/compte").location == "/connexion"


def test_all_other_devices_are_closed_at_once(
    parent: Parent, browser: Browser, idp_app: Flask, new_browser: Callable[[], Browser], now: datetime
):
    elsewhere = [new_browser(), new_browser()]
    for one in elsewhere:
        sign_in_as(idp_app, one, parent.account_id, now=now)

    browser.post(PAGE, data={"csrf_token": token(browser), "device": "others"})

    assert "2 appareils ont été déconnectés" in browser.get(PAGE).text
    assert {one.get("/compte").location for one in elsewhere} == {"/connexion"}
    assert "Aucun autre appareil n’est connecté" in browser.get(PAGE).text


def test_the_device_of_another_account_is_not_closed(
    idp_app: Flask,
    browser: Browser,
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    now: datetime,
):
    other, others_browser = new_parent(), new_browser()
    sign_in_as(idp_app, others_browser, other.account_id, now=now)
    with idp_app.app_context():
        row = db.session.query(AccountSession).filter_by(account_id=other.account_id).one().id

    answer = browser.post(PAGE, data={"csrf_token": token(browser), "device": str(row)})

    assert answer.status_code == 303
    assert others_browser.get("/compte").status_code == 200
    assert str(row) not in browser.get(PAGE).text


def test_what_is_no_device_changes_nothing(browser: Browser):
    for device in ("", "x", "' OR 1=1"):
        assert browser.post(PAGE, data={"csrf_token": token(browser), "device": device}).location == PAGE

    assert browser.get(PAGE).status_code == 200


def test_se_11_two_people_of_one_family_computer_see_nothing_of_each_other(
    parent: Parent, browser: Browser, new_parent: Callable[..., Parent]
):
    other = new_parent(given_name="Zacharie", family_name="Œuvrard", email="zacharie@exemple.fr")
    first_sid = cookie(browser)
    browser.post("/deconnexion", data={"csrf_token": token(browser)})

    sign_in(browser, other.identifier)

    assert cookie(browser) != first_sid
    for address in ("/compte", "/compte/adresse", "/compte/mot-de-passe", "/compte/sessions", "/"):
        page = browser.get(address)
        assert page.headers["Cache-Control"] == "no-store, private"
        assert parent.identifier not in page.text
        assert "celine@exemple.fr" not in page.text
    assert browser.get(PAGE).text.count("Cet appareil") == 1


def test_ended_and_idle_devices_are_not_shown(
    parent: Parent,
    browser: Browser,
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    clock: FrozenClock,
):
    sign_in_as(idp_app, new_browser(), parent.account_id, now=clock.now)
    with idp_app.app_context(), transaction() as session:
        for row in session.query(AccountSession).order_by(AccountSession.id.desc()).limit(1):
            row.ended_at = clock.now

    assert browser.get(PAGE).text.count("Dernière utilisation") == 1


def token(browser: Browser) -> str:
    return form_values(browser.get("/compte").text)["csrf_token"]


def cookie(browser: Browser) -> str:
    found = browser.get_cookie("__Host-idp_session", domain="compte.example")
    assert found is not None
    return found.value
