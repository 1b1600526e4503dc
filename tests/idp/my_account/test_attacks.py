"""What every form of one's own account must refuse or ignore."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from lxml import html

from idp.accounts.models import Account
from idp.db import db
from idp.families.models import Child, Guardian, Link
from idp.sessions.models import AccountSession
from tests.conftest import Browser
from tests.idp.my_account.conftest import Parent
from tests.signing_in import sign_in_as
from tests.web import form_values

pytestmark = pytest.mark.usefixtures("sms_on")

# Each form of the account's pages, with a harmless filling that is accepted or refused without a change of its own.
PAGES = (
    "/compte",
    "/compte/adresse",
    "/compte/telephone",
    "/compte/mot-de-passe",
    "/compte/sessions",
    "/compte/fermer",
)


def columns_of(model: Any) -> list[str]:
    return [column.key for column in model.__table__.columns]


MODELS: tuple[Any, ...] = (Account, AccountSession, Link, Guardian, Child)
COLUMNS = sorted({key for model in MODELS for key in columns_of(model)} | {"role", "children", "school"})
HARMLESS = {
    "/compte/langue": {"langue": "fr"},
    "/compte/adresse": {"email": "celine@", "email_confirmation": "celine@"},
    "/compte/telephone": {"phone": "06"},
    "/compte/mot-de-passe": {"current_password": "", "new_password": "a", "new_password_confirmation": "b"},
    "/compte/sessions": {"device": ""},
}


def actions_of(page: str) -> set[str]:
    return {form.get("action", "") for form in html.fromstring(page).forms if form.get("method") == "post"}


def test_ch_08_no_form_writes_a_column_that_it_does_not_ask_for(
    idp_app: Flask, parent: Parent, browser: Browser, new_browser: Callable[[], Browser], now: datetime
):
    """Every form against every column of the tables that a person's rights hang on."""
    sign_in_as(idp_app, new_browser(), parent.account_id, now=now)
    before = snapshot(idp_app)
    seen = set()
    for page in PAGES:
        shown = browser.get(page).text
        for action in actions_of(shown) - {"/deconnexion", "/compte/fermer"}:
            seen.add(action)
            values = form_values(shown, action=action) | HARMLESS[action]
            for column in COLUMNS:
                if column in values:
                    continue
                answer = browser.post(action, data=values | {column: "2020-01-01"})
                assert answer.status_code in {303, 422}, (action, column)

    assert seen == HARMLESS.keys()
    assert snapshot(idp_app) == before


@pytest.mark.parametrize("page", PAGES)
def test_a_field_that_comes_twice_or_holds_nul_is_refused(browser: Browser, page: str):
    shown = browser.get(page).text
    for action in actions_of(shown) - {"/deconnexion"}:
        csrf = form_values(shown, action=action)["csrf_token"]
        for strange in (["a", "b"], "a\0b", "a" * 5000):
            assert browser.post(action, data={"csrf_token": csrf, "email": strange}).status_code == 400


@pytest.mark.parametrize("page", PAGES)
def test_a_form_without_its_token_changes_nothing(idp_app: Flask, browser: Browser, page: str):
    before = snapshot(idp_app)

    for action in actions_of(browser.get(page).text) - {"/deconnexion"}:
        assert browser.post(action, data={"act": "remove", "langue": "en"}).status_code == 400

    assert snapshot(idp_app) == before


@pytest.mark.parametrize(
    "page", [*PAGES, "/compte/journal", "/compte/mes-donnees", "/compte/mes-donnees/fichier"]
)
def test_signed_out_every_page_leads_to_signing_in(
    idp_app: Flask, new_browser: Callable[[], Browser], page: str
):
    way_back = "" if page == "/compte" else f"?suite={page}"

    assert new_browser().get(page).location == f"/connexion{way_back}"


def test_the_language_is_one_of_ours(parent: Parent, browser: Browser, account: Callable[[Parent], Account]):
    csrf = form_values(browser.get("/compte").text)["csrf_token"]

    changed = browser.post("/compte/langue", data={"csrf_token": csrf, "langue": "en"})
    refused = browser.post("/compte/langue", data={"csrf_token": csrf, "langue": "../../etc"})

    assert (changed.status_code, changed.location) == (303, "/compte?lang=en")
    assert refused.status_code == 400
    assert account(parent).locale == "en"


def test_ch_05_recovery_is_not_yet_served_by_a_changed_address(
    parent: Parent, browser: Browser, account: Callable[[Parent], Account], mailbox: Any, now: datetime
):
    values = {"email": "voleur@exemple.fr", "email_confirmation": "voleur@exemple.fr"}
    page = browser.get("/compte/adresse").text
    browser.post("/compte/adresse", data=form_values(page, action="/compte/adresse") | values)
    url = re.search(r"(/compte/adresse/confirmer\?code=\S+)", mailbox()[0].text)
    assert url is not None
    shown = browser.get(url[1]).text
    browser.post(url[1], data=form_values(shown, action="/compte/adresse/confirmer"))

    recovers_from = account(parent).email_recovers_from
    assert recovers_from is not None
    assert recovers_from > now
    assert "Elle servira à retrouver votre mot de passe à partir du" in browser.get("/compte/adresse").text
    assert any(
        "votre adresse a changé" in mail.subject and mail.to == "celine@exemple.fr" for mail in mailbox()
    )


def test_en_07_the_answers_are_the_same_but_for_what_was_typed(
    idp_app: Flask, new_parent: Callable[..., Parent], new_browser: Callable[[], Browser], now: datetime
):
    used = "utilisee@exemple.fr"
    new_parent(email=used)
    pages: list[tuple[Any, ...]] = []
    for address in (used, "inconnue@exemple.fr"):
        asking, browser = new_parent(identifier=f"c.essai{len(pages)}"), new_browser()
        sign_in_as(idp_app, browser, asking.account_id, now=now)
        shown = browser.get("/compte/adresse").text
        values = form_values(shown, action="/compte/adresse") | {
            "email": address,
            "email_confirmation": address,
        }
        answer = browser.post("/compte/adresse", data=values)
        told = re.sub(r'name="csrf_token" value="[^"]+"', "", browser.get("/compte/adresse").text)
        pages.append((answer.status_code, answer.location, told.replace(address, "ADDRESS")))

    assert pages[0] == pages[1]


def snapshot(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of those tables, but for the times that using a session moves."""
    moving = {"last_seen_at", "updated_at"}
    with app.app_context():
        return {
            model.__tablename__: sorted(
                tuple(str(getattr(row, key)) for key in columns_of(model) if key not in moving)
                for row in db.session.query(model)
            )
            for model in MODELS
        }
