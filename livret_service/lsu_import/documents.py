"""From the records of a file to the documents that are kept: references followed, nothing left to look up. Pure."""

from collections.abc import Iterator

from livret_service.livrets import rules as kept
from livret_service.lsu_import.rules import (
    Adult,
    Assessment,
    Bilan,
    BilanCycle,
    BilanPeriodique,
    LsuFile,
    Periode,
    SocleLevel,
)


def new_bilan(file: LsuFile, bilan: BilanPeriodique | BilanCycle) -> kept.NewBilan:
    """The document of a bilan that every check let pass."""
    if isinstance(bilan, BilanCycle):
        return kept.NewBilan(_cycle_key(file, bilan), bilan.locked_at, _cycle_content(file, bilan))
    periode = file.periodes[bilan.periode_ref]
    key = _periodique_key(file, bilan, periode)
    return kept.NewBilan(key, bilan.locked_at, _periodique_content(file, bilan, periode))


def _periodique_key(file: LsuFile, bilan: BilanPeriodique, periode: Periode) -> kept.BilanKey:
    return kept.BilanKey(
        ine=file.children[bilan.child_ref].ine,
        school_uai=file.school_uai,
        kind=kept.BilanKind.PERIODIQUE,
        school_year=periode.school_year,
        periode_index=periode.index,
        periode_count=periode.count,
    )


def _cycle_key(file: LsuFile, bilan: BilanCycle) -> kept.BilanKey:
    return kept.BilanKey(
        ine=file.children[bilan.child_ref].ine,
        school_uai=file.school_uai,
        kind=kept.BilanKind.CYCLE,
        school_year=bilan.school_year,
        periode_index=bilan.cycle,
        periode_count=0,
    )


def _periodique_content(file: LsuFile, bilan: BilanPeriodique, periode: Periode) -> kept.PeriodiqueContent:
    return kept.PeriodiqueContent(
        starts_on=periode.starts_on,
        ends_on=periode.ends_on,
        created_on=bilan.created_on,
        school_head=_adult(file.school_heads[bilan.school_head_ref]),
        teachers=_teachers(file, bilan),
        assessments=kept.in_programme_order(_assessment(file, item) for item in bilan.assessments),
        parcours=tuple(_parcours(file, bilan)),
        support_measures=tuple(
            kept.SupportMeasure(measure.support_code, measure.complement)
            for measure in bilan.support_measures
        ),
        appreciation=bilan.appreciation,
        socle=_socle(bilan.socle),
    )


def _cycle_content(file: LsuFile, bilan: BilanCycle) -> kept.CycleContent:
    return kept.CycleContent(
        created_on=bilan.created_on,
        school_head=_adult(file.school_heads[bilan.school_head_ref]),
        teachers=_teachers(file, bilan),
        socle=_socle(bilan.socle),
        summary=bilan.summary,
    )


def _teachers(file: LsuFile, bilan: Bilan) -> tuple[kept.Adult, ...]:
    return tuple(_adult(file.teachers[name]) for name in dict.fromkeys(bilan.teacher_refs))


def _adult(adult: Adult) -> kept.Adult:
    return kept.Adult(adult.title, adult.family_name, adult.given_name)


def _assessment(file: LsuFile, assessment: Assessment) -> kept.Assessment:
    references = dict.fromkeys(assessment.programme_element_refs)
    return kept.Assessment(
        discipline_code=assessment.discipline_code,
        positionnement=assessment.positionnement,
        is_unassessed=assessment.is_unassessed,
        programme_elements=tuple(file.programme_elements[name].label for name in references),
        appreciation=assessment.appreciation,
        parts=kept.in_programme_order(_assessment(file, part) for part in assessment.parts),
    )


def _parcours(file: LsuFile, bilan: BilanPeriodique) -> Iterator[kept.ParcoursText]:
    """The class's texts of that period, then the child's own."""
    class_ref = file.children[bilan.child_ref].class_ref
    for common in file.common_parcours:
        if (common.periode_ref, common.class_ref) == (bilan.periode_ref, class_ref):
            yield from (
                kept.ParcoursText(text.parcours_code, text.text, is_common=True) for text in common.parcours
            )
    yield from (kept.ParcoursText(text.parcours_code, text.text, is_common=False) for text in bilan.parcours)


def _socle(levels: tuple[SocleLevel, ...]) -> tuple[kept.SocleLevel, ...]:
    return kept.in_socle_order(kept.SocleLevel(level.socle_code, level.positionnement) for level in levels)
