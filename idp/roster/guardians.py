"""The guardians' extraction: 12 or 13 columns of the guardian, then four for each child, under one name each.

Read by position, never by name: the children's headers are the same for every child. Pure.
"""

import re

import phonenumbers

from idp.accounts.rules import Person, Title, fold_name
from idp.roster.columns import Cells, Column, check_header, header_names
from idp.roster.reading import Row, read_rows
from idp.roster.rules import ChildReference, Findings, GuardianDetails, GuardianRow

EXTENSION = Column("Numéro de poste")
GUARDIAN_COLUMNS = (
    Column("Civilité Responsable"),
    Column("Nom usage responsable", 100, other_name="Nom d'usage responsable"),
    Column("Nom responsable", 100),
    Column("Prénom responsable", 100),
    Column("Adresse responsable", 250),
    Column("CP responsable", 20),
    Column("Commune responsable", 100),
    Column("Pays", 100),
    Column("Courriel"),
    Column("Téléphone domicile"),
    Column("Téléphone travail"),
    Column("Téléphone portable"),
)
CHILD_COLUMNS = (
    Column("Nom d'usage enfant", 100),
    Column("Nom de famille enfant", 100),
    Column("Prénom enfant", 100),
    Column("Classes enfants", 100),
)
TITLE, USAGE_NAME, FAMILY_NAME, GIVEN_NAME, STREET, POSTCODE, TOWN, COUNTRY, EMAIL = range(9)
EXTENSION_INDEX = 11
CHILD_FAMILY_NAME, CHILD_GIVEN_NAME, CHILD_CLASS = 1, 2, 3
EMAIL_MAXIMUM = 254

_TITLES = {"m": Title.MR, "mme": Title.MRS, "mlle": Title.MISS, "": Title.NONE}
_EMAIL = re.compile(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+\.[^\s@,;<>()\".]+")


def read_guardians(content: bytes, findings: Findings) -> list[GuardianRow]:
    """One value for each line that names a guardian. Every problem goes to `findings`; what is returned is then not complete."""
    rows = read_rows(content, findings)
    columns = _columns_of(rows[0], findings) if rows else None
    if columns is None:
        return []
    read = (_read_row(Cells(row, columns, findings)) for row in rows[1:])
    return [row for row in read if row is not None]


def _columns_of(row: Row, findings: Findings) -> tuple[Column, ...] | None:
    """The columns this header stands for, or None when it is not a guardians' header."""
    names = header_names(row)
    if fold_name(names[0]) == fold_name("Nom élève"):
        findings.problem(row.line, "this is the pupils' extraction: give the guardians' file second")
        return None
    fixed: tuple[Column, ...] = GUARDIAN_COLUMNS
    if len(names) > EXTENSION_INDEX and EXTENSION.is_headed(names[EXTENSION_INDEX]):
        fixed = (*fixed[:EXTENSION_INDEX], EXTENSION, *fixed[EXTENSION_INDEX:])
    children = max(1, -(-(len(names) - len(fixed)) // len(CHILD_COLUMNS)))
    columns = fixed + CHILD_COLUMNS * children
    return columns if check_header(names, columns, row.line, findings) else None


def _read_row(cells: Cells) -> GuardianRow | None:
    known_problems = len(cells.findings.problems)
    cells.check()
    details = GuardianDetails(
        person=_read_person(cells),
        email=_read_email(cells),
        phone=_read_mobile(cells),
        address=_read_address(cells),
    )
    children = _read_children(cells)
    if len(cells.findings.problems) > known_problems:
        return None
    return GuardianRow(cells.row.line, details, children)


def _read_person(cells: Cells) -> Person:
    title = _TITLES.get(fold_name(cells[TITLE]).rstrip("."))
    if title is None:
        cells.refuse(TITLE, f"{cells[TITLE][:20]!r} is none of M., MME, MLLE, empty")
    if not cells[FAMILY_NAME] and not cells[USAGE_NAME]:
        cells.refuse(FAMILY_NAME, "empty")
    return Person(
        title=title or Title.NONE,
        family_name=cells[FAMILY_NAME] or cells[USAGE_NAME],
        usage_name=cells[USAGE_NAME],
        given_name=cells[GIVEN_NAME],
    )


def _read_email(cells: Cells) -> str:
    email = cells[EMAIL]
    if email and (len(email) > EMAIL_MAXIMUM or not _EMAIL.fullmatch(email)):
        cells.notice(EMAIL, "not an address: left out")
        return ""
    return email


def _read_mobile(cells: Cells) -> str:
    """The mobile number in E.164, read as a French one where it has no country; empty when it is no number."""
    index = _first_child(cells) - 1
    if not cells[index]:
        return ""
    try:
        number = phonenumbers.parse(cells[index], "FR")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        cells.notice(index, "not a telephone number: left out")
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _read_address(cells: Cells) -> str:
    """Street, town and country on a line each; empty without a street, for a town alone is nobody's address."""
    town = f"{cells[POSTCODE]} {cells[TOWN]}".strip()
    return "\n".join(line for line in (cells[STREET], town, cells[COUNTRY]) if line) if cells[STREET] else ""


def _read_children(cells: Cells) -> tuple[ChildReference, ...]:
    first, width = _first_child(cells), len(CHILD_COLUMNS)
    found = (_read_child(cells, start) for start in range(first, len(cells.columns), width))
    return tuple(child for child in found if child is not None)


def _read_child(cells: Cells, start: int) -> ChildReference | None:
    if not any(cells[start + offset] for offset in range(len(CHILD_COLUMNS))):
        return None
    if not cells[start + CHILD_FAMILY_NAME]:
        cells.refuse(start + CHILD_FAMILY_NAME, "empty, while other cells name a child")
    names = (cells[start + offset] for offset in (CHILD_FAMILY_NAME, CHILD_GIVEN_NAME, CHILD_CLASS))
    family_name, given_name, class_label = (fold_name(name) for name in names)
    return ChildReference(start + CHILD_FAMILY_NAME + 1, (family_name, given_name, class_label))


def _first_child(cells: Cells) -> int:
    has_extension = cells.columns[EXTENSION_INDEX] is EXTENSION
    return len(GUARDIAN_COLUMNS) + has_extension
