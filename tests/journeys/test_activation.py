"""What goes wrong between the letter and the active account, and how a parent comes through all the same."""

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.test_attach import press, write
from tests.journeys.test_from_letter_to_livret import (
    NEW_PASSWORD,
    fill_activation,
    named_child,
    sign_in,
    wait_for_mail,
)
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

RIGHT_ADDRESS = "parent@orange.fr"


@pytest.mark.parametrize(
    ("scripts", "viewport", "place"), [(True, PHONE, 1), (False, DESK, 2)], ids=["phone", "no-scripts"]
)
def test_a_wrong_date_and_a_mistyped_address_are_mended_on_the_way(
    demo: Demo, new_person: Callable[..., Page], scripts: bool, viewport: dict[str, int], place: int
):
    guardian = demo.newcomer()
    page = new_person(scripts=scripts, viewport=viewport)
    open_form(page, demo, guardian)
    if not scripts:
        glance(page)
    year, rest = named_child(guardian)["birthdate"].split("-", 1)

    address = f"parent{place}@orange.fr"
    fill_activation(page, email=f"parent{place}@orage.fr", birthdate=f"{int(year) - 1}-{rest}")
    expect(page.get_by_role("alert")).to_contain_text("Il vous reste 2 essais aujourd’hui")
    expect(page.get_by_label("Nouveau mot de passe", exact=True)).to_have_value("")
    fill_activation(page, email=f"parent{place}@orage.fr", birthdate=f"{year}-{rest}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Ouvrez votre messagerie")
    expect(page.locator("main")).to_contain_text("Vouliez-vous dire orange.fr")
    expect(page.locator("main")).to_contain_text("Courriers indésirables")
    if not scripts:
        page.get_by_role("button", name="Renvoyer le message").click()
        expect(page.get_by_role("alert")).to_contain_text("Vous pourrez le renvoyer dans")
    page.get_by_role("button", name=f"Envoyer à {address}").click()
    expect(page.get_by_role("status")).to_contain_text(f"Un message est parti à {address}")
    expect(page.locator("main")).not_to_contain_text("Vouliez-vous dire")

    wait_for_mail(page, demo, address)
    elsewhere = new_person(scripts=scripts)
    elsewhere.goto(demo.mailed_link(address))
    sign_in(elsewhere, guardian["identifier"], NEW_PASSWORD)
    expect(elsewhere.get_by_role("heading", level=1)).to_contain_text("Votre compte est activé")
    page.reload()
    expect(page).not_to_have_url(re.compile("message-envoye"))


def test_who_is_not_the_legal_guardian_says_so_by_keyboard_alone(demo: Demo, new_person: Callable[..., Page]):
    guardian = demo.newcomer()
    page = new_person()
    page.goto(f"{demo.issuer}/activation")
    letter = demo.letter_of(guardian["identifier"])
    write(page, page.get_by_label("Identifiant", exact=True), letter.identifier)
    write(page, page.get_by_label("Mot de passe", exact=True), letter.provisional_password)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Email", exact=True)).to_be_visible()

    press(page, page.get_by_role("link", name="Je ne suis pas le représentant légal de cet élève"))
    expect(page.locator("main")).to_contain_text(named_child(guardian)["given_name"])
    press(page, page.get_by_role("link", name="Revenir sans rien signaler"))
    press(page, page.get_by_role("link", name="Je ne suis pas le représentant légal de cet élève"))
    press(page, page.get_by_role("button", name="Signaler"))

    expect(page.locator("main")).to_contain_text(
        re.compile(r"l’école est prévenue. Référence\s: E[A-Z2-9]{6}")
    )
    expect(page.locator("main")).to_contain_text("Contactez l’école")
    page.reload()
    expect(page.locator("main")).to_contain_text("l’école est prévenue")


def test_an_expired_letter_names_the_school(demo: Demo, new_person: Callable[..., Page]):
    guardian = demo.newcomer()
    let_the_letter_end(demo, guardian["identifier"])
    page = new_person()
    page.goto(f"{demo.issuer}/activation")

    sign_in(page, guardian["identifier"], guardian["provisional_password"])

    expect(page.get_by_role("alert")).to_contain_text(
        "Ce courrier n’est plus valable depuis le 1 septembre 2025"
    )
    expect(page.locator("main")).to_contain_text("Contactez l’école")


def open_form(page: Page, demo: Demo, guardian: dict[str, Any]) -> None:
    page.goto(f"{demo.issuer}/activation")
    letter = demo.letter_of(guardian["identifier"])
    sign_in(page, letter.identifier, letter.provisional_password)
    expect(page.get_by_label("Email", exact=True)).to_be_visible()


def glance(page: Page) -> None:
    """Without scripts: what stands there does something, or is not shown."""
    expect(page.locator("[data-show-password]:visible")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def let_the_letter_end(demo: Demo, identifier: str) -> None:
    """Months go by for this letter alone."""
    database = Path(demo.told["letters_pdf"]).parent / "data" / "idp.sqlite"
    with sqlite3.connect(database) as connection:
        changed = connection.execute(
            "UPDATE provisional_passwords SET expires_at = ?"
            " WHERE account_id = (SELECT id FROM accounts WHERE identifier = ?)",
            (datetime(2025, 9, 1, 12, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), identifier),
        )
        assert changed.rowcount == 1
