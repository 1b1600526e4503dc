from dataclasses import replace
from datetime import date

import pytest

from idp.roster.pupils import PupilsRead, read_date, read_pupils
from idp.roster.rules import Findings
from tests.idp.roster.files import PUPIL_HEADER, PupilLine, pupils_csv, written

TODAY = date(2026, 11, 2)


def read(*pupils: PupilLine) -> tuple[PupilsRead, Findings]:
    findings = Findings("pupils.csv")
    return read_pupils(pupils_csv(*pupils), findings, today=TODAY), findings


def problems(*pupils: PupilLine) -> list[tuple[int, int]]:
    _, findings = read(*pupils)
    return [(problem.line, problem.column) for problem in findings.problems]


def test_a_pupil_is_read_without_address_or_authorisation() -> None:
    line = PupilLine(usage_name="LE GOFF", ine="123456789AB")

    (pupil,) = read(line)[0].pupils

    details = pupil.details
    assert pupil.line == 2
    assert (details.family_name, details.usage_name, details.given_name) == ("N’GUYEN", "LE GOFF", "Maël")
    assert (details.birth_date, details.sex, details.ine) == (date(2017, 3, 14), "M", "123456789AB")
    assert (details.level, details.class_label, details.class_id) == ("CE2", "CE2 B", "123456")
    assert "rue du Lac" not in repr(pupil)


@pytest.mark.parametrize("text", ["14/03/2017", "2017-03-14"])
def test_both_forms_of_a_date_are_read(text: str) -> None:
    assert read_date(text) == date(2017, 3, 14)


@pytest.mark.parametrize(
    "text", ["", "14/3/17", "31/02/2017", "03/14/2017", "14.03.2017", "20170314", "1²/03/2017"]
)
def test_anything_else_is_no_date(text: str) -> None:
    assert read_date(text) is None


def test_a_leap_day_is_a_date() -> None:
    assert read_date("29/02/2016") == date(2016, 2, 29)


@pytest.mark.parametrize("born", ["", "31/02/2017", "03/11/2026", "14/03/1789"])
def test_a_birth_date_that_no_pupil_has_is_refused(born: str) -> None:
    assert problems(PupilLine(born=born)) == [(2, 4)]


@pytest.mark.parametrize("level", ["TPS", "PS", "MS", "gs"])
def test_preschool_pupils_are_skipped_and_counted(level: str) -> None:
    found, findings = read(PupilLine(level=level, born="not even a date"), PupilLine(given_name="Léa"))

    assert found.preschool == [("n'guyen", "mael", "ce2 b")]
    assert [pupil.line for pupil in found.pupils] == [3]
    assert findings.problems == []


@pytest.mark.parametrize(
    ("written_level", "level"), [("ce2", "CE2"), ("6E", "6e"), ("", None), ("ULIS", None), ("UPE2A", None)]
)
def test_levels_are_those_of_the_claim_and_may_be_missing(written_level: str, level: str | None) -> None:
    assert read(PupilLine(level=written_level))[0].pupils[0].details.level == level


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (PupilLine(family_name=""), 1),
        (PupilLine(family_name="x" * 101), 1),
        (PupilLine(sex="X"), 5),
        (PupilLine(ine="1" * 21), 6),
        (PupilLine(level="CYCLE II"), 16),
        (PupilLine(class_label="x" * 101), 17),
    ],
)
def test_a_wrong_cell_is_refused_where_it_stands(line: PupilLine, column: int) -> None:
    assert problems(PupilLine(given_name="Léa"), line) == [(3, column)]


def test_every_problem_of_a_line_is_listed() -> None:
    assert problems(PupilLine(family_name="", born="?", sex="?", level="?")) == [
        (2, 1),
        (2, 4),
        (2, 5),
        (2, 16),
    ]


def test_an_ine_of_another_shape_is_kept_and_told() -> None:
    found, findings = read(PupilLine(ine="12 345abc"))

    assert found.pupils[0].details.ine == "12345ABC"
    assert findings.problems == []
    assert [(notice.line, notice.column) for notice in findings.notices] == [(2, 6)]


def test_a_pupil_without_a_given_name_is_told() -> None:
    found, findings = read(PupilLine(given_name=""))

    assert found.pupils[0].details.given_name == ""
    assert [(notice.line, notice.column) for notice in findings.notices] == [(2, 3)]


def test_twins_are_two_pupils() -> None:
    assert problems(PupilLine(given_name="Zoé"), PupilLine(given_name="Ana")) == []


def test_homonyms_of_one_class_are_two_pupils() -> None:
    assert problems(PupilLine(born="01/01/2017"), PupilLine(born="02/01/2017")) == []


def test_im_03_the_same_ine_twice_is_refused_on_the_second_line() -> None:
    assert problems(PupilLine(ine="123456789AB"), PupilLine(given_name="Léa", ine="123456789AB")) == [(3, 6)]


@pytest.mark.parametrize("ine", ["", "123456789AB"])
def test_im_03_pupils_that_nothing_tells_apart_are_refused(ine: str) -> None:
    first = PupilLine(class_label="CE2 A")

    assert problems(first, replace(first, family_name="n'guyen", class_label="CE2 B", ine=ine)) == [(3, 1)]


def test_namesakes_born_on_one_day_are_told_apart_by_their_ine() -> None:
    assert problems(PupilLine(ine="123456789AB"), PupilLine(ine="123456789CD")) == []


def test_an_old_extraction_of_twenty_columns_is_refused_and_told_why() -> None:
    header = [name for name in PUPIL_HEADER if name not in {"INE", "Identifiant classe"}]
    findings = Findings("pupils.csv")

    read_pupils(written([header, ["DUPONT"]]), findings, today=TODAY)

    assert "20 columns" in findings.problems[0].reason
    assert "INE" in findings.problems[0].reason


def test_im_03_swapped_columns_are_refused_and_no_line_is_read() -> None:
    header = [*PUPIL_HEADER[:3], PUPIL_HEADER[4], PUPIL_HEADER[3], *PUPIL_HEADER[5:]]
    findings = Findings("pupils.csv")

    found = read_pupils(written([header, PupilLine().cells()]), findings, today=TODAY)

    assert found.pupils == []
    assert [(problem.line, problem.column) for problem in findings.problems] == [(1, 4), (1, 5)]


def test_headers_as_they_occur_are_accepted() -> None:
    header = ["Nom Elève", *PUPIL_HEADER[1:14], " Cycle", "NIVEAU", "Classe", *PUPIL_HEADER[17:], ""]
    findings = Findings("pupils.csv")

    found = read_pupils(written([header, PupilLine().cells()]), findings, today=TODAY)

    assert len(found.pupils) == 1
    assert findings.problems == []
