"""People who lost something, and what is sent to them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging.rules import RenderedMail, RenderedSms
from idp.passwords import service as passwords
from tests import outbox
from tests.conftest import browser_at
from tests.factories import make_account, make_child, make_link
from tests.idp.activation.conftest import Browser, authorization_address

__all__ = ["authorization_address"]

OLD_PASSWORD = "Ciboulette7"
NEW_PASSWORD = "Romarin2026x"
EMAIL = "celine@exemple.fr"
PHONE = "+33639981234"
LONG_AGO = timedelta(days=60)


@dataclass(frozen=True)
class Holder:
    """Whose account it is."""

    account_id: AccountId
    identifier: str


@pytest.fixture
def new_holder(idp_app: Flask, now: datetime) -> Callable[..., Holder]:
    """Makes holders of an active account whose address and number were confirmed long ago."""

    def new(**values: Any) -> Holder:
        confirmed = now - LONG_AGO
        with idp_app.app_context():
            known: dict[str, Any] = {
                "state": AccountState.ACTIVE,
                "activated_at": confirmed,
                "email": EMAIL,
                "email_confirmed_at": confirmed,
                "email_recovers_from": confirmed,
                "phone": PHONE,
                "phone_confirmed_at": confirmed,
                "phone_recovers_from": confirmed,
                "password_hash": passwords.hash_password(OLD_PASSWORD),
                "password_changed_at": confirmed,
            }
            account_id = make_account(**known | values)
            make_link(account_id, make_child())
            return Holder(account_id, db.session.get_one(Account, account_id).identifier)

    return new


@pytest.fixture
def holder(new_holder: Callable[..., Holder]) -> Holder:
    return new_holder()


@pytest.fixture
def new_browser(idp_app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(browser_at(idp_app, "https://compte.example"))


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture
def waiting_messages(idp_app: Flask) -> Callable[[], list[RenderedMail | RenderedSms]]:
    """Everything that waits to leave, oldest first."""
    return lambda: outbox.waiting_messages(idp_app)


@pytest.fixture
def sent_code(waiting_messages: Callable[[], list[RenderedMail | RenderedSms]]) -> Callable[[], str]:
    """The six digits of the newest message."""

    def read() -> str:
        found = re.search(r"\b(\d{3})\s?(\d{3})\b", waiting_messages()[-1].text)
        assert found is not None
        return found[1] + found[2]

    return read


@pytest.fixture
def journal(idp_app: Flask) -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """The names and details of the journal's entries, oldest first."""

    def read() -> list[tuple[str, dict[str, Any]]]:
        with idp_app.app_context():
            entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
            return [(entry.name, entry.details) for entry in entries]

    return read


@pytest.fixture
def account_of(idp_app: Flask) -> Callable[[Holder], Account]:
    """The account's row as it is now."""

    def read(holder: Holder) -> Account:
        with idp_app.app_context():
            found = db.session.get_one(Account, holder.account_id)
            db.session.expunge(found)
            return found

    return read


def start(browser: Browser, identifier: str, channel: str = "email") -> Any:
    """Ask for a code, as far as the page that waits for it."""
    return browser.fill(
        "/mot-de-passe-perdu", {"identifier": identifier, "channel": channel}, action="/mot-de-passe-perdu"
    )


def enter(browser: Browser, numeric_code: str) -> Any:
    """Type a code on the page that waits for it."""
    return browser.fill(
        "/mot-de-passe-perdu/code", {"one_time_code": numeric_code}, action="/mot-de-passe-perdu/code"
    )


def choose(browser: Browser, password: str = NEW_PASSWORD, **changed: str) -> Any:
    """Type a new password on the last page."""
    values = {"new_password": password, "new_password_confirmation": password} | changed
    return browser.fill("/mot-de-passe-perdu/nouveau", values, action="/mot-de-passe-perdu/nouveau")
