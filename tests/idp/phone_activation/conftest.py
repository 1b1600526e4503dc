"""Parents without a letter, the mobiles that their school knows, and what is sent to them."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.db import db, transaction
from idp.families.models import Guardian
from idp.messaging.rules import RenderedSms
from tests import outbox
from tests.factories import make_account, make_child, make_link
from tests.idp.activation.conftest import Browser, authorization_address, browser, new_browser

__all__ = ["authorization_address", "browser", "new_browser"]

PHONE = "+33639981234"
TYPED = {"family_name": "l'henoret", "given_name": "CELINE", "phone": "06 39 98 12 34"}
BIRTH_DATE = date(2017, 3, 14)
NEW_PASSWORD = "Ciboulette7"
START, CODE, LAST = (f"/activation/sans-courrier{page}" for page in ("", "/code", "/compte"))


@pytest.fixture(autouse=True)
def deployment_with_sms(sms_on: None) -> None:
    """Nobody activates by phone where no SMS is sent."""


@pytest.fixture
def new_parent(idp_app: Flask) -> Callable[..., AccountId]:
    """Makes guardians whose mobile the school knows, with one child."""

    def new(*, phone: str = PHONE, birth_dates: tuple[date, ...] = (BIRTH_DATE,), **values: Any) -> AccountId:
        with idp_app.app_context():
            account_id = make_account(**{"state": AccountState.CREATED} | values)
            for birth_date in birth_dates:
                make_link(account_id, make_child(birth_date=birth_date))
            with transaction() as session:
                session.execute(
                    update(Guardian).where(Guardian.account_id == account_id).values(roster_phone=phone)
                )
        return account_id

    return new


@pytest.fixture
def parent(new_parent: Callable[..., AccountId]) -> AccountId:
    return new_parent()


@pytest.fixture
def account(idp_app: Flask) -> Callable[[AccountId], Account]:
    """The account's row as it is now."""

    def read(account_id: AccountId) -> Account:
        with idp_app.app_context():
            found = db.session.get_one(Account, account_id)
            db.session.expunge(found)
            return found

    return read


@pytest.fixture
def sent(idp_app: Flask) -> Callable[[], list[RenderedSms]]:
    """Every SMS that waits to leave, oldest first."""
    return lambda: outbox.waiting_sms(idp_app)


@pytest.fixture
def sent_code(sent: Callable[[], list[RenderedSms]]) -> Callable[[], str]:
    """The digits of the newest SMS."""

    def read() -> str:
        found = re.search(r"\b\d{6}\b", sent()[-1].text)
        assert found is not None
        return found[0]

    return read


@pytest.fixture
def at_last_step(parent: AccountId, browser: Browser, sent_code: Callable[[], str]) -> Browser:
    """The browser, after the right code."""
    browser.fill(START, TYPED, action=START)
    assert enter(browser, sent_code()).location == LAST
    return browser


def enter(browser: Browser, one_time_code: str) -> TestResponse:
    return browser.fill(CODE, {"one_time_code": one_time_code}, action=CODE)


def send_again(browser: Browser) -> TestResponse:
    return browser.fill(CODE, {"act": "send_again"}, action=CODE)


def finish(
    browser: Browser, *birth_dates: date, password: str = NEW_PASSWORD, **changed: str
) -> TestResponse:
    """Fill in the last page: one date for each child, in the page's order."""
    page = browser.get(LAST)
    assert page.status_code == 200, (page.status_code, page.location)
    keys = list(dict.fromkeys(re.findall(r'name="birth_day_([0-9a-f]{32})"', page.text)))
    typed = {"new_password": password, "new_password_confirmation": password}
    for key, born in zip(keys, birth_dates or (BIRTH_DATE,), strict=True):
        typed |= {
            f"birth_day_{key}": str(born.day),
            f"birth_month_{key}": str(born.month),
            f"birth_year_{key}": str(born.year),
        }
    return browser.send(page, typed | changed, action=LAST)
