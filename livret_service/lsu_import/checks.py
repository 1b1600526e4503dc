"""What a schema lets through: each check is one rule, and says what it found with its line. Pure.

FILE_CHECKS refuse every bilan of the file, BILAN_CHECKS the one they look at. The order is that of the reading:
a reference to nothing is told before what it would have named is judged.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from livret_service.livrets.nomenclature import BOTH, DISCIPLINES
from livret_service.livrets.rules import ChildNames
from livret_service.lsu_import.rules import (
    Assessment,
    Bilan,
    BilanPeriodique,
    LsuFile,
    Periode,
    Problem,
    is_uai,
    uai_letter,
)
from livret_service.lsu_import.values import PARIS, shown

KINDS: Mapping[str, str] = {
    "school_heads": "directeur",
    "classes": "classe",
    "children": "eleve",
    "periodes": "periode",
    "teachers": "enseignant",
    "programme_elements": "element-programme",
}
MAX_PERIODES = 12
"""A month at the least: pages list every period of a year."""
SCHOOL_YEAR_STARTS = (8, 1)
"""Month and day. Schools overseas begin in the middle of August."""
SCHOOL_YEAR_ENDS = (8, 31)
"""Month and day, of the next year."""


@dataclass(frozen=True, slots=True)
class Context:
    """What bilans are held against: their file, the school of the command (None: not said), names by INE."""

    file: LsuFile
    expected_school_uai: str | None
    known_names: Mapping[str, ChildNames]


FileCheck = Callable[[Context], Iterator[Problem]]
BilanCheck = Callable[[Context, Bilan], Iterator[Problem]]


def check_school_letter(context: Context) -> Iterator[Problem]:
    """A school's eighth character follows from the seven others."""
    uai = context.file.school_uai
    if is_uai(uai):
        return
    digits = uai[:7]
    is_number = digits.isascii() and digits.isdigit()
    hint = f" (its letter would be {uai_letter(digits)})" if is_number else ""
    yield Problem(context.file.school_line, "school_letter", f"{shown(uai)} is not a school's UAI{hint}")


def check_school_named(context: Context) -> Iterator[Problem]:
    """The file is the school's that the command names."""
    expected, found = context.expected_school_uai, context.file.school_uai
    if expected is not None and found != expected:
        reason = f"the file is of school {shown(found)}, the command names {expected}"
        yield Problem(context.file.school_line, "school_other", reason)


def check_common_parcours(context: Context) -> Iterator[Problem]:
    """A text for a class that nobody knows: no bilan périodique can be trusted to be whole."""
    for common in context.file.common_parcours:
        yield from _reference(context.file, "periodes", common.periode_ref, common.line)
        yield from _reference(context.file, "classes", common.class_ref, common.line)


def check_references(context: Context, bilan: Bilan) -> Iterator[Problem]:
    """Every reference names something, of the right kind."""
    for collection, name, line in _references_of(context.file, bilan):
        yield from _reference(context.file, collection, name, line)


def check_periode(context: Context, bilan: Bilan) -> Iterator[Problem]:
    """A period lies within its school year, runs forward, is one of its number, and is declared once."""
    periode = _periode_of(context.file, bilan)
    if periode is None:
        return
    if periode.ends_on < periode.starts_on:
        yield Problem(periode.line, "periode_backwards", "the period ends before it starts")
    first, last = school_year_bounds(periode.school_year)
    if not (first <= periode.starts_on <= last and first <= periode.ends_on <= last):
        reason = f"the period is outside its school year {periode.school_year} ({first} to {last})"
        yield Problem(periode.line, "periode_outside_year", reason)
    if periode.index > periode.count:
        reason = f"the period has number {periode.index} of {periode.count}"
        yield Problem(periode.line, "periode_index", reason)
    if periode.count > MAX_PERIODES:
        yield Problem(periode.line, "periode_count", f"{periode.count} periods in one year")
    if any(_is_same_periode(periode, other) for other in context.file.periodes.values()):
        yield Problem(periode.line, "periode_repeated", "the same period is declared twice")


