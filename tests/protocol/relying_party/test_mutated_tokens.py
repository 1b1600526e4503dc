"""G5: mutated ID and logout tokens. None is accepted, none makes an error of ours, whatever it was changed to.

`make test` takes 2,000; `MUTATED_TOKENS=100000` takes as many as it says.
"""

import os

import pytest
from flask import Flask

from livret_service.sign_in.checks import IdTokenRefused
from livret_service.sign_in.provider import Expected, TokenAnswer
from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, come_back, leave, sign_in
from tests.mutations import mutated_tokens
from tests.protocol.relying_party.sessions import is_signed_in, sessions_of

COUNT = int(os.environ.get("MUTATED_TOKENS", "2000"))
SEED = 20261123
THROUGH_A_BROWSER = 60


def test_no_mutated_id_token_is_accepted(app: Flask, provider: FakeProvider, clock: FrozenClock):
    client = app.extensions["relying_party"].provider
    expected = Expected(nonce="n", asked_at=clock.now)
    honest = provider.id_token("n")
    client.verify_id_token(TokenAnswer(honest, provider.access_token), expected)
    refused = 0

    for forged in mutated_tokens(honest, COUNT // 2, seed=SEED):
        with pytest.raises(IdTokenRefused):
            client.verify_id_token(TokenAnswer(forged, provider.access_token), expected)
        refused += 1

    assert refused == COUNT // 2
    assert provider.count("/jwks") <= 21


def test_no_mutated_logout_token_ends_a_session(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    sender = browser_at(app, LIVRET_URL)
    honest = provider.logout_token()

    statuses = {
        sender.post("/deconnexion/canal-arriere", data={"logout_token": forged}).status_code
        for forged in mutated_tokens(honest, COUNT // 2, seed=SEED)
    }

    assert statuses == {400}
    assert is_signed_in(browser)
    assert sender.post("/deconnexion/canal-arriere", data={"logout_token": honest}).status_code == 200
    assert not is_signed_in(browser)


def test_a_mutated_id_token_ends_on_the_page(app: Flask, browser: Browser, provider: FakeProvider):
    """The same, through the whole callback."""
    sent = leave(browser)
    honest = provider.id_token(sent.parameters["nonce"])
    for forged in mutated_tokens(honest, THROUGH_A_BROWSER, seed=SEED + 1):
        provider.forge = lambda _honest, forged=forged: forged

        assert come_back(browser, leave(browser), provider).status_code == 400
    assert sessions_of(app) == 0
