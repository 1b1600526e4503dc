"""A provider and a service on real sockets, for tests in a browser."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, redirect, request
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from werkzeug.wrappers import Response as BaseResponse

from idp.accounts.models import AccountState
from idp.app import create_app
from idp.db import db, transaction
from idp.oidc import clients
from idp.oidc.registration import ClientMetadata
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from idp.settings import Settings
from shared.clock import utc_now
from tests.conftest import idp_settings_values
from tests.factories import LONG_AGO, make_account, make_child, make_link

IDENTIFIER, PASSWORD = "c.lhenoret", "Marmotte42"
EVERYTHING = "openid profile email phone children children.ine children.birthdate"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass
class Place:
    """A provider and a service, both on real sockets, a parent with two children. answers: what the service got.

    sends_back_to: where the service sends the browser then, if anywhere.
    """

    app: Flask
    issuer: str
    service: str
    session_id: str
    answers: list[dict[str, str]] = field(default_factory=list)
    sends_back_to: list[str] = field(default_factory=list)

    def request(self, client_id: str = "first", **changes: str) -> str:
        parameters = {
            "client_id": client_id,
            "redirect_uri": f"{self.service}/retour",
            "response_type": "code",
            "scope": EVERYTHING,
            "state": "an opaque state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        return f"{self.issuer}/oauth/authorize?{urlencode(parameters)}"

    def open(self, chromium: Chromium, screen: tuple[int, str] = (390, "light"), **options: Any) -> Page:
        """A browser in which the parent is signed in."""
        width, scheme = screen
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            **options,
        )
        context.add_cookies([{"name": "idp_session", "value": self.session_id, "url": self.issuer}])
        return context.new_page()


@pytest.fixture
def place(tmp_path: Path, serve: Callable[..., str]) -> Iterator[Place]:
    answers: list[dict[str, str]] = []
    sends_back_to: list[str] = []
    service = Flask("service")

    @service.route("/retour", methods=["GET", "POST"])
    def back() -> str | BaseResponse:
        answers.append(dict(request.values))
        if sends_back_to:
            return redirect(sends_back_to[0])
        return "<!doctype html><title>Service</title><h1>Service ouvert</h1>"

    values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}") | {"issuer": "http://localhost:8000"}
    app = create_app(Settings.load(**values))
    service_url = serve(service)
    with app.app_context():
        db.create_all()
        add_clients(f"{service_url}/retour")
        session_id = add_parent()
    yield Place(app, serve(app), service_url, session_id, answers, sends_back_to)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def add_clients(redirect_uri: str) -> None:
    for client_id, first_party in (("first", True), ("third", False)):
        clients.add_client(
            ClientMetadata(
                client_id,
                "Livret scolaire" if first_party else "Cantine de l’été",
                (redirect_uri,),
                EVERYTHING,
                first_party=first_party,
                policy_uri=None if first_party else "https://cantine.example/donnees",
                tos_uri=None if first_party else "https://cantine.example/conditions",
            ),
            now=utc_now(),
        )


def add_parent() -> str:
    account_id = make_account(
        state=AccountState.ACTIVE,
        email="celine@exemple.example",
        identifier=IDENTIFIER,
        password_hash=passwords.hash_password(PASSWORD),
        password_changed_at=LONG_AGO,
    )
    make_link(account_id, make_child(given_name="Maël"))
    make_link(account_id, make_child(given_name="Anne-Sophie", level="6e"))
    with transaction():
        return sessions.open_session(account_id, OpenedWith.CHOSEN, now=utc_now()).session_id
