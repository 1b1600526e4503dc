"""Every rule of the format, broken once: the file is refused, with the line and the reason."""

import re

import pytest

from livret_service.lsu_import.grammar import LSU_FILE, Element
from livret_service.lsu_import.reading import read
from livret_service.lsu_import.rules import Problem, StructureRefused
from tests.livret_service.lsu_files import LEA, MAEL, VALID, spoiled


def problems_of(content: bytes) -> tuple[Problem, ...]:
    with pytest.raises(StructureRefused) as refused:
        read(content)
    return refused.value.problems


def without(start: str, end: str) -> tuple[str, str]:
    """A replacement that removes everything from `start` to `end`, keeping the lines' numbers."""
    begin = VALID.index(start)
    removed = VALID[begin : VALID.index(end, begin) + len(end)]
    return removed, "\n" * removed.count("\n")


# name: (what to replace, by what, the code, lines between the replacement and the problem)
WRONG: dict[str, tuple[str, str, str, int]] = {
    "another namespace": ("urn:fr:edu:scolarite:lsun:bilans:import", "urn:other", "unexpected_root", 0),
    "no namespace": (
        ' xmlns="urn:fr:edu:scolarite:lsun:bilans:import"',
        "",
        "unexpected_root",
        0,
    ),
    "another version": ('schemaVersion="1.0"', 'schemaVersion="13.0"', "wrong_value", 0),
    "no version": (' schemaVersion="1.0"', "", "missing_attribute", 0),
    "foreign element": ("<donnees>", '<donnees><x:y xmlns:x="urn:x"/>', "unexpected_element", 0),
    "unknown element": ("<donnees>", "<donnees><autre/>", "unexpected_element", 0),
    "unknown attribute": ('<classe id="G_2"', '<classe couleur="rouge" id="G_2"', "unexpected_attribute", 0),
    "nil attribute": (
        "<donnees>",
        '<donnees xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">',
        "unexpected_attribute",
        0,
    ),
    "text between elements": ("<donnees>", "<donnees>bonjour", "unexpected_text", 0),
    "no header": (*without("<entete>", "</entete>"), "missing_element", -1),
    "two headers": ("<donnees>", "<entete/><donnees>", "too_many_elements", -6),
    "header after data": ("</lsun-bilans>", "<entete/></lsun-bilans>", "wrong_order", 0),
    "no editor": ("<editeur>Éditeur</editeur>", "", "missing_element", -1),
    "blank editor": ("<editeur>Éditeur</editeur>", "<editeur> </editeur>", "wrong_text", 0),
    "long editor": ("Éditeur", "É" * 51, "wrong_text", 0),
    "long application": ("Cahier", "C" * 51, "wrong_text", 0),
    "short school": ("0990001N", "099001N", "wrong_text", 0),
    "wrong order": (
        "    <eleves>",
        "<periodes/><eleves>",
        "wrong_order",
        0,
    ),
    "no director": (*without("<directeur ", "/>"), "missing_element", -1),
    "a title": ('civilite="MME" nom="D’ARC"', 'civilite="MLLE" nom="D’ARC"', "wrong_value", 0),
    "a blank name": ('nom="D’ARC"', 'nom=" "', "wrong_value", 0),
    "a long name": ('nom="D’ARC"', f'nom="{"x" * 101}"', "wrong_value", 0),
    "same director twice": (
        "</directeurs>",
        '<directeur id="D_2" civilite="MME" nom="D’ARC" prenom="Zoé"/></directeurs>',
        "repeated",
        0,
    ),
    "same teacher twice": (
        "</enseignants>",
        '<enseignant id="U_2" civilite="M" nom="LEMAÎTRE" prenom="Paul"/></enseignants>',
        "repeated",
        0,
    ),
    "class number zero": ('id-be="123456"', 'id-be="0"', "wrong_value", 0),
    "class number in words": ('id-be="123456"', 'id-be="12A"', "wrong_value", 0),
    "class number not ASCII": ('id-be="123456"', 'id-be="１２"', "wrong_value", 0),
    "same class number": ('id-be="654321"', 'id-be="123456"', "repeated", 0),
    "long class label": ("CE2 B", "C" * 51, "wrong_value", 0),
    "no class": (*without('<classe id="G_1"', 'id-be="654321"/>'), "missing_element", -1),
    "short INE": (LEA, LEA[:10], "wrong_value", 0),
    "same INE": (MAEL, LEA, "repeated", 0),
    "no INE": (f' ine="{MAEL}"', "", "missing_attribute", 0),
    "an id that is no name": ('id="E_2"', 'id="2"', "wrong_value", 0),
    "an id taken by another kind": ('id="E_2"', 'id="G_1"', "repeated_id", 0),
    "a year of three digits": ('millesime="2026" indice="1"', 'millesime="226" indice="1"', "wrong_value", 0),
    "a year far away": ('millesime="2026" indice="1"', 'millesime="9999" indice="1"', "wrong_value", 0),
    "a period zero": ('indice="1"', 'indice="0"', "wrong_value", 0),
    "a date that does not exist": ('date-debut="2026-09-01"', 'date-debut="2026-09-31"', "wrong_value", 0),
    "a date of another form": ('date-debut="2026-09-01"', 'date-debut="01/09/2026"', "wrong_value", 0),
    "no date": (' date-debut="2026-09-01"', "", "missing_attribute", 0),
    "long programme element": ("Lire à voix haute", "L" * 301, "wrong_value", 0),
    "same programme element": ("Nombres jusqu’à 10 000", "Lire à voix haute", "repeated", 0),
    "unknown parcours": ('code="PAR_ART"', 'code="PAR_AVN"', "wrong_value", 0),
    "same common parcours": (
        "</parcours-commun>",
        '<parcours code="PAR_ART">Encore.</parcours></parcours-commun>',
        "repeated",
        0,
    ),
    "blank parcours": ("Visite du musée.", "&#10; ", "wrong_text", 0),
    "long parcours": ("Visite du musée.", "x" * 601, "wrong_text", 0),
    "no parcours": (*without('<parcours code="PAR_ART">', "</parcours>"), "missing_element", -1),
    "no references": (
        'enseignant-refs="U_1" date-creation="2026-11-10"',
        'enseignant-refs="" date-creation="2026-11-10"',
        "wrong_value",
        0,
    ),
    "a lock without time": (
        'date-verrou="2026-11-20T18:00:00"',
        'date-verrou="2026-11-20"',
        "wrong_value",
        0,
    ),
    "a lock at 25 o’clock": ("2026-11-20T18:00:00", "2026-11-20T25:00:00", "wrong_value", 0),
    "no lock": (' date-verrou="2026-11-20T18:00:00"', "", "missing_attribute", 0),
    "two bilans of one period": (
        'eleve-ref="E_2" periode-ref="P_1"',
        'eleve-ref="E_1" periode-ref="P_1"',
        "repeated",
        0,
    ),
    "no assessment": (*without('<acquis code-domaine="STC-RAC"', "/>"), "missing_element", -1),
    "same domain": ('code-domaine="QLM-RAC"', 'code-domaine="FRA-RAC"', "repeated", 0),
    "same sub-domain": ('code-domaine="FRA-ECR"', 'code-domaine="FRA-LEC"', "repeated", 0),
    "short domain": ('code-domaine="QLM-RAC"', 'code-domaine="QLM"', "wrong_value", 0),
    "positionnement 5": ('positionnement="2"/>', 'positionnement="5"/>', "wrong_value", 0),
    "positionnement 0": ('positionnement="2"/>', 'positionnement="0"/>', "wrong_value", 0),
    "non-evalue in words": ('non-evalue="true"', 'non-evalue="oui"', "wrong_value", 0),
    "long appreciation": ("Léa lit avec aisance &amp; participe.", "x" * 601, "wrong_text", 0),
    "empty sub-domains": (
        "</liste-acquis>",
        '<acquis code-domaine="EPS-RAC"><sous-domaines/></acquis></liste-acquis>',
        "missing_element",
        0,
    ),
    "unknown support": ('code="PAP"', 'code="SEGPA"', "wrong_value", 0),
    "same support": ('code="PAP"', 'code="PPRE"', "repeated", 0),
    "long complement": ("Calcul mental, 2 × 30 min.", "x" * 601, "wrong_text", 0),
    "no general appreciation": (
        "        <appreciation-generale>Très bien.</appreciation-generale>",
        "",
        "missing_element",
        -4,
    ),
    "long general appreciation": ("Très bien.", "x" * 1501, "wrong_text", 0),
    "appreciation too early": (
        "<liste-parcours>",
        "<appreciation-generale>x</appreciation-generale><liste-parcours>",
        "wrong_order",
        0,
    ),
    "seven components": (*without('<domaine code="CPD_ETR"/>', "/>"), "missing_element", -2),
    "nine components": (
        "</socle>",
        '<domaine code="REP_MND"/></socle>',
        "too_many_elements",
        -9,
    ),
    "same component": ('<domaine code="CPD_ETR"/>', '<domaine code="CPD_FRA"/>', "repeated", 0),
    "unknown component": ('<domaine code="CPD_ETR"/>', '<domaine code="CPD_XYZ"/>', "wrong_value", 0),
    "component level 5": (
        'code="CPD_FRA" positionnement="3"',
        'code="CPD_FRA" positionnement="5"',
        "wrong_value",
        0,
    ),
    "component without level": (
        '<domaine code="CPD_ETR" positionnement="2"/>',
        '<domaine code="CPD_ETR"/>',
        "missing_attribute",
        0,
    ),
    "cycle 3": ('cycle="2"', 'cycle="3"', "wrong_value", 0),
    "blank summary": ("Attendus atteints.", " ", "wrong_text", 0),
    "long summary": ("Attendus atteints.", "x" * 1501, "wrong_text", 0),
    "a guardian without name": (' nom="SECRET"', "", "missing_attribute", 0),
    "an address without town": (' commune="DIJON"', "", "missing_attribute", 0),
    "a long address": ("1 rue de Test", "x" * 51, "wrong_value", 0),
    "a long relationship": ('lien-parente="MERE"', f'lien-parente="{"x" * 41}"', "wrong_value", 0),
}


