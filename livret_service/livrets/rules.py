"""What a bilan says, who may read it, and what follows from dates alone. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from livret_service.livrets.nomenclature import DISCIPLINE_ORDER, SOCLE_ORDER
from shared.claims import ChildClaim

PARIS = ZoneInfo("Europe/Paris")
NEW_FOR = timedelta(days=30)
"""How long a bilan counts as new after its publication."""
WHOLE_APPRECIATION = 300
"""Characters up to which the general appreciation stands whole at the top of the page."""
FIRST_MONTH = 8
"""A school year counts from the first of August: some schools overseas begin in the middle of that month."""


class BilanKind(StrEnum):
    """A bilan périodique tells one period, a bilan de cycle the end of a cycle."""

    PERIODIQUE = "periodique"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class Adult:
    """A teacher or a school head; `title` is M or MME."""

    title: str
    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """A domain, or one of its sub-domains in `parts`. `positionnement` is 1 to 4, or None."""

    discipline_code: str
    positionnement: int | None
    is_unassessed: bool
    programme_elements: tuple[str, ...]
    appreciation: str
    parts: tuple["Assessment", ...] = ()


@dataclass(frozen=True, slots=True)
class ParcoursText:
    """`is_common` when the school wrote it for the whole class."""

    parcours_code: str
    text: str
    is_common: bool


@dataclass(frozen=True, slots=True)
class SupportMeasure:
    """Tells health or disability: shown in the bilan alone, never in a title, an address or a list."""

    support_code: str
    complement: str


@dataclass(frozen=True, slots=True)
class SocleLevel:
    """`positionnement` is 1 to 4, 0 for exempted, None when nothing was said."""

    socle_code: str
    positionnement: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodiqueContent:
    """A whole bilan périodique."""

    starts_on: date
    ends_on: date
    created_on: date
    school_head: Adult
    teachers: tuple[Adult, ...]
    assessments: tuple[Assessment, ...]
    parcours: tuple[ParcoursText, ...]
    support_measures: tuple[SupportMeasure, ...]
    appreciation: str
    socle: tuple[SocleLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleContent:
    """A whole bilan de fin de cycle."""

    created_on: date
    school_head: Adult
    teachers: tuple[Adult, ...]
    socle: tuple[SocleLevel, ...]
    summary: str


Content = PeriodiqueContent | CycleContent

_CONTENTS: Mapping[BilanKind, TypeAdapter[Any]] = {
    BilanKind.PERIODIQUE: TypeAdapter(PeriodiqueContent),
    BilanKind.CYCLE: TypeAdapter(CycleContent),
}


@dataclass(frozen=True, slots=True)
class BilanKey:
    """What the versions of one bilan share; a cycle stands in `periode_index`, and then `periode_count` is 0."""

    ine: str
    school_uai: str
    kind: BilanKind
    school_year: int
    periode_index: int
    periode_count: int


@dataclass(frozen=True, slots=True)
class NewBilan:
    """A bilan that a file brings."""

    key: BilanKey
    locked_at: datetime
    content: Content


class Outcome(StrEnum):
    """What storing a bilan does, or did."""

    NEW = "new"
    NEW_VERSION = "new_version"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class PlannedBilan:
    """What storing this bilan would do; `version` is the one it would get, or the one that stays."""

    bilan: NewBilan
    outcome: Outcome
    version: int


@dataclass(frozen=True, slots=True)
class ChildNames:
    """The names that came with an INE; either may be empty."""

    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class BilanSummary:
    """A stored version without its content."""

    id: UUID
    key: BilanKey
    version: int
    locked_at: datetime
    imported_at: datetime

    @property
    def published_at(self) -> datetime:
        """When guardians could first read it: locked, and here."""
        return max(self.locked_at, self.imported_at)

    def is_new(self, now: datetime) -> bool:
        """Published within the last thirty days."""
        return now - self.published_at < NEW_FOR


@dataclass(frozen=True, slots=True)
class ReadableBilan:
    """A bilan that its reader may read now; `is_replaced` when an older version was asked for."""

    summary: BilanSummary
    content: Content
    is_replaced: bool


class PeriodeState(StrEnum):
    """What guardians read beside a period."""

    PUBLISHED = "published"
    CORRECTED = "corrected"
    IN_PREPARATION = "in_preparation"


@dataclass(frozen=True, slots=True)
class PeriodeLine:
    """One period of a year; `bilan` is None while it is in preparation."""

    index: int
    count: int
    state: PeriodeState
    bilan: BilanSummary | None


@dataclass(frozen=True, slots=True)
class SchoolYearLines:
    """A school year and its periods, in order."""

    school_year: int
    periodes: tuple[PeriodeLine, ...]


@dataclass(frozen=True, slots=True)
class ChildLivret:
    """All that one reader sees of one child's livret: years and bilans de cycle, newest first."""

    child: ChildClaim
    years: tuple[SchoolYearLines, ...]
    bilans_cycle: tuple[BilanSummary, ...]
    newest: BilanSummary | None

    @property
    def is_empty(self) -> bool:
        return self.newest is None


