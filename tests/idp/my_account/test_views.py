"""`/compte`: only one's own account, and all that is said of it escaped."""

from datetime import datetime

import pytest
from flask import Flask

from idp.accounts.models import AccountState
from idp.accounts.rules import AccountId
from idp.families.models import LinkState
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser
from tests.factories import make_account, make_child, make_link
from tests.signing_in import sign_in_as

PROBE = "O'<svg onload=alert(1)>"


@pytest.fixture
def account_id(idp_app: Flask) -> AccountId:
    with idp_app.app_context():
        return make_account(state=AccountState.ACTIVE, identifier="c.lhenoret", email="celine@exemple.fr")


def test_the_account_shows_who_and_which_address(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/compte").text

    assert "Bonjour Céline L’HÉNORET" in page
    assert "c.lhenoret" in page
    assert "celine@exemple.fr" in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (LinkState.ACTIVE, "Vous avez accès à son dossier"),
        (LinkState.FROZEN, "Accès suspendu, l’école est prévenue"),
        (LinkState.DETACHED, "Vous n’avez plus accès à son dossier"),
    ],
)
def test_a_child_is_shown_with_its_level_school_and_link_in_words(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime, state: LinkState, words: str
):
    with idp_app.app_context():
        make_link(account_id, make_child(), state=state)
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/compte").text

    assert "Maël N’GUYEN" in page
    assert "CE2 – École du Lac" in page
    assert words in page


def test_a_merged_link_is_told_by_the_account_that_took_it_over(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    with idp_app.app_context():
        make_link(account_id, make_child(), state=LinkState.MERGED)
    sign_in_as(idp_app, idp_client, account_id, now=now)

    assert "Maël" not in idp_client.get("/compte").text


def test_nothing_of_another_guardian_is_shown(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    with idp_app.app_context():
        other = make_account(state=AccountState.ACTIVE, given_name="Zacharie", email="zacharie@exemple.fr")
        child = make_child()
        make_link(account_id, child)
        make_link(other, child)
        make_link(other, make_child(given_name="Ysé"))
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/compte").text

    assert "Maël" in page
    assert "acharie" not in page
    assert "Ysé" not in page


def test_br_11_names_and_addresses_are_escaped(idp_app: Flask, idp_client: Browser, now: datetime):
    with idp_app.app_context():
        account_id = make_account(
            state=AccountState.ACTIVE, given_name=PROBE, usage_name=PROBE, email=PROBE, pending_email=PROBE
        )
        make_link(account_id, make_child(given_name=PROBE, family_name=PROBE))
    sign_in_as(idp_app, idp_client, account_id, now=now)

    for path in ("/compte", "/", "/activation/terminee"):
        page = idp_client.get(path).text
        assert "&lt;svg onload" in page
        assert "<svg onload" not in page
        assert "<SVG ONLOAD" not in page


def test_signed_out_leads_to_the_sign_in_page(idp_client: Browser):
    answer = idp_client.get("/compte")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/connexion"


def test_a_session_of_the_provisional_password_opens_nothing_here(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    sign_in_as(idp_app, idp_client, account_id, opened_with=OpenedWith.PROVISIONAL, now=now)

    answer = idp_client.get("/compte")

    assert answer.status_code == 303
    assert "c.lhenoret" not in answer.text


def test_signing_out_is_a_form_of_the_header(
    idp_app: Flask, idp_client: Browser, account_id: AccountId, now: datetime
):
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/compte").text

    assert page.count('action="/deconnexion"') == 1
