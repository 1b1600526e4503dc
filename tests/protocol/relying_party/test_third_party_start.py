"""oidc.md 3, row P16: sign-in started by somebody else (OpenID Connect Core 4)."""

import pytest
from flask import Flask

from tests.conftest import Browser
from tests.livret_service.conftest import (
    LIVRET_URL,
    FakeProvider,
    come_back,
    leave,
    sent_to_provider,
    sign_in,
)
from tests.protocol.relying_party.sessions import PAGE


@pytest.mark.parametrize("method", ["get", "post"])
def test_p16_the_configured_issuer_starts_a_sign_in_that_ends_at_the_target(
    browser: Browser, provider: FakeProvider, method: str
):
    """P16: by GET and by POST."""
    asked = {"iss": provider.issuer, "target_link_uri": LIVRET_URL + PAGE, "login_hint": "c.dupont"}
    answer = (
        browser.get("/connexion", query_string=asked)
        if method == "get"
        else browser.post("/connexion", data=asked, headers={"Sec-Fetch-Site": "cross-site"})
    )

    sent = sent_to_provider(answer)

    assert sent.parameters["login_hint"] == "c.dupont"
    assert come_back(browser, sent, provider).headers["Location"] == PAGE


@pytest.mark.parametrize(
    "issuer", ["https://evil.example", "{issuer}/", "{ISSUER}", "", "{issuer}@evil.example"]
)
def test_p16_rp_17_another_issuer_starts_nothing(browser: Browser, provider: FakeProvider, issuer: str):
    given = issuer.format(issuer=provider.issuer, ISSUER=provider.issuer.upper())

    answer = browser.get("/connexion", query_string={"iss": given, "target_link_uri": PAGE})

    assert answer.status_code == 400
    assert "Ce lien ne peut pas être suivi" in answer.text


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil", "javascript:alert(1)", "livrets", "/a\tb",
     "https://livret.example.evil.example/", "https://livret.example@evil.example/", "http://livret.example/livrets",
     "https://livret.example:444/livrets", "HTTPS://livret.example/livrets", "/" + "a" * 1000, "/é", "/%0d%0a\r\nx"],
)  # fmt: skip
def test_p16_rp_17_the_target_is_a_page_of_this_service(
    app: Flask, browser: Browser, provider: FakeProvider, target: str
):
    asked = {"iss": provider.issuer, "target_link_uri": target}

    assert browser.get("/connexion", query_string=asked).status_code == 400


def test_p16_a_start_from_elsewhere_is_never_silent(browser: Browser, provider: FakeProvider):
    """It may be for another person than the one signed in here."""
    sign_in(browser, provider)

    assert "prompt" not in leave(browser, iss=provider.issuer).parameters