def may_read(child: ChildClaim | None, bilan_ine: str, locked_at: datetime, *, now: datetime) -> bool:
    """Whether a reader may read this bilan now: the child is one the ID token names, the INE agrees, the lock is past.

    The one decision for pages, prints and files alike. `child` is None when the token names no such child.
    """
    return child is not None and child.ine is not None and child.ine == bilan_ine and locked_at <= now


def latest_versions(summaries: Iterable[BilanSummary]) -> tuple[BilanSummary, ...]:
    """The highest version of each bilan, in no order."""
    latest: dict[BilanKey, BilanSummary] = {}
    for summary in summaries:
        known = latest.get(summary.key)
        if known is None or summary.version > known.version:
            latest[summary.key] = summary
    return tuple(latest.values())


def livret_of(child: ChildClaim, readable: Iterable[BilanSummary], *, now: datetime) -> ChildLivret:
    """Years, periods and bilans de cycle from the versions that may be read."""
    latest = latest_versions(readable)
    periodiques = [bilan for bilan in latest if bilan.key.kind is BilanKind.PERIODIQUE]
    cycles = [bilan for bilan in latest if bilan.key.kind is BilanKind.CYCLE]
    years = sorted({bilan.key.school_year for bilan in periodiques}, reverse=True)
    return ChildLivret(
        child=child,
        years=tuple(SchoolYearLines(year, _periodes(year, periodiques, now)) for year in years),
        bilans_cycle=tuple(sorted(cycles, key=lambda bilan: bilan.key.school_year, reverse=True)),
        newest=max(latest, key=lambda bilan: (bilan.published_at, bilan.locked_at), default=None),
    )


def school_year_at(now: datetime) -> int:
    """The year of the September that the school year in course began with."""
    today = paris_day(now)
    return today.year if today.month >= FIRST_MONTH else today.year - 1


def paris_day(instant: datetime) -> date:
    """The day of an instant where the schools are."""
    return instant.astimezone(PARIS).date()


def count_levels(assessments: Iterable[Assessment]) -> Counter[int]:
    """How many domains and sub-domains have each positionnement; 0 counts those not assessed."""
    levels: Counter[int] = Counter()
    for line in _with_parts(assessments):
        if line.positionnement is not None:
            levels[line.positionnement] += 1
        elif line.is_unassessed:
            levels[0] += 1
    return levels


def in_programme_order(assessments: Iterable[Assessment]) -> tuple[Assessment, ...]:
    """Domains as the programmes list them, whatever the order of the file."""
    return tuple(
        sorted(
            assessments, key=lambda item: DISCIPLINE_ORDER.get(item.discipline_code, len(DISCIPLINE_ORDER))
        )
    )


def in_socle_order(levels: Iterable[SocleLevel]) -> tuple[SocleLevel, ...]:
    """Components as the socle lists them."""
    return tuple(sorted(levels, key=lambda level: SOCLE_ORDER.get(level.socle_code, len(SOCLE_ORDER))))


def write_content(content: Content) -> dict[str, Any]:
    """The content as JSON values."""
    kind = BilanKind.PERIODIQUE if isinstance(content, PeriodiqueContent) else BilanKind.CYCLE
    written: dict[str, Any] = _CONTENTS[kind].dump_python(content, mode="json")
    return written


def read_content(kind: BilanKind, stored: Mapping[str, Any]) -> Content:
    """The content of what `write_content` made."""
    content: Content = _CONTENTS[kind].validate_python(stored)
    return content


def _periodes(year: int, periodiques: Sequence[BilanSummary], now: datetime) -> tuple[PeriodeLine, ...]:
    found = [bilan for bilan in periodiques if bilan.key.school_year == year]
    lines = [PeriodeLine(b.key.periode_index, b.key.periode_count, _state(b), b) for b in found]
    if year == school_year_at(now):
        lines += _in_preparation(max(found, key=lambda bilan: bilan.locked_at).key, found)
    return tuple(sorted(lines, key=lambda line: (line.index / line.count, line.count)))


def _in_preparation(newest: BilanKey, found: Sequence[BilanSummary]) -> list[PeriodeLine]:
    """The periods that the present school has announced and not published; never more than its own number."""
    there = {bilan.key.periode_index for bilan in found if bilan.key.periode_count == newest.periode_count}
    return [
        PeriodeLine(index, newest.periode_count, PeriodeState.IN_PREPARATION, None)
        for index in range(1, newest.periode_count + 1)
        if index not in there
    ]


def _state(bilan: BilanSummary) -> PeriodeState:
    return PeriodeState.PUBLISHED if bilan.version == 1 else PeriodeState.CORRECTED


def _with_parts(assessments: Iterable[Assessment]) -> Iterable[Assessment]:
    for assessment in assessments:
        yield assessment
        yield from assessment.parts
