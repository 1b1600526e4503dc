"""Sessions that end before their time, without a browser."""

from flask import Flask

from livret_service.sign_in import endings
from livret_service.sign_in.browser import EXTENSION
from livret_service.sign_in.logout_checks import LogoutTokenRefused
from tests.conftest import Browser, FrozenClock
from tests.livret_service.conftest import FakeProvider, sign_in
from tests.livret_service.sign_in.racing import CALLERS, race


def test_of_twenty_deliveries_of_one_logout_token_one_ends_the_session(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    """All are told that it is done, as it is."""
    sign_in(browser, provider)
    party, logout_token = app.extensions[EXTENSION], provider.logout_token()

    got = race(
        app,
        lambda: endings.end_by_logout_token(party, logout_token, now=clock.now),
        refused=LogoutTokenRefused,
    )

    assert sorted(got) == [0] * (CALLERS - 1) + [1]
