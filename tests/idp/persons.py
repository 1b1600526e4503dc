"""Who may stand before a page: nobody, the holder of a letter, who waits for the mail, a parent, the other parent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Flask

from idp.accounts.rules import AccountId, AccountState
from idp.db import transaction
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser, browser_at
from tests.factories import make_account, make_child, make_link

ORIGIN = "https://compte.example"
COOKIE = "__Host-idp_session"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone at a browser. `own_words`: what only this person's pages may say."""

    name: str
    browser: Browser
    account_id: AccountId | None
    link_id: UUID
    own_words: tuple[str, ...]


def family(app: Flask, *, now: datetime) -> dict[str, Person]:
    """Five persons: the two guardians of one child, two who have not finished, and nobody."""
    with app.app_context():
        child = make_child(given_name="Ombeline", family_name="DARCIEL", birth_date=date(2018, 2, 3))
        frank = make_child(given_name="Ferréol", family_name="DARCIEL", birth_date=date(2016, 2, 3))
    active: dict[str, Any] = {"state": AccountState.ACTIVE, "activated_at": now, "email_confirmed_at": now}
    made: dict[str, Callable[[], AccountId]] = {
        "parent": lambda: make_account(
            identifier="s.darciel",
            given_name="Solange",
            family_name="DARCIEL",
            email="solange@famille.example",
            phone="+33639981201",
            phone_confirmed_at=now,
            **active,
        ),
        "other parent": lambda: make_account(
            identifier="t.urvillain",
            given_name="Tanguy",
            family_name="URVILLAIN",
            email="tanguy@famille.example",
            **active,
        ),
        "waiting": lambda: make_account(
            identifier="o.waiting", state=AccountState.ACTIVATING, pending_email="odile@famille.example"
        ),
        "letter": lambda: make_account(identifier="l.letter", state=AccountState.NOTIFIED),
    }
    words = {
        "parent": ("s.darciel", "solange@", "Solange", "Ferréol"),
        "other parent": ("t.urvillain", "tanguy@", "Tanguy", "URVILLAIN"),
        "waiting": ("o.waiting", "odile@"),
        "letter": ("l.letter",),
    }
    persons = {"nobody": Person("nobody", browser_at(app, ORIGIN), None, UUID(int=0), ())}
    for name, make in made.items():
        with app.app_context():
            account_id = make()
            link = make_link(account_id, child)
            if name == "parent":
                make_link(account_id, frank)
            browser = _signed_in(app, account_id, name, now)
            persons[name] = Person(name, browser, account_id, link.id, words[name])
    return persons


def _signed_in(app: Flask, account_id: AccountId, name: str, now: datetime) -> Browser:
    opened_with = OpenedWith.PROVISIONAL if name == "letter" else OpenedWith.CHOSEN
    with transaction():
        issued = passwords.issue_provisional_password(account_id, now=now) if name == "letter" else None
        issue_number = issued.issue_number if issued else None
        opened = sessions.open_session(account_id, opened_with, issue_number=issue_number, now=now)
    browser = browser_at(app, ORIGIN)
    browser.set_cookie(COOKIE, opened.session_id, domain="compte.example", secure=True)
    return browser
