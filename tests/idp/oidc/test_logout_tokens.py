"""What a logout token says, and when it is sent again."""

from datetime import timedelta
from random import Random

import pytest

from idp.oidc.logout_tokens import (
    FIRST_WAIT,
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    REFUSALS_BORNE,
    LogoutFacts,
    failure_of,
    is_given_up,
    logout_token_claims,
    wait_before_retry,
)
from tests.conftest import MORNING


def test_a_logout_token_lives_two_minutes_and_has_no_nonce():
    claims = logout_token_claims(LogoutFacts("https://compte.example", "livret", "s", "sid", "j", MORNING))

    assert claims["exp"] - claims["iat"] == 120
    assert "nonce" not in claims


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (204, True), (202, False), (400, False), (500, False)]
)
def test_what_a_client_takes(status: int, taken: bool):
    assert (failure_of(status) is None) is taken


def test_a_refusal_is_borne_some_times_and_silence_a_day():
    refusal, silence = failure_of(400) or "", "too slow"

    assert not is_given_up(refusal, REFUSALS_BORNE - 1, MORNING, now=MORNING)
    assert is_given_up(refusal, REFUSALS_BORNE, MORNING, now=MORNING)
    assert not is_given_up(silence, 100, MORNING, now=MORNING + GIVE_UP_AFTER - timedelta(seconds=1))
    assert is_given_up(silence, 1, MORNING, now=MORNING + GIVE_UP_AFTER)


def test_waits_double_up_to_a_bound():
    draw = Random(1)

    for attempts in range(1, 40):
        full = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
        assert full / 2 <= wait_before_retry(attempts, draw) <= full
