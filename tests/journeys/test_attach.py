"""One person with two letters, or two accounts: attach, refusals, what will happen, undo."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import DESK
from tests.journeys.test_from_letter_to_livret import (
    NEW_PASSWORD,
    go_through_activation,
    named_child,
    sign_in,
)
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

REFUSED = "Ce compte n’a pas pu être rattaché. Vérifiez vos réponses, ou demandez à l’école."
MOST_TABS = 60


def test_a_second_letter_is_attached_by_keyboard_alone_and_given_back(
    demo: Demo, new_person: Callable[..., Page]
):
    """Two siblings in two schools on two letters."""
    mine, other = pair_of(demo, "D’ASSOUVILLE")
    page = new_person()
    go_through_activation(page, demo, mine, "helene@famille.example")
    page.goto(f"{demo.issuer}/compte")
    press(page, page.get_by_role("link", name="Voir vos enfants"))
    press(page, page.get_by_role("link", name="Rattacher un enfant"))

    send_couple_by_keyboard(page, other["identifier"], "Absinthe7")
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    send_couple_by_keyboard(page, other["identifier"], other["provisional_password"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Date de naissance de votre enfant")
    year, month, day = named_child(other)["birthdate"].split("-")
    send_date_by_keyboard(page, day, month, str(int(year) - 1))
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    send_date_by_keyboard(page, day, month, year)

    expect(page.get_by_role("heading", level=1)).to_have_text("Ce qui va se passer")
    expect(page.locator("main")).to_contain_text(named_child(other)["given_name"])
    expect(page.locator("main")).to_contain_text(f"Le compte {other['identifier']} est fermé")
    press(page, page.get_by_role("button", name="Regrouper les deux comptes"))
    expect(page.get_by_role("status")).to_contain_text("Les deux comptes sont regroupés")
    for guardian in (mine, other):
        expect(page.locator("main")).to_contain_text(named_child(guardian)["given_name"])

    stranger = new_person()
    stranger.goto(f"{demo.issuer}/connexion")
    sign_in(stranger, other["identifier"], other["provisional_password"])
    expect(stranger.get_by_role("alert")).to_contain_text(f"Connectez-vous avec {mine['identifier']}.")

    press(page, page.get_by_role("button", name="Annuler le regroupement"))
    expect(page.get_by_role("status")).to_contain_text("Le regroupement est annulé")
    expect(page.locator("main")).not_to_contain_text(named_child(other)["given_name"])
    stranger.goto(f"{demo.issuer}/connexion")
    sign_in(stranger, other["identifier"], other["provisional_password"])
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Activation du compte")


def test_ones_other_account_is_attached_without_a_script_and_the_livrets_follow(
    demo: Demo, new_person: Callable[..., Page]
):
    """Two accounts of one person, under the birth name and under the usage name."""
    mine, other = demo.guardian("DIALLOUX"), demo.guardian("MARTINELLE")
    page, elsewhere = (new_person(scripts=False, viewport=DESK) for _ in range(2))
    go_through_activation(elsewhere, demo, other, "fatou.m@famille.example")
    go_through_activation(page, demo, mine, "fatou@famille.example")
    expect(page.locator("main")).not_to_contain_text(named_child(other)["given_name"])

    page.goto(f"{demo.issuer}/compte/enfants")
    page.get_by_role("link", name="Rattacher un enfant").click()
    page.get_by_label("Identifiant de l’autre compte").fill(other["identifier"])
    page.get_by_label("Mot de passe de l’autre compte").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Voir ce qui va se passer").click()
    expect(page.locator("main")).to_contain_text(named_child(other)["given_name"])
    page.get_by_role("link", name="Ne rien changer").click()
    expect(page.locator("main")).not_to_contain_text(named_child(other)["given_name"])
    page.go_back()
    page.get_by_role("button", name="Regrouper les deux comptes").click()
    expect(page.get_by_role("status")).to_contain_text("Les deux comptes sont regroupés")

    elsewhere.goto(f"{demo.issuer}/compte")
    expect(elsewhere).to_have_url(re.compile("/connexion"))
    page.context.clear_cookies(domain="localhost", name=re.compile("livret"))
    page.goto(f"{demo.livret_url}/connexion")
    for guardian in (mine, other):
        expect(page.locator("main")).to_contain_text(named_child(guardian)["given_name"])


def pair_of(demo: Demo, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two letters of one person."""
    first, second = (one for one in demo.told["guardians"] if name in one["name"])
    return first, second


def send_couple_by_keyboard(page: Page, identifier: str, password: str) -> None:
    write(page, page.get_by_label("Identifiant de l’autre compte"), identifier)
    write(page, page.get_by_label("Mot de passe de l’autre compte"), password)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def send_date_by_keyboard(page: Page, day: str, month: str, year: str) -> None:
    for label, part in (("Jour", day), ("Mois", month), ("Année", year)):
        write(page, page.get_by_label(label), part)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def write(page: Page, field: Locator, text: str) -> None:
    """Reach a field by Tab, and type into it what stands there no more."""
    tab_to(page, field)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def press(page: Page, target: Locator) -> None:
    """Reach a link or button by Tab, and press Enter."""
    tab_to(page, target)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(MOST_TABS):
        if target.first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("not reached by Tab")
