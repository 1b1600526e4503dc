"""oidc.md 3, row P17: session polling (OpenID Connect Session Management 1.0), off by default."""

import re

import pytest

from tests.conftest import Browser, browser_at
from tests.livret_service.conftest import (
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    come_back,
    leave,
    sent_to_provider,
    sign_in,
)
from tests.protocol.relying_party.sessions import PAGE

FRAME = "/connexion/surveillance"
READING = "/livrets"
ENTER = "/connexion?verification=1&target_link_uri=%2Fpages-de-test"


@pytest.fixture
def watched(provider: FakeProvider) -> FakeProvider:
    provider.metadata = {"check_session_iframe": provider.issuer + "/check_session"}
    return provider


@pytest.fixture
def watching(new_relying_party: NewRelyingParty, watched: FakeProvider) -> Browser:
    return browser_at(new_relying_party(watches_session=True), LIVRET_URL)


def test_p17_pages_hold_a_hidden_frame_of_ours_that_holds_the_provider_s(
    watching: Browser, watched: FakeProvider
):
    """P17: one external script, and no more rights than the frames need."""
    come_back(watching, leave(watching), watched, session_state="state.salt")

    page, frame = watching.get(READING), watching.get(FRAME)

    assert re.search(rf'<iframe src="{FRAME}"[^>]* hidden>', page.text)
    assert f"frame-src {LIVRET_URL}" in page.headers["Content-Security-Policy"]
    assert f'data-src="{watched.issuer}/check_session"' in frame.text
    assert 'data-message="livret state.salt"' in frame.text
    assert f'data-origin="{watched.issuer}"' in frame.text
    assert frame.text.count("<script") == 1
    assert "unsafe" not in frame.headers["Content-Security-Policy"]
    assert f"frame-ancestors {LIVRET_URL}" in frame.headers["Content-Security-Policy"]
    with watching.get("/static/session_watch.js") as script:
        assert script.status_code == 200


def test_p17_a_doubt_asks_the_provider_silently_before_the_minute_is_over(
    watching: Browser, watched: FakeProvider
):
    sign_in(watching, watched)

    assert sent_to_provider(watching.get(ENTER)).parameters["prompt"] == "none"


def test_p17_a_renewal_brings_the_new_session_state(watching: Browser, watched: FakeProvider):
    come_back(watching, leave(watching), watched, session_state="one")
    come_back(watching, sent_to_provider(watching.get(ENTER)), watched, session_state="two")

    assert 'data-message="livret two"' in watching.get(FRAME).text


@pytest.mark.parametrize("session_state", [None, "", "x" * 513, "a\nb", "a\0b"])
def test_p17_without_a_usable_session_state_nothing_is_watched(
    watching: Browser, watched: FakeProvider, session_state: str | None
):
    come_back(watching, leave(watching), watched, session_state=session_state)

    assert watching.get(PAGE).status_code == 200
    assert "<iframe" not in watching.get(READING).text


def test_p17_it_is_off_by_default(browser: Browser, watched: FakeProvider):
    come_back(browser, leave(browser), watched, session_state="state")

    assert "<iframe" not in browser.get(READING).text
    assert browser.get(FRAME).status_code == 404
    assert browser.get(ENTER).headers["Location"] == PAGE


def test_p17_a_stranger_gets_no_frame(watching: Browser):
    assert watching.get(FRAME).status_code == 404
