"""Kinds of values: what is right, and that reading never fails on what was found right."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livret_service.lsu_import import values


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-30T18:00:00", datetime(2026, 1, 30, 17, tzinfo=UTC)),  # winter time of Paris
        ("2026-07-01T12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),  # summer time
        ("2026-07-01T12:00:00Z", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-07-01T12:00:00-10:00", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        ("2026-07-01T12:00:00.5", datetime(2026, 7, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_without_zone_is_of_paris(text: str, instant: datetime):
    assert values.instant(text) is None
    assert values.read_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-30",
        "2026-01-30 18:00:00",
        "2026-02-30T00:00:00",
        "9999-12-31T23:59:59",
        "２026-01-30T18:00:00",
    ],
)
def test_what_is_no_instant_is_said(text: str):
    assert values.instant(text)


@given(st.text(max_size=30) | st.dates().map(str) | st.datetimes().map(datetime.isoformat))
def test_whatever_is_found_right_can_be_read(text: str):
    if values.day(text) is None:
        assert isinstance(values.read_day(text), date)
    if values.instant(text) is None:
        assert values.read_instant(text).tzinfo is UTC
    if values.whole_number(text) is None:
        assert 0 < int(text) < 2**31
    if values.year(text) is None:
        assert date(int(text) + 1, 8, 31)
    if values.boolean(text) is None:
        assert values.BOOLEANS[text] in (True, False)


@given(st.text(max_size=200))
def test_a_quoted_value_is_one_short_line(text: str):
    assert len(values.shown(text).splitlines()) == 1
    assert "\x1b" not in values.shown(text)


@pytest.mark.parametrize(("length", "is_right"), [(0, False), (1, True), (600, True), (601, False)])
def test_a_text_has_its_length(length: int, is_right: bool):
    assert (values.text(1, 600)("é" * length) is None) is is_right
