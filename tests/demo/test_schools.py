from datetime import UTC, datetime

import pytest

from demo import lsu, onde
from demo.people import School
from demo.runner import school_year_of
from demo.schools import SIXTY_LETTERS, demo_schools, many_schools
from idp.families.rules import has_ine_shape, is_uai

SCHOOLS = demo_schools(2026)
KINDS = (
    "active with email and phone",
    "siblings in two schools",
    "separated parents",
    "three guardians",
    "child without livret",
    "particle",
    "apostrophe",
    "accent",
    "60 letters",
    "disabled",
    "two accounts of one person",
)


@pytest.mark.parametrize("school", SCHOOLS, ids=lambda school: school.uai)
def test_identifiers_have_their_shapes_and_are_of_one_pupil_each(school: School):
    ines = [pupil.ine for pupil in school.pupils if pupil.ine]

    assert is_uai(school.uai)
    assert all(map(has_ine_shape, ines))
    assert len(set(ines)) == len(ines)


@pytest.mark.parametrize("school", SCHOOLS, ids=lambda school: school.uai)
def test_the_files_can_tell_all_pupils_apart(school: School):
    keys = [(pupil.family_name, pupil.given_name, pupil.class_label) for pupil in school.pupils]

    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_guardian_of_every_kind_is_there(kind: str):
    assert any(kind in guardian.kind for school in SCHOOLS for guardian in school.guardians)


def test_the_longest_name_has_60_letters():
    assert len(SIXTY_LETTERS) == 60


def test_nobody_can_be_reached():
    guardians = [guardian for school in SCHOOLS for guardian in school.guardians]

    assert all(guardian.mobile.startswith("063998") for guardian in guardians if guardian.mobile)
    assert all(guardian.email.endswith("@famille.example") for guardian in guardians if guardian.email)


def test_the_same_year_gives_the_same_files():
    again = demo_schools(2026)

    assert [written(school) for school in again] == [written(school) for school in SCHOOLS]


def test_schools_for_measures_are_of_the_size_asked():
    schools = many_schools(3, pupils=60, school_year=2026)

    assert [len(school.pupils) for school in schools] == [60, 60, 60]
    assert len({school.uai for school in schools}) == 3


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (datetime(2026, 11, 23, tzinfo=UTC), 2026),
        (datetime(2026, 11, 10, tzinfo=UTC), 2025),
        (datetime(2027, 8, 31, tzinfo=UTC), 2026),
        (datetime(2027, 1, 5, tzinfo=UTC), 2026),
    ],
)
def test_the_year_shown_has_bilans_that_are_locked(day: datetime, year: int):
    assert school_year_of(day) == year
    assert lsu.demo_periodes(year)[2].locked_on < day.date()


def written(school: School) -> tuple[bytes, bytes, bytes]:
    return onde.pupils_csv(school, onde.NEW), onde.guardians_csv(school, onde.OLD), lsu.lsu_xml(school, 2026)
