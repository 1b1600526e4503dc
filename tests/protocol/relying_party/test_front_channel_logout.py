"""oidc.md 3, row P15: OpenID Connect Front-Channel Logout 1.0, at `/deconnexion/canal-avant`."""

import pytest
from flask import Flask

from tests.conftest import Browser, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, sign_in
from tests.protocol.relying_party.sessions import is_signed_in, living_sessions_of

ADDRESS = "/deconnexion/canal-avant"


def test_p15_the_session_of_that_sid_ends_without_any_cookie(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """P15: browsers that keep cookies from frames of other sites do not keep the session from ending."""
    sign_in(browser, provider)
    other = browser_at(app, LIVRET_URL)
    provider.claims = {"sid": "sid-2"}
    sign_in(other, provider)

    answer = browser_at(app, LIVRET_URL).get(ADDRESS, query_string={"iss": provider.issuer, "sid": "sid-1"})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert not is_signed_in(browser)
    assert is_signed_in(other)


def test_p15_only_the_issuer_may_frame_it(app: Flask, browser: Browser, provider: FakeProvider):
    headers = browser.get(ADDRESS, query_string={"iss": provider.issuer, "sid": "unknown"}).headers

    policy = headers["Content-Security-Policy"].split("; ")
    assert f"frame-ancestors {provider.issuer}" in policy
    assert "X-Frame-Options" not in headers


@pytest.mark.parametrize(
    "query",
    ["", "iss={issuer}", "sid=sid-1", "iss={issuer}/&sid=sid-1", "iss=https://evil.example&sid=sid-1", "iss=&sid=sid-1",
     "iss={issuer}&sid=", "iss={issuer}&sid=sid-1&sid=sid-1", "iss={issuer}&iss={issuer}&sid=sid-1"],
)  # fmt: skip
def test_p15_a_wrong_issuer_or_no_sid_ends_nothing(
    app: Flask, browser: Browser, provider: FakeProvider, query: str
):
    sign_in(browser, provider)

    answer = browser.get(f"{ADDRESS}?{query.format(issuer=provider.issuer)}")

    assert answer.status_code == 400
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert living_sessions_of(app) == 1


@pytest.mark.parametrize("sid", ["unknown", "é", "x" * 5000, "%00", "' or 1=1 --"])
def test_p15_an_unknown_session_is_no_fault(app: Flask, browser: Browser, provider: FakeProvider, sid: str):
    sign_in(browser, provider)

    answer = browser.get(ADDRESS, query_string={"iss": provider.issuer, "sid": sid})

    assert answer.status_code == 200
    assert living_sessions_of(app) == 1


def test_p15_it_takes_no_post(browser: Browser, provider: FakeProvider):
    assert browser.post(ADDRESS, data={"iss": provider.issuer, "sid": "sid-1"}).status_code in (400, 405)
