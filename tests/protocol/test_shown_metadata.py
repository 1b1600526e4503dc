"""OpenID Connect Registration 2: what a service registered for people to see is shown where they sign in."""

import re

import pytest
from flask import Flask

from tests.conftest import FrozenClock
from tests.relying_party import RelyingParty

LOGO = "https://images.livret.example:8443/logo.png?a=b&c=d"
SHOWN = {
    "logo_uri": LOGO,
    "policy_uri": "https://livret.example/donnees",
    "tos_uri": "https://livret.example/conditions",
}


def sign_in_page(party: RelyingParty):
    return party.browser.get(party.authorize().location)


@pytest.fixture
def shown(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    return RelyingParty(idp_app, clock).register(**SHOWN)


def test_logo_policy_and_terms_are_on_the_sign_in_page(shown: RelyingParty):
    """oidc A20."""
    page = sign_in_page(shown)

    logo = re.search(r"<img[^>]*class=\"context-logo\"[^>]*>", page.text)
    assert logo
    assert f'src="{LOGO.replace("&", "&amp;")}"' in logo[0]
    assert 'referrerpolicy="no-referrer"' in logo[0]
    for address in (SHOWN["policy_uri"], SHOWN["tos_uri"]):
        assert f'<a href="{address}"' in page.text


def test_the_logos_origin_alone_is_allowed_and_there_alone(shown: RelyingParty, party_without: RelyingParty):
    policy = sign_in_page(shown).headers["Content-Security-Policy"]

    assert "img-src 'self' https://images.livret.example:8443;" in policy
    assert "images.livret.example" not in sign_in_page(party_without).headers["Content-Security-Policy"]
    assert "images.livret.example" not in shown.browser.get("/").headers["Content-Security-Policy"]


def test_a_refused_couple_keeps_them(shown: RelyingParty):
    address = shown.authorize().location
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown.browser.get(address).text)
    assert token

    page = shown.browser.post(
        address,
        data={"identifier": "nobody", "password": "Wrong-2026", "csrf_token": token[1]},
        headers={"Origin": "https://compte.example"},
    )

    assert page.status_code == 422
    assert "context-logo" in page.text
    assert "https://images.livret.example:8443" in page.headers["Content-Security-Policy"]


def test_a_service_that_registered_none_shows_none(party_without: RelyingParty):
    page = sign_in_page(party_without).text

    assert "context-logo" not in page
    assert "Conditions d’utilisation de ce service" not in page


@pytest.fixture
def party_without(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    return RelyingParty(idp_app, clock, client_id="plain").register()
