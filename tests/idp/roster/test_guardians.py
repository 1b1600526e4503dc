import pytest

from idp.accounts.rules import Title
from idp.roster.guardians import read_guardians
from idp.roster.rules import Findings, GuardianRow
from tests.idp.roster.files import (
    CHILD_HEADER,
    GUARDIAN_HEADER,
    PUPIL_HEADER,
    GuardianLine,
    PupilLine,
    guardians_csv,
    written,
)

LEA = PupilLine(given_name="Léa", usage_name="LE GOFF")
ENZO = PupilLine(given_name="Enzo", class_label="CP A")


def read(*guardians: GuardianLine, has_extension: bool = False) -> tuple[list[GuardianRow], Findings]:
    findings = Findings("guardians.csv")
    return read_guardians(guardians_csv(*guardians, has_extension=has_extension), findings), findings


def problems(*guardians: GuardianLine) -> list[tuple[int, int]]:
    return [(problem.line, problem.column) for problem in read(*guardians)[1].problems]


@pytest.mark.parametrize(("has_extension", "first_child"), [(False, 14), (True, 15)])
def test_both_variants_are_read_by_position(*, has_extension: bool, first_child: int) -> None:
    line = GuardianLine(
        [LEA, ENZO], email="c@famille.example", mobile="06 39 98 00 01", street="1 rue du Lac"
    )

    ((row,), findings) = read(line, has_extension=has_extension)

    person = row.details.person
    assert (person.title, person.family_name, person.given_name) == (Title.MRS, "L’HÉNORET", "Céline")
    assert (row.details.email, row.details.phone) == ("c@famille.example", "+33639980001")
    assert row.details.address == "1 rue du Lac\n21000 DIJON\nFRANCE"
    assert [(child.column, child.key) for child in row.children] == [
        (first_child, ("n'guyen", "lea", "ce2 b")),
        (first_child + 4, ("n'guyen", "enzo", "cp a")),
    ]
    assert findings.problems == findings.notices == []


def test_a_guardian_of_fewer_children_than_the_header_has_room_for() -> None:
    rows, _ = read(GuardianLine([LEA, ENZO]), GuardianLine([LEA]), GuardianLine())

    assert [len(row.children) for row in rows] == [2, 1, 0]


def test_the_usage_name_is_the_one_shown() -> None:
    ((row,), _) = read(GuardianLine([LEA], usage_name="LE GOFF"))

    assert row.details.person.shown_family_name == "LE GOFF"
    assert row.details.name_key == ("l'henoret", "celine")


def test_an_institution_has_neither_title_nor_given_name() -> None:
    ((row,), findings) = read(GuardianLine([LEA], title="", given_name="", family_name="FOYER DE L’ÎLE"))

    assert row.details.person.title is Title.NONE
    assert row.details.label == "FOYER DE L’ÎLE"
    assert findings.problems == []


@pytest.mark.parametrize(
    ("written_title", "title"), [("M.", "M."), ("m", "M."), ("Mme", "MME"), ("MLLE", "MLLE")]
)
def test_titles_are_read_whatever_their_case(written_title: str, title: str) -> None:
    assert read(GuardianLine([LEA], title=written_title))[0][0].details.person.title == title


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("0639980001", "+33639980001"),
        ("+33 6 39 98 00 01", "+33639980001"),
        ("0033639980001", "+33639980001"),
        ("+262 692 00 00 01", "+262692000001"),
        ("03.53.01.00.00", "+33353010000"),
        ("", ""),
    ],
)
def test_a_mobile_is_stored_in_one_form(number: str, stored: str) -> None:
    assert read(GuardianLine([LEA], mobile=number))[0][0].details.phone == stored


@pytest.mark.parametrize("number", ["néant", "12", "06 39"])
def test_what_is_no_number_is_left_out_and_told(number: str) -> None:
    ((row,), findings) = read(GuardianLine([LEA], mobile=number))

    assert row.details.phone == ""
    assert [(notice.line, notice.column) for notice in findings.notices] == [(2, 12)]


@pytest.mark.parametrize(
    "email", ["néant", "a@b", "a b@c.fr", "a@b.fr, c@d.fr", "a@b.fr<x>", f"{'a' * 250}@b.fr"]
)
def test_what_is_no_address_is_left_out_and_told(email: str) -> None:
    ((row,), findings) = read(GuardianLine([LEA], email=email))

    assert row.details.email == ""
    assert [(notice.line, notice.column) for notice in findings.notices] == [(2, 9)]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (GuardianLine([LEA], title="DR"), 1),
        (GuardianLine([LEA], family_name=""), 3),
        (GuardianLine([LEA], given_name="x" * 101), 4),
        (GuardianLine([PupilLine(family_name="")]), 14),
        (GuardianLine([LEA, PupilLine(family_name="", given_name="", class_label="CP")]), 18),
    ],
)
def test_a_wrong_cell_is_refused_where_it_stands(line: GuardianLine, column: int) -> None:
    assert problems(GuardianLine([LEA, ENZO]), line) == [(3, column)]


def test_a_town_alone_is_nobodys_address() -> None:
    assert read(GuardianLine([LEA], street=""))[0][0].details.address == ""


@pytest.mark.parametrize(
    "header",
    [
        GUARDIAN_HEADER,
        [*GUARDIAN_HEADER, *CHILD_HEADER[:3]],
        [*GUARDIAN_HEADER[:11], *CHILD_HEADER],
        [*GUARDIAN_HEADER, *CHILD_HEADER, *CHILD_HEADER[:1]],
        PUPIL_HEADER,
    ],
)
def test_a_header_that_is_not_the_guardians_is_refused(header: list[str]) -> None:
    findings = Findings("guardians.csv")

    assert read_guardians(written([header, GuardianLine([LEA]).cells()]), findings) == []
    assert {problem.line for problem in findings.problems} == {1}
