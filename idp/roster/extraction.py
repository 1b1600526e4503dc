"""Both files of one extraction, read together: every problem of both at once. Pure."""

from dataclasses import dataclass
from datetime import date

from idp.families.rules import is_uai
from idp.roster.guardians import CHILD_COLUMNS, CHILD_FAMILY_NAME, read_guardians
from idp.roster.pupils import PupilsRead, read_pupils
from idp.roster.rules import ChildReference, Findings, GuardianRow, Remark, Roster


@dataclass(frozen=True, slots=True)
class ExtractionFile:
    """One file as it was given: its name, for remarks, and its bytes."""

    name: str
    content: bytes


class ExtractionRefused(ValueError):
    """The files cannot be imported; `problems` says why, line by line."""

    def __init__(self, problems: list[Remark]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def read_extraction(
    school_uai: str, pupils: ExtractionFile, guardians: ExtractionFile, *, today: date
) -> Roster:
    """The roster of a school. Raises ExtractionRefused with every problem of both files and of the UAI."""
    school, of_pupils, of_guardians = Findings("--school"), Findings(pupils.name), Findings(guardians.name)
    if not is_uai(school_uai):
        school.problem(0, f"{school_uai[:20]!r} is not a UAI (seven digits and their check letter)")
    read = read_pupils(pupils.content, of_pupils, today=today)
    rows = read_guardians(guardians.content, of_guardians)
    _check_references(read, rows, of_guardians)
    if problems := [*school.problems, *of_pupils.problems, *of_guardians.problems]:
        raise ExtractionRefused(problems)
    notices = [*of_pupils.notices, *of_guardians.notices]
    return Roster(tuple(read.pupils), tuple(read.preschool), tuple(rows), tuple(notices))


def _check_references(read: PupilsRead, rows: list[GuardianRow], findings: Findings) -> None:
    """A child that the pupils' file does not hold is refused: leaving it out would end a parent's access in silence."""
    known = {pupil.details.class_key for pupil in read.pupils} | {*read.preschool, *read.refused}
    if not known:  # the pupils' file itself was refused, or holds nobody
        return
    unknown = ((row, child) for row in rows for child in row.children if child.key not in known)
    for row, child in unknown:
        findings.problem(row.line, _why_unknown(child), child.column, CHILD_COLUMNS[CHILD_FAMILY_NAME].name)


def _why_unknown(child: ChildReference) -> str:
    return "no line of the pupils' file has this child's names and class" + (
        "" if child.key[2] else " (the class is empty here)"
    )
