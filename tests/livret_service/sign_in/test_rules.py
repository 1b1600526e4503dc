"""Pure rules of sign-in."""

from datetime import UTC, datetime, timedelta

import pytest

from livret_service.sign_in.rules import (
    SessionState,
    TargetRefused,
    attempt_code_verifier,
    attempt_nonce,
    is_sign_out_state,
    local_target,
    sign_out_state,
    single_values,
    state_of_session,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def state(**changes: datetime | None) -> SessionState:
    values = {
        "ended_at": None,
        "idle_until": NOON + HOUR,
        "expires_at": NOON + HOUR,
        "renewal_due_at": NOON + HOUR,
    }
    return state_of_session(**(values | changes), now=NOON)  # type: ignore[arg-type]


def test_a_session_is_fresh_until_its_renewal_is_due():
    assert state() is SessionState.FRESH
    assert state(renewal_due_at=NOON + timedelta(seconds=1)) is SessionState.FRESH
    assert state(renewal_due_at=NOON) is SessionState.STALE


@pytest.mark.parametrize("limit", ["ended_at", "idle_until", "expires_at"])
def test_a_session_is_over_from_the_second_of_its_limit(limit: str):
    assert state(**{limit: NOON}) is SessionState.OVER


def test_each_secret_of_an_attempt_is_its_own():
    made = {
        attempt_nonce(KEY, "browser", "state"),
        attempt_code_verifier(KEY, "browser", "state"),
        attempt_nonce(OTHER_KEY, "browser", "state"),
        attempt_nonce(KEY, "other browser", "state"),
        attempt_nonce(KEY, "browser", "other state"),
        attempt_nonce(KEY, "browsers", "tate"),
    }

    assert len(made) == 6
    assert {len(secret) for secret in made} == {43}


def test_only_this_service_makes_a_sign_out_state():
    assert is_sign_out_state(KEY, sign_out_state(KEY, "mark"))
    assert not is_sign_out_state(OTHER_KEY, sign_out_state(KEY, "mark"))
    assert not is_sign_out_state(KEY, "mark.é")
    assert not is_sign_out_state(KEY, "")


@pytest.mark.parametrize(
    "target", [None, "", "/", "/connexion", "/connexion/cles", "/retour?state=x", "/deconnexion"]
)
def test_or_04_no_target_or_one_of_signing_in_is_the_first_page(target: str | None):
    assert local_target(target, "https://livret.example") == "/livrets"


@pytest.mark.parametrize(
    "target", ["//e.example", "/\\e.example", "https://livret.example", "x", "/a b", "/a\n"]
)
def test_or_01_or_08_a_target_that_a_browser_might_read_as_another_site_is_refused(target: str):
    with pytest.raises(TargetRefused):
        local_target(target, "https://livret.example")


def test_a_repeated_parameter_counts_as_absent():
    assert single_values({"state": ["a", "b"], "code": ["c"]}) == {"code": "c"}
