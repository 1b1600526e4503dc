from datetime import UTC, datetime, timedelta

import pytest

from idp.accounts.rules import AccountState
from idp.sessions.rules import OpenedWith, Stage, is_touch_due, stage_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("state", list(AccountState))
def test_a_letter_opens_the_activation_form_alone(state: AccountState) -> None:
    assert stage_of(state, OpenedWith.PROVISIONAL) is Stage.ACTIVATION_FORM


@pytest.mark.parametrize("state", list(AccountState))
def test_a_chosen_password_opens_everything_once_the_account_is_active(state: AccountState) -> None:
    expected = Stage.FULL if state is AccountState.ACTIVE else Stage.ADDRESS_CONFIRMATION

    assert stage_of(state, OpenedWith.CHOSEN) is expected


@pytest.mark.parametrize(("seconds", "is_due"), [(0, False), (59, False), (60, True), (600, True)])
def test_the_last_seen_time_is_written_once_a_minute(seconds: int, is_due: bool) -> None:
    assert is_touch_due(NOON, now=NOON + timedelta(seconds=seconds)) is is_due
