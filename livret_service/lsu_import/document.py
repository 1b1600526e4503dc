"""From bytes to a small tree with lines, refusing on the way all that XML can do besides hold text.

No DOCTYPE at all, hence no entity but XML's five; no network; UTF-8 only; limits on size and depth.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from lxml import etree

from livret_service.lsu_import.rules import Problem, StructureRefused

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A large school's year takes about a tenth of this."""

MAX_DEPTH = 12
"""The format needs nine."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Possessive groups: a hostile prolog costs one pass, never a search.
PROLOG = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']""")


@dataclass(slots=True)
class Node:
    """An element: name as `{namespace}local`, attributes, own text, children, and the line where its tag ends."""

    name: str
    attributes: Mapping[str, str]
    line: int
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    @property
    def local_name(self) -> str:
        return self.name.rpartition("}")[2]

    def child(self, local_name: str) -> "Node | None":
        """The first child of that name."""
        return next((child for child in self.children if child.local_name == local_name), None)

    def items(self, list_name: str) -> list["Node"]:
        """The children of the child of that name; none when it is absent."""
        found = self.child(list_name)
        return found.children if found else []

    def text_of(self, local_name: str) -> str:
        """The child's text, trimmed; empty when it is absent."""
        found = self.child(local_name)
        return found.text.strip() if found else ""


class _TreeBuilder:
    """The parser's target. Own line count: libxml2 keeps an element's line in sixteen bits."""

    def __init__(self) -> None:
        self.line = 0
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._root: Node | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) == MAX_DEPTH:
            raise _refusal(self.line, "too_deep", f"elements are nested more than {MAX_DEPTH} deep")
        node = Node(name, dict(attributes), self.line)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)
        self._texts.append([])

    def end(self, _name: str) -> None:
        # Joined once: a text arrives in as many pieces as it has references.
        self._open.pop().text = "".join(self._texts.pop())

    def data(self, text: str) -> None:
        self._texts[-1].append(text)

    def doctype(self, *_declaration: object) -> None:
        raise _refusal(self.line, "doctype", "a DOCTYPE is not accepted")

    def close(self) -> Node | None:
        return self._root


def parse(content: bytes) -> Node:
    """The root of a file. Raises StructureRefused with the one problem that stopped the reading."""
    check_size(content)
    check_is_xml_in_utf8(content)
    check_no_doctype(content)
    return _build(content)


def check_size(content: bytes) -> None:
    """Limits come before parsing. Raises StructureRefused."""
    if len(content) > MAX_FILE_BYTES:
        raise _refusal(0, "too_large", f"the file is larger than {MAX_FILE_BYTES // 1024**2} MiB")


def check_is_xml_in_utf8(content: bytes) -> None:
    """Recognised by content, whatever the file's name: archives and other encodings stop here. Raises StructureRefused."""
    if not content.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        raise _refusal(1, "not_xml", "this is not an XML file in UTF-8 (archives are not opened)")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refusal(line, "not_utf8", f"byte {error.start} is not UTF-8") from None
    declared = DECLARED_ENCODING.match(content.removeprefix(BYTE_ORDER_MARK))
    if declared and declared[1].upper() not in {b"UTF-8", b"UTF8"}:
        raise _refusal(1, "not_utf8", "the XML declaration names another encoding than UTF-8")


def check_no_doctype(content: bytes) -> None:
    """Before any parser sees it: a DTD may expand, fetch, or set attributes. Raises StructureRefused."""
    body = content.removeprefix(BYTE_ORDER_MARK)
    prolog = PROLOG.match(body)
    end = prolog.end() if prolog else 0
    if body[end : end + 9].upper() == b"<!DOCTYPE":
        line = body.count(b"\n", 0, end) + 1
        raise _refusal(line, "doctype", "a DOCTYPE is not accepted")


def _build(content: bytes) -> Node:
    builder = _TreeBuilder()
    target: Any = builder  # the stubs ask of a target every method that lxml may call; it asks none
    parser = etree.XMLParser(
        target=target,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        for builder.line, text in enumerate(BytesIO(content), 1):
            parser.feed(text)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        reason = str(error.msg).replace("\n", " ")
        raise _refusal(error.lineno or builder.line, "not_well_formed", reason) from None
    if not isinstance(root, Node):
        raise _refusal(1, "not_well_formed", "the file holds no element")
    return root


def _refusal(line: int, error_code: str, reason: str) -> StructureRefused:
    return StructureRefused((Problem(line, error_code, reason),))
