import pytest

from idp.roster.columns import Cells, Column, check_header, header_names
from idp.roster.reading import Row
from idp.roster.rules import Findings

COLUMNS = (Column("Nom élève", 10), Column("Libellé classe", other_name="Classe"))


@pytest.mark.parametrize(
    "header", [["Nom élève", "Libellé classe"], ["Nom Elève", "Classe"], ["NOM  ELEVE", " libelle classe "]]
)
def test_headers_are_compared_without_case_accents_or_spaces(header: list[str]) -> None:
    findings = Findings("file.csv")

    assert check_header(header, COLUMNS, 1, findings)
    assert findings.problems == []


def test_im_03_swapped_columns_are_each_refused_with_their_number() -> None:
    findings = Findings("file.csv")

    assert not check_header(["Libellé classe", "Nom élève"], COLUMNS, 1, findings)
    assert [(problem.line, problem.column, problem.column_name) for problem in findings.problems] == [
        (1, 1, "Nom élève"),
        (1, 2, "Libellé classe"),
    ]


def test_a_missing_column_is_refused_with_the_count() -> None:
    findings = Findings("file.csv")

    assert not check_header(["Nom élève"], COLUMNS, 1, findings)
    assert "1 columns, where 2 are expected" in findings.problems[0].reason


def test_empty_headers_at_the_end_are_no_columns() -> None:
    assert header_names(Row(1, ["Nom", "", "Classe", "", ""])) == ["Nom", "", "Classe"]


def test_a_short_row_reads_as_empty_cells() -> None:
    findings = Findings("file.csv")
    cells = Cells(Row(2, ["DUPONT"]), COLUMNS, findings)

    cells.check()

    assert (cells[0], cells[1]) == ("DUPONT", "")
    assert findings.problems == []


def test_cells_beyond_the_last_column_are_refused_unless_empty() -> None:
    findings = Findings("file.csv")

    Cells(Row(2, ["A", "B", ""]), COLUMNS, findings).check()
    Cells(Row(3, ["A", "B", "C"]), COLUMNS, findings).check()

    assert [problem.line for problem in findings.problems] == [3]


def test_a_cell_longer_than_what_is_kept_is_refused() -> None:
    findings = Findings("file.csv")

    Cells(Row(2, ["x" * 11, "y" * 50]), COLUMNS, findings).check()

    assert [(problem.column, problem.reason) for problem in findings.problems] == [
        (1, "longer than 10 characters")
    ]
