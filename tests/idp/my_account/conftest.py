"""A parent with an active account, signed in on a browser, and the mails that wait for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging.rules import RenderedMail, RenderedSms
from idp.passwords import service as passwords
from tests import outbox
from tests.conftest import Browser, browser_at
from tests.factories import make_account, make_child, make_link
from tests.signing_in import sign_in_as
from tests.web import form_values

PASSWORD = "Ciboulette7"
EMAIL = "celine@exemple.fr"
ORIGIN = "https://compte.example"
LONG_BEFORE = timedelta(days=60)


@dataclass(frozen=True)
class Parent:
    """An active account whose password is PASSWORD."""

    account_id: AccountId
    identifier: str


@pytest.fixture
def new_parent(idp_app: Flask, now: datetime) -> Callable[..., Parent]:
    """Makes active accounts with an address confirmed long ago and one child."""

    def new(**values: Any) -> Parent:
        with idp_app.app_context():
            channel: dict[str, Any] = {"email": EMAIL, "email_confirmed_at": now - LONG_BEFORE}
            account_id = make_account(
                state=AccountState.ACTIVE,
                password_hash=passwords.hash_password(PASSWORD),
                **channel | {"email_recovers_from": now - LONG_BEFORE} | values,
            )
            make_link(account_id, make_child())
            return Parent(account_id, db.session.get_one(Account, account_id).identifier)

    return new


@pytest.fixture
def parent(new_parent: Callable[..., Parent]) -> Parent:
    return new_parent()


@pytest.fixture
def new_browser(idp_app: Flask) -> Callable[[], Browser]:
    return lambda: browser_at(idp_app, ORIGIN)


@pytest.fixture
def browser(idp_app: Flask, parent: Parent, now: datetime) -> Browser:
    """The parent's browser, just signed in."""
    browser = browser_at(idp_app, ORIGIN)
    sign_in_as(idp_app, browser, parent.account_id, now=now)
    return browser


@pytest.fixture
def account(idp_app: Flask) -> Callable[[Parent], Account]:
    """The account's row as it is now."""

    def read(parent: Parent) -> Account:
        with idp_app.app_context():
            found = db.session.get_one(Account, parent.account_id)
            db.session.expunge(found)
            return found

    return read


@pytest.fixture
def mailbox(idp_app: Flask) -> Callable[[], list[RenderedMail]]:
    """Every mail that waits in the outbox, oldest first."""
    return lambda: outbox.waiting_mails(idp_app)


@pytest.fixture
def journal(idp_app: Flask) -> Callable[[Parent], list[str]]:
    """The names of the events of an account, oldest first."""

    def read(parent: Parent) -> list[str]:
        with idp_app.app_context():
            entries = select(AuditEntry).where(AuditEntry.account_id == parent.account_id)
            return [entry.name for entry in db.session.scalars(entries.order_by(AuditEntry.id))]

    return read


def send(
    browser: Browser, address: str, values: dict[str, str], *, action: str | None = None
) -> TestResponse:
    """Open a page of one's account, fill its form in and send it where it says."""
    page = browser.get(address)
    assert page.status_code == 200, (page.status_code, page.location)
    to = action or address
    return browser.post(to, data=form_values(page.text, action=to.partition("?")[0]) | values)


def sign_in(browser: Browser, identifier: str, password: str = PASSWORD) -> TestResponse:
    """By the sign-in page."""
    return send(browser, "/connexion", {"identifier": identifier, "password": password})


@pytest.fixture
def phones(idp_app: Flask) -> Callable[[], list[RenderedSms]]:
    """Every SMS that waits in the outbox, oldest first."""
    return lambda: outbox.waiting_sms(idp_app)
