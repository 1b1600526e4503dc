"""The pupils' extraction: 22 columns, one line a pupil. Addresses and authorisations are not read. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from idp.accounts.rules import fold_name
from idp.families.rules import LEVELS, can_be_pupils, has_ine_shape
from idp.roster.columns import Cells, Column, check_header, header_names
from idp.roster.reading import Row, read_rows
from idp.roster.rules import ChildDetails, ClassKey, Findings, Pupil

COLUMNS = (
    Column("Nom élève", 100),
    Column("Nom d'usage élève", 100),
    Column("Prénom élève", 100),
    Column("Date naissance"),
    Column("Sexe"),
    Column("INE", 20),
    Column("Adresse1"),
    Column("Cp1"),
    Column("Commune1"),
    Column("Pays1"),
    Column("Adresse2"),
    Column("Cp2"),
    Column("Commune2"),
    Column("Pays2"),
    Column("Cycle"),
    Column("Niveau"),
    Column("Libellé classe", 100, other_name="Classe"),
    Column("Identifiant classe", 20),
    Column("Attestation fournie"),
    Column("Autorisation associations"),
    Column("Autorisation photo"),
    Column("Décision de passage"),
)
FAMILY_NAME, USAGE_NAME, GIVEN_NAME, BIRTH_DATE, SEX, INE = range(6)
LEVEL, CLASS_LABEL, CLASS_ID = 15, 16, 17
OLD_COLUMN_COUNT = 20

PRESCHOOL_LEVELS = frozenset({"TPS", "PS", "MS", "GS"})
_LEVEL_BY_KEY = {fold_name(level): level for level in LEVELS}
_WITHOUT_LEVEL = frozenset({"", "ulis", "upe2a", "clis", "upi"})
_FRENCH_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class PupilsRead:
    """The pupils of CP and above; the names and class of the younger ones, and of lines that were refused."""

    pupils: list[Pupil]
    preschool: list[ClassKey]
    refused: list[ClassKey]


def read_pupils(content: bytes, findings: Findings, *, today: date) -> PupilsRead:
    """The pupils' file. Every problem goes to `findings`; what is returned is then not complete."""
    read = PupilsRead([], [], [])
    rows = read_rows(content, findings)
    if not rows or not _has_right_header(rows[0], findings):
        return read
    for row in rows[1:]:
        cells = Cells(row, COLUMNS, findings)
        if cells[LEVEL].upper() in PRESCHOOL_LEVELS:
            read.preschool.append(_class_key(cells))
        elif (details := _read_pupil(cells, today)) is not None:
            read.pupils.append(Pupil(row.line, details))
        else:
            read.refused.append(_class_key(cells))
    _check_distinct(read.pupils, findings)
    return read


def read_date(text: str) -> date | None:
    """A real date written `dd/mm/yyyy` or `yyyy-mm-dd`; None for anything else."""
    if match := _FRENCH_DATE.fullmatch(text):
        day, month, year = match.groups()
    elif match := _ISO_DATE.fullmatch(text):
        year, month, day = match.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _has_right_header(row: Row, findings: Findings) -> bool:
    names = header_names(row)
    if not COLUMNS[FAMILY_NAME].is_headed(names[0]) and fold_name(names[0]).startswith("civilite"):
        findings.problem(row.line, "this is the guardians' extraction: give the pupils' file first")
        return False
    if len(names) == OLD_COLUMN_COUNT and not any(COLUMNS[INE].is_headed(name) for name in names):
        findings.problem(
            row.line,
            "20 columns: an old extraction, without « INE » and « Identifiant classe », by which pupils and"
            " livrets are matched; extract the file again",
        )
        return False
    return check_header(names, COLUMNS, row.line, findings)


def _read_pupil(cells: Cells, today: date) -> ChildDetails | None:
    known_problems = len(cells.findings.problems)
    cells.check()
    details = ChildDetails(
        family_name=_read_family_name(cells),
        usage_name=cells[USAGE_NAME],
        given_name=_read_given_name(cells),
        birth_date=_read_birth_date(cells, today) or date.min,
        sex=_read_sex(cells),
        ine=_read_ine(cells),
        level=_read_level(cells),
        class_label=cells[CLASS_LABEL],
        class_id=cells[CLASS_ID],
    )
    return details if len(cells.findings.problems) == known_problems else None


def _class_key(cells: Cells) -> ClassKey:
    return fold_name(cells[FAMILY_NAME]), fold_name(cells[GIVEN_NAME]), fold_name(cells[CLASS_LABEL])


def _read_family_name(cells: Cells) -> str:
    if not cells[FAMILY_NAME]:
        cells.refuse(FAMILY_NAME, "empty")
    return cells[FAMILY_NAME]


def _read_given_name(cells: Cells) -> str:
    if not cells[GIVEN_NAME]:
        cells.notice(GIVEN_NAME, "empty: this pupil has a family name only")
    return cells[GIVEN_NAME]


def _read_birth_date(cells: Cells, today: date) -> date | None:
    text = cells[BIRTH_DATE]
    birth_date = read_date(text)
    if birth_date is None:
        cells.refuse(BIRTH_DATE, f"{text[:20]!r} is not a date (dd/mm/yyyy or yyyy-mm-dd)")
    elif not can_be_pupils(birth_date, today=today):
        cells.refuse(BIRTH_DATE, f"{text!r} is not a pupil's birth date")
    return birth_date


def _read_sex(cells: Cells) -> str:
    sex = cells[SEX].upper()
    if sex not in {"M", "F", ""}:
        cells.refuse(SEX, f"{sex[:20]!r} is neither M nor F")
    return sex


def _read_ine(cells: Cells) -> str | None:
    ine = cells[INE].replace(" ", "").upper()
    if ine and not has_ine_shape(ine):
        cells.notice(INE, "not written like an INE: the livret may not find this pupil")
    return ine or None


def _read_level(cells: Cells) -> str | None:
    key = fold_name(cells[LEVEL])
    if key not in _LEVEL_BY_KEY and key not in _WITHOUT_LEVEL:
        cells.refuse(
            LEVEL, f"{cells[LEVEL][:20]!r} is not a level (TPS to GS, CP to CM2, 6e to 3e, or empty)"
        )
    return _LEVEL_BY_KEY.get(key)


def _check_distinct(pupils: Sequence[Pupil], findings: Findings) -> None:
    """Refuse pupils that a next import could not tell apart."""
    by_ine: dict[str, Pupil] = {}
    by_names: dict[tuple[object, ...], Pupil] = {}
    for pupil in pupils:
        details = pupil.details
        names = (*details.name_key, details.birth_date)
        if details.ine and (first := by_ine.setdefault(details.ine, pupil)) is not pupil:
            findings.problem(pupil.line, f"same INE as line {first.line}", INE + 1, COLUMNS[INE].name)
        elif (first := by_names.setdefault(names, pupil)) is not pupil and not (
            first.details.ine and details.ine
        ):
            findings.problem(
                pupil.line,
                f"same names and birth date as line {first.line}, and no INE on both to tell them apart",
                FAMILY_NAME + 1,
                COLUMNS[FAMILY_NAME].name,
            )
