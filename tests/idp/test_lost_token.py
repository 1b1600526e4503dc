"""A form that comes without its token is shown again as it was typed, on every page that has one (ux: never a bare 400)."""

import importlib
import pkgutil
from typing import Any

import pytest
from flask import Flask
from flask_wtf import FlaskForm
from lxml import html
from wtforms import PasswordField

import idp
from idp.forms import TypedForm
from shared.reopening import PAGE_MARK, is_kept
from tests.conftest import Browser, browser_at
from tests.idp.persons import ORIGIN, Person, family
from tests.idp.test_every_page import PERSONS, PROTOCOL_POSTS, address_of, rows, rules

SENTENCE = "Rien n’a été fait, car la page était ouverte depuis longtemps"
SECRET_TYPES = {"password"}
SECRET = "Ne-se-montre-7"
CODES = {"one_time_code"}
TYPED = {"birth_day": "27", "birth_month": "3", "birth_year": "2017"}


@pytest.fixture
def persons(idp_app: Flask, now: Any) -> dict[str, Person]:
    return family(idp_app, now=now)


def form_at(page: str, address: str) -> Any:
    """The form of a page that posts to an address, the one with most to type; None without one."""
    forms = [one for one in html.fromstring(page).forms if (one.get("action") or address) == address]
    return max(forms, key=lambda one: len(boxes(one)), default=None)


def boxes(form: Any) -> dict[str, str]:
    """The names of what one types into a form, each with its type."""
    found = form.xpath(
        ".//input[@name][not(@type='hidden' or @type='radio' or @type='checkbox')] | .//textarea"
    )
    return {box.get("name"): box.get("type", "text") for box in found}


def typed_into(form: Any) -> dict[str, str]:
    """Something for each box; a secret for the secret ones."""
    return {
        name: SECRET if is_secret(name, kind) else TYPED.get(name, f"tapé dans {name}")
        for name, kind in boxes(form).items()
    }


def is_secret(name: str, kind: str) -> bool:
    return kind in SECRET_TYPES or name in CODES


@pytest.mark.parametrize("name", PERSONS)
def test_br_01_every_form_without_its_token_comes_back_as_typed_and_does_nothing(
    idp_app: Flask, persons: dict[str, Person], name: str
):
    browser, before, shown = persons[name].browser, rows(idp_app), 0

    for rule in rules(idp_app, "POST"):
        address = address_of(idp_app, rule, persons[name])
        page = browser.get(address)
        form = form_at(page.text, address) if page.status_code == 200 else None
        if rule.endpoint in PROTOCOL_POSTS or form is None:
            continue
        shown += 1
        typed = typed_into(form)
        answer = browser.post(address, data=typed)

        assert answer.status_code == 400, address
        assert html.fromstring(answer.text).xpath(f"string(//*[@role='alert'][contains(., '{SENTENCE}')])")
        assert html.fromstring(answer.text).xpath("starts-with(//title, 'Erreur')")
        again = form_at(answer.text, address)
        assert boxes(again) == boxes(form), address
        kept = {name: again.fields.get(name) for name in typed if not is_secret(name, boxes(form)[name])}
        assert kept == {name: typed[name] for name in kept}, address
        assert SECRET not in answer.text, address
    assert shown > 1
    assert rows(idp_app) == before


def test_what_is_typed_again_is_sent_with_the_token_of_the_new_page(
    idp_app: Flask, persons: dict[str, Person]
):
    browser = persons["nobody"].browser

    refused = browser.post("/identifiant-perdu", data={"contact": "claire@famille.example"})
    form = form_at(refused.text, "/identifiant-perdu")
    answer = browser.post("/identifiant-perdu", data=dict(form.form_values()))

    assert answer.status_code == 303


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
def test_br_05_what_another_site_typed_is_never_shown_in_our_form(idp_app: Flask, headers: dict[str, str]):
    browser: Browser = browser_at(idp_app, ORIGIN)

    answer = browser.post("/connexion", data={"identifier": "evil", "password": SECRET}, headers=headers)

    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "Ce formulaire n’est plus valable" in answer.text


def test_in_11_what_no_page_of_ours_sends_is_not_shown_again(idp_app: Flask):
    browser = browser_at(idp_app, ORIGIN)

    for strange in ("a" * 401, "a\0b", ["one", "two"], "<svg onload=alert(1)>"):
        answer = browser.post("/connexion", data={"identifier": strange})

        assert answer.status_code == 400
        assert "aaaa" not in answer.text
        assert "<svg onload" not in answer.text


def test_every_form_shows_again_what_was_typed_but_secrets():
    for module in pkgutil.walk_packages(idp.__path__, "idp."):
        if module.name.endswith(".forms"):
            importlib.import_module(module.name)
    forms = set(descendants(FlaskForm))

    assert {form for form in forms if form.__module__.startswith("idp.")} <= {
        TypedForm,
        *descendants(TypedForm),
    }
    for form in descendants(TypedForm):
        for name, field in vars(form).items():
            kind = getattr(field, "field_class", None)
            if kind is not None and name != "csrf_token":
                is_hidden = issubclass(kind, PasswordField) or name in CODES
                assert is_kept(name) != is_hidden, (form, name)


def test_a_form_whose_address_cannot_be_opened_says_where_it_stands(idp_app: Flask):
    readable = {rule.rule for rule in rules(idp_app, "GET")}
    alone = [rule for rule in rules(idp_app, "POST") if rule.rule not in readable]

    for rule in alone:
        page = getattr(idp_app.view_functions[rule.endpoint], PAGE_MARK, None)
        assert page in idp_app.view_functions or rule.endpoint in PROTOCOL_POSTS, rule.rule
    assert alone


def descendants(kind: type) -> list[type]:
    """Every class below this one."""
    below: list[type] = kind.__subclasses__()
    return below + [one for child in below for one in descendants(child)]
