from datetime import date

import pytest

from idp.roster.extraction import ExtractionFile, ExtractionRefused, read_extraction
from idp.roster.rules import Roster
from tests.idp.roster.files import GuardianLine, PupilLine, guardians_file, pupils_file

MAEL = PupilLine()
TODAY = date(2026, 11, 2)


def read(pupils: ExtractionFile, guardians: ExtractionFile, *, school: str = "0990001N") -> Roster:
    return read_extraction(school, pupils, guardians, today=TODAY)


def places(
    pupils: ExtractionFile, guardians: ExtractionFile, *, school: str = "0990001N"
) -> list[tuple[str, int, int]]:
    with pytest.raises(ExtractionRefused) as refused:
        read(pupils, guardians, school=school)
    return [(problem.file, problem.line, problem.column) for problem in refused.value.problems]


def test_im_03_every_problem_of_the_school_and_of_both_files_is_listed_at_once() -> None:
    pupils = pupils_file(MAEL, PupilLine(given_name="Léa", born="?", sex="?"), PupilLine(family_name=""))
    guardians = guardians_file(GuardianLine([MAEL], title="?"), GuardianLine([MAEL], family_name=""))

    assert places(pupils, guardians, school="0990001A") == [
        ("--school", 0, 0),
        ("pupils.csv", 3, 4),
        ("pupils.csv", 3, 5),
        ("pupils.csv", 4, 1),
        ("guardians.csv", 2, 1),
        ("guardians.csv", 3, 3),
    ]


def test_a_child_that_the_pupils_file_does_not_hold_is_refused() -> None:
    elsewhere = PupilLine(class_label="CM1")

    assert places(pupils_file(MAEL), guardians_file(GuardianLine([MAEL, elsewhere]))) == [
        ("guardians.csv", 2, 18)
    ]


def test_a_child_whose_own_line_is_refused_is_not_said_to_be_missing() -> None:
    lea = PupilLine(given_name="Léa", born="?")

    assert places(pupils_file(MAEL, lea), guardians_file(GuardianLine([lea]))) == [("pupils.csv", 3, 4)]


def test_when_the_pupils_file_cannot_be_read_children_are_not_said_to_be_missing() -> None:
    assert places(ExtractionFile("pupils.csv", b"PK\x03\x04"), guardians_file(GuardianLine([MAEL]))) == [
        ("pupils.csv", 1, 0)
    ]


def test_files_given_in_the_wrong_order_are_recognised() -> None:
    assert places(guardians_file(GuardianLine([MAEL])), pupils_file(MAEL)) == [
        ("guardians.csv", 1, 0),
        ("pupils.csv", 1, 0),
    ]


def test_a_guardian_may_name_a_preschool_child() -> None:
    small = PupilLine(given_name="Zoé", level="GS")

    roster = read(pupils_file(MAEL, small), guardians_file(GuardianLine([MAEL, small])))

    assert len(roster.preschool) == 1
    assert len(roster.guardians[0].children) == 2
