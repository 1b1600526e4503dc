"""What a schema lets through: each check found once, with its line, and never on a right file."""

import pytest

from livret_service.livrets.rules import ChildNames
from livret_service.lsu_import.checks import (
    BILAN_CHECKS,
    FILE_CHECKS,
    Context,
    bilan_problems,
    comparable,
    file_problems,
)
from livret_service.lsu_import.reading import read
from livret_service.lsu_import.rules import is_uai, uai_letter
from tests.livret_service.lsu_files import LEA, OTHER_SCHOOL, SCHOOL, VALID, spoiled

KNOWN = {LEA: ChildNames("DUPONT", "Léa")}


def context_of(content: bytes, *, school: str | None = SCHOOL) -> Context:
    return Context(read(content), school, KNOWN)


def found_in(context: Context) -> list[set[tuple[int, str]]]:
    """Line and code of the problems of the file, then of each of its bilans."""
    of_bilans = [bilan_problems(context, bilan) for bilan in context.file.bilans]
    return [{(p.line, p.error_code) for p in problems} for problems in (file_problems(context), *of_bilans)]


def test_a_right_file_has_no_problem():
    assert found_in(context_of(VALID.encode())) == [set(), set(), set(), set()]


# name: (what to replace, by what, the code, lines on from there, the bilans it refuses: 0 and 1 périodiques, 2 cycle)
WRONG: dict[str, tuple[str, str, str, int, set[int]]] = {
    "a child that does not exist": ('eleve-ref="E_1" periode', 'eleve-ref="E_9" periode', "reference_to_nothing", 0, {0}),
    "a child that is a teacher": ('eleve-ref="E_1" periode', 'eleve-ref="U_1" periode', "reference_wrong_kind", 0, {0}),
    "a cycle’s child that is a class": ('eleve-ref="E_1" cycle', 'eleve-ref="G_1" cycle', "reference_wrong_kind", 0, {2}),
    "a class that does not exist": ('classe-ref="G_1" nom', 'classe-ref="G_9" nom', "reference_to_nothing", 0, {0, 2}),
    "a period that does not exist": ('eleve-ref="E_1" periode-ref="P_1"', 'eleve-ref="E_1" periode-ref="P_9"', "reference_to_nothing", 0, {0}),
    "a teacher that is a director": ('enseignant-refs="U_1" date-creation="2026-11-12"', 'enseignant-refs="U_1 D_1" date-creation="2026-11-12"', "reference_wrong_kind", 0, {2}),
    "a director that is a teacher": ('2026-11-20T18:00:00" directeur-ref="D_1"', '2026-11-20T18:00:00" directeur-ref="U_1"', "reference_wrong_kind", 0, {0}),
    "an element that does not exist": ('element-programme-refs="EP_1 EP_2"', 'element-programme-refs="EP_1 EP_9"', "reference_to_nothing", 0, {1}),
    "an element of a sub-domain": ('refs="EP_1" positionnement', 'refs="P_1" positionnement', "reference_wrong_kind", 0, {0}),
    "an unknown domain": ('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"', "discipline_unknown", 0, {1}),
    "an unknown sub-domain": ('code-domaine="FRA-ECR"', 'code-domaine="FRA-XYZ"', "discipline_unknown", 0, {0}),
    "a sub-domain of another domain": ('code-domaine="FRA-ECR"', 'code-domaine="MAT-NBC"', "discipline_misplaced", 0, {0}),
    "a sub-domain as domain": ('code-domaine="STC-RAC"', 'code-domaine="MAT-NBC"', "discipline_misplaced", 0, {1}),
    "a domain as sub-domain": ('code-domaine="FRA-ECR"', 'code-domaine="EPS-RAC"', "discipline_misplaced", 0, {0}),
    "two cycles": ("</liste-acquis>", '<acquis code-domaine="STC-RAC"/></liste-acquis>', "cycles_mixed", 0, {0}),
    "two cycles in a sub-domain": ('<acquis code-domaine="QLM-RAC" positionnement="2"/>', '<acquis code-domaine="QLM-RAC"/><acquis code-domaine="ART-RAC"><sous-domaines><sous-domaine code-domaine="ART-HAR"/></sous-domaines></acquis>', "cycles_mixed", 0, {0}),
    "a period backwards": ('date-fin="2027-01-29"', 'date-fin="2026-08-31"', "periode_backwards", 0, {0, 1}),
    "a period before its year": ('date-debut="2026-09-01"', 'date-debut="2026-07-31"', "periode_outside_year", 0, {0, 1}),
    "a period after its year": ('date-fin="2027-01-29"', 'date-fin="2027-09-01"', "periode_outside_year", 0, {0, 1}),
    "a period of another year": ('millesime="2026" indice="1"', 'millesime="2025" indice="1"', "periode_outside_year", 0, {0, 1}),
    "a period beyond its number": ('indice="1" nb-periodes="2"', 'indice="3" nb-periodes="2"', "periode_index", 0, {0, 1}),
    "a hundred periods": ('indice="1" nb-periodes="2"', 'indice="1" nb-periodes="100"', "periode_count", 0, {0, 1}),
    "a period twice": ('indice="2" nb-periodes="2"', 'indice="1" nb-periodes="2"', "periode_repeated", -1, {0, 1}),
    "a positionnement not assessed": ('non-evalue="true"', 'non-evalue="true" positionnement="1"', "positionnement_unassessed", 0, {0}),
    "a complement to a PAP": ('<modalite-accompagnement code="PAP"/>', '<modalite-accompagnement code="PAP"><complement-ppre>x</complement-ppre></modalite-accompagnement>', "complement_outside_ppre", 0, {0}),
    "locked before it was made": ('date-verrou="2026-11-20T18:00:00"', 'date-verrou="2026-11-09T23:59:59"', "locked_before_created", 0, {0}),
    "a cycle locked before it was made": ("2026-11-20T12:00:00", "2026-11-11T12:00:00", "locked_before_created", 0, {2}),
    "an INE of other names": ('nom="DUPONT"', 'nom="DURAND"', "ine_other_names", 0, {0, 2}),
    "an INE of another given name": ('prenom="Léa"', 'prenom="Lucie"', "ine_other_names", 0, {0, 2}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "error_code", "offset", "refused"), WRONG.values(), ids=WRONG)
