"""Front-channel logout and session management where they happen: in a browser."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, request
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page

from idp.accounts.rules import AccountState
from idp.db import db, transaction
from idp.oidc import clients, consents
from idp.oidc.registration import ClientMetadata
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from shared.clock import utc_now
from tests.conftest import idp_settings_values
from tests.factories import make_account
from tests.relying_party import VERIFIER, s256

# Asks the provider's frame, as a service's own frame does (Session Management 3.1).
ASK = """([address, asked]) => new Promise((done) => {
  const frame = document.createElement("iframe");
  window.addEventListener("message", (event) => { if (event.source === frame.contentWindow) { done(event.data); } });
  frame.onload = () => frame.contentWindow.postMessage(asked, new URL(address).origin);
  frame.src = address;
  document.body.append(frame);
})"""


@dataclass
class Service:
    """A service on this machine: it shows a page for everything, and keeps which frames were loaded."""

    url: str
    client_id: str
    client_secret: str = ""
    frames: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Stage:
    """The provider at `address`, a browser with somebody signed in, and a way to add services."""

    app: Flask
    address: str
    context: BrowserContext
    add: Callable[..., Service]

    def tokens(self, page: Page, service: Service) -> dict[str, str]:
        """The authorization in the browser, the redemption behind it: ID token and session state."""
        asked = {
            "response_type": "code", "client_id": service.client_id, "redirect_uri": f"{service.url}/retour",
            "scope": "openid", "code_challenge": s256(VERIFIER), "code_challenge_method": "S256",
        }  # fmt: skip
        page.goto(f"{self.address}/oauth/authorize?{urlencode(asked)}")
        page.wait_for_url(f"{service.url}/retour?**")
        answer = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
        redeemed = self.app.test_client().post(
            "/oauth/token",
            base_url="http://localhost:8000",
            data={
                "grant_type": "authorization_code",
                "code": answer["code"],
                "code_verifier": VERIFIER,
                "redirect_uri": f"{service.url}/retour",
                "client_id": service.client_id,
                "client_secret": service.client_secret,
            },
        )
        return {"id_token": dict(redeemed.json or {})["id_token"], "session_state": answer["session_state"]}


@pytest.fixture
def make_stage(
    chromium: Chromium, serve: Callable[[Flask], str], tmp_path: Path
) -> Iterator[Callable[..., Stage]]:
    from idp.app import create_app
    from idp.settings import Settings

    values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}") | {"issuer": "http://localhost:8000"}
    app = create_app(Settings.load(**values))
    with app.app_context():
        db.create_all()
        account_id = make_account(state=AccountState.ACTIVE, email="celine@exemple.fr")
        with transaction():
            session_id = sessions.open_session(account_id, OpenedWith.CHOSEN, now=utc_now()).session_id
    address = serve(app)
    contexts = []

    def add(name: str = "Livret scolaire", **members: Any) -> Service:
        pages = Flask("service")
        service = Service(serve(pages), f"client-{secrets.token_hex(4)}")
        pages.add_url_rule("/<path:path>", "page", lambda path: answer_of(service, path))
        with app.app_context():
            service.client_secret = (
                clients.add_client(
                    ClientMetadata(
                        client_id=service.client_id,
                        name=name,
                        redirect_uris=(f"{service.url}/retour",),
                        post_logout_redirect_uris=(f"{service.url}/parti",),
                        scope="openid",
                        token_endpoint_auth_method="client_secret_post",
                        client_uri=f"{service.url}/accueil",
                        first_party=True,
                        **{member: path.format(service.url) for member, path in members.items()},
                    ),
                    now=utc_now(),
                )
                or ""
            )
            consents.agree(account_id, service.client_id, ["openid"], now=utc_now())
        return service

    def make(**options: Any) -> Stage:
        context = chromium.new_context(**options)
        context.add_cookies([{"name": "idp_session", "value": session_id, "url": address}])
        contexts.append(context)
        return Stage(app, address, context, add)

    yield make
    for context in contexts:
        context.close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def answer_of(service: Service, path: str) -> str:
    if path == "canal-avant":
        service.frames.append(request.args.to_dict())
    return "<!doctype html><title>Service</title><p>Service</p>"


@pytest.mark.parametrize("has_script", [True, False])
def test_every_service_is_loaded_then_the_browser_goes_back(
    make_stage: Callable[..., Stage], has_script: bool
):
    """oidc L8: by script at once; without script after five seconds."""
    stage = make_stage(java_script_enabled=has_script)
    page = stage.context.new_page()
    one = stage.add(frontchannel_logout_uri="{}/canal-avant")
    other = stage.add("Cantine", frontchannel_logout_uri="{}/canal-avant")
    id_token = stage.tokens(page, one)["id_token"]
    stage.tokens(page, other)

    asked = {"id_token_hint": id_token, "post_logout_redirect_uri": f"{one.url}/parti", "state": "x"}
    page.goto(f"{stage.address}/oauth/end_session?{urlencode(asked)}", wait_until="commit")
    page.wait_for_url(f"{one.url}/parti?state=x", timeout=15_000)

    assert [frame["iss"] for frame in one.frames + other.frames] == ["http://localhost:8000"] * 2
    assert one.frames[0]["sid"] == other.frames[0]["sid"]


def test_a_services_page_sees_that_somebody_signed_out(make_stage: Callable[..., Stage]):
    """oidc L9."""
    stage = make_stage()
    page, elsewhere = stage.context.new_page(), stage.context.new_page()
    service = stage.add()
    session_state = stage.tokens(page, service)["session_state"]
    frame = f"{stage.address}/oauth/check_session"
    watched = f"{service.client_id} {session_state}"

    assert page.evaluate(ASK, [frame, watched]) == "unchanged"
    assert page.evaluate(ASK, [frame, f"another {session_state}"]) == "changed"
    assert page.evaluate(ASK, [frame, "nonsense"]) == "error"

    elsewhere.goto(f"{stage.address}/deconnexion")
    elsewhere.click("main button")
    elsewhere.wait_for_selector("#signed-out")
    assert page.evaluate(ASK, [frame, watched]) == "changed"
