"""OpenID Connect Core 11, ADR 0026: offline access is agreed to by name, and remembered."""

import pytest
from flask import Flask

from idp.accounts.rules import AccountId
from tests.conftest import FrozenClock
from tests.relying_party import REFRESHING, RelyingParty, answer_of, is_sent_to_consent, make_parent
from tests.web import submit

OFFLINE = "openid offline_access"


@pytest.fixture
def newcomer(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    """A client that may refresh; the parent signed in has agreed to nothing yet."""
    party = RelyingParty(idp_app, clock, client_id="offline")
    party.register(scope="openid profile offline_access", grant_types=REFRESHING)
    with idp_app.app_context():
        account_id: AccountId = make_parent()
    party.sign_in(account_id, agreed=False)
    return party


def test_the_page_names_it(newcomer: RelyingParty):
    page = newcomer.browser.get(newcomer.authorize(scope=OFFLINE).location)

    assert "Un accès qui dure" in page.text
    assert "Un accès qui dure" not in newcomer.browser.get(newcomer.authorize(scope="openid").location).text


def test_remembered_it_is_granted_without_prompt_consent(newcomer: RelyingParty):
    """oidc T8: the consent that names it is the other condition of Core 11."""
    assert "refresh_token" in newcomer.tokens(scope=OFFLINE)
    assert not is_sent_to_consent(newcomer.authorize(scope=OFFLINE))
    assert "refresh_token" in newcomer.tokens(scope=OFFLINE)


def test_with_prompt_consent_it_is_asked_again_and_granted(newcomer: RelyingParty):
    """oidc T8."""
    newcomer.tokens(scope=OFFLINE)
    newcomer.clock.advance(seconds=1)

    assert is_sent_to_consent(newcomer.authorize(scope=OFFLINE, prompt="consent"))
    assert "refresh_token" in newcomer.tokens(scope=OFFLINE, prompt="consent")


def test_rf_12_a_consent_that_does_not_name_it_gives_none(newcomer: RelyingParty):
    assert "refresh_token" not in newcomer.tokens(scope="openid profile")

    assert is_sent_to_consent(newcomer.authorize(scope=OFFLINE))
    assert answer_of(newcomer.authorize(scope=OFFLINE, prompt="none"))["error"] == "consent_required"


def test_rf_12_a_refusal_gives_nothing(newcomer: RelyingParty):
    page = newcomer.authorize(scope=OFFLINE).location

    answer = submit(newcomer.browser, page, {"decision": "deny"}, action="/autorisation")

    assert answer_of(answer)["error"] == "access_denied"
