"""No request to the livret service, however mangled, gets a 5xx or leads elsewhere, whoever sends it."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import given

from tests.conftest import browser_at
from tests.hostile import ONE_APPLICATION, Attempt, addresses_of, attempts, fields_of, send
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, leave, sign_in

pytestmark = pytest.mark.hostile

GENUINE = ("{state}", "{authorization_code}", "{logout_token}", "{child}")
NOBODY, ON_THE_WAY, SIGNED_IN = range(3)


@pytest.mark.parametrize("address", addresses_of("livret_service"))
@ONE_APPLICATION
@given(attempt=attempts(fields_of("livret_service"), standings=3, genuine=GENUINE))
def test_no_request_to_an_address_gets_a_5xx(
    address: str, attempt: Attempt, app: Flask, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    browser = browser_at(app, LIVRET_URL)
    genuine = {
        "logout_token": provider.logout_token(),
        "child": "child-lea",
        "state": "",
        "authorization_code": "",
    }
    if attempt.standing == SIGNED_IN:
        sign_in(browser, provider)
    if attempt.standing == ON_THE_WAY:
        sent = leave(browser).parameters
        genuine |= {"state": sent["state"], "authorization_code": sent["nonce"]}

    for asked, answer in send(app, browser, address, attempt, genuine):
        assert is_an_answer(answer, provider), (answer.status_code, answer.headers.get("Location"), asked)


def is_an_answer(answer: Any, provider: FakeProvider) -> bool:
    """No fault of ours, and no way to a place that is neither ours nor the provider's."""
    location = answer.headers.get("Location", "/")
    is_own_path = location.startswith("/") and not location.startswith(("//", "/\\"))
    return answer.status_code < 500 and (
        is_own_path or location.startswith((f"{LIVRET_URL}/", f"{provider.issuer}/"))
    )
