"""Portal, help and legal pages: every one leads on."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from idp.accounts.models import AccountState
from idp.db import transaction
from idp.oidc.models import Client
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser
from tests.factories import make_account, make_child, make_link
from tests.signing_in import sign_in_as

PUBLIC = ("/", "/aide", "/accessibilite", "/mentions-legales", "/donnees-personnelles")
# Pages of other features that the portal leads to.
NEXT_DOOR = {"/connexion", "/activation", "/compte", "/deconnexion"}


@pytest.fixture
def register(idp_app: Flask, now: datetime) -> Callable[..., None]:
    """Registers a client that the portal may list."""

    def add(client_id: str, **values: Any) -> None:
        given = {
            "name": "Livret scolaire",
            "redirect_uris": ["https://livret.example/retour"],
            "initiate_login_uri": "https://livret.example/connexion",
            "scope": "openid children",
            "token_endpoint_auth_method": "private_key_jwt",
            "sector_identifier": "livret.example",
            "created_at": now,
        }
        with idp_app.app_context(), transaction() as session:
            session.add(Client(client_id=client_id, **given | values))

    return add


def links_of(page: str) -> set[str]:
    return {url.partition("#")[0] for url in re.findall(r'(?:href|action)="(/[^"]*)"', page)}


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_open_without_an_account(idp_client: Browser, path: str):
    assert idp_client.get(path).status_code == 200


@pytest.mark.parametrize("path", PUBLIC)
def test_every_link_of_a_public_page_leads_to_a_live_page(idp_client: Browser, path: str):
    for url in links_of(idp_client.get(path).text) - NEXT_DOOR - {""}:
        # An account's page asks to sign in first.
        assert idp_client.get(url).status_code in {200, 303}, url


@pytest.mark.parametrize("path", PUBLIC)
def test_every_anchor_exists_on_the_page_it_names(idp_client: Browser, path: str):
    page = idp_client.get(path).text
    for target, anchor in re.findall(r'href="(/[a-z-]*|)#([a-z-]+)"', page):
        assert f'id="{anchor}"' in idp_client.get(target or path).text, anchor


def test_the_portal_offers_its_three_doors_and_what_is_lost(idp_client: Browser):
    page = idp_client.get("/").text

    for label in (
        "Se connecter",
        "Activer votre compte",
        "Gérer mon compte",
        "Identifiant perdu",
        "Mot de passe perdu",
    ):
        assert label in page


def test_the_portal_lists_services_that_can_be_opened(
    idp_client: Browser, register: Callable[..., None], now: datetime
):
    register("livret")
    register("cantine", name="Cantine", initiate_login_uri="https://cantine.example/connexion")
    register("old", name="Service fermé", disabled_at=now)
    register("hidden", name="Sans entrée", initiate_login_uri=None)

    page = idp_client.get("/").text

    assert page.index("Cantine") < page.index("Livret scolaire")
    assert 'href="https://livret.example/connexion?iss=https%3A%2F%2Fcompte.example"' in page
    assert "Service fermé" not in page
    assert "Sans entrée" not in page


def test_br_11_the_name_of_a_service_is_escaped(idp_client: Browser, register: Callable[..., None]):
    register("probe", name="O'<svg onload>")

    page = idp_client.get("/").text

    assert "O&#39;&lt;svg onload&gt;" in page


def test_signed_in_the_portal_greets_and_offers_the_way_out(
    idp_app: Flask, idp_client: Browser, now: datetime
):
    with idp_app.app_context():
        account_id = make_account(state=AccountState.ACTIVE)
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/").text

    assert "Bonjour Céline L’HÉNORET" in page
    assert "Se déconnecter" in page
    assert "Activer votre compte" not in page


def test_half_activated_the_portal_leads_back_to_activation(
    idp_app: Flask, idp_client: Browser, now: datetime
):
    with idp_app.app_context():
        account_id = make_account(state=AccountState.NOTIFIED)
    sign_in_as(idp_app, idp_client, account_id, opened_with=OpenedWith.PROVISIONAL, now=now)

    page = idp_client.get("/").text

    assert "Continuer l’activation" in page
    assert "Se déconnecter" not in page


def test_help_answers_ten_questions(idp_client: Browser):
    page = idp_client.get("/aide").text

    assert len(re.findall(r'<h2 id="(?!help-title)', page)) == 10


def test_help_names_the_school_of_who_asks(idp_app: Flask, idp_client: Browser, now: datetime):
    with idp_app.app_context():
        account_id = make_account(state=AccountState.ACTIVE)
        make_link(account_id, make_child())

    before = idp_client.get("/aide").text
    sign_in_as(idp_app, idp_client, account_id, now=now)
    after = idp_client.get("/aide").text

    assert "École du Lac" not in before
    assert "École du Lac" in after
    assert 'href="tel:0353010000"' in after


def test_accessibility_is_not_claimed_before_an_audit(idp_client: Browser):
    assert "non conforme" in idp_client.get("/accessibilite").text


def test_legal_pages_name_the_publisher_of_the_settings(idp_app: Flask, idp_client: Browser):
    publisher = idp_app.extensions["settings"].publisher_name

    assert publisher in idp_client.get("/mentions-legales").text
    assert publisher in idp_client.get("/donnees-personnelles").text


def test_an_activation_without_a_waiting_service_ends_on_what_to_keep(
    idp_app: Flask, idp_client: Browser, register: Callable[..., None], now: datetime
):
    register("livret")
    with idp_app.app_context():
        account_id = make_account(state=AccountState.ACTIVE, identifier="c.lhenoret")
        make_link(account_id, make_child())
    sign_in_as(idp_app, idp_client, account_id, now=now)

    page = idp_client.get("/activation/terminee").text

    assert "Votre compte est activé" in page
    assert "c.lhenoret" in page
    assert "Maël N’GUYEN" in page
    assert 'href="https://livret.example/connexion?iss=https%3A%2F%2Fcompte.example"' in page


def test_the_end_of_an_activation_is_for_who_is_signed_in(idp_client: Browser):
    assert idp_client.get("/activation/terminee").status_code == 303


def test_password_managers_find_the_page_that_changes_the_password(idp_client: Browser):
    answer = idp_client.get("/.well-known/change-password")

    assert (answer.status_code, answer.location) == (303, "/compte/mot-de-passe")
