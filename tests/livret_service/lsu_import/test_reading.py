"""Records of a file whose structure is right."""

from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from livret_service.lsu_import.reading import read
from livret_service.lsu_import.rules import BilanCycle, BilanPeriodique
from tests.livret_service.lsu_files import LEA, SCHOOL, VALID


def every_text(value: Any) -> list[str]:
    if is_dataclass(value):
        return [text for field in fields(value) for text in every_text(getattr(value, field.name))]
    if isinstance(value, dict):
        return [text for item in value.values() for text in every_text(item)]
    if isinstance(value, tuple):
        return [text for item in value for text in every_text(item)]
    return [value] if isinstance(value, str) else []


def test_a_file_becomes_records():
    file = read(VALID.encode())

    assert file.school_uai == SCHOOL
    assert file.children["E_1"].ine == LEA
    assert file.periodes["P_1"].ends_on == date(2027, 1, 29)
    assert [type(bilan) for bilan in file.bilans] == [BilanPeriodique, BilanPeriodique, BilanCycle]
    first = file.bilans[0]
    assert first.locked_at == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert isinstance(first, BilanPeriodique)
    assert first.assessments[0].appreciation == "Léa lit avec aisance & participe."
    assert first.assessments[0].parts[1].is_unassessed
    assert first.appreciation == "Bon semestre.\nContinuez ainsi."
    assert [level.positionnement for level in first.socle][:2] == [3, None]


def test_guardians_and_class_labels_stay_in_the_file():
    texts = " ".join(every_text(read(VALID.encode())))

    assert "Déléguée." in texts
    for left_behind in ("SECRET", "Céline", "1 rue de Test", "DIJON", "MERE", "CE2 B"):
        assert left_behind not in texts
