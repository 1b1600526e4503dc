"""/compte/mot-de-passe: the present password, and a new one twice."""

import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from idp.accounts.models import Account
from idp.messaging.rules import RenderedMail
from tests.conftest import Browser, FrozenClock
from tests.hashing import CountingHasher
from tests.idp.my_account.conftest import EMAIL, PASSWORD, Parent, send, sign_in
from tests.signing_in import sign_in_as
from tests.web import form_values

PAGE = "/compte/mot-de-passe"
NEW = "Romarin2026"


def test_the_new_password_signs_in_and_the_old_one_does_not(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser]
):
    answer = change(browser)

    assert (answer.status_code, answer.location) == (303, "/compte")
    assert "Vos autres appareils ont été déconnectés" in browser.get("/compte").text
    assert sign_in(new_browser(), parent.identifier, PASSWORD).status_code == 422
    assert sign_in(new_browser(), parent.identifier, NEW).location == "/compte"


def test_se_07_other_devices_are_signed_out_and_this_one_gets_a_new_secret(
    parent: Parent, browser: Browser, idp_app: Flask, new_browser: Callable[[], Browser], now: datetime
):
    elsewhere = new_browser()
    sign_in_as(idp_app, elsewhere, parent.account_id, now=now)
    before = secret_of(browser)

    change(browser)

    assert elsewhere.get("/compte").location == "/connexion"
    assert secret_of(browser) != before
    thief = new_browser()
    thief.set_cookie("__Host-idp_session", before, domain="compte.example", secure=True)
    assert thief.get("/compte").location == "/connexion"
    assert browser.get("/compte").status_code == 200


def test_its_holder_is_told(browser: Browser, mailbox: Callable[[], list[RenderedMail]]):
    change(browser)

    (told,) = mailbox()
    assert told.to == EMAIL
    assert "votre mot de passe a changé" in told.subject


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"current_password": ""}, "Saisissez votre mot de passe actuel"),
        ({"current_password": "Ciboulette8"}, "Ce mot de passe n’est pas celui de votre compte"),
        ({"new_password": PASSWORD}, "Choisissez un mot de passe différent de l’actuel"),
        ({"new_password": "Abcdef1"}, "de 8 à 16 caractères, il en compte 7"),
        ({"new_password": "Abcdefghijklmno17"}, "de 8 à 16 caractères, il en compte 17"),
        ({"new_password": "azertyui7"}, "Ajoutez une majuscule"),
        ({"new_password": "AZERTYUI7"}, "Ajoutez une minuscule"),
        ({"new_password": "Azertyuiop"}, "Ajoutez un chiffre"),
        ({"new_password": "Azerty123"}, "Ce mot de passe est trop facile à deviner"),
        ({"new_password": "Motdepasse2026!"}, "Ce mot de passe est trop facile à deviner"),
        ({"new_password": ""}, "Choisissez un mot de passe"),
        ({"new_password_confirmation": "Romarin2027"}, "Les deux mots de passe ne sont pas identiques"),
    ],
)
def test_pw_08_pw_10_a_refused_change_says_why_and_changes_nothing(
    parent: Parent,
    browser: Browser,
    account: Callable[[Parent], Account],
    typed: dict[str, str],
    sentence: str,
):
    before = account(parent).password_hash
    if "new_password" in typed:
        typed = {"new_password_confirmation": typed["new_password"]} | typed

    answer = change(browser, **typed)

    assert answer.status_code == 422
    assert sentence in answer.text.replace("\N{NO-BREAK SPACE}", " ")
    assert NEW not in answer.text
    assert account(parent).password_hash == before


def test_pw_08_the_identifier_is_no_part_of_it(
    new_parent: Callable[..., Parent], new_browser: Callable[[], Browser], idp_app: Flask, now: datetime
):
    parent, browser = new_parent(identifier="c.dupont"), new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)

    answer = change(browser, new_password="C.Dupont2026", new_password_confirmation="C.Dupont2026")

    assert "Le mot de passe ne doit pas contenir votre identifiant" in answer.text


@pytest.mark.parametrize("length", [8, 16])
def test_pw_01_eight_to_sixteen_characters_are_taken(browser: Browser, length: int):
    new = ("Rx7" + "oqzwvkjhgbnmp")[:length]

    assert change(browser, new_password=new, new_password_confirmation=new).status_code == 303


@pytest.mark.parametrize(("length", "status"), [(17, 422), (300, 422), (1000, 400), (1_000_000, 400)])
def test_pw_01_a_long_one_is_refused_before_anything_is_hashed(
    browser: Browser, password_hasher: CountingHasher, length: int, status: int
):
    page = browser.get(PAGE)
    verified, hashed = password_hasher.verified, password_hasher.hashed
    long = "Aa1" + "x" * (length - 3)
    values = {"current_password": PASSWORD, "new_password": long, "new_password_confirmation": long}

    answer = browser.post(PAGE, data=form_values(page.text, action=PAGE) | values)

    assert answer.status_code in {status, 413 if length > 1000 else status}
    assert (password_hasher.verified, password_hasher.hashed) == (verified, hashed)


def test_pw_04_two_keyboards_and_spaces_make_one_password(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser]
):
    new = " Émilie😀 42 "
    assert change(browser, new_password=new, new_password_confirmation=new).status_code == 303

    decomposed = unicodedata.normalize("NFD", new)
    assert decomposed != new
    assert sign_in(new_browser(), parent.identifier, decomposed).location == "/compte"
    assert sign_in(new_browser(), parent.identifier, new.strip()).status_code == 422


def test_ch_01_an_old_sign_in_types_the_password_first(browser: Browser, clock: FrozenClock):
    csrf = form_values(browser.get(PAGE).text, action=PAGE)
    clock.advance(minutes=10)

    assert browser.get(PAGE).location == "/compte/confirmer?suite=/compte/mot-de-passe"
    answer = browser.post(PAGE, data=csrf | typed())
    assert answer.location == "/compte/confirmer?suite=/compte/mot-de-passe"


def test_guesses_of_the_present_password_are_slowed(browser: Browser):
    for _try in range(5):
        change(browser, current_password="Ciboulette8")

    slowed = change(browser)

    assert slowed.status_code == 429
    assert "Trop d’essais" in slowed.text
    assert "Retry-After" in slowed.headers


def test_rc_01_a_form_sent_twice_changes_once(
    parent: Parent, browser: Browser, journal: Callable[[Parent], list[str]]
):
    page = browser.get(PAGE)
    values = form_values(page.text, action=PAGE) | typed()
    assert browser.post(PAGE, data=values).status_code == 303

    again = browser.post(PAGE, data=values)

    assert again.status_code != 303
    assert journal(parent).count("account:password:chosen") == 1


def test_the_rule_stands_above_the_field_and_managers_know_the_fields(browser: Browser, parent: Parent):
    page = browser.get(PAGE).text

    assert page.index("De 8 à 16 caractères") < page.index('id="new_password"')
    assert page.count('autocomplete="new-password"') == 2
    assert page.count('autocomplete="current-password"') == 1
    assert f'value="{parent.identifier}" autocomplete="username"' in page


def typed(**changed: str) -> dict[str, str]:
    return {"current_password": PASSWORD, "new_password": NEW, "new_password_confirmation": NEW} | changed


def change(browser: Browser, **changed: str) -> Any:
    return send(browser, PAGE, typed(**changed))


def secret_of(browser: Browser) -> str:
    cookie = browser.get_cookie("__Host-idp_session", domain="compte.example")
    assert cookie is not None
    return cookie.value
