"""Holds a tree against the grammar: every problem, each with its line. Pure; no reference is followed here."""

from collections import Counter
from collections.abc import Iterator

from livret_service.lsu_import.document import Node
from livret_service.lsu_import.grammar import (
    LSU_FILE,
    NAMESPACE,
    Attribute,
    Element,
    Occurrence,
    Order,
    Unique,
)
from livret_service.lsu_import.rules import Problem, StructureRefused
from livret_service.lsu_import.values import shown

SCHEMA_HINTS = frozenset(
    f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}"
    for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
"""Where a schema may be found: allowed on the root, never followed."""


def check_structure(root: Node) -> None:
    """Raises StructureRefused with every problem of the file, by line."""
    problems = tuple(sorted({*_root_problems(root), *_repeated_ids(root)}))
    if problems:
        raise StructureRefused(problems)


def _root_problems(root: Node) -> Iterator[Problem]:
    if root.name != _qualified(LSU_FILE):
        reason = f'the root is {_name(root)}, not "lsun-bilans" of {NAMESPACE}'
        yield Problem(root.line, "unexpected_root", reason)
        return
    known = {name: value for name, value in root.attributes.items() if name not in SCHEMA_HINTS}
    yield from _problems(Node(root.name, known, root.line, root.text, root.children), LSU_FILE)


def _problems(node: Node, element: Element) -> Iterator[Problem]:
    yield from _attribute_problems(node, element)
    yield from _text_problems(node, element)
    yield from _children_problems(node, element)
    for rule in element.unique:
        yield from _repeated(node, rule)
    known = {_qualified(occurrence.element): occurrence.element for occurrence in element.children}
    for child in node.children:
        if child.name in known:
            yield from _problems(child, known[child.name])


def _attribute_problems(node: Node, element: Element) -> Iterator[Problem]:
    known = {attribute.name for attribute in element.attributes}
    for name in node.attributes.keys() - known:
        yield Problem(
            node.line, "unexpected_attribute", f"{_name(node)} has an unknown attribute {shown(name)}"
        )
    for attribute in element.attributes:
        yield from _value_problems(node, attribute)


def _value_problems(node: Node, attribute: Attribute) -> Iterator[Problem]:
    value = node.attributes.get(attribute.name)
    if value is None:
        if attribute.is_required:
            reason = f'{_name(node)} lacks its attribute "{attribute.name}"'
            yield Problem(node.line, "missing_attribute", reason)
        return
    wrong = attribute.kind(value if attribute.is_free else value.strip())
    if wrong:
        yield Problem(node.line, "wrong_value", f'{_name(node)}: attribute "{attribute.name}" {wrong}')


def _text_problems(node: Node, element: Element) -> Iterator[Problem]:
    if element.text is None:
        if node.text.strip():
            yield Problem(node.line, "unexpected_text", f"{_name(node)} holds text of its own")
        return
    wrong = element.text(node.text)
    if wrong:
        yield Problem(node.line, "wrong_text", f"the text of {_name(node)} {wrong}")


def _children_problems(node: Node, element: Element) -> Iterator[Problem]:
    known = {_qualified(occurrence.element): place for place, occurrence in enumerate(element.children)}
    for child in node.children:
        if child.name not in known:
            yield Problem(
                child.line, "unexpected_element", f"{_name(child)} is not expected in {_name(node)}"
            )
    yield from _count_problems(node, element)
    if element.order is Order.SEQUENCE:
        yield from _order_problems(node, known)


def _count_problems(node: Node, element: Element) -> Iterator[Problem]:
    found = Counter(child.name for child in node.children)
    for occurrence in element.children:
        count = found[_qualified(occurrence.element)]
        if count < occurrence.least or (occurrence.most is not None and count > occurrence.most):
            error_code = "missing_element" if count < occurrence.least else "too_many_elements"
            reason = f'{_name(node)} holds {count} "{occurrence.element.name}", where {_expected(occurrence)}'
            yield Problem(node.line, error_code, reason)


def _order_problems(node: Node, places: dict[str, int]) -> Iterator[Problem]:
    furthest = 0
    for child in node.children:
        place = places.get(child.name, furthest)
        if place < furthest:
            yield Problem(child.line, "wrong_order", f"{_name(child)} comes too late in {_name(node)}")
        furthest = max(furthest, place)


def _repeated(node: Node, rule: Unique) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for child in node.children:
        values = tuple(child.attributes.get(name, "").strip() for name in rule.attributes)
        if child.local_name != rule.element or not all(values):
            continue
        if values in seen:
            what = ", ".join(f'"{name}"' for name in rule.attributes)
            yield Problem(child.line, "repeated", f"{_name(child)} repeats the {what} of line {seen[values]}")
        seen.setdefault(values, child.line)


def _repeated_ids(root: Node) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for node in _every(root):
        name = node.attributes.get("id", "").strip()
        if name in seen:
            reason = f"{_name(node)}: the id {shown(name)} is already taken on line {seen[name]}"
            yield Problem(node.line, "repeated_id", reason)
        elif name:
            seen[name] = node.line


def _every(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _every(child)


def _qualified(element: Element) -> str:
    return f"{{{NAMESPACE}}}{element.name}"


def _name(node: Node) -> str:
    return f'"{node.local_name}"' if node.name.startswith(f"{{{NAMESPACE}}}") else f'"{node.name}"'


def _expected(occurrence: Occurrence) -> str:
    least, most = occurrence.least, occurrence.most
    if most is None:
        return f"{least} or more are expected"
    return f"{least} is expected" if least == most else f"{least} to {most} are expected"
