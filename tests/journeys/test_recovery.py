"""A parent who lost an identifier or a password finds it again, without calling the school."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK
from tests.journeys.test_attach import press, write
from tests.journeys.test_from_letter_to_livret import NEW_PASSWORD, go_through_activation, sign_in
from tests.running_demo import ROOT, Demo

pytestmark = pytest.mark.journey

FOUND_AGAIN = "Retrouve-2026"
NEUTRAL = "Si ce compte est activé, un message vient de partir. Sinon, utilisez le courrier de l’école."
REPLACED = "Votre mot de passe est remplacé"


def test_a_lost_password_is_replaced_by_mail_with_the_keyboard_alone_on_the_way_to_the_livret(
    demo: Demo, new_person: Callable[..., Page]
):
    """At most four typed answers before signing in: identifier, code, password twice."""
    guardian, address = demo.newcomer(), "perdu@famille.example"
    elsewhere, page = new_person(), new_person()
    go_through_activation(elsewhere, demo, guardian, address)
    page.goto(demo.livret_url)
    page.get_by_role("link", name="Se connecter").or_(
        page.get_by_role("button", name="Se connecter")
    ).first.click()
    press(page, page.get_by_role("link", name="Mot de passe perdu"))
    expect(page.get_by_text("Vous vous connectez pour accéder à")).to_contain_text("Livret scolaire")

    press(page, page.get_by_role("button", name="Envoyer le code"))
    expect(page.get_by_role("alert")).to_contain_text("Saisissez votre identifiant")
    write(page, page.get_by_label("Identifiant", exact=True), f" {guardian['identifier'].upper()}")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(NEUTRAL)
    numeric_code = wait_for_code(page, demo, address)
    write(page, page.get_by_label("Code reçu"), "12345")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Le code comporte 6 chiffres, vous en avez saisi 5")
    write(page, page.get_by_label("Code reçu"), f"{numeric_code[:3]} {numeric_code[3:]}")
    page.keyboard.press("Enter")

    expect(page.get_by_label("Votre identifiant")).to_have_value(guardian["identifier"])
    send_passwords_by_keyboard(page, NEW_PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un mot de passe différent de l’actuel")
    send_passwords_by_keyboard(page, FOUND_AGAIN)
    expect(page.get_by_role("status")).to_contain_text(REPLACED)
    expect(page.get_by_text("Vous vous connectez pour accéder à")).to_contain_text("Livret scolaire")
    sign_in(page, guardian["identifier"], FOUND_AGAIN)
    expect(page).to_have_url(re.compile(rf"^{demo.livret_url}/livrets"))

    elsewhere.goto(f"{demo.issuer}/compte")
    expect(elsewhere).to_have_url(re.compile("/connexion"))
    wait_until(page, lambda: any("a été remplacé" in mail["text"] for mail in demo.messages_to(address)))
    page.go_back()
    page.goto(f"{demo.issuer}/mot-de-passe-perdu/nouveau")
    expect(page).to_have_url(re.compile("/compte|/connexion"))


def test_an_identifier_by_mail_then_a_password_by_sms_without_a_script(
    demo: Demo, new_person: Callable[..., Page]
):
    guardian, address, mobile = demo.newcomer(), "retrouve@famille.example", "+33639981277"
    owner = new_person()
    go_through_activation(owner, demo, guardian, address)
    give_phone(owner, demo, guardian["identifier"], mobile)
    page = new_person(scripts=False, viewport=DESK)
    page.goto(demo.issuer)
    page.get_by_role("link", name="Identifiant perdu").click()
    page.get_by_label("Adresse de courriel ou portable").fill("ce n’est pas une adresse")
    page.get_by_role("button", name="Recevoir mes identifiants").click()
    expect(page.get_by_role("alert")).to_contain_text("Saisissez une adresse complète")
    page.get_by_label("Adresse de courriel ou portable").fill(address.upper())
    page.get_by_role("button", name="Recevoir mes identifiants").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Regardez vos messages")
    wait_until(page, lambda: guardian["identifier"] in demo.messages_to(address)[-1]["text"])
    page.get_by_role("link", name="Mot de passe perdu").click()

    ask_by_sms(page, "x.personne")
    for _ in range(5):
        send_code(page, "123456")
    expect(page.get_by_role("alert")).to_contain_text("Ce code ne sert plus")
    page.get_by_role("link", name="Recommencer").click()
    ask_by_sms(page, guardian["identifier"])
    page.get_by_role("button", name="Recevoir un autre code").click()
    expect(page.get_by_role("alert")).to_contain_text("Vous pourrez le renvoyer dans")
    numeric_code = wait_for_code(page, demo, mobile, messages=2)
    send_code(page, "000000" if numeric_code != "000000" else "111111")
    expect(page.get_by_role("alert")).to_contain_text("Ce code n’est pas le bon")
    send_code(page, numeric_code)
    for label in ("Nouveau mot de passe", "Confirmez votre mot de passe"):
        page.get_by_label(label, exact=True).fill(FOUND_AGAIN)
    page.get_by_role("button", name="Changer mon mot de passe").click()

    expect(page.get_by_role("status")).to_contain_text(REPLACED)
    sign_in(page, guardian["identifier"], FOUND_AGAIN)
    expect(page).to_have_url(re.compile(f"{demo.issuer}/compte"))


def test_what_goes_wrong_is_accessible(demo: Demo, new_person: Callable[..., Page]):
    page = new_person()
    page.goto(f"{demo.issuer}/identifiant-perdu")
    page.get_by_role("button", name="Recevoir mes identifiants").click()
    expect(page.get_by_role("alert")).to_contain_text("Saisissez une adresse complète")
    page.get_by_label("Adresse de courriel ou portable").fill("inconnue@famille.example")
    page.get_by_role("button", name="Recevoir mes identifiants").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Regardez vos messages")
    page.get_by_role("link", name="Mot de passe perdu").click()
    ask_by_sms(page, "y.personne")
    expect(page.get_by_role("button", name=re.compile("Recevoir un autre code"))).to_be_disabled()
    for _ in range(5):
        send_code(page, "123456")
    expect(page.get_by_role("alert")).to_contain_text("Ce code ne sert plus")
    expect(page.get_by_role("link", name="Recommencer")).to_be_visible()


def give_phone(page: Page, demo: Demo, identifier: str, mobile: str) -> None:
    """A number confirmed in the account, long ago: one confirmed now would serve tomorrow."""
    page.goto(f"{demo.issuer}/compte/telephone")
    page.get_by_label("Téléphone portable").fill(mobile)
    page.get_by_role("button", name="Recevoir un code par SMS").click()
    page.get_by_label("Code reçu").fill(wait_for_code(page, demo, mobile))
    page.get_by_role("button", name="Confirmer ce numéro").click()
    expect(page.get_by_role("status")).to_be_visible()
    script = Path(demo.told["commands"]["idp"]).read_text().splitlines()
    settings = "\n".join(line for line in script if line.startswith("export"))
    subprocess.run(
        ["sh", "-c", f"{settings}\nexec {shlex.quote(sys.executable)} -m demo.commands idp"],
        input=json.dumps(["demo-seeding", "let-channels-recover", identifier]) + "\n",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )


def wait_for_code(page: Page, demo: Demo, recipient: str, *, messages: int = 1) -> str:
    """The six digits of the newest message, once the worker has delivered that many with a code."""
    found: list[Any] = []

    def is_there() -> bool:
        texts = [message["text"] for message in demo.messages_to(recipient)]
        found[:] = [match for text in texts if (match := re.search(r"\b(\d{3})\s?(\d{3})\b", text))]
        return len(found) >= messages

    wait_until(page, is_there)
    return f"{found[-1][1]}{found[-1][2]}"


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """The worker delivers within a second or two."""
    for _ in range(200):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("not delivered")


def ask_by_sms(page: Page, identifier: str) -> None:
    page.get_by_label("Identifiant", exact=True).fill(identifier)
    page.get_by_label("Par SMS, au portable confirmé du compte").check()
    page.get_by_role("button", name="Envoyer le code").click()
    expect(page.locator("main")).to_contain_text(NEUTRAL)


def send_code(page: Page, numeric_code: str) -> None:
    page.get_by_label("Code reçu").fill(numeric_code)
    page.get_by_role("button", name="Continuer").click()


def send_passwords_by_keyboard(page: Page, password: str) -> None:
    write(page, page.get_by_label("Nouveau mot de passe", exact=True), password)
    write(page, page.get_by_label("Confirmez votre mot de passe", exact=True), password)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
