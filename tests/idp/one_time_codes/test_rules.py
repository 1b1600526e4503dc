from datetime import UTC, datetime, timedelta

import pytest

from idp.one_time_codes.rules import Standing, seconds_until_resend, standing_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("consumed_at", "superseded_at", "expires_at", "standing"),
    [
        (None, None, LATER, Standing.USABLE),
        (None, None, NOON + timedelta(microseconds=1), Standing.USABLE),
        (None, None, NOON, Standing.EXPIRED),
        (None, NOON, LATER, Standing.SUPERSEDED),
        (None, NOON, NOON, Standing.SUPERSEDED),
        (NOON, None, LATER, Standing.CONSUMED),
        (NOON, NOON, NOON, Standing.CONSUMED),
    ],
)
def test_the_standing_says_the_most_useful_thing(
    consumed_at: datetime | None, superseded_at: datetime | None, expires_at: datetime, standing: Standing
) -> None:
    assert standing_of(consumed_at, superseded_at, expires_at, now=NOON) is standing


@pytest.mark.parametrize(("seconds_ago", "left"), [(0, 60), (0.5, 60), (59, 1), (60, 0), (3600, 0)])
def test_a_message_may_be_sent_again_after_a_minute(seconds_ago, left):
    assert seconds_until_resend(NOON - timedelta(seconds=seconds_ago), now=NOON) == left


def test_without_a_message_there_is_nothing_to_wait_for():
    assert seconds_until_resend(None, now=NOON) == 0
