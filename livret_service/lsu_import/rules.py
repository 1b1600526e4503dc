"""What an LSU file says, once its own words are translated, and what can be wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong: `line` counts from 1 (0: the file as a whole), `error_code` is stable, `reason` is for people."""

    line: int
    error_code: str
    reason: str


class StructureRefused(Exception):
    """The file is not an LSU file of the first degree; nothing of it can be trusted."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("structure_refused")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Adult:
    """A teacher or a school head, as the school signs."""

    title: str
    family_name: str
    given_name: str
    line: int


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """`class_id` is the national base's whole number. The label stays in the file: it may tell a disability."""

    class_id: int
    line: int


@dataclass(frozen=True, slots=True)
class Child:
    """A pupil of the file. Names are optional there, and empty here when absent."""

    ine: str
    class_ref: str
    family_name: str
    given_name: str
    line: int


@dataclass(frozen=True, slots=True)
class Periode:
    """One period of a school year; `school_year` is the year of its September, `index` counts from 1 to `count`."""

    school_year: int
    index: int
    count: int
    starts_on: date
    ends_on: date
    line: int


@dataclass(frozen=True, slots=True)
class ProgrammeElement:
    label: str
    line: int


@dataclass(frozen=True, slots=True)
class ParcoursText:
    """One `parcours` code (`PAR_CIT`…) and what the school wrote."""

    parcours_code: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class CommonParcours:
    """Parcours written once for a whole class and period."""

    periode_ref: str
    class_ref: str
    parcours: tuple[ParcoursText, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """A domain or a sub-domain: `positionnement` is 1 to 4 or None."""

    discipline_code: str
    positionnement: int | None
    is_unassessed: bool
    programme_element_refs: tuple[str, ...]
    appreciation: str
    parts: tuple["Assessment", ...]
    line: int


@dataclass(frozen=True, slots=True)
class SupportMeasure:
    """A support code (`PAP`…) and, for a PPRE only, its complement."""

    support_code: str
    complement: str
    line: int


@dataclass(frozen=True, slots=True)
class SocleLevel:
    """`positionnement` is 1 to 4, 0 for exempted, None when the school has not said."""

    socle_code: str
    positionnement: int | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bilan:
    """What the two kinds have in common. `locked_at` is aware, UTC."""

    child_ref: str
    teacher_refs: tuple[str, ...]
    school_head_ref: str
    created_on: date
    locked_at: datetime
    socle: tuple[SocleLevel, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BilanPeriodique(Bilan):
    periode_ref: str
    assessments: tuple[Assessment, ...]
    parcours: tuple[ParcoursText, ...]
    support_measures: tuple[SupportMeasure, ...]
    appreciation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BilanCycle(Bilan):
    cycle: int
    school_year: int
    summary: str


AnyBilan = BilanPeriodique | BilanCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class LsuFile:
    """A whole file whose structure is right; each mapping goes from the file's own id to what it names."""

    school_uai: str
    school_line: int
    school_heads: Mapping[str, Adult]
    classes: Mapping[str, SchoolClass]
    children: Mapping[str, Child]
    periodes: Mapping[str, Periode]
    teachers: Mapping[str, Adult]
    programme_elements: Mapping[str, ProgrammeElement]
    common_parcours: tuple[CommonParcours, ...]
    bilans: tuple[AnyBilan, ...]


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """What became of the bilans of one class: its national number, 0 when the file's references lead to none."""

    class_id: int
    new: int = 0
    new_version: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a file whose structure is right; of a dry run, what would become of it."""

    school_uai: str
    classes: tuple[ClassCounts, ...]
    problems: tuple[Problem, ...]
    is_dry_run: bool

    @property
    def total(self) -> ClassCounts:
        """The counts of every class together."""
        return ClassCounts(
            class_id=0,
            new=sum(counts.new for counts in self.classes),
            new_version=sum(counts.new_version for counts in self.classes),
            unchanged=sum(counts.unchanged for counts in self.classes),
            refused=sum(counts.refused for counts in self.classes),
        )

    @property
    def is_stored(self) -> bool:
        """Whether anything was written."""
        return not self.is_dry_run and self.total.new + self.total.new_version > 0


def uai_letter(digits: str) -> str:
    """The check letter of a school's seven digits (domain: number modulo 23)."""
    return UAI_LETTERS[int(digits) % 23]


def is_uai(candidate: str) -> bool:
    """Seven ASCII digits and the right letter."""
    digits, letter = candidate[:7], candidate[7:]
    return len(digits) == 7 and digits.isascii() and digits.isdigit() and letter == uai_letter(digits)