def check_known_disciplines(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """Domains and sub-domains are the programme's."""
    for assessment, _above in _assessments(bilan):
        if assessment.discipline_code not in DISCIPLINES:
            reason = f"the domain {shown(assessment.discipline_code)} is unknown"
            yield Problem(assessment.line, "discipline_unknown", reason)


def check_disciplines_in_place(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """A sub-domain stands under its own domain, a domain under none."""
    for assessment, above in _assessments(bilan):
        discipline = DISCIPLINES.get(assessment.discipline_code)
        expected = above.discipline_code if above else ""
        if discipline and discipline.under != expected:
            place = f"stands under {shown(expected)}" if above else "stands as a domain"
            belongs = f"belongs under {discipline.under}" if discipline.under else "is a domain"
            reason = f"{assessment.discipline_code} {place}, but {belongs}"
            yield Problem(assessment.line, "discipline_misplaced", reason)


def check_one_cycle(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """No bilan mixes what only cycle 2 has with what only cycle 3 has."""
    cycles = BOTH
    for assessment, _above in _assessments(bilan):
        discipline = DISCIPLINES.get(assessment.discipline_code)
        if discipline and not cycles & discipline.cycles:
            reason = f"{assessment.discipline_code} is of another cycle than the domains before it"
            yield Problem(assessment.line, "cycles_mixed", reason)
            return
        cycles = cycles & discipline.cycles if discipline else cycles


def check_positionnements(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """What was not assessed has no positionnement."""
    for assessment, _above in _assessments(bilan):
        if assessment.is_unassessed and assessment.positionnement is not None:
            reason = f"{shown(assessment.discipline_code)} has a positionnement and says it was not assessed"
            yield Problem(assessment.line, "positionnement_unassessed", reason)


def check_complements(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """Only a PPRE has a complement."""
    for measure in bilan.support_measures if isinstance(bilan, BilanPeriodique) else ():
        if measure.complement and measure.support_code != "PPRE":
            yield Problem(measure.line, "complement_outside_ppre", "complement-ppre stands outside a PPRE")


def check_lock(_context: Context, bilan: Bilan) -> Iterator[Problem]:
    """A bilan is locked on the day it was made or later, by the school's clock."""
    if bilan.locked_at.astimezone(PARIS).date() < bilan.created_on:
        yield Problem(bilan.line, "locked_before_created", "date-verrou is before date-creation")


def check_known_names(context: Context, bilan: Bilan) -> Iterator[Problem]:
    """An INE does not change its names: a typing slip would show a livret to another family."""
    child = context.file.children.get(bilan.child_ref)
    known = context.known_names.get(child.ine) if child else None
    if child is None or known is None:
        return
    pairs = ((child.family_name, known.family_name), (child.given_name, known.given_name))
    if any(new and old and comparable(new) != comparable(old) for new, old in pairs):
        yield Problem(child.line, "ine_other_names", "this INE is known under other names")


FILE_CHECKS: tuple[FileCheck, ...] = (check_school_letter, check_school_named, check_common_parcours)

BILAN_CHECKS: tuple[BilanCheck, ...] = (
    check_references,
    check_periode,
    check_known_disciplines,
    check_disciplines_in_place,
    check_one_cycle,
    check_positionnements,
    check_complements,
    check_lock,
    check_known_names,
)


def file_problems(context: Context) -> tuple[Problem, ...]:
    """What refuses every bilan, by line."""
    return tuple(sorted({problem for check in FILE_CHECKS for problem in check(context)}))


def bilan_problems(context: Context, bilan: Bilan) -> tuple[Problem, ...]:
    """What refuses this bilan, by line."""
    return tuple(sorted({problem for check in BILAN_CHECKS for problem in check(context, bilan)}))


def school_year_bounds(school_year: int) -> tuple[date, date]:
    """The first and the last day that a period of this school year may hold."""
    return date(school_year, *SCHOOL_YEAR_STARTS), date(school_year + 1, *SCHOOL_YEAR_ENDS)


def comparable(name: str) -> str:
    """A name without case, accents, spaces, hyphens and apostrophes: writing that varies from file to file."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(character for character in decomposed if character.isalnum())


def _references_of(file: LsuFile, bilan: Bilan) -> Iterator[tuple[str, str, int]]:
    yield "children", bilan.child_ref, bilan.line
    if child := file.children.get(bilan.child_ref):
        yield "classes", child.class_ref, child.line
    yield "school_heads", bilan.school_head_ref, bilan.line
    for name in bilan.teacher_refs:
        yield "teachers", name, bilan.line
    if isinstance(bilan, BilanPeriodique):
        yield "periodes", bilan.periode_ref, bilan.line
    for assessment, _above in _assessments(bilan):
        for name in assessment.programme_element_refs:
            yield "programme_elements", name, assessment.line


def _reference(file: LsuFile, collection: str, name: str, line: int) -> Iterator[Problem]:
    if name in getattr(file, collection):
        return
    found = next((kind for other, kind in KINDS.items() if name in getattr(file, other)), None)
    expected = KINDS[collection]
    if found:
        yield Problem(line, "reference_wrong_kind", f"{shown(name)} is of kind {found}, not {expected}")
    else:
        yield Problem(line, "reference_to_nothing", f"{shown(name)} names no {expected} of this file")


def _periode_of(file: LsuFile, bilan: Bilan) -> Periode | None:
    return file.periodes.get(bilan.periode_ref) if isinstance(bilan, BilanPeriodique) else None


def _is_same_periode(one: Periode, other: Periode) -> bool:
    def key(periode: Periode) -> tuple[int, int, int]:
        return periode.school_year, periode.index, periode.count

    return one is not other and key(one) == key(other)


def _assessments(bilan: Bilan) -> Iterator[tuple[Assessment, Assessment | None]]:
    for assessment in bilan.assessments if isinstance(bilan, BilanPeriodique) else ():
        yield assessment, None
        for part in assessment.parts:
            yield part, assessment
