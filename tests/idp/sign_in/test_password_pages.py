"""Every page on which a password is typed: what it allows, what it refuses unread, and where passwords never end up."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import select

from idp.accounts.rules import AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.notices.rules import Notice
from idp.notices.service import notify
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser, FrozenClock, browser_at
from tests.hashing import CountingHasher
from tests.idp.sign_in.conftest import CHOSEN, People, Person
from tests.signing_in import sign_in_as
from tests.web import form_values, submit

WRONG, NEW = "Wrong7word", "Nv8sQx3zBq"
PAGES = [
    ("/connexion", None, ["password"]),
    ("/activation", OpenedWith.PROVISIONAL, ["new_password", "new_password_confirmation"]),
    (
        "/compte/mot-de-passe",
        OpenedWith.CHOSEN,
        ["current_password", "new_password", "new_password_confirmation"],
    ),
    ("/compte/confirmer?suite=/compte/mot-de-passe", OpenedWith.CHOSEN, ["password"]),
    ("/ce-n-est-pas-moi", None, ["password"]),
    ("/compte/enfants/rattacher", OpenedWith.CHOSEN, ["other_password"]),
]
each_page = pytest.mark.parametrize(("path", "opened_with", "names"), PAGES, ids=[row[0] for row in PAGES])
RECOVERY = ("/mot-de-passe-perdu/nouveau", None, ["new_password", "new_password_confirmation"])


@pytest.fixture
def person(people: People, clock: FrozenClock) -> Person:
    return people.of_state(
        AccountState.ACTIVE, email="celine@exemple.fr", email_confirmed_at=clock.now, activated_at=clock.now
    )


@pytest.fixture
def visit(
    idp_app: Flask, people: People, person: Person, clock: FrozenClock
) -> Callable[..., tuple[Browser, str]]:
    """A browser that may open the page, and the page's whole address."""

    def prepared(path: str, opened_with: OpenedWith | None) -> tuple[Browser, str]:
        browser = browser_at(idp_app, "https://compte.example")
        if opened_with is OpenedWith.PROVISIONAL:
            letter = people.with_letter()
            submit(browser, "/connexion", {"identifier": letter.identifier, "password": letter.letter})
        elif opened_with is OpenedWith.CHOSEN:
            sign_in_as(idp_app, browser, person.account_id, now=clock.now)
        if "confirmer" in path:
            clock.advance(minutes=11)  # a sign-in that is no longer fresh
        return browser, path + ("?code=" + mailed_secret(idp_app, person, clock) if "moi" in path else "")

    return prepared


def mailed_secret(app: Flask, person: Person, clock: FrozenClock) -> str:
    with app.app_context():
        with transaction():
            notify(person.account_id, Notice.PASSWORD_CHANGED, now=clock.now)
        newest = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)
        words = messaging._unsealed(db.session.scalars(newest).one()).decode()
    return words.partition("pas-moi?code=")[2][:43]


@each_page
def test_pw_09_managers_and_paste_work_and_rules_stand_before_typing(
    visit: Callable[..., tuple[Browser, str]], path: str, opened_with: OpenedWith | None, names: list[str]
) -> None:
    browser, address = visit(path, opened_with)
    page = browser.get(address)
    assert page.status_code == 200, page.location
    document = html.fromstring(page.text)

    inputs = {field.get("name"): field for field in document.xpath("//input[@type='password']")}
    assert list(inputs) == names
    for name, field in inputs.items():
        wanted = "new-password" if name.startswith("new") else "current-password"
        assert field.get("autocomplete").split()[-1] == wanted
        forbidden = {"maxlength", "minlength", "pattern", "onpaste", "readonly", "value"}
        assert not forbidden & set(field.attrib)
        assert document.xpath(f"//label[@data-show-password='{field.get('id')}']")
    if "new_password" in inputs:
        field = inputs["new_password"]
        assert "passwordrules" in field.attrib
        hint = document.get_element_by_id(field.get("aria-describedby").split()[0])
        assert "8" in hint.text_content()
        assert page.text.index(hint.text_content()[:20]) < page.text.index('name="new_password"')


@pytest.mark.parametrize("length", [10_000, 1_000_000])
@pytest.mark.parametrize(
    ("path", "opened_with", "names"), [*PAGES, RECOVERY], ids=[row[0] for row in [*PAGES, RECOVERY]]
)
def test_pw_02_a_password_of_ten_thousand_or_a_million_characters_is_refused_unread_everywhere(
    visit: Callable[..., tuple[Browser, str]],
    password_hasher: CountingHasher,
    path: str,
    opened_with: OpenedWith | None,
    names: list[str],
    length: int,
) -> None:
    browser, address = visit(path, opened_with)
    page = browser.get(address)
    fields: dict[str, Any] = {"identifier": "c.dupont"} | dict.fromkeys(names, "a" * length)
    if page.status_code == 200:
        fields = form_values(page.text) | fields
    password_hasher.verified = password_hasher.hashed = 0

    answer = browser.post(address, data=fields)

    # A page that first sends elsewhere does so for a form too: unread as well.
    assert answer.status_code in ({400, 413} if page.status_code == 200 else {page.status_code, 413})
    assert (password_hasher.verified, password_hasher.hashed) == (0, 0)


def test_pw_09_a_password_never_runs_out(
    idp_app: Flask, idp_client: Browser, person: Person, clock: FrozenClock
) -> None:
    clock.now += timedelta(days=366)

    answer = submit(idp_client, "/connexion", {"identifier": person.identifier, "password": CHOSEN})

    assert (answer.status_code, answer.location) == (303, "/compte")


def test_pw_13_a_typed_password_stands_in_no_log_mail_journal_or_page(
    idp_app: Flask,
    idp_client: Browser,
    person: Person,
    clock: FrozenClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []
    caplog.set_level(logging.DEBUG)
    for password in (WRONG, CHOSEN):
        answer = submit(idp_client, "/connexion", {"identifier": person.identifier, "password": password})
        seen += [answer.text, str(answer.headers)]
    changed = submit(
        idp_client,
        "/compte/mot-de-passe",
        {"current_password": CHOSEN, "new_password": NEW, "new_password_confirmation": NEW},
    )
    assert changed.status_code == 303
    seen += [changed.text, idp_client.get("/compte").text, idp_client.get("/compte/mot-de-passe").text]
    with idp_app.app_context():
        seen += [messaging._unsealed(row).decode() for row in db.session.scalars(select(OutboxMessage))]
        seen += [str(entry.details) for entry in db.session.scalars(select(AuditEntry))]
    seen.append(caplog.text)

    assert len(seen) > 10
    for password in (WRONG, CHOSEN, NEW):
        assert not any(password in text for text in seen)
