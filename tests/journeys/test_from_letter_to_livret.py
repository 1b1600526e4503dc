"""The main job: a parent goes from the printed letter to the livret of the right child, and to no other."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK, PHONE
from tests.running_demo import Demo, Letter

pytestmark = pytest.mark.journey

NEW_PASSWORD = "Marronnier-2026"


@pytest.fixture
def demo(demo_on_each_database: Demo) -> Demo:
    """The main job is done on SQLite and on PostgreSQL."""
    return demo_on_each_database


def sign_in(page: Page, identifier: str, password: str) -> None:
    page.get_by_label("Identifiant", exact=True).fill(identifier)
    page.get_by_label("Mot de passe", exact=True).fill(password)
    page.get_by_role("button", name="Se connecter").click()


def fill_activation(page: Page, *, email: str, birthdate: str) -> None:
    year, month, day = birthdate.split("-")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Confirmez votre email").fill(email)
    page.get_by_label("Nouveau mot de passe", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Confirmez votre mot de passe").fill(NEW_PASSWORD)
    page.get_by_label("Jour").fill(day.lstrip("0"))
    page.get_by_label("Mois").fill(month.lstrip("0"))
    page.get_by_label("Année").fill(year)
    page.get_by_role("button", name="Activer mon compte").click()


def go_through_activation(page: Page, demo: Demo, guardian: dict[str, Any], email: str) -> None:
    """From the livret service's front page to its list of children, by the letter and the mail."""
    letter = demo.letter_of(guardian["identifier"])
    page.goto(demo.livret_url)
    page.get_by_role("link", name="Se connecter").or_(
        page.get_by_role("button", name="Se connecter")
    ).first.click()
    expect(page).to_have_url(re.compile(rf"^{demo.issuer}/connexion"))
    expect(page.get_by_text("Vous vous connectez pour accéder à")).to_contain_text("Livret scolaire")
    sign_in(page, letter.identifier, letter.provisional_password)
    expect(page.get_by_role("heading", level=1)).to_have_text("Activation du compte")
    fill_activation(page, email=email, birthdate=named_child(guardian)["birthdate"])
    expect(page.get_by_text(email)).to_be_visible()
    wait_for_mail(page, demo, email)
    page.goto(demo.mailed_link(email))
    sign_in(page, letter.identifier, NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Livret scolaire")
    expect(page.locator("main")).to_contain_text(named_child(guardian)["given_name"])
    page.get_by_role("button", name="Autoriser").click()
    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))


def agree_where_asked(page: Page) -> None:
    """At a first visit the provider asks what the service may be told; whether it is one depends on earlier tests."""
    page.wait_for_load_state()
    if page.get_by_role("button", name="Autoriser").is_visible():
        page.get_by_role("button", name="Autoriser").click()


def named_child(guardian: dict[str, Any]) -> dict[str, Any]:
    """The youngest: the child whose birth date is asked."""
    return dict(max(guardian["children"], key=lambda child: child["birthdate"]))


def wait_for_mail(page: Page, demo: Demo, email: str) -> None:
    """The worker delivers within a second or two; a person would look again now and then."""
    for _ in range(200):
        if demo.messages_to(email):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"no mail to {email}")


def open_newest_bilan(page: Page, child: dict[str, Any]) -> str:
    """From the list of children to one bilan; returns its address."""
    page.get_by_role("link", name=re.compile(re.escape(child["given_name"]))).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(child["given_name"])
    page.locator("main a[href*='/livrets/']").filter(
        has_text=re.compile("période|trimestre|semestre", re.I)
    ).first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page.url


@pytest.mark.parametrize(
    ("scripts", "viewport", "place"), [(True, PHONE, 0), (False, DESK, 1)], ids=["phone", "no-scripts"]
)
def test_a_parent_goes_from_the_letter_to_the_livret_of_the_right_child(
    demo: Demo, new_person: Callable[..., Page], scripts: bool, viewport: dict[str, int], place: int
):
    guardian = demo.newcomer(with_livret=True)
    child = named_child(guardian)
    page = new_person(scripts=scripts, viewport=viewport)

    go_through_activation(page, demo, guardian, f"parent{place}@famille.example")
    address = open_newest_bilan(page, child)

    expect(page.locator("main")).to_contain_text(child["given_name"])
    expect(page.locator("main")).to_contain_text("Mathématiques")
    assert child["ine"] not in page.content()
    assert child["ine"] not in address


def test_another_family_cannot_have_that_livret(demo: Demo, new_person: Callable[..., Page]):
    """PC-01: the address of a bilan opens for the child's guardians alone; for others it does not exist."""
    owner, stranger = (demo.newcomer(with_livret=True) for _ in range(2))
    owner_page, stranger_page = new_person(), new_person()
    go_through_activation(owner_page, demo, owner, "owner@famille.example")
    address = open_newest_bilan(owner_page, named_child(owner))

    go_through_activation(stranger_page, demo, stranger, "stranger@famille.example")
    refused = stranger_page.goto(address)
    absent = new_answer(stranger_page, f"{demo.livret_url}/livrets/nobody/nothing")
    nobody_signed_in = new_person().goto(address)

    assert refused is not None
    assert refused.status == 404
    assert without_what_changes(stranger_page.content()) == without_what_changes(absent)
    assert named_child(owner)["given_name"] not in stranger_page.content()
    assert nobody_signed_in is not None
    assert named_child(owner)["given_name"] not in nobody_signed_in.text()


def test_the_letter_shows_what_demo_json_says_and_dies_once_used(demo: Demo, new_person: Callable[..., Page]):
    guardian = demo.newcomer(with_livret=True)
    letter: Letter = demo.letter_of(guardian["identifier"])
    page = new_person()
    go_through_activation(page, demo, guardian, "once@famille.example")
    page.context.clear_cookies()

    page.goto(f"{demo.issuer}/connexion")
    sign_in(page, letter.identifier, letter.provisional_password)

    assert letter.provisional_password.replace(" ", "") == guardian["provisional_password"].replace(" ", "")
    expect(page.get_by_role("alert")).to_contain_text("incorrect")


def new_answer(page: Page, address: str) -> str:
    other = page.context.new_page()
    other.goto(address)
    return other.content()


def without_what_changes(page: str) -> str:
    """A page without its reference and its form token, new at each answer, and without its own address."""
    page = re.sub(r'<nav aria-label="Langue">.*?</nav>', "", page, flags=re.DOTALL)
    return re.sub(r'[0-9a-f]{12}|name="csrf_token" value="[^"]+"', "", page)
