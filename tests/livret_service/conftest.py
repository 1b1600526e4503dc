"""A provider of the tests' own: real HTTP on loopback, real keys, and whatever answer a test wants to forge."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.test import TestResponse

from shared.logging import configure_logging
from shared.secrets import new_secret
from tests.conftest import Browser, FrozenClock, browser_at, empty_tables, key_of

LIVRET_URL = "https://livret.example"
CLIENT_ID = "livret"
CLIENT_SECRET = "a secret with %, + and :"  # what a provider may issue, and what Basic must not break
SCHOOL = {"uai": "0750001A", "name": "École de l’Étang"}
LEA = {"sub": "child-lea", "given_name": "Léa", "family_name": "D’Orgeval", "level": "CE2", "school": SCHOOL}
NOE = {"sub": "child-noe", "given_name": "Noé", "family_name": "D’Orgeval", "level": "CP", "school": SCHOOL}


def half_hash(text: str) -> str:
    """`at_hash` for a SHA-256 algorithm (Core 3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


@dataclass
class FakeProvider:
    """Answers as told. By default everything is in order; a test changes one thing."""

    server: HTTPServer
    clock: Callable[[], datetime]
    key: RSAKey
    kid: str = "k-1"
    claims: dict[str, Any] = field(default_factory=dict)
    """Overrides of the ID token's claims; None removes one."""
    header: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[str], str] | None = None
    """Turns the honest ID token into what is sent."""
    sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    """Makes the ID token from header and claims instead of the honest signature."""
    token_response: Callable[[dict[str, Any]], Response] | None = None
    jwks: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    """Paths that were fetched, in order."""
    token_requests: list[Request] = field(default_factory=list)
    access_token: str = "access-token-canary"
    userinfo: Callable[[], Response] | None = None
    """Makes the userinfo answer; without it the honest one: `sub` and the children."""
    webfinger: Any = None
    """The WebFinger document; without it the honest one."""
    register: Callable[[Request], Response] | None = None
    requests: list[Request] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.server.url_for("").rstrip("/")

    def answer(self, request: Request) -> Response:
        self.asked.append(request.path)
        self.requests.append(request)
        if self.is_down:
            return Response("down", status=503)
        if request.path == "/.well-known/openid-configuration":
            return json_response(self.configuration())
        if request.path == "/jwks":
            return json_response(self.jwks or self.public_jwks())
        if request.path == "/token":
            return self.give_token(request)
        if request.path == "/userinfo":
            return self.give_userinfo(request)
        if request.path == "/.well-known/webfinger":
            return json_response(self.webfinger if self.webfinger is not None else self.honest_webfinger())
        if request.path == "/register" and self.register:
            return self.register(request)
        return Response(status=404)

    def give_userinfo(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.access_token}":
            return Response(status=401)
        honest = {"sub": "guardian-1", "name": "Céline", "children": [LEA]}
        return self.userinfo() if self.userinfo else json_response(honest)

    def honest_webfinger(self) -> dict[str, Any]:
        link = {"rel": "http://openid.net/specs/connect/1.0/issuer", "href": self.issuer}
        return {"subject": "acct:celine@localhost", "links": [link]}

    def signed(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        """A JWT of this provider, of any kind; a header of None leaves a member out."""
        whole = without_none({"alg": "RS256", "kid": self.kid} | header)
        registry = jws.JWSRegistry(algorithms=[whole["alg"]], strict_check_header=False)
        registry.max_header_length = 10_000
        return jwt.encode(whole, claims, key or self.key, registry=registry)

    def logout_token(self, *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An honest logout token for the session of `honest_claims`; a change of None leaves a claim out."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "guardian-1",
            "sid": "sid-1",
            "iat": now,
            "exp": now + 120,
            "jti": new_secret(),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return self.signed(
            without_none(claims | changes), key=key, **({"typ": "logout+jwt"} | (header or {}))
        )

    def configuration(self) -> dict[str, Any]:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "jwks_uri": self.issuer + "/jwks",
            "end_session_endpoint": self.issuer + "/end_session",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256", "PS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return without_none(document | self.metadata)

    def public_jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False) | {"kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def give_token(self, request: Request) -> Response:
        self.token_requests.append(request)
        body = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": self.id_token(request.form["code"]),
        }
        return self.token_response(body) if self.token_response else json_response(body)

    def id_token(self, nonce: str) -> str:
        """Tests put the nonce into the code, so that the honest answer needs no memory."""
        header = without_none({"alg": "RS256", "kid": self.kid, "typ": "JWT"} | self.header)
        claims = without_none(self.honest_claims(nonce) | self.claims)
        if self.sign:
            return self.sign(header, claims)
        token = jwt.encode(header, claims, self.key, registry=jws.JWSRegistry(strict_check_header=False))
        return self.forge(token) if self.forge else token

    def honest_claims(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock().timestamp())
        return {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "guardian-1",
            "sid": "sid-1",
            "iat": now,
            "exp": now + 600,
            "auth_time": now - 5,
            "nonce": nonce,
            "at_hash": half_hash(self.access_token),
            "children": [LEA, NOE],
        }

    def count(self, path: str) -> int:
        return self.asked.count(path)


def json_response(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, mimetype="application/json")


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@pytest.fixture(scope="session")
def provider_key() -> RSAKey:
    return RSAKey.generate_key(2048)


@pytest.fixture(scope="session")
def other_key() -> RSAKey:
    """A key that the provider never had."""
    return RSAKey.generate_key(2048)


@pytest.fixture
def provider(httpserver: HTTPServer, clock: FrozenClock, provider_key: RSAKey) -> FakeProvider:
    fake = FakeProvider(httpserver, clock, provider_key)
    httpserver.expect_request(re.compile(".*")).respond_with_handler(fake.answer)
    return fake


@pytest.fixture(scope="session")
def relying_party_database(new_database_url: Callable[[str], str]) -> str:
    return new_database_url("relying_party")


NewRelyingParty = Callable[..., Flask]


@pytest.fixture(scope="session")
def relying_parties(session_clock: FrozenClock) -> Iterator[dict[str, Flask]]:
    """Applications by their settings: making one costs more than most tests."""
    from livret_service.db import db

    made: dict[str, Flask] = {}
    yield made
    for app in made.values():
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def new_relying_party(
    provider: FakeProvider,
    relying_party_database: str,
    relying_parties: dict[str, Flask],
    clock: FrozenClock,
) -> Iterator[NewRelyingParty]:
    """Gives the livret service at this test's provider, knowing nothing of it yet; settings as keyword arguments."""
    from livret_service.app import create_app
    from livret_service.db import db
    from livret_service.settings import Settings
    from livret_service.sign_in.browser import EXTENSION
    from livret_service.sign_in.party import relying_party

    used: list[Flask] = []

    def new(**settings: Any) -> Flask:
        values = {
            "public_url": LIVRET_URL,
            "database_url": relying_party_database,
            "secret_key": key_of("livret_secret_key"),
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "log_level": "WARNING",
        }
        asked = Settings.load(**(values | settings))
        app = relying_parties.get(repr(asked))
        if app is None:
            app = relying_parties[repr(asked)] = create_app(asked, clock=clock)
            add_reading_page(app)
            with app.app_context():
                db.create_all()
        configure_logging(asked.log_level)
        app.extensions[EXTENSION] = relying_party(asked, clock)
        used.append(app)
        return app

    yield new
    if used:
        empty_tables(used[0], db)


@pytest.fixture
def app(new_relying_party: NewRelyingParty) -> Flask:
    """The livret service, with one page of somebody's children that asks who reads."""
    return new_relying_party()


def add_reading_page(app: Flask) -> None:
    """A page like those of livrets, so that these tests need no livret."""
    from livret_service.sign_in.views import current_reader

    def read(rest: str = "") -> str:
        reader = current_reader()
        return f"{reader.subject}: " + ", ".join(child.given_name for child in reader.children)

    app.add_url_rule("/pages-de-test", "reading_page", read, methods=["GET", "POST"])
    app.add_url_rule("/pages-de-test/<rest>", "reading_page_of", read)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return browser_at(app, LIVRET_URL)


@dataclass
class Sent:
    """The authorization request that a browser was sent away with."""

    parameters: dict[str, str]

    @property
    def state(self) -> str:
        return self.parameters["state"]


def sent_to_provider(answer: TestResponse) -> Sent:
    assert answer.status_code == 303, answer.status_code
    parts = urlsplit(answer.headers["Location"])
    assert parts.path == "/authorize", answer.headers["Location"]
    return Sent({name: values[0] for name, values in parse_qs(parts.query).items()})


def leave(browser: Browser, target: str | None = None, **query: str) -> Sent:
    """Start signing in."""
    asked = ({"target_link_uri": target} if target else {}) | query
    return sent_to_provider(browser.get("/connexion", query_string=asked))


def come_back(browser: Browser, sent: Sent, provider: FakeProvider, **changes: str | None) -> TestResponse:
    """Return from the provider with a code, as it sends; a change of None leaves the parameter out."""
    honest = {"code": sent.parameters["nonce"], "state": sent.state, "iss": provider.issuer}
    return browser.get("/retour", query_string=without_none(honest | changes))


def sign_in(browser: Browser, provider: FakeProvider, target: str = "/pages-de-test") -> TestResponse:
    return come_back(browser, leave(browser, target), provider)


@pytest.fixture
def key_file(tmp_path: Path, provider_key: RSAKey) -> Path:
    path = tmp_path / "client-key.pem"
    path.write_bytes(provider_key.as_pem(private=True))
    return path
