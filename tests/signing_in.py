"""Signing a test browser in without the sign-in page, for tests of what comes after it."""

from datetime import datetime

from flask import Flask

from idp.accounts.rules import AccountId
from idp.db import transaction
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser

COOKIE = "__Host-idp_session"


def sign_in_as(
    app: Flask,
    browser: Browser,
    account_id: AccountId,
    *,
    opened_with: OpenedWith = OpenedWith.CHOSEN,
    now: datetime,
) -> None:
    """Open a session of the account and give its cookie to the browser."""
    with app.app_context(), transaction():
        opened = sessions.open_session(account_id, opened_with, now=now)
    host = browser.origin.partition("://")[2]
    browser.set_cookie(COOKIE, opened.session_id, domain=host, secure=True)
