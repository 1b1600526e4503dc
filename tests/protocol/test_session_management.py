"""OpenID Connect Session Management 1.0."""

import hashlib
import json

import pytest

from tests.relying_party import ISSUER, RelyingParty, answer_of
from tests.web import form_values

COOKIE = "__Host-idp_browser_state"
CHECK_SESSION = "/oauth/check_session"


def browser_state(party: RelyingParty) -> str:
    found = party.browser.get_cookie(COOKIE, domain="compte.example")
    assert found is not None
    return str(found.value)


def is_unchanged(party: RelyingParty, session_state: str) -> bool:
    """What the frame works out (clause 3.2)."""
    told, _, salt = session_state.partition(".")
    watched = f"{party.client_id} https://livret.example {browser_state(party)} {salt}"
    return hashlib.sha256(watched.encode()).hexdigest() == told


@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_an_answer_holds_the_session_state(party: RelyingParty, parent: object, response_mode: str):
    """oidc L9."""
    response = party.authorize(response_mode=response_mode)

    if response_mode == "query":
        answer = answer_of(response)
    else:
        answer = form_values(response.text, action="https://livret.example/retour")
    assert is_unchanged(party, answer["session_state"])


def test_each_answer_has_its_own_salt(party: RelyingParty, parent: object):
    one, other = (answer_of(party.authorize())["session_state"] for _ in range(2))

    assert one != other
    assert is_unchanged(party, one)
    assert is_unchanged(party, other)


def test_an_error_holds_none(party: RelyingParty):
    assert "session_state" not in answer_of(party.authorize(prompt="none"))


def test_signing_out_changes_it(party: RelyingParty, parent: object):
    session_state = answer_of(party.authorize())["session_state"]
    asked = party.browser.get("/deconnexion")

    party.browser.post("/deconnexion", data=form_values(asked.text, action="/deconnexion"))

    assert not is_unchanged(party, session_state)


def test_a_services_request_changes_it(party: RelyingParty, parent: object):
    id_token = party.tokens()["id_token"]
    session_state = answer_of(party.authorize())["session_state"]

    party.browser.get("/oauth/end_session", query_string={"id_token_hint": id_token})

    assert not is_unchanged(party, session_state)


def test_a_services_own_post_changes_it_though_our_cookie_does_not_come(party: RelyingParty, parent: object):
    id_token = party.tokens()["id_token"]
    without_cookies = RelyingParty(party.app, party.clock)

    response = without_cookies.browser.post("/oauth/end_session", data={"id_token_hint": id_token})

    assert COOKIE in "".join(response.headers.getlist("Set-Cookie"))


def test_the_cookie_is_read_by_our_script_in_other_sites_pages(party: RelyingParty, parent: object):
    cookie = next(
        header for header in party.authorize().headers.getlist("Set-Cookie") if header.startswith(COOKIE)
    )

    assert {"Secure", "SameSite=None", "Path=/", "Max-Age=28800"} <= set(cookie.split("; "))
    assert "HttpOnly" not in cookie


def test_a_made_up_state_is_replaced(party: RelyingParty, parent: object):
    party.browser.set_cookie(COOKIE, "made up", domain="compte.example", secure=True)

    party.authorize()

    assert len(browser_state(party)) == 43


def test_it_opens_nothing(party: RelyingParty, parent: object):
    """Whoever reads it has read a number."""
    party.authorize()
    elsewhere = RelyingParty(party.app, party.clock)
    elsewhere.browser.set_cookie(COOKIE, browser_state(party), domain="compte.example", secure=True)

    assert answer_of(elsewhere.authorize(prompt="none"))["error"] == "login_required"


def test_the_frame_may_stand_in_any_page_and_holds_an_external_script_only(party: RelyingParty):
    response = party.browser.get(CHECK_SESSION)

    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "X-Frame-Options" not in response.headers
    assert "script-src 'self';" in policy
    assert f'<script src="/static/check_session.js" data-cookie="{COOKIE}"></script>' in response.text
    with party.browser.get("/static/check_session.js") as script:
        assert script.mimetype == "text/javascript"


def test_other_pages_stand_in_no_frame(party: RelyingParty):
    for address in ("/deconnexion", "/oauth/end_session", "/connexion"):
        response = party.browser.get(address)
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Frame-Options"] == "DENY"


def test_discovery_names_it_all(party: RelyingParty):
    """oidc M6."""
    metadata = json.loads(party.browser.get("/.well-known/openid-configuration").text)

    assert metadata["check_session_iframe"] == ISSUER + CHECK_SESSION
    assert metadata["end_session_endpoint"] == ISSUER + "/oauth/end_session"
    assert all(
        metadata[f"{channel}_logout{session}_supported"] is True
        for channel in ("backchannel", "frontchannel")
        for session in ("", "_session")
    )
