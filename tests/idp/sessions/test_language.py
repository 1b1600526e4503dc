"""Pages in the reader's language, and the account that remembers it."""

from datetime import datetime

import pytest
from flask import Flask

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.db import db
from idp.passwords import service as passwords
from tests.conftest import Browser
from tests.factories import make_account
from tests.signing_in import sign_in_as
from tests.web import form_values, submit


@pytest.fixture
def account_id(idp_app: Flask) -> AccountId:
    with idp_app.app_context():
        return make_account(state=AccountState.ACTIVE)


def locale_of(app: Flask, account_id: AccountId) -> str:
    with app.app_context():
        return db.session.get_one(Account, account_id).locale


def test_every_page_is_offered_in_both_languages(idp_client: Browser):
    page = idp_client.get("/connexion?lang=en").text

    assert '<html lang="en">' in page
    assert "Sign in" in page
    assert 'hreflang="fr"' in page


def test_opening_a_page_in_another_language_writes_nothing(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    sign_in_as(idp_app, idp_client, account_id, now=now)

    idp_client.get("/compte?lang=en")

    assert locale_of(idp_app, account_id) == "fr"


def test_the_language_in_which_a_form_is_sent_becomes_the_account_s_and_other_devices_follow(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    sign_in_as(idp_app, idp_client, account_id, now=now)
    page = idp_client.get("/compte?lang=en").text
    idp_client.post("/deconnexion", data=form_values(page, action="/deconnexion"))

    assert locale_of(idp_app, account_id) == "en"
    idp_client.delete_cookie("lang", domain=idp_client.origin.partition("://")[2])
    assert '<html lang="fr">' in idp_client.get("/").text
    sign_in_as(idp_app, idp_client, account_id, now=now)
    assert '<html lang="en">' in idp_client.get("/compte").text


def test_who_signs_in_in_english_is_written_to_in_english(idp_app: Flask, idp_client: Browser):
    with idp_app.app_context():
        password_hash = passwords.hash_password("Tilleul2026")
        account_id = make_account(
            identifier="s.darciel", state=AccountState.ACTIVE, password_hash=password_hash
        )
    couple = {"identifier": "s.darciel", "password": "Tilleul2026"}

    signed_in = submit(idp_client, "/connexion?lang=en", couple, to="/connexion", action="/connexion")

    assert signed_in.status_code == 303
    assert locale_of(idp_app, account_id) == "en"


@pytest.mark.parametrize("tag", ["../../etc", "<script>", "xx", "fr-EN\0"])
def test_in_17_a_language_that_is_none_of_ours_changes_nothing(idp_client: Browser, tag: str):
    answer = idp_client.get("/connexion", query_string={"lang": tag})

    assert '<html lang="fr">' in answer.text
    assert tag not in answer.text
    assert "lang=" not in answer.headers.get("Set-Cookie", "")
