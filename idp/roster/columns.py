"""What the columns of both extractions have in common: headers, lengths, short rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.accounts.rules import fold_name
from idp.roster.reading import Row
from idp.roster.rules import Findings


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the header it has in the extraction, with the most characters that we keep of a cell."""

    name: str
    maximum: int = 1_000
    other_name: str = ""
    """A header that some extractions have in its place."""

    def is_headed(self, header: str) -> bool:
        """Whether `header` is this column's, whatever its case, accents and spaces around."""
        return fold_name(header) in {fold_name(self.name), fold_name(self.other_name or self.name)}


@dataclass(frozen=True, slots=True)
class Cells:
    """One row under its columns, by position. A short row reads as empty cells."""

    row: Row
    columns: Sequence[Column]
    findings: Findings

    def __getitem__(self, index: int) -> str:
        return self.row.cells[index] if index < len(self.row.cells) else ""

    def refuse(self, index: int, reason: str) -> None:
        """Note a problem of one cell."""
        self.findings.problem(self.row.line, reason, index + 1, self.columns[index].name)

    def notice(self, index: int, reason: str) -> None:
        """Note something to tell of one cell."""
        self.findings.notice(self.row.line, reason, index + 1, self.columns[index].name)

    def check(self) -> None:
        """Refuse cells that are longer than what is kept, and cells beyond the last column."""
        for index, column in enumerate(self.columns):
            if len(self[index]) > column.maximum:
                self.refuse(index, f"longer than {column.maximum} characters")
        if any(self.row.cells[len(self.columns) :]):
            self.findings.problem(
                self.row.line, f"more cells than the header has columns ({len(self.columns)})"
            )


def header_names(row: Row) -> list[str]:
    """The header's cells, without empty ones at its end."""
    names = list(row.cells)
    while names and not names[-1]:
        names.pop()
    return names


def check_header(names: Sequence[str], columns: Sequence[Column], line: int, findings: Findings) -> bool:
    """Whether every column stands in its place; each that does not is a problem."""
    if len(names) != len(columns):
        findings.problem(line, f"{len(names)} columns, where {len(columns)} are expected")
    wrong = [
        (index, name, column)
        for index, (name, column) in enumerate(zip(names, columns, strict=False), 1)
        if not column.is_headed(name)
    ]
    for index, name, column in wrong:
        findings.problem(line, f"headed {name!r}, where {column.name!r} is expected", index, column.name)
    return not wrong and len(names) == len(columns)
