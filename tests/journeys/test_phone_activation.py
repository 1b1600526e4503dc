"""A parent whose letter never came activates by the mobile that the school knows."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK
from tests.journeys.test_activation import glance
from tests.journeys.test_attach import press, write
from tests.journeys.test_from_letter_to_livret import NEW_PASSWORD, named_child, sign_in
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

NEUTRAL = "Si l’école connaît ce numéro à ce nom, un code vient de partir au"


def test_a_parent_without_a_letter_reaches_the_livret_by_keyboard_alone(
    demo: Demo, new_person: Callable[..., Page]
):
    guardian = demo.newcomer()
    row = roster_row(demo, guardian)
    page = new_person()
    page.goto(demo.livret_url)
    page.get_by_role("link", name="Se connecter").or_(
        page.get_by_role("button", name="Se connecter")
    ).first.click()
    page.goto(page.url.replace("/connexion?", "/activation?"))
    press(page, page.get_by_role("link", name="Activer votre compte par SMS"))
    send_person_by_keyboard(
        page, row["Nom responsable"], row["Prénom responsable"], row["Téléphone portable"]
    )
    expect(page.locator("main")).to_contain_text(NEUTRAL)
    write(page, page.get_by_label("Code reçu"), wait_for_code(page, demo, row["Téléphone portable"]))
    page.keyboard.press("Enter")

    expect(page.get_by_label("Votre identifiant")).to_have_value(guardian["identifier"])
    year, month, day = named_child(guardian)["birthdate"].split("-")
    send_last_step_by_keyboard(page, day, month, str(int(year) - 1))
    expect(page.get_by_role("alert")).to_contain_text("Il vous reste 2 essais aujourd’hui")
    send_last_step_by_keyboard(page, day, month, year)

    expect(page.get_by_role("heading", level=1)).to_contain_text("Livret scolaire")
    press(page, page.get_by_role("button", name="Autoriser"))
    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))
    expect(page.locator("main")).to_contain_text(named_child(guardian)["given_name"])

    with_letter = new_person()
    with_letter.goto(f"{demo.issuer}/connexion")
    sign_in(with_letter, guardian["identifier"], guardian["provisional_password"])
    expect(with_letter.get_by_role("alert")).to_contain_text("incorrect")


def test_what_goes_wrong_without_a_script(demo: Demo, new_person: Callable[..., Page]):
    guardian = demo.newcomer()
    row = roster_row(demo, guardian)
    page = new_person(scripts=False, viewport=DESK)
    page.goto(demo.issuer)
    page.get_by_role("link", name="Je n’ai pas reçu le courrier de l’école").click()
    send_person(page, row["Nom responsable"], row["Prénom responsable"], "03 53 01 00 00")
    expect(page.get_by_role("alert")).to_contain_text("Saisissez un portable français")
    glance(page)

    send_person(page, "Personne", row["Prénom responsable"], "06 39 98 00 01")
    expect(page.locator("main")).to_contain_text(NEUTRAL)
    send_code(page, "12345")
    expect(page.get_by_role("alert")).to_contain_text("Le code comporte 6 chiffres, vous en avez saisi 5")
    for _ in range(5):
        send_code(page, "123456")
    expect(page.get_by_role("alert")).to_contain_text("Ce code ne sert plus")
    glance(page)
    page.get_by_role("link", name="Recommencer").click()

    send_person(page, row["Nom responsable"], row["Prénom responsable"], row["Téléphone portable"])
    page.get_by_role("button", name="Recevoir un autre code").click()
    expect(page.get_by_role("alert")).to_contain_text("Vous pourrez le renvoyer dans")
    glance(page)
    send_code(page, wait_for_code(page, demo, row["Téléphone portable"]))
    expect(page.get_by_label("Votre identifiant")).to_have_value(guardian["identifier"])


def roster_row(demo: Demo, guardian: dict[str, Any]) -> dict[str, str]:
    """The guardian's row in the school's extraction."""
    given_name, _, family_name = guardian["name"].partition(" ")
    for path in (Path(demo.told["letters_pdf"]).parent / "files").glob("*-responsables.csv"):
        with path.open(encoding=encoding_of(path), newline="") as lines:
            for cells in csv.reader(lines, delimiter=";"):
                # By position: children's columns repeat their names.
                if (cells[3], cells[2]) == (given_name, family_name):
                    return {
                        "Nom responsable": cells[2],
                        "Prénom responsable": cells[3],
                        "Téléphone portable": next(cell for cell in cells[9:13] if cell.startswith("063998")),
                    }
    raise AssertionError(guardian["name"])


def encoding_of(path: Path) -> str:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def wait_for_code(page: Page, demo: Demo, mobile: str) -> str:
    """The worker delivers within a second or two."""
    for _ in range(200):
        if received := demo.messages_to(f"+33{mobile[1:]}"):
            return str(re.findall(r"\b\d{6}\b", received[-1]["text"])[0])
        page.wait_for_timeout(50)
    raise AssertionError(f"no SMS to {mobile}")


def send_person(page: Page, family_name: str, given_name: str, mobile: str) -> None:
    page.get_by_label("Votre nom").fill(family_name)
    page.get_by_label("Votre prénom").fill(given_name)
    page.get_by_label("Téléphone portable").fill(mobile)
    page.get_by_role("button", name="Recevoir un code par SMS").click()


def send_person_by_keyboard(page: Page, family_name: str, given_name: str, mobile: str) -> None:
    write(page, page.get_by_label("Votre nom"), family_name)
    write(page, page.get_by_label("Votre prénom"), given_name)
    write(page, page.get_by_label("Téléphone portable"), mobile)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def send_code(page: Page, one_time_code: str) -> None:
    page.get_by_label("Code reçu").fill(one_time_code)
    page.get_by_role("button", name="Continuer").click()


def send_last_step_by_keyboard(page: Page, day: str, month: str, year: str) -> None:
    write(page, page.get_by_label("Nouveau mot de passe", exact=True), NEW_PASSWORD)
    write(page, page.get_by_label("Confirmez votre mot de passe"), NEW_PASSWORD)
    for label, part in (("Jour", day), ("Mois", month), ("Année", year)):
        write(page, page.get_by_label(label), part)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
