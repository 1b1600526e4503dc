"""A parent with a letter, a browser, and a mailbox."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.messaging.rules import RenderedMail
from idp.oidc import clients
from idp.oidc.registration import ClientMetadata
from idp.passwords import service as passwords
from tests import outbox
from tests.conftest import browser_at
from tests.factories import make_account, make_child, make_link
from tests.web import form_values

CHOSEN_PASSWORD = "Ciboulette7"
EMAIL = "celine@exemple.fr"
BIRTH_DATE = date(2017, 3, 14)


@dataclass(frozen=True)
class Parent:
    """A guardian whose letter was printed."""

    account_id: AccountId
    identifier: str
    provisional_password: str


@dataclass
class Browser:
    """A browser at the provider, in the hands of somebody."""

    client: FlaskClient
    answers: list[TestResponse] = field(default_factory=list)

    def get(self, address: str, **options: Any) -> TestResponse:
        return self.client.get(address, **options)

    def fill(self, address: str, values: dict[str, str], *, action: str | None = None) -> TestResponse:
        """Open a page, fill its form in and send it where it says."""
        page = self.client.get(address)
        assert page.status_code == 200, (page.status_code, page.location)
        return self.send(page, values, action=action)

    def send(self, page: TestResponse, values: dict[str, str], *, action: str | None = None) -> TestResponse:
        """Send the form of a page that was opened before."""
        found = re.search(rf'action="([^"]*{re.escape(action or "")}[^"]*)"', page.text)
        assert found is not None
        target = found[1].replace("&amp;", "&")
        return self.client.post(target, data=form_values(page.text, action=action) | values)

    def sign_in(self, identifier: str, password: str, address: str = "/connexion") -> TestResponse:
        return self.fill(
            address,
            {"identifier": identifier, "password": password},
            action=address.split("?", maxsplit=1)[0],
        )


@pytest.fixture
def new_browser(idp_app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(browser_at(idp_app, "https://compte.example"))


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture
def new_parent(idp_app: Flask, now: datetime) -> Callable[..., Parent]:
    """Makes guardians with a letter and one child in CE2."""

    def new(*, with_child: bool = True, **values: Any) -> Parent:
        with idp_app.app_context():
            account_id = make_account(state=AccountState.NOTIFIED, **values)
            if with_child:
                make_link(account_id, make_child(birth_date=BIRTH_DATE))
            with transaction():
                letter = passwords.issue_provisional_password(account_id, now=now)
            identifier = db.session.get_one(Account, account_id).identifier
        return Parent(account_id, identifier, letter.provisional_password)

    return new


@pytest.fixture
def parent(new_parent: Callable[..., Parent]) -> Parent:
    return new_parent()


@pytest.fixture
def activating(parent: Parent, browser: Browser) -> Parent:
    """The parent, after the form: `browser` is signed in and waits for the mail."""
    assert begin(browser, parent).status_code == 303
    return parent


@pytest.fixture
def mailbox(idp_app: Flask) -> Callable[[], list[RenderedMail]]:
    """Every mail that waits in the outbox, oldest first."""
    return lambda: outbox.waiting_mails(idp_app)


@pytest.fixture
def mailed_address(mailbox: Callable[[], list[RenderedMail]]) -> Callable[[], str]:
    """Path and query of the URL in the newest mail."""

    def read() -> str:
        found = re.search(
            r"^https://compte\.example(/activation/adresse\?code=\S+)$", mailbox()[-1].text, re.M
        )
        assert found is not None
        return found[1]

    return read


@pytest.fixture
def account(idp_app: Flask) -> Callable[[Parent], Account]:
    """The account's row as it is now."""

    def read(parent: Parent) -> Account:
        with idp_app.app_context():
            found = db.session.get_one(Account, parent.account_id)
            db.session.expunge(found)
            return found

    return read


def form_filled(**changed: str) -> dict[str, str]:
    """What a parent types into the activation form, right unless changed."""
    email = changed.get("email", EMAIL)
    new_password = changed.get("new_password", CHOSEN_PASSWORD)
    return {
        "email": email,
        "email_confirmation": email,
        "new_password": new_password,
        "new_password_confirmation": new_password,
        "birth_day": "14",
        "birth_month": "3",
        "birth_year": "2017",
    } | changed


def begin(browser: Browser, parent: Parent, **changed: str) -> TestResponse:
    """Sign in with the letter and send the activation form."""
    assert browser.sign_in(parent.identifier, parent.provisional_password).location == "/activation"
    return browser.fill("/activation", form_filled(**changed), action="/activation")


@pytest.fixture
def authorization_address(idp_app: Flask, now: datetime) -> str:
    """An authorization request of a registered service, which has an address to begin again at."""
    with idp_app.app_context():
        clients.add_client(
            ClientMetadata(
                client_id="livret",
                name="Livret scolaire",
                redirect_uris=("https://livret.example/retour",),
                scope="openid",
                initiate_login_uri="https://livret.example/connexion",
                first_party=True,
            ),
            now=now,
        )
    return "/oauth/authorize?" + urlencode(
        {
            "client_id": "livret",
            "redirect_uri": "https://livret.example/retour",
            "response_type": "code",
            "scope": "openid",
            "state": "an-opaque-state",
            "nonce": "an-opaque-nonce",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
    )
