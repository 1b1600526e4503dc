"""The consent page, the list of services, the choice of an account and the form answer, in a real browser."""

import re

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.idp.oidc.place import Place


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_agrees_and_reaches_the_service(chromium: Chromium, place: Place, scripts: bool):
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request())
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Partager vos informations avec Livret scolaire"
    )
    expect(page.get_by_text("Anne-Sophie")).to_be_visible()
    page.get_by_role("button", name="Autoriser").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    page.goto(place.request(prompt="none"))
    assert [set(answer) for answer in place.answers] == [{"code", "state", "iss", "session_state"}] * 2
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_refuses_and_the_service_hears_it(chromium: Chromium, place: Place, scripts: bool):
    """oidc A17: by form too, with a button where no script presses it."""
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request("third", response_mode="form_post"))
    page.get_by_role("button", name="Refuser").click()
    if not scripts:
        page.get_by_role("button", name="Continuer").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    assert place.answers[0]["error"] == "access_denied"
    assert page.url == f"{place.service}/retour"
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_goes_on_with_the_present_account(chromium: Chromium, place: Place, scripts: bool):
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request(prompt="select_account"))
    page.get_by_role("button", name=re.compile(r"Continuer avec c\.lhenoret")).click()
    page.get_by_role("button", name="Autoriser").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    assert "code" in place.answers[0]
    page.context.close()


def test_a_parent_takes_the_access_back(chromium: Chromium, place: Place):
    page = place.open(chromium)
    page.goto(place.request())
    page.get_by_role("button", name="Autoriser").click()

    page.goto(f"{place.issuer}/compte")
    page.locator("main").get_by_role("link", name="Services").click()
    page.get_by_role("button", name=re.compile("Retirer l’accès")).click()

    expect(page.get_by_role("status")).to_contain_text("Livret scolaire n’a plus accès")
    page.goto(place.request(prompt="none"))
    assert place.answers[-1]["error"] == "consent_required"
    page.context.close()
