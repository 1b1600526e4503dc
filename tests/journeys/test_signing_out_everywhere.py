"""Signing out at the provider ends every service's session: the real services, the real worker."""

import re
import subprocess
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK
from tests.journeys.test_from_letter_to_livret import agree_where_asked, sign_in
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

HEARS_WITHIN_SECONDS = 60


def to_the_livrets(page: Page, demo: Demo) -> None:
    """Somebody who has a password reads livrets."""
    person = next(one for one in demo.told["guardians"] if one["password"] and one["state"] == "active")
    page.goto(f"{demo.livret_url}/connexion")
    sign_in(page, person["identifier"], person["password"])
    agree_where_asked(page)
    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))


def wait_until_closed(page: Page, demo: Demo) -> None:
    """The livret service knows nobody any more: its list leads to signing in."""
    deadline = time.monotonic() + HEARS_WITHIN_SECONDS
    while page.request.get(f"{demo.livret_url}/livrets", max_redirects=0).status == 200:
        assert time.monotonic() < deadline, "the livret service never heard of it"
        page.wait_for_timeout(250)


def test_the_livret_service_hears_of_it(demo: Demo, new_person: Callable[..., Page]):
    page = new_person(viewport=DESK)
    to_the_livrets(page, demo)
    elsewhere = page.context.new_page()

    elsewhere.goto(f"{demo.issuer}/deconnexion")
    elsewhere.locator("main").get_by_role("button", name="Se déconnecter").click()

    expect(elsewhere.locator("#signed-out")).to_contain_text("Livret scolaire")
    wait_until_closed(page, demo)
    page.goto(f"{demo.livret_url}/livrets")
    expect(page).not_to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))


def test_only_what_was_opened_by_that_session_closes(demo: Demo, new_person: Callable[..., Page]):
    """LO-07: the person's other device reads on."""
    one, other = new_person(viewport=DESK), new_person()
    to_the_livrets(one, demo)
    to_the_livrets(other, demo)

    other.goto(f"{demo.issuer}/deconnexion")
    other.locator("main").get_by_role("button", name="Se déconnecter").click()
    wait_until_closed(other, demo)

    one.goto(f"{demo.livret_url}/livrets")
    expect(one).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))


def test_signing_out_at_the_service_signs_out_at_the_provider(demo: Demo, new_person: Callable[..., Page]):
    page = new_person(viewport=DESK)
    to_the_livrets(page, demo)

    page.goto(f"{demo.livret_url}/deconnexion")
    page.locator("main").get_by_role("button").click()

    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/deconnexion/retour\?state="), timeout=15_000)
    page.goto(f"{demo.issuer}/compte")
    expect(page).to_have_url(re.compile(rf"^{demo.issuer}/connexion"))


def test_operators_see_that_it_was_told(demo: Demo, new_person: Callable[..., Page]):
    page = new_person(viewport=DESK)
    to_the_livrets(page, demo)
    page.goto(f"{demo.issuer}/deconnexion")
    page.locator("main").get_by_role("button", name="Se déconnecter").click()
    page.goto(f"{demo.livret_url}/")
    wait_until_closed(page, demo)

    told = subprocess.run(
        f"{demo.told['commands']['idp']} clients logouts",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    [line] = [line.split() for line in told.splitlines() if line.startswith("livret")]
    assert int(line[2]) >= 1
    assert line[3] == "0"
