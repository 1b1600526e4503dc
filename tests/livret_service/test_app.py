"""The application as a whole: its routes change nothing when read, its forms answer to its own pages."""

import pytest
from flask import Flask

from livret_service.db import db
from tests.conftest import Browser, FrozenClock
from tests.livret_service.conftest import FakeProvider, sign_in
from tests.web import form_values

# What the protocol itself makes a GET change: an attempt is recorded, an attempt is taken.
PROTOCOL = {"/connexion", "/retour"}


def rows(app: Flask) -> list[object]:
    with app.app_context():
        return [
            row for table in db.metadata.sorted_tables for row in db.session.execute(table.select()).all()
        ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("minutes", [0, 5])
def test_br_02_reading_any_address_changes_nothing(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, method: str, minutes: int
):
    sign_in(browser, provider)
    clock.advance(minutes=minutes)
    before = rows(app)
    addresses = {rule.rule for rule in app.url_map.iter_rules()} - PROTOCOL

    for address in sorted(addresses):
        for placeholder in ("<name>", "<child>", "<bilan>", "<rest>"):
            address = address.replace(placeholder, "x")
        browser.open(address, method=method)

    assert before
    assert rows(app) == before


def test_br_01_every_form_but_the_protocol_s_refuses_a_post_without_token(
    app: Flask, browser: Browser, provider: FakeProvider
):
    sign_in(browser, provider)
    protocol = {"/connexion", "/retour", "/deconnexion/canal-arriere"}
    posts = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set())}
    forms = posts - protocol

    answers = {form: browser.post(form) for form in forms}

    assert {form: answer.status_code for form, answer in answers.items()} == dict.fromkeys(forms, 400)
    assert "Rien n’a été fait, car la page était ouverte" in answers["/deconnexion"].text
    assert "csrf_token" in form_values(answers["/deconnexion"].text, action="/deconnexion")


def test_br_17_no_page_tells_a_version_or_a_trace(browser: Browser):
    for address in ("/absent", "/theme/absent", "/connexion?target_link_uri=//x"):
        answer = browser.get(address)

        assert "Traceback" not in answer.text
        assert "Werkzeug" not in answer.text
        assert "X-Powered-By" not in answer.headers
