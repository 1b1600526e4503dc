"""oidc.md 3, row P12: authorization answers by POST (OAuth 2.0 Form Post Response Mode)."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from livret_service.db import db
from livret_service.sign_in.models import HeldAnswer
from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, NewRelyingParty, Sent, leave
from tests.protocol.relying_party.sessions import PAGE, is_signed_in, sessions_of


@pytest.fixture
def posting_app(new_relying_party: NewRelyingParty) -> Flask:
    return new_relying_party(response_mode="form_post")


@pytest.fixture
def posting(posting_app: Flask) -> Browser:
    return browser_at(posting_app, LIVRET_URL)


def answer_to(sent: Sent, provider: FakeProvider, **changes: Any) -> dict[str, Any]:
    honest = {"code": sent.parameters["nonce"], "state": sent.state, "iss": provider.issuer}
    return {name: value for name, value in (honest | changes).items() if value is not None}


def post(app: Flask, values: dict[str, Any]) -> Any:
    """As the browser does from the provider's page: another site's form, so without `Lax` cookies."""
    headers = {"Origin": "https://provider.example", "Sec-Fetch-Site": "cross-site"}
    return browser_at(app, LIVRET_URL).post("/retour", data=values, headers=headers)


def held(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(HeldAnswer)) or 0


def test_p12_a_posted_answer_signs_in_at_the_page_that_follows(
    posting_app: Flask, posting: Browser, provider: FakeProvider
):
    """P12: no form token there; 303 to a handle, and `state` is compared where the cookies are."""
    sent = leave(posting, PAGE)
    assert sent.parameters["response_mode"] == "form_post"

    posted = post(posting_app, answer_to(sent, provider))

    assert posted.status_code == 303
    address = posted.headers["Location"]
    assert address.startswith("/retour?r=")
    assert sent.state not in address
    assert sent.parameters["nonce"] not in address
    assert provider.count("/token") == 0
    assert posting.get(address).headers["Location"] == PAGE
    assert is_signed_in(posting)


def test_p12_a_handle_serves_once(posting_app: Flask, posting: Browser, provider: FakeProvider):
    sent = leave(posting)
    address = post(posting_app, answer_to(sent, provider)).headers["Location"]
    posting.get(address)

    assert posting.get(address).status_code == 400
    assert provider.count("/token") == 1


def test_p12_a_handle_lives_one_minute(
    posting_app: Flask, posting: Browser, provider: FakeProvider, clock: FrozenClock
):
    sent = leave(posting)
    address = post(posting_app, answer_to(sent, provider)).headers["Location"]
    clock.advance(seconds=60)

    assert posting.get(address).status_code == 400
    assert provider.count("/token") == 0


def test_rp_06_a_handle_in_another_browser_signs_nobody_in(
    posting_app: Flask, posting: Browser, provider: FakeProvider
):
    """RP-06: the victim has no attempt of that state, whether or not one of its own."""
    sent = leave(browser_at(posting_app, LIVRET_URL))
    address = post(posting_app, answer_to(sent, provider)).headers["Location"]
    leave(posting)

    assert posting.get(address).status_code == 400
    assert sessions_of(posting_app) == 0
    assert provider.count("/token") == 0


@pytest.mark.parametrize("state", [None, "", "unknown", "é" * 40, "x" * 5000])
def test_rp_01_strangers_posts_leave_nothing_behind(
    posting_app: Flask, posting: Browser, provider: FakeProvider, state: str | None
):
    sent = leave(posting)

    posted = post(posting_app, answer_to(sent, provider, state=state))

    assert posted.status_code == 400
    assert held(posting_app) == 0


def test_p12_what_is_kept_is_sealed_and_forgotten(
    posting_app: Flask, posting: Browser, provider: FakeProvider, clock: FrozenClock
):
    sent = leave(posting)
    post(posting_app, answer_to(sent, provider))
    with posting_app.app_context():
        row = db.session.scalars(select(HeldAnswer)).one()
        assert sent.parameters["nonce"].encode() not in row.sealed_parameters
    clock.advance(minutes=2)
    post(posting_app, answer_to(leave(posting), provider))

    assert held(posting_app) == 1


def test_p12_errors_come_by_post_too(posting_app: Flask, posting: Browser, provider: FakeProvider):
    sent = leave(posting, PAGE)
    error = answer_to(sent, provider, code=None, error="access_denied", error_description="<b>canary</b>")
    address = post(posting_app, error).headers["Location"]

    answer = posting.get(address)

    assert "Vous avez annulé" in answer.text
    assert "canary" not in answer.text


def test_rp_04_the_issuer_of_a_posted_answer_is_checked(
    posting_app: Flask, posting: Browser, provider: FakeProvider
):
    sent = leave(posting)
    address = post(posting_app, answer_to(sent, provider, iss="https://evil.example")).headers["Location"]

    assert posting.get(address).status_code == 400
    assert provider.count("/token") == 0


def test_a_posted_answer_is_for_those_who_asked_for_one(app: Flask, browser: Browser, provider: FakeProvider):
    """Off by default: the address then takes no posts, and writes nothing."""
    sent = leave(browser)

    posted = post(app, answer_to(sent, provider))

    assert posted.status_code == 405
    assert "POST" not in posted.headers["Allow"]
    assert held(app) == 0
