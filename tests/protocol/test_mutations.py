"""Two thousand hostile variants of each good value: none opens anything, none breaks anything.

`make bench ARGS=--long` sends a hundred thousand; there, as here, from a seed, so that a failure can be repeated.
"""

import os
from urllib.parse import urlencode

import pytest

from bench.mutations import hostile_jwts, hostile_uris
from idp.accounts.rules import AccountId
from tests.conftest import browser_at
from tests.relying_party import ISSUER, POST_LOGOUT_URI, RelyingParty, stays_on_our_page

SEEDS = range(4)  # each seed is a test of its own, so that workers share them
COUNT = int(os.environ.get("HOSTILE_VARIANTS", "2000")) // len(SEEDS)


def as_query(parameters: dict[str, str]) -> str:
    return urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in parameters.items()})


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hostile_redirect_uri_is_followed(party: RelyingParty, parent: AccountId, seed: int):
    """RFC 6749 3.1.2.3, RFC 9700 2.1: exact comparison; a signed-in person stays on our page."""
    good = party.request()

    followed = [
        uri
        for uri in hostile_uris(party.redirect_uri, seed=seed, count=COUNT)
        if not stays_on_our_page(
            party.browser.get("/oauth/authorize", query_string=as_query(good | {"redirect_uri": uri}))
        )
    ]

    assert followed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hostile_post_logout_redirect_uri_is_followed(party: RelyingParty, parent: AccountId, seed: int):
    """RP-Initiated Logout 3: exact comparison, with a genuine hint."""
    hint = party.tokens()["id_token"]

    followed = []
    for uri in hostile_uris(POST_LOGOUT_URI, seed=seed, count=COUNT):
        query = as_query({"id_token_hint": hint, "post_logout_redirect_uri": uri})
        answer = browser_at(party.app, ISSUER).get("/oauth/end_session", query_string=query)
        if answer.status_code >= 500 or "Location" in answer.headers:
            followed.append(uri)

    assert followed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hostile_id_token_hint_signs_anybody_out(party: RelyingParty, parent: AccountId, seed: int):
    """RP-Initiated Logout 2: a hint that is not an ID token of ours redirects nobody and ends nothing."""
    hint = party.tokens()["id_token"]

    accepted = []
    for bad in hostile_jwts(hint, seed=seed, count=COUNT):
        query = as_query({"id_token_hint": bad, "post_logout_redirect_uri": POST_LOGOUT_URI})
        answer = browser_at(party.app, ISSUER).get("/oauth/end_session", query_string=query)
        if answer.status_code >= 500 or "Location" in answer.headers:
            accepted.append(bad)

    assert accepted == []
    assert party.tokens()["id_token"], "the session lives on"