@pytest.mark.parametrize(("before", "after", "error_code", "offset"), WRONG.values(), ids=WRONG)
def test_a_broken_rule_refuses_the_file_with_line_and_reason(
    before: str, after: str, error_code: str, offset: int
):
    content, line = spoiled(before, after)

    problems = problems_of(content)

    assert (line + offset, error_code) in [(problem.line, problem.error_code) for problem in problems]
    assert all(problem.reason for problem in problems)


def test_another_root_is_refused():
    assert [(p.line, p.error_code) for p in problems_of(b"\n<bilans/>")] == [(2, "unexpected_root")]


def test_every_problem_is_told_at_once_by_line():
    first, _line = spoiled('civilite="MME" nom="D’ARC"', 'civilite="DR" nom="D’ARC"')
    both, _line = spoiled("Attendus atteints.", "", within=first.decode())

    problems = problems_of(both)

    assert [problem.error_code for problem in problems] == ["wrong_value", "wrong_text"]
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "<editeur>Éditeur</editeur>\n    <application>Cahier</application>",
            "<application>C</application>\n<editeur>É</editeur>",
        ),
        ("Très bien.", "x" * 1500),
        ("Attendus atteints.", "<![CDATA[a < b & c]]>"),
        (LEA, "1234A56789B"),
        (' nom="DUPONT" prenom="Léa"', ""),
        ('date-debut="2026-09-01"', 'date-debut="2026-09-01+02:00"'),
        ('non-evalue="true"', 'non-evalue="1"'),
        ('enseignant-refs="U_1"', 'enseignant-refs=" U_1 "'),
        ("2026-11-20T18:00:00", "2026-11-20T18:00:00.123456Z"),
        ("<donnees>", "<donnees><!-- note -->"),
    ],
)
def test_what_the_format_allows_is_allowed(before: str, after: str):
    content, _line = spoiled(before, after)

    assert len(read(content).bilans) == 3


@pytest.mark.parametrize("section", ["parcours-communs", "bilans-periodiques", "bilans-cycle"])
def test_optional_sections_may_be_absent(section: str):
    gone = re.sub(rf"<{section}>.*</{section}>", "", VALID, flags=re.DOTALL)

    assert read(gone.encode())


@pytest.mark.parametrize("required", ["directeurs", "classes", "eleves", "enseignants"])
def test_required_sections_may_not(required: str):
    gone = re.sub(rf"<{required}>.*</{required}>", "", VALID, flags=re.DOTALL)

    assert ("missing_element", 8) in [
        (problem.error_code, problem.line) for problem in problems_of(gone.encode())
    ]


def every_element(element: Element) -> list[Element]:
    return [
        element,
        *(found for occurrence in element.children for found in every_element(occurrence.element)),
    ]


def test_no_element_is_read_that_the_grammar_does_not_bound():
    """A text without a kind, or a value without one, would let anything in."""
    for element in every_element(LSU_FILE):
        assert all(callable(attribute.kind) for attribute in element.attributes)
        assert element.children or element.text or element.attributes
