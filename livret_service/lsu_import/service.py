"""Importing one LSU file: read, check, plan, store; one transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from livret_service.db import transaction
from livret_service.livrets import service as livrets
from livret_service.livrets.rules import ChildNames, Outcome, PlannedBilan
from livret_service.lsu_import.checks import Context, bilan_problems, file_problems
from livret_service.lsu_import.documents import new_bilan
from livret_service.lsu_import.reading import read
from livret_service.lsu_import.rules import AnyBilan, ClassCounts, ImportReport, LsuFile, Problem

Progress = Callable[[int, int], None]
"""Called with the bilans checked so far, and how many there are."""
PROGRESS_STEP = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """The bilans that may be stored, those that may not, and why."""

    accepted: tuple[AnyBilan, ...]
    refused: tuple[AnyBilan, ...]
    problems: tuple[Problem, ...]


def silent(_done: int, _total: int) -> None:
    """No progress to show."""


def import_file(
    content: bytes,
    *,
    now: datetime,
    expected_school_uai: str | None = None,
    is_strict: bool = False,
    is_dry_run: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Store the bilans of a file; a semantic problem refuses its bilan, or all of them when `is_strict`.

    Raises StructureRefused (nothing was looked at), BilanCollision (another import was quicker).
    """
    file = read(content)
    with transaction():
        known = livrets.known_names(child.ine for child in file.children.values())
        checked = check(Context(file, expected_school_uai, known), is_strict=is_strict, progress=progress)
        planned = livrets.plan_bilans([new_bilan(file, bilan) for bilan in checked.accepted])
        if not is_dry_run:
            livrets.store_bilans(planned, names_of(file, checked.accepted), now=now)
    return ImportReport(
        school_uai=file.school_uai,
        classes=count_by_class(file, checked, planned),
        problems=checked.problems,
        is_dry_run=is_dry_run,
    )


def check(context: Context, *, is_strict: bool, progress: Progress = silent) -> Checked:
    """Sort the bilans of a file. A problem of the whole file, or any at all when `is_strict`, refuses every one."""
    bilans = context.file.bilans
    general = file_problems(context)
    found: list[tuple[Problem, ...]] = []
    for done, bilan in enumerate(bilans, 1):
        found.append(bilan_problems(context, bilan))
        if done % PROGRESS_STEP == 0 or done == len(bilans):
            progress(done, len(bilans))
    problems = tuple(sorted({*general, *(problem for of_bilan in found for problem in of_bilan)}))
    if general or (is_strict and problems):
        return Checked((), bilans, problems)
    pairs = list(zip(bilans, found, strict=True))
    return Checked(
        accepted=tuple(bilan for bilan, wrong in pairs if not wrong),
        refused=tuple(bilan for bilan, wrong in pairs if wrong),
        problems=problems,
    )


def names_of(file: LsuFile, bilans: Sequence[AnyBilan]) -> dict[str, ChildNames]:
    """The names that the file gives to the children of these bilans, by INE."""
    children = (file.children[bilan.child_ref] for bilan in bilans)
    return {child.ine: ChildNames(child.family_name, child.given_name) for child in children}


def count_by_class(
    file: LsuFile, checked: Checked, planned: Sequence[PlannedBilan]
) -> tuple[ClassCounts, ...]:
    """What becomes of the bilans of each class, by its national number; those of no known class first."""
    outcomes: Counter[tuple[int, Outcome | None]] = Counter()
    for bilan, plan in zip(checked.accepted, planned, strict=True):
        outcomes[class_of(file, bilan), plan.outcome] += 1
    for bilan in checked.refused:
        outcomes[class_of(file, bilan), None] += 1
    return tuple(
        ClassCounts(
            class_id=class_id,
            new=outcomes[class_id, Outcome.NEW],
            new_version=outcomes[class_id, Outcome.NEW_VERSION],
            unchanged=outcomes[class_id, Outcome.UNCHANGED],
            refused=outcomes[class_id, None],
        )
        for class_id in sorted({class_id for class_id, _outcome in outcomes})
    )


def class_of(file: LsuFile, bilan: AnyBilan) -> int:
    """The national number of the class, 0 when the references lead to none."""
    child = file.children.get(bilan.child_ref)
    school_class = file.classes.get(child.class_ref) if child else None
    return school_class.class_id if school_class else 0
