"""A parent signed in, and another account of the same person: a letter never used, or an account in use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families import service as families
from idp.families.rules import ChildId
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession
from tests.conftest import Browser
from tests.factories import make_account, make_child, make_link
from tests.idp.my_account.conftest import (
    ORIGIN,
    account,
    browser,
    journal,
    mailbox,
    new_browser,
    new_parent,
    parent,
)
from tests.signing_in import COOKIE
from tests.web import form_values

__all__ = ["ORIGIN", "account", "browser", "journal", "mailbox", "new_browser", "new_parent", "parent"]

OTHER_SCHOOL = "0990002P"
OTHER_PASSWORD = "Romarin77"
BORN = date(2019, 6, 2)
RIGHT_DATE = {"birth_day": "2", "birth_month": "6", "birth_year": "2019"}


@dataclass(frozen=True)
class Other:
    """An account that may be attached, and the secret that opens it. `child_id`: its one child, Zoé."""

    account_id: AccountId
    identifier: str
    secret: str
    child_id: ChildId

    @property
    def couple(self) -> dict[str, str]:
        return {"other_identifier": self.identifier, "other_password": self.secret}


@pytest.fixture
def new_letter(idp_app: Flask, now: datetime) -> Callable[..., Other]:
    """Makes accounts with a letter of another school, never activated."""

    def new(**values: Any) -> Other:
        with idp_app.app_context():
            names: dict[str, Any] = {"state": AccountState.NOTIFIED, "school_uai": OTHER_SCHOOL} | values
            account_id = make_account(**names)
            child_id = make_child(given_name="Zoé", birth_date=BORN, school_uai=OTHER_SCHOOL, level="CP")
            make_link(account_id, child_id)
            with transaction():
                letter = passwords.issue_provisional_password(account_id, now=now)
            identifier = db.session.get_one(Account, account_id).identifier
        return Other(account_id, identifier, letter.provisional_password, child_id)

    return new


@pytest.fixture
def letter(new_letter: Callable[..., Other]) -> Other:
    return new_letter()


@pytest.fixture
def new_used(idp_app: Flask, now: datetime) -> Callable[..., Other]:
    """Makes accounts that are in use, with a password of their own."""

    def new(**values: Any) -> Other:
        with idp_app.app_context():
            used: dict[str, Any] = {
                "state": AccountState.ACTIVE,
                "school_uai": OTHER_SCHOOL,
                "activated_at": now,
            }
            account_id = make_account(
                **used | {"password_hash": passwords.hash_password(OTHER_PASSWORD)} | values
            )
            child_id = make_child(given_name="Zoé", birth_date=BORN, school_uai=OTHER_SCHOOL, level="CP")
            make_link(account_id, child_id)
            identifier = db.session.get_one(Account, account_id).identifier
        return Other(account_id, identifier, OTHER_PASSWORD, child_id)

    return new


@pytest.fixture
def used(new_used: Callable[..., Other]) -> Other:
    return new_used()


@pytest.fixture
def children_of(idp_app: Flask) -> Callable[[AccountId], set[UUID]]:
    """The children that an account may see now."""

    def read(account_id: AccountId) -> set[UUID]:
        with idp_app.app_context():
            return {child.child_id for child in families.children_of(account_id)}

    return read


@pytest.fixture
def state_of(idp_app: Flask) -> Callable[[AccountId], AccountState]:
    def read(account_id: AccountId) -> AccountState:
        with idp_app.app_context():
            return db.session.get_one(Account, account_id).state

    return read


def find_session(app: Flask, browser: Browser, now: datetime) -> CurrentSession:
    """The living session of a browser, as its requests see it."""
    cookie = browser.get_cookie(COOKIE, domain=ORIGIN.partition("://")[2])
    assert cookie is not None
    with app.app_context():
        session = sessions.find_session(cookie.value, now=now)
    assert session is not None
    return session


def send_form(browser: Browser, address: str, values: dict[str, str]) -> TestResponse:
    """Open a page, fill its form in and send it to its own address."""
    page = browser.get(address)
    assert page.status_code == 200, (page.status_code, page.location)
    return browser.post(address, data=form_values(page.text, action=address.partition("?")[0]) | values)


def send_couple(browser: Browser, other: Other, **changed: str) -> TestResponse:
    """The first page of attaching."""
    return send_form(browser, "/compte/enfants/rattacher", other.couple | changed)


def to_preview(browser: Browser, other: Other) -> str:
    """Prove everything; returns the address of the page that shows what will happen."""
    answer = send_couple(browser, other)
    assert answer.status_code == 303, answer.text
    if "/naissance" in answer.location:
        answer = send_form(browser, answer.location, RIGHT_DATE)
        assert answer.status_code == 303, answer.text
    assert "/confirmer" in answer.location
    return str(answer.location)


def attach(browser: Browser, other: Other) -> TestResponse:
    """The whole way."""
    return send_form(browser, to_preview(browser, other), {})


def undo(browser: Browser) -> TestResponse:
    """Press the one undo button of the children's page."""
    page = browser.get("/compte/enfants")
    return browser.post(undo_address(page.text), data=form_values(page.text, action="/annuler"))


def undo_address(page: str) -> str:
    start = page.index("/compte/enfants/regroupements/")
    return page[start : page.index('"', start)]
