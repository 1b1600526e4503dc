"""Signing out at the livret service ends the session at the provider too, by what the browser posts there."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_from_letter_to_livret import agree_where_asked, sign_in
from tests.running_demo import Demo

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("scripts", [True, False])
def test_signing_out_at_the_livret_service_closes_both(
    demo: Demo, new_person: Callable[..., Page], scripts: bool
):
    """oidc.md 3, P14: the ID token is in no address on the way."""
    guardian = next(one for one in demo.told["guardians"] if one["state"] == "active" and one["password"])
    page = new_person(scripts=scripts)
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(f"{demo.livret_url}/connexion")
    sign_in(page, guardian["identifier"], guardian["password"])
    agree_where_asked(page)
    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))

    page.get_by_role("button", name="Se déconnecter").click()
    if not scripts:
        page.get_by_role("button", name="Fermer mon Compte École").click()

    expect(page.locator("#signed-out")).to_contain_text("ici et dans votre Compte École")
    assert not [address for address in addresses if "eyJ" in address]
    page.goto(f"{demo.livret_url}/connexion")
    expect(page.get_by_label("Mot de passe", exact=True)).to_be_visible()
