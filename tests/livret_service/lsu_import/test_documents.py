"""From records to the documents that are kept."""

from livret_service.livrets.rules import (
    BilanKey,
    BilanKind,
    CycleContent,
    PeriodiqueContent,
    read_content,
    write_content,
)
from livret_service.lsu_import.documents import new_bilan
from livret_service.lsu_import.reading import read
from tests.livret_service.lsu_files import LEA, SCHOOL, VALID, spoiled


def documents(content: bytes = VALID.encode()):
    file = read(content)
    return [new_bilan(file, bilan) for bilan in file.bilans]


def test_references_are_followed():
    of_lea, of_mael, cycle = documents()

    assert of_lea.key == BilanKey(LEA, SCHOOL, BilanKind.PERIODIQUE, 2026, 1, 2)
    assert cycle.key == BilanKey(LEA, SCHOOL, BilanKind.CYCLE, 2026, 2, 0)
    assert isinstance(of_lea.content, PeriodiqueContent)
    assert of_lea.content.assessments[0].parts[0].programme_elements == ("Lire à voix haute",)
    assert of_lea.content.teachers[0].family_name == "LEMAÎTRE"
    assert isinstance(of_mael.content, PeriodiqueContent)
    assert of_mael.content.assessments[0].programme_elements == (
        "Lire à voix haute",
        "Nombres jusqu’à 10 000",
    )
    assert isinstance(cycle.content, CycleContent)
    assert cycle.content.summary == "Attendus atteints."


def test_a_class_text_reaches_its_class_and_period_alone():
    of_lea, of_mael, _cycle = documents()

    assert [(text.parcours_code, text.is_common) for text in of_lea.content.parcours] == [
        ("PAR_ART", True),
        ("PAR_CIT", False),
    ]
    assert of_mael.content.parcours == ()


def test_domains_stand_in_the_order_of_the_programme():
    content, _line = spoiled(
        "<liste-acquis>", '<liste-acquis><acquis code-domaine="LGV-RAC" positionnement="1"/>'
    )

    codes = [item.discipline_code for item in documents(content)[0].content.assessments]

    assert codes == ["FRA-RAC", "QLM-RAC", "LGV-RAC"]


def test_a_document_comes_back_from_its_json():
    for document in documents():
        assert read_content(document.key.kind, write_content(document.content)) == document.content
