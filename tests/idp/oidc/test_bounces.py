"""What the browser keeps of an answer, read by nobody else."""

from datetime import timedelta

import pytest

from idp.oidc.bounces import AT_ONCE, count_returns, write_answered
from tests.conftest import MORNING


def test_returns_add_up_while_each_comes_at_once():
    now, kept = MORNING, write_answered("livret", 0, now=MORNING)
    for returns in (1, 2, 3):
        now += AT_ONCE
        assert count_returns(kept, "livret", now=now) == returns
        kept = write_answered("livret", returns, now=now)


def test_later_or_to_another_service_nobody_returns():
    kept = write_answered("livret", 1, now=MORNING)

    assert count_returns(kept, "livret", now=MORNING + AT_ONCE + timedelta(seconds=1)) == 0
    assert count_returns(kept, "livret", now=MORNING - timedelta(seconds=1)) == 0
    assert count_returns(kept, "cantine", now=MORNING) == 0


@pytest.mark.parametrize("kept", ["", "x", "1.2.3", "9" * 20, "10.1." + "0" * 16, "1.-1." + "0" * 16, "é"])
def test_what_we_did_not_write_is_nothing(kept: str):
    assert count_returns(kept, "livret", now=MORNING) == 0
