from datetime import UTC, datetime, timedelta

import pytest

from idp.one_time_codes.rules import Standing, standing_of

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
