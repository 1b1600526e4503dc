"""Importing: whole or bilan by bilan, once, in versions."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from livret_service.db import db
from livret_service.livrets import service as livrets
from livret_service.livrets.models import Bilan, KnownChild
from livret_service.livrets.rules import Outcome, PlannedBilan
from livret_service.livrets.service import BilanCollision
from livret_service.lsu_import.rules import ClassCounts, StructureRefused
from livret_service.lsu_import.service import import_file
from tests.conftest import MORNING
from tests.livret_service.lsu_files import LEA, MAEL, SCHOOL, VALID, spoiled

LATER = MORNING + timedelta(days=1)


def stored() -> list[tuple[str, str, int]]:
    """INE, kind and version of every row."""
    rows = db.session.execute(
        select(Bilan.ine, Bilan.kind, Bilan.version).order_by(
            Bilan.ine.desc(), Bilan.kind.desc(), Bilan.version
        )
    )
    found = [(row.ine, str(row.kind), row.version) for row in rows]
    db.session.rollback()
    return found


def every_cell() -> str:
    bilans = [tuple(row) for row in db.session.execute(select(Bilan.__table__).order_by(Bilan.id))]
    names = [tuple(row) for row in db.session.execute(select(KnownChild.__table__).order_by(KnownChild.ine))]
    db.session.rollback()
    return f"{bilans} {names}"


ALL = [(LEA, "periodique", 1), (LEA, "cycle", 1), (MAEL, "periodique", 1)]


def test_a_right_file_is_stored_and_counted_by_class(livret_context: Flask):
    report = import_file(VALID.encode(), now=MORNING, expected_school_uai=SCHOOL)

    assert report.classes == (ClassCounts(123456, new=2), ClassCounts(654321, new=1))
    assert report.problems == ()
    assert report.is_stored
    assert stored() == ALL


def test_im_15_importing_again_changes_nothing(livret_context: Flask):
    import_file(VALID.encode(), now=MORNING)
    before = every_cell()

    report = import_file(VALID.encode(), now=LATER)

    assert report.total == ClassCounts(0, unchanged=3)
    assert not report.is_stored
    assert every_cell() == before


def test_a_later_lock_is_a_new_version_beside_the_old_one(livret_context: Flask):
    import_file(VALID.encode(), now=MORNING)
    corrected, _line = spoiled("2026-11-20T18:00:00", "2026-11-22T18:00:00")

    report = import_file(corrected, now=LATER)

    assert report.total == ClassCounts(0, new_version=1, unchanged=2)
    assert stored() == [
        (LEA, "periodique", 1),
        (LEA, "periodique", 2),
        (LEA, "cycle", 1),
        (MAEL, "periodique", 1),
    ]


@pytest.mark.parametrize("lock", ["2026-11-20T18:00:00", "2026-11-15T18:00:00", "2026-11-20T17:00:00Z"])
def test_the_same_or_an_earlier_lock_changes_nothing(livret_context: Flask, lock: str):
    import_file(VALID.encode(), now=MORNING)
    other, _line = spoiled("2026-11-20T18:00:00", lock)

    report = import_file(other.replace(b"Bon semestre", b"Autre texte"), now=LATER)

    assert report.total.unchanged == 3
    assert "Autre texte" not in every_cell()


def test_a_semantic_problem_refuses_its_bilan_alone(livret_context: Flask):
    wrong, line = spoiled('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"')

    report = import_file(wrong, now=MORNING)

    assert report.classes == (ClassCounts(123456, new=2), ClassCounts(654321, refused=1))
    assert [(problem.line, problem.error_code) for problem in report.problems] == [
        (line, "discipline_unknown")
    ]
    assert stored() == ALL[:2]


def test_two_bilans_on_one_line_are_judged_apart(livret_context: Flask):
    wrong, _line = spoiled('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"')

    import_file(wrong.replace(b"\n", b" "), now=MORNING)

    assert stored() == ALL[:2]


def test_strict_refuses_every_bilan_for_one_problem(livret_context: Flask):
    wrong, _line = spoiled('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"')

    report = import_file(wrong, now=MORNING, is_strict=True)

    assert report.total == ClassCounts(0, refused=3)
    assert stored() == []


def test_another_school_refuses_every_bilan(livret_context: Flask):
    report = import_file(VALID.encode(), now=MORNING, expected_school_uai="0750001A")

    assert report.total == ClassCounts(0, refused=3)
    assert stored() == []


def test_a_broken_structure_stores_nothing(livret_context: Flask):
    wrong, _line = spoiled('positionnement="2"/>', 'positionnement="9"/>')

    with pytest.raises(StructureRefused):
        import_file(wrong, now=MORNING)

    assert stored() == []


def test_a_dry_run_tells_and_writes_nothing(livret_context: Flask):
    report = import_file(VALID.encode(), now=MORNING, is_dry_run=True)

    assert report.total == ClassCounts(0, new=3)
    assert not report.is_stored
    assert stored() == []


def test_an_ine_keeps_its_names_from_one_file_to_the_next(livret_context: Flask):
    import_file(VALID.encode(), now=MORNING)
    renamed, line = spoiled('nom="DUPONT"', 'nom="MARTIN"')

    report = import_file(renamed, now=LATER)

    assert [(problem.line, problem.error_code) for problem in report.problems] == [(line, "ine_other_names")]
    assert report.total == ClassCounts(0, refused=2, unchanged=1)


def test_names_that_were_missing_are_filled_in_and_then_kept(livret_context: Flask):
    nameless, _line = spoiled(' nom="DUPONT" prenom="Léa"', "")
    import_file(nameless, now=MORNING)

    import_file(VALID.encode(), now=LATER)
    renamed = import_file(VALID.replace("DUPONT", "MARTIN").encode(), now=LATER)

    assert renamed.total.refused == 2


def test_what_is_written_of_guardians_is_nowhere(livret_context: Flask):
    import_file(VALID.encode(), now=MORNING)

    cells = every_cell()

    assert "Déléguée" in cells
    for left_behind in ("SECRET", "Céline", "1 rue de Test", "DIJON", "CE2 B"):
        assert left_behind not in cells


def test_an_import_killed_halfway_leaves_nothing(livret_context: Flask, monkeypatch: pytest.MonkeyPatch):
    def killed(*_arguments: object, **_options: object) -> None:
        db.session.add(KnownChild(ine="x", family_name="", given_name=""))
        db.session.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(livrets, "store_bilans", killed)
    with pytest.raises(KeyboardInterrupt):
        import_file(VALID.encode(), now=MORNING)

    assert db.session.scalar(select(func.count()).select_from(KnownChild)) == 0
    db.session.rollback()


def test_the_quicker_of_two_imports_wins_and_the_other_keeps_nothing(
    livret_context: Flask, monkeypatch: pytest.MonkeyPatch
):
    import_file(VALID.encode(), now=MORNING)
    plans: list[PlannedBilan] = []
    plan = livrets.plan_bilans

    def as_if_nothing_were_stored(bilans):
        plans.extend(PlannedBilan(done.bilan, Outcome.NEW, 1) for done in plan(bilans))
        return tuple(plans)

    monkeypatch.setattr(livrets, "plan_bilans", as_if_nothing_were_stored)
    with pytest.raises(BilanCollision):
        import_file(VALID.encode(), now=LATER)

    assert stored() == ALL


def test_progress_reaches_its_end(livret_context: Flask):
    seen: list[tuple[int, int]] = []

    import_file(VALID.encode(), now=MORNING, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(3, 3)]


def test_a_file_without_bilan_is_a_file(livret_context: Flask):
    header, rest = VALID.split("    <bilans-periodiques>")
    empty = header + rest.split("</bilans-cycle>")[1]

    report = import_file(empty.encode(), now=MORNING)

    assert report.classes == ()
    assert not report.is_stored
