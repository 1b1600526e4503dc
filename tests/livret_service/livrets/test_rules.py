"""Pure rules of livrets: who reads, which version, which state, which words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livret_service.livrets import rules
from livret_service.livrets.rules import (
    Assessment,
    BilanSummary,
    PeriodeState,
    count_levels,
    latest_versions,
    livret_of,
    may_read,
    paris_day,
    read_content,
    school_year_at,
    write_content,
)
from tests.conftest import MORNING
from tests.livret_service.livrets.conftest import (
    CYCLE,
    LEA,
    LOCKED_AT,
    NOE,
    PERIODIQUE,
    cycle_key,
    periodique_key,
)


def summary(key=None, version: int = 1, locked_at: datetime = LOCKED_AT, number: int = 0) -> BilanSummary:
    key = key or periodique_key()
    return BilanSummary(UUID(int=number), key, version, locked_at, locked_at)


@pytest.mark.parametrize(
    ("child", "ine", "locked_at", "allowed"),
    [
        (LEA, LEA.ine, MORNING, True),
        (LEA, LEA.ine, MORNING - timedelta(days=1), True),
        (LEA, LEA.ine, MORNING + timedelta(seconds=1), False),
        (LEA, NOE.ine, MORNING, False),
        (None, LEA.ine, MORNING, False),
        (replace(LEA, ine=None), LEA.ine, MORNING, False),
        (replace(LEA, ine=""), "", MORNING + timedelta(days=1), False),
    ],
)
def test_a_reader_reads_locked_bilans_of_named_children(child, ine, locked_at, allowed):
    assert may_read(child, ine, locked_at, now=MORNING) is allowed


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=20))
def test_the_highest_version_of_each_bilan_is_kept(versions: Sequence[tuple[int, int]]):
    summaries = [summary(periodique_key(periode_index=index), version) for index, version in versions]

    latest = latest_versions(summaries)

    assert {found.key for found in latest} == {found.key for found in summaries}
    for found in latest:
        assert found.version == max(other.version for other in summaries if other.key == found.key)


def test_a_year_shows_its_periods_in_order_and_what_is_in_preparation():
    third = summary(periodique_key(periode_index=3, periode_count=3), number=3)
    first = summary(periodique_key(periode_index=1, periode_count=3), number=1, version=2)

    (year,) = livret_of(LEA, [third, first], now=MORNING).years

    assert [(line.index, line.state) for line in year.periodes] == [
        (1, PeriodeState.CORRECTED),
        (2, PeriodeState.IN_PREPARATION),
        (3, PeriodeState.PUBLISHED),
    ]


def test_nothing_is_in_preparation_in_a_year_that_is_over():
    livret = livret_of(LEA, [summary(periodique_key(school_year=2025))], now=MORNING)

    assert [line.state for line in livret.years[0].periodes] == [PeriodeState.PUBLISHED]


def test_years_and_cycles_come_newest_first():
    older = summary(periodique_key(school_year=2024), number=1)
    newer = summary(periodique_key(school_year=2025), number=2)
    cycle = summary(cycle_key(), locked_at=LOCKED_AT + timedelta(hours=1), number=3)

    livret = livret_of(LEA, [older, cycle, newer], now=MORNING)

    assert [year.school_year for year in livret.years] == [2025, 2024]
    assert livret.bilans_cycle == (cycle,)
    assert livret.newest == cycle


def test_a_child_of_two_schools_in_a_year_keeps_both_and_waits_for_the_present_one():
    left = summary(periodique_key(school_uai="0990002P", periode_count=3, periode_index=1), number=1)
    joined = summary(periodique_key(periode_index=1), locked_at=LOCKED_AT + timedelta(days=1), number=2)

    (year,) = livret_of(LEA, [left, joined], now=MORNING).years

    assert [(line.index, line.count, line.state) for line in year.periodes] == [
        (1, 3, PeriodeState.PUBLISHED),
        (1, 2, PeriodeState.PUBLISHED),
        (2, 2, PeriodeState.IN_PREPARATION),
    ]


@pytest.mark.parametrize(("days", "is_new"), [(0, True), (29, True), (30, False), (400, False)])
def test_a_bilan_is_new_for_thirty_days(days: int, is_new: bool):
    assert summary(locked_at=MORNING - timedelta(days=days)).is_new(MORNING) is is_new


def test_a_bilan_imported_late_is_published_when_it_came():
    late = replace(summary(locked_at=MORNING - timedelta(days=200)), imported_at=MORNING)

    assert late.published_at == MORNING
    assert late.is_new(MORNING)


@pytest.mark.parametrize(
    ("instant", "year"),
    [
        (datetime(2026, 7, 31, 21, 59, tzinfo=UTC), 2025),
        (datetime(2026, 7, 31, 22, 0, tzinfo=UTC), 2026),
        (datetime(2027, 1, 1, tzinfo=UTC), 2026),
    ],
)
def test_a_school_year_begins_in_august_in_paris(instant: datetime, year: int):
    assert school_year_at(instant) == year


def test_days_are_those_of_paris():
    assert paris_day(datetime(2026, 1, 30, 23, 30, tzinfo=UTC)) == date(2026, 1, 31)


def test_levels_are_counted_on_domains_and_sub_domains():
    assert count_levels(PERIODIQUE.assessments) == {3: 1, 0: 1, 2: 1}


def test_a_domain_without_level_of_its_own_is_not_counted():
    domain = Assessment("FRA-RAC", None, False, (), "", (Assessment("FRA-LEC", 4, False, (), ""),))

    assert count_levels([domain]) == {4: 1}


@pytest.mark.parametrize("content", [PERIODIQUE, CYCLE])
def test_content_comes_back_from_json(content):
    kind = rules.BilanKind.PERIODIQUE if content is PERIODIQUE else rules.BilanKind.CYCLE

    assert read_content(kind, write_content(content)) == content
