"""What only a browser can show of the relying party: frames, scripts, redirections of forms."""

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from werkzeug import Request, Response
from werkzeug.utils import redirect

from tests.livret_service.conftest import FakeProvider, NewRelyingParty
from tests.serving import served

CHECK_SESSION = """<!doctype html><script>
addEventListener("message", function (event) {
  var is_changed = document.cookie.indexOf("opbs=changed") >= 0;
  event.source.postMessage(is_changed ? "changed" : "unchanged", event.origin);
});
</script>"""


@pytest.fixture
def livret_address(
    new_relying_party: NewRelyingParty, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The livret service on a port of this machine, at a provider that signs in whoever comes."""
    monkeypatch.setattr("livret_service.sign_in.views.WATCH_SECONDS", 1)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        url = f"http://localhost:{free.getsockname()[1]}"
    app = new_relying_party(public_url=url, watches_session=True)
    answer_people(provider, url)
    with served(app, port=int(url.rpartition(":")[2])):
        yield url


def answer_people(provider: FakeProvider, url: str) -> None:
    provider.metadata = {"check_session_iframe": provider.issuer + "/check_session"}
    honest = provider.answer

    def answer(request: Request) -> Response:
        if request.path == "/check_session":
            return Response(CHECK_SESSION, mimetype="text/html")
        if request.path == "/end_session":
            assert request.method == "POST"
            assert request.query_string == b""
            return redirect(f"{url}/deconnexion/retour?state={request.form['state']}", 303)
        if request.path != "/authorize":
            return honest(request)
        outcome = {"error": "login_required"} if "prompt" in request.args else {"code": request.args["nonce"]}
        parameters = {"state": request.args["state"], "iss": provider.issuer, "session_state": "s.s"}
        return redirect(f"{url}/retour?{urlencode(parameters | outcome)}", 303)

    provider.server.clear()
    provider.server.expect_request(re.compile(".*")).respond_with_handler(answer)


def test_p17_signing_out_elsewhere_is_seen_within_seconds(chromium: Chromium, livret_address: str):
    """P17: not a click: the frame sees it, the page asks, the provider knows nobody."""
    context = chromium.new_context(locale="fr-FR")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(livret_address + "/connexion")
    expect(page.locator("h1")).to_be_visible()
    assert page.url.endswith("/livrets")

    context.add_cookies([{"name": "opbs", "value": "changed", "url": livret_address}])

    expect(page.locator("h1")).to_have_text("Votre session est terminée", timeout=15_000)
    assert complaints == []
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_p14_signing_out_goes_by_the_provider_and_back(
    chromium: Chromium, livret_address: str, scripts: bool
):
    """P14: by itself where scripts run, by a button where they do not; no address holds the ID token."""
    context = chromium.new_context(locale="fr-FR", java_script_enabled=scripts)
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(livret_address + "/connexion")

    page.get_by_role("button", name="Se déconnecter").click()
    if not scripts:
        page.get_by_role("button", name="Fermer mon Compte École").click()

    expect(page.locator("#signed-out")).to_contain_text("ici et dans votre Compte École")
    assert not [address for address in addresses if "eyJ" in address]
    context.close()
