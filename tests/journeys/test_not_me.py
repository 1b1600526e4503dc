"""Somebody else signs in: the holder is told, freezes the account, and finds the way back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_from_letter_to_livret import (
    NEW_PASSWORD,
    go_through_activation,
    named_child,
    sign_in,
)
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

EMAIL = "reconnue@famille.example"


def test_whoever_does_not_recognise_a_sign_in_freezes_the_account(
    demo: Demo, new_person: Callable[..., Page]
):
    """The mailed page by a browser without scripts; somebody who guesses meanwhile slows the holder's device not."""
    guardian = demo.newcomer()
    holder, thief, guesser, reader = (new_person(scripts=scripts) for scripts in (True, True, True, False))
    go_through_activation(holder, demo, guardian, EMAIL)
    thief.goto(f"{demo.issuer}/connexion")
    sign_in(thief, guardian["identifier"], NEW_PASSWORD)
    expect(thief).to_have_url(f"{demo.issuer}/compte")

    guesser.goto(f"{demo.issuer}/connexion")
    for _ in range(5):
        sign_in(guesser, guardian["identifier"], "Absinthe7")
        expect(guesser.get_by_role("alert")).to_contain_text("est incorrect")
    sign_in(guesser, guardian["identifier"], "Absinthe7")
    expect(guesser.get_by_role("alert")).to_contain_text("Réessayez dans 1 minute")
    expect(guesser.get_by_role("link", name="Mot de passe perdu")).to_be_visible()
    holder.context.clear_cookies(name="idp_session")
    holder.goto(f"{demo.issuer}/connexion")
    sign_in(holder, guardian["identifier"], NEW_PASSWORD)
    expect(holder).to_have_url(f"{demo.issuer}/compte")

    link = mailed_objection(reader, demo)
    reader.goto(link)
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Ce n’est pas vous")
    year, month, day = named_child(guardian)["birthdate"].split("-")
    send_date(reader, day, month, str(int(year) - 1))
    expect(reader.get_by_role("alert")).to_contain_text("Cette date n’est pas celle de l’école")
    send_date(reader, day, month, year)
    expect(reader.get_by_role("heading", level=1)).to_have_text("Le compte est bloqué")

    thief.goto(f"{demo.issuer}/compte")
    expect(thief).to_have_url(re.compile(r"/connexion"))
    reader.get_by_role("link", name="Mot de passe perdu").click()
    expect(reader.get_by_label("Identifiant", exact=True)).to_be_visible()


def send_date(page: Page, day: str, month: str, year: str) -> None:
    page.get_by_label("Jour").fill(day.lstrip("0"))
    page.get_by_label("Mois").fill(month.lstrip("0"))
    page.get_by_label("Année").fill(year)
    page.get_by_role("button", name="Bloquer le compte", exact=True).click()


def mailed_objection(page: Page, demo: Demo) -> str:
    """The way to object in the newest mail about a sign-in; the worker delivers within a second or two."""
    for _ in range(200):
        told = [mail for mail in demo.messages_to(EMAIL) if "nouvelle connexion" in mail["subject"]]
        if told:
            return str(next(line for line in told[-1]["text"].splitlines() if "/ce-n-est-pas-moi?" in line))
        page.wait_for_timeout(50)
    raise AssertionError("nobody was told")
