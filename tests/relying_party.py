"""A relying party for tests of the protocol: registers, signs a person in, asks, redeems, reads. Real HTTP throughout."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.accounts.models import AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.oidc import clients, consents
from idp.oidc.registration import ClientMetadata
from idp.oidc.scopes import SUPPORTED
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from idp.sessions.service import OpenedSession
from idp.signing_keys import service as signing_keys
from idp.signing_keys.models import SigningKey
from tests.conftest import MORNING, Browser, FrozenClock, browser_at
from tests.factories import LONG_AGO, make_account
from tests.web import submit

ISSUER = "https://compte.example"
REDIRECT_URI = "https://livret.example/retour"
POST_LOGOUT_URI = "https://livret.example/deconnexion/retour"
VERIFIER = "a-verifier-of-at-least-43-characters-0123456789"
REFRESHING = ("authorization_code", "refresh_token")
ALL_SCOPES = "openid profile email phone address children children.ine children.birthdate"
_key_rows: list[dict[str, Any]] = []


def s256(verifier: str) -> str:
    """RFC 7636 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    """The header of `client_secret_basic`."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()}


@dataclass
class RelyingParty:
    """One registered client at one provider. `secret`: None for a public client."""

    app: Flask
    clock: FrozenClock
    client_id: str = "livret"
    redirect_uri: str = REDIRECT_URI
    secret: str | None = None
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.browser = browser_at(self.app, ISSUER)

    def register(self, **values: Any) -> "RelyingParty":
        """Register it, confidential and with every scope unless `values` say otherwise."""
        metadata: dict[str, Any] = {
            "client_id": self.client_id,
            "name": "Livret scolaire",
            "redirect_uris": (self.redirect_uri,),
            "post_logout_redirect_uris": (POST_LOGOUT_URI,),
            "scope": ALL_SCOPES,
        }
        with self.app.app_context():
            self.secret = clients.add_client(ClientMetadata(**metadata | values), now=self.clock.now)
        return self

    def request(self, **changes: Any) -> dict[str, Any]:
        """The parameters of a good authorization request; a change to None leaves one out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": "an opaque state",
            "nonce": "a nonce",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (parameters | changes).items() if value is not None}

    def authorize(self, **changes: Any) -> Any:
        """Send the browser to the authorization endpoint."""
        return self.browser.get("/oauth/authorize", query_string=self.request(**changes))

    def authorization_code(self, **changes: Any) -> str:
        """An authorization code for who is signed in, who agrees if asked."""
        response = self.authorize(**changes)
        return answer_of(self.agreed(response) if is_sent_to_consent(response) else response)["code"]

    def agreed(self, response: Any) -> Any:
        """Press « Autoriser » on the page that the browser was sent to; what comes after it."""
        done = submit(self.browser, response.location, {"decision": "allow"}, action="/autorisation")
        assert done.location.startswith("/oauth/authorize/resume?demande="), done.location
        return self.browser.get(done.location)

    def redeem(self, authorization_code: str | None, *, secret: str | None = None, **changes: Any) -> Any:
        """Ask the token endpoint, from a program without cookies."""
        form = {
            "grant_type": "authorization_code",
            "code": authorization_code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        form = {name: value for name, value in (form | changes).items() if value is not None}
        secret = secret or self.secret
        headers = basic(self.client_id, secret) if secret else {}
        if not secret:
            form.setdefault("client_id", self.client_id)
        return browser_at(self.app, ISSUER).post("/oauth/token", data=form, headers=headers)

    def refresh(self, refresh_token: str, **changes: Any) -> Any:
        """Ask for new tokens."""
        changes = {"grant_type": "refresh_token", "refresh_token": refresh_token} | changes
        return self.redeem(None, redirect_uri=None, code_verifier=None, **changes)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The whole flow: the token endpoint's answer."""
        response = self.redeem(self.authorization_code(**changes))
        assert response.status_code == 200, response.text
        return dict(response.json)

    def userinfo(self, access_token: str) -> Any:
        """Ask userinfo."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return browser_at(self.app, ISSUER).get("/oauth/userinfo", headers=headers)

    def sign_in(self, account_id: AccountId, *, agreed: bool = True, **values: Any) -> OpenedSession:
        """Give the browser a session of this account, opened now with its chosen password.

        agreed: the person said yes to this client long ago, for every scope there is.
        """
        with self.app.app_context(), transaction():
            opened = sessions.open_session(
                account_id, values.pop("opened_with", OpenedWith.CHOSEN), now=self.clock.now, **values
            )
        if agreed:
            self.agree(account_id)
        self.browser.set_cookie("__Host-idp_session", opened.session_id, domain="compte.example", secure=True)
        return opened

    def agree(self, account_id: AccountId) -> None:
        """Let this client know all that scopes can say, since long ago."""
        with self.app.app_context():
            consents.agree(account_id, self.client_id, SUPPORTED, now=LONG_AGO)

    def read_id_token(self, id_token: str) -> dict[str, Any]:
        """The claims, the signature verified with the published keys."""
        jwks = json.loads(browser_at(self.app, ISSUER).get("/oauth/jwks").text)
        return dict(
            jwt.decode(id_token, KeySet.import_key_set(jwks), algorithms=["RS256", "ES256", "Ed25519"]).claims
        )


def answer_of(response: TestResponse) -> dict[str, str]:
    """The parameters of a redirect to the client, each once."""
    assert response.status_code == 303, (response.status_code, response.text[:2000])
    location = urlsplit(response.location)
    assert f"{location.scheme}://{location.netloc}" != ISSUER, response.location
    return {name: values[0] for name, values in parse_qs(location.query, strict_parsing=True).items()}


def is_sent_to_sign_in(response: TestResponse) -> bool:
    """Whether the browser is sent to our sign-in page, the request carried."""
    return response.status_code == 303 and response.location.startswith("/connexion?demande=")


def is_sent_to_consent(response: TestResponse) -> bool:
    """Whether the browser is sent to the page that asks what may be shared, the request carried."""
    return response.status_code == 303 and response.location.startswith("/autorisation?demande=")


def stays_on_our_page(response: TestResponse) -> bool:
    """Whether the answer is the error page for two readers, without any redirection."""
    return (
        response.status_code == 400
        and "Location" not in response.headers
        and 'id="oidc-error"' in response.text
    )


def make_parent(**values: Any) -> AccountId:
    """An active account with a confirmed address."""
    active: dict[str, Any] = {
        "state": AccountState.ACTIVE,
        "email": "celine@exemple.example",
        "email_confirmed_at": LONG_AGO,
        "password_changed_at": LONG_AGO,
        "activated_at": LONG_AGO,
    }
    return make_account(**active | values)


@pytest.fixture
def signing_key(idp_app: Flask) -> None:
    """Signing keys, the same all along the run: making one takes a tenth of a second."""
    with idp_app.app_context():
        if _key_rows:
            with transaction():
                db.session.execute(db.insert(SigningKey).values(_key_rows))
            return
        signing_keys.ensure_signing_keys(now=MORNING)
        rows = db.session.execute(db.select(SigningKey.__table__))
        _key_rows.extend(dict(row._mapping) for row in rows)


@pytest.fixture
def party(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    """A registered confidential client, nobody signed in."""
    return RelyingParty(idp_app, clock).register()


@pytest.fixture
def offline_party(idp_app: Flask, clock: FrozenClock, parent: AccountId) -> RelyingParty:
    """A client that may refresh, the parent signed in in its browser."""
    party = RelyingParty(idp_app, clock, client_id="offline")
    party.register(scope=f"{ALL_SCOPES} offline_access", grant_types=REFRESHING)
    party.sign_in(parent)
    return party


@pytest.fixture
def parent(idp_app: Flask, party: RelyingParty) -> AccountId:
    """An active parent, signed in in the party's browser."""
    with idp_app.app_context():
        account_id = make_parent()
    party.sign_in(account_id)
    return account_id
