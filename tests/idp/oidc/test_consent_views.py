"""The consent page, the list of services, the choice of an account and the form answer, in a real browser."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, request
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from idp.accounts.models import AccountState
from idp.app import create_app
from idp.db import db, transaction
from idp.oidc import clients
from idp.oidc.registration import ClientMetadata
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from idp.settings import Settings
from shared.clock import utc_now
from tests.conftest import idp_settings_values
from tests.factories import make_account, make_child, make_link

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]}
SCREENS = [
    pytest.param((width, scheme), id=f"{width}-{scheme}")
    for width in (320, 1280)
    for scheme in ("light", "dark")
]
EVERYTHING = "openid profile email phone children children.ine children.birthdate"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass
class Place:
    """A provider and a service, both on real sockets, a parent with two children. answers: what the service got."""

    app: Flask
    issuer: str
    service: str
    session_id: str
    answers: list[dict[str, str]] = field(default_factory=list)

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
    service = Flask("service")

    @service.route("/retour", methods=["GET", "POST"])
    def back() -> str:
        answers.append(dict(request.values))
        return "<!doctype html><title>Service</title><h1>Service ouvert</h1>"

    values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}") | {"issuer": "http://localhost:8000"}
    app = create_app(Settings.load(**values))
    service_url = serve(service)
    with app.app_context():
        db.create_all()
        add_clients(f"{service_url}/retour")
        session_id = add_parent()
    yield Place(app, serve(app), service_url, session_id, answers)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def serve() -> Iterator[Callable[[Flask], str]]:
    servers = []

    def start(app: Flask) -> str:
        server = make_server("localhost", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://localhost:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


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
        state=AccountState.ACTIVE, email="celine@exemple.example", identifier="c.lhenoret"
    )
    make_link(account_id, make_child(given_name="Maël"))
    make_link(account_id, make_child(given_name="Anne-Sophie", level="6e"))
    with transaction():
        return sessions.open_session(account_id, OpenedWith.CHOSEN, now=utc_now()).session_id


def assert_accessible(page: Page) -> None:
    found = Axe().run(page, options=AXE_RULES)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], page.url


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_agrees_and_reaches_the_service(chromium: Chromium, place: Place, scripts: bool):
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request())
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Partager vos informations avec Livret scolaire"
    )
    expect(page.get_by_text("Anne-Sophie")).to_be_visible()
    page.get_by_role("button", name="Autoriser").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    page.goto(place.request(prompt="none"))
    assert [set(answer) for answer in place.answers] == [{"code", "state", "iss", "session_state"}] * 2
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_refuses_and_the_service_hears_it(chromium: Chromium, place: Place, scripts: bool):
    """oidc A17: by form too, with a button where no script presses it."""
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request("third", response_mode="form_post"))
    page.get_by_role("button", name="Refuser").click()
    if not scripts:
        page.get_by_role("button", name="Continuer").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    assert place.answers[0]["error"] == "access_denied"
    assert page.url == f"{place.service}/retour"
    page.context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_parent_goes_on_with_the_present_account(chromium: Chromium, place: Place, scripts: bool):
    page = place.open(chromium, java_script_enabled=scripts)

    page.goto(place.request(prompt="select_account"))
    page.get_by_role("button", name=re.compile(r"Continuer avec c\.lhenoret")).click()
    page.get_by_role("button", name="Autoriser").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
    assert "code" in place.answers[0]
    page.context.close()


def test_a_parent_takes_the_access_back(chromium: Chromium, place: Place):
    page = place.open(chromium)
    page.goto(place.request())
    page.get_by_role("button", name="Autoriser").click()

    page.goto(f"{place.issuer}/compte")
    page.get_by_role("link", name=re.compile("services qui ont accès")).click()
    page.get_by_role("button", name=re.compile("Retirer l’accès")).click()

    expect(page.get_by_role("status")).to_contain_text("Livret scolaire n’a plus accès")
    page.goto(place.request(prompt="none"))
    assert place.answers[-1]["error"] == "consent_required"
    page.context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_is_accessible(chromium: Chromium, place: Place, screen: tuple[int, str], tmp_path: Path):
    page = place.open(chromium, screen)

    for address in (
        place.request("first"),
        place.request("third"),
        place.request(prompt="select_account"),
        f"{place.issuer}/compte/services",
    ):
        page.goto(address)
        assert_accessible(page)
    for client_id in ("first", "third"):
        page.goto(place.request(client_id))
        page.get_by_role("button", name="Autoriser").click()
    page.goto(f"{place.issuer}/compte/services")
    assert_accessible(page)
    page.get_by_role("button", name=re.compile("Retirer l’accès de Livret")).click()
    assert_accessible(page)

    page.context.close()
