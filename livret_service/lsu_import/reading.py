"""From a tree whose structure is right to records. The words of the file end here; `responsables` are left behind."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from livret_service.lsu_import.document import Node, parse
from livret_service.lsu_import.rules import (
    Adult,
    Assessment,
    BilanCycle,
    BilanPeriodique,
    Child,
    CommonParcours,
    LsuFile,
    ParcoursText,
    Periode,
    ProgrammeElement,
    SchoolClass,
    SocleLevel,
    SupportMeasure,
)
from livret_service.lsu_import.structure import check_structure
from livret_service.lsu_import.values import BOOLEANS, read_day, read_instant

T = TypeVar("T")


def read(content: bytes) -> LsuFile:
    """The records of a file. Raises StructureRefused, with every problem of its structure."""
    root = parse(content)
    check_structure(root)
    return _file(root)


def _file(root: Node) -> LsuFile:
    header, data = _part(root, "entete"), _part(root, "donnees")
    school = _part(header, "etablissement")
    return LsuFile(
        school_uai=school.text.strip(),
        school_line=school.line,
        school_heads=_by_id(data.items("directeurs"), _adult),
        classes=_by_id(data.items("classes"), _school_class),
        children=_by_id(data.items("eleves"), _child),
        periodes=_by_id(data.items("periodes"), _periode),
        teachers=_by_id(data.items("enseignants"), _adult),
        programme_elements=_by_id(data.items("elements-programme"), _programme_element),
        common_parcours=tuple(_common_parcours(node) for node in data.items("parcours-communs")),
        bilans=tuple(_bilans(data)),
    )


def _bilans(data: Node) -> Iterator[BilanPeriodique | BilanCycle]:
    yield from (_bilan_periodique(node) for node in data.items("bilans-periodiques"))
    yield from (_bilan_cycle(node) for node in data.items("bilans-cycle"))


def _bilan_periodique(node: Node) -> BilanPeriodique:
    return BilanPeriodique(
        **_signed(node),
        periode_ref=_value(node, "periode-ref"),
        assessments=tuple(_assessment(item) for item in node.items("liste-acquis")),
        parcours=tuple(_parcours(item) for item in node.items("liste-parcours")),
        support_measures=tuple(_support_measure(item) for item in node.items("modalites-accompagnement")),
        appreciation=node.text_of("appreciation-generale"),
    )


def _bilan_cycle(node: Node) -> BilanCycle:
    return BilanCycle(
        **_signed(node),
        cycle=int(_value(node, "cycle")),
        school_year=int(_value(node, "millesime")),
        summary=node.text_of("synthese"),
    )


def _signed(node: Node) -> dict[str, Any]:
    return {
        "child_ref": _value(node, "eleve-ref"),
        "teacher_refs": _references(node, "enseignant-refs"),
        "school_head_ref": _value(node, "directeur-ref"),
        "created_on": read_day(_value(node, "date-creation")),
        "locked_at": read_instant(_value(node, "date-verrou")),
        "socle": tuple(_socle_level(item) for item in node.items("socle")),
        "line": node.line,
    }


def _assessment(node: Node) -> Assessment:
    return Assessment(
        discipline_code=_value(node, "code-domaine"),
        positionnement=_optional_number(node, "positionnement"),
        is_unassessed=BOOLEANS[_value(node, "non-evalue") or "false"],
        programme_element_refs=_references(node, "element-programme-refs"),
        appreciation=node.text_of("appreciation"),
        parts=tuple(_assessment(item) for item in node.items("sous-domaines")),
        line=node.line,
    )


def _support_measure(node: Node) -> SupportMeasure:
    return SupportMeasure(_value(node, "code"), node.text_of("complement-ppre"), node.line)


def _socle_level(node: Node) -> SocleLevel:
    return SocleLevel(_value(node, "code"), _optional_number(node, "positionnement"), node.line)


def _parcours(node: Node) -> ParcoursText:
    return ParcoursText(_value(node, "code"), node.text.strip(), node.line)


def _common_parcours(node: Node) -> CommonParcours:
    parcours = tuple(_parcours(item) for item in node.children)
    return CommonParcours(_value(node, "periode-ref"), _value(node, "classe-ref"), parcours, node.line)


def _adult(node: Node) -> Adult:
    return Adult(_value(node, "civilite"), _value(node, "nom"), _value(node, "prenom"), node.line)


def _school_class(node: Node) -> SchoolClass:
    return SchoolClass(int(_value(node, "id-be")), node.line)


def _child(node: Node) -> Child:
    return Child(
        ine=_value(node, "ine"),
        class_ref=_value(node, "classe-ref"),
        family_name=_value(node, "nom"),
        given_name=_value(node, "prenom"),
        line=node.line,
    )


def _periode(node: Node) -> Periode:
    return Periode(
        school_year=int(_value(node, "millesime")),
        index=int(_value(node, "indice")),
        count=int(_value(node, "nb-periodes")),
        starts_on=read_day(_value(node, "date-debut")),
        ends_on=read_day(_value(node, "date-fin")),
        line=node.line,
    )


def _programme_element(node: Node) -> ProgrammeElement:
    return ProgrammeElement(_value(node, "libelle"), node.line)


def _by_id(nodes: list[Node], record: Callable[[Node], T]) -> dict[str, T]:
    return {_value(node, "id"): record(node) for node in nodes}


def _part(node: Node, local_name: str) -> Node:
    found = node.child(local_name)
    if found is None:
        raise AssertionError(f"the structure check lets {node.local_name} lack {local_name}")
    return found


def _value(node: Node, attribute: str) -> str:
    return node.attributes.get(attribute, "").strip()


def _references(node: Node, attribute: str) -> tuple[str, ...]:
    return tuple(_value(node, attribute).split())


def _optional_number(node: Node, attribute: str) -> int | None:
    value = _value(node, attribute)
    return int(value) if value else None
