"""« Mon compte » in a browser: address, number, password, devices, journal, own data, the end; by keyboard alone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from demo.processes import free_port
from idp.accounts.models import Account, AccountState
from idp.db import db
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.passwords import service as passwords
from shared.clock import utc_now
from tests.conftest import idp_settings_values
from tests.factories import make_account, make_child, make_link
from tests.hashing import CountingHasher
from tests.journeys.conftest import DESK
from tests.journeys.test_attach import press, write
from tests.journeys.test_from_letter_to_livret import sign_in
from tests.serving import served

pytestmark = pytest.mark.journey

PASSWORD, NEW_PASSWORD = "Ciboulette7", "Romarin2026"
NEW_ADDRESS, TYPED_PHONE = "celine.nouvelle@exemple.fr", "06 39 98 12 34"


@dataclass(frozen=True)
class Provider:
    """The provider on plain http, as a demo runs it, with one active parent."""

    app: Flask
    address: str
    identifier: str

    def last_message(self, pattern: str) -> str:
        """What the newest message of the outbox that holds the pattern says there."""
        with self.app.app_context():
            newest_first = select(OutboxMessage).order_by(OutboxMessage.id.desc())
            for row in db.session.scalars(newest_first):
                words = messaging._unsealed(row).decode() if row.sealed_words else ""
                if found := re.search(pattern, words.replace("\\n", "\n")):
                    return found[1]
        raise AssertionError(f"no message holds {pattern}")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_parent_changes_what_is_theirs_and_closes_the_account(
    provider: Provider, new_person: Callable[..., Page], scripts: bool
):
    page = new_person(scripts=scripts, viewport=DESK)
    page.goto(f"{provider.address}/connexion")
    sign_in(page, provider.identifier, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour Céline L’HÉNORET")
    expect(page.locator("main")).to_contain_text("À terminer")

    change_address(page, provider)
    change_phone(page, provider)
    change_password(page)
    close_another_device(page, provider, new_person, scripts)
    read_the_journal(page, provider)
    close_the_account(page, provider)


def test_an_old_sign_in_types_the_password_first(provider: Provider, new_person: Callable[..., Page]):
    page = new_person()
    page.goto(f"{provider.address}/connexion")
    sign_in(page, provider.identifier, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
    make_sign_ins_old(provider)

    press(page, page.get_by_role("link", name="Mot de passe", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirmez que c’est vous")
    write(page, page.get_by_label("Mot de passe", exact=True), "Ciboulette8")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ce mot de passe n’est pas celui de votre compte")
    write(page, page.get_by_label("Mot de passe", exact=True), PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Votre mot de passe")


def test_the_new_mailbox_on_another_device_signs_in_and_the_old_address_is_put_back(
    provider: Provider, new_person: Callable[..., Page]
):
    page, phone = new_person(), new_person()
    page.goto(f"{provider.address}/connexion")
    sign_in(page, provider.identifier, PASSWORD)
    page.goto(f"{provider.address}/compte/adresse")
    send_address(page, NEW_ADDRESS)
    expect(page.get_by_role("status")).to_contain_text("Un message est parti")

    mailed = provider.last_message(r"(http\S+/compte/adresse/confirmer\?code=[\w-]+)")
    phone.goto(mailed)
    expect(phone.get_by_role("status")).to_contain_text("votre nouvelle adresse sera confirmée")
    phone.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    press(phone, phone.get_by_role("button", name="Se connecter"))
    expect(phone.get_by_role("status")).to_contain_text("Votre nouvelle adresse est confirmée")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Se connecter")

    phone.goto(f"{provider.address}/compte/adresse")
    expect(phone.get_by_role("heading", name="Changements récents")).to_be_visible()
    press(phone, phone.get_by_role("button", name="Rétablir celine@exemple.fr"))

    expect(phone.get_by_role("status")).to_contain_text("Votre ancienne adresse est rétablie")
    phone.goto(mailed)
    expect(phone.get_by_role("status")).to_contain_text("C’est déjà fait")


def change_address(page: Page, provider: Provider) -> None:
    press(page, page.get_by_role("link", name="Adresse de courriel"))
    send_address(page, "celine@")
    expect(page.get_by_role("alert")).to_contain_text("Saisissez une adresse complète")
    send_address(page, NEW_ADDRESS)
    expect(page.get_by_role("heading", name="En attente de confirmation")).to_be_visible()
    page.goto(provider.last_message(r"(http\S+/compte/adresse/confirmer\?code=[\w-]+)"))
    press(page, page.get_by_role("button", name="Confirmer cette adresse"))
    expect(page.get_by_role("status")).to_contain_text("Votre nouvelle adresse est confirmée")


def send_address(page: Page, address: str) -> None:
    send(page, {"Email": address, "Confirmez votre email": address})


def change_phone(page: Page, provider: Provider) -> None:
    press(page, page.get_by_role("link", name="Portable"))
    send(page, {"Téléphone portable": "03 53 01 00 00"})
    expect(page.get_by_role("alert")).to_contain_text("Saisissez un portable français")
    send(page, {"Téléphone portable": TYPED_PHONE})
    expect(page.get_by_role("heading", level=1)).to_have_text("Saisissez le code reçu")
    right = provider.last_message(r"#([0-9]{6})")
    send(page, {"Code reçu": f"{(int(right) + 1) % 10**6:06d}"})
    expect(page.get_by_role("alert")).to_contain_text("Ce code n’est pas le bon")
    send(page, {"Code reçu": right})
    expect(page.get_by_role("status")).to_contain_text("Votre portable est confirmé")


def change_password(page: Page) -> None:
    press(page, page.get_by_role("link", name="Mot de passe", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre mot de passe")
    new = {"Nouveau mot de passe": NEW_PASSWORD, "Confirmez votre mot de passe": NEW_PASSWORD}
    send(page, {"Mot de passe actuel": "Ciboulette8"} | new)
    expect(page.get_by_role("alert")).to_contain_text("Ce mot de passe n’est pas celui de votre compte")
    send(page, {"Mot de passe actuel": PASSWORD} | new)
    expect(page.get_by_role("status")).to_contain_text("Vos autres appareils ont été déconnectés")


def send(page: Page, typed: dict[str, str]) -> None:
    """Type into the fields of these labels, by keyboard, and press Enter."""
    for label, text in typed.items():
        write(page, page.get_by_label(label, exact=True), text)
    page.keyboard.press("Enter")


def close_another_device(
    page: Page, provider: Provider, new_person: Callable[..., Page], scripts: bool
) -> None:
    elsewhere = new_person(scripts=scripts)
    elsewhere.goto(f"{provider.address}/connexion")
    sign_in(elsewhere, provider.identifier, NEW_PASSWORD)
    expect(elsewhere.get_by_role("heading", level=1)).to_contain_text("Bonjour")
    press(page, page.get_by_role("link", name="Appareils connectés"))
    press(page, page.get_by_role("button", name=re.compile("^Déconnecter Chrome")))
    expect(page.get_by_role("status")).to_contain_text("Cet appareil a été déconnecté")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Se connecter")
    press(page, page.get_by_role("link", name="Revenir à mon compte"))


def read_the_journal(page: Page, provider: Provider) -> None:
    press(page, page.get_by_role("link", name="Journal"))
    expect(page.locator("main")).to_contain_text("L’adresse de courriel a changé.")
    expect(page.locator("main")).to_contain_text("Le portable a changé.")
    press(page, page.get_by_role("link", name="Télécharger mes données"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger le fichier").click()
    written = Path(download.value.path()).read_text(encoding="utf-8")
    assert provider.identifier in written
    assert NEW_ADDRESS in written
    press(page, page.get_by_role("link", name="Revenir à mon compte"))


def close_the_account(page: Page, provider: Provider) -> None:
    press(page, page.get_by_role("link", name="Fermer mon compte"))
    press(page, page.get_by_role("button", name="Fermer mon compte"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre compte est fermé")
    page.go_back()
    page.goto(f"{provider.address}/compte")
    sign_in(page, provider.identifier, NEW_PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("L’identifiant ou le mot de passe est incorrect")


def make_sign_ins_old(provider: Provider) -> None:
    from datetime import timedelta

    from idp.db import transaction
    from idp.sessions.models import AccountSession

    with provider.app.app_context(), transaction() as session:
        for row in session.scalars(select(AccountSession)):
            row.proven_at = row.signed_in_at - timedelta(minutes=11)


@pytest.fixture
def provider(tmp_path: Path, password_hasher: CountingHasher) -> Iterator[Provider]:
    from idp.app import create_app
    from idp.settings import Settings

    port = free_port()
    address = f"http://localhost:{port}"
    twilio = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "tests only"}
    values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}") | twilio
    app = create_app(Settings.load(**values | {"issuer": address, "twilio_from": "+33639980000"}))
    with app.app_context():
        db.create_all()
        now = utc_now()
        account_id = make_account(
            state=AccountState.ACTIVE,
            password_hash=passwords.hash_password(PASSWORD),
            email="celine@exemple.fr",
            email_confirmed_at=now,
            email_recovers_from=now,
        )
        make_link(account_id, make_child())
        identifier = db.session.get_one(Account, account_id).identifier
    with served(app, port=port):
        yield Provider(app, address, identifier)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