def test_a_check_finds_its_fault_and_refuses_those_bilans_alone(
    before: str, after: str, error_code: str, offset: int, refused: set[int]
):
    content, line = spoiled(before, after)

    of_file, *of_bilans = found_in(context_of(content))

    assert of_file == set()
    assert [(line + offset, error_code) in problems for problems in of_bilans] == [
        place in refused for place in range(3)
    ]
    assert [bool(problems) for problems in of_bilans] == [place in refused for place in range(3)]


def test_a_school_with_a_wrong_letter_refuses_every_bilan():
    content, line = spoiled(SCHOOL, "0990001P")

    assert found_in(context_of(content, school=None))[0] == {(line, "school_letter")}


def test_another_school_than_the_one_named_refuses_every_bilan():
    content, line = spoiled(SCHOOL, OTHER_SCHOOL)

    assert found_in(context_of(content))[0] == {(line, "school_other")}
    assert found_in(context_of(content, school=None))[0] == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [('periode-ref="P_1"', 'periode-ref="E_1"'), ('classe-ref="G_1">', 'classe-ref="G_9">')],
)
def test_a_common_text_for_nobody_refuses_every_bilan(before: str, after: str):
    content, line = spoiled(before, after)

    assert {found for found, _code in found_in(context_of(content))[0]} == {line}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('nom="DUPONT"', 'nom="Dupont"'),
        ('nom="DUPONT" prenom="Léa"', 'nom="DUPONT" prenom="LEA"'),
        (' nom="DUPONT" prenom="Léa"', ""),
        ('date-verrou="2026-11-20T18:00:00"', 'date-verrou="2026-11-10T00:00:00"'),
        ('date-verrou="2026-11-20T18:00:00"', 'date-verrou="2026-11-09T23:30:00Z"'),
    ],
)
def test_writing_that_varies_is_no_fault(before: str, after: str):
    content, _line = spoiled(before, after)

    assert found_in(context_of(content))[1] == set()


def test_checks_are_ordered_and_said():
    assert isinstance(FILE_CHECKS, tuple)
    assert isinstance(BILAN_CHECKS, tuple)
    assert all(check.__doc__ for check in (*FILE_CHECKS, *BILAN_CHECKS))


@pytest.mark.parametrize("digits", ["0990001", "0990002", "0750001"])
def test_a_uai_ends_with_the_letter_of_its_number(digits: str):
    letters = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0" if is_uai(digits + letter)]

    assert letters == [uai_letter(digits)]
    assert not is_uai("０" + digits[1:] + uai_letter(digits))
    assert not is_uai(digits)


@pytest.mark.parametrize(
    ("one", "other"), [("N’GUYEN", "n'guyen"), ("Jean-Noël", "JEAN NOEL"), ("Œdipe", "OEDIPE")]
)
def test_names_compare_without_what_varies_from_file_to_file(one: str, other: str):
    assert comparable(one) == comparable(other)
