"""Reading XML that means harm: nothing is fetched, nothing expands, and every refusal has its line."""

import contextlib
import gzip
import io
import lzma
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from livret_service.lsu_import import document
from livret_service.lsu_import.document import parse
from livret_service.lsu_import.reading import read
from livret_service.lsu_import.rules import StructureRefused
from tests.livret_service.lsu_files import VALID


def refusal(content: bytes) -> tuple[int, str]:
    """Line and code of the one problem that stops the reading."""
    with pytest.raises(StructureRefused) as refused:
        read(content)
    (problem,) = refused.value.problems
    return problem.line, problem.error_code


BILLION_LAUGHS = """<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">]><l>&f;</l>"""
DOCTYPES = {
    "external entity, file": '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]><l>&x;</l>',
    "parameter entity": '<!DOCTYPE l [<!ENTITY % x SYSTEM "file:///etc/hostname"> %x;]><l/>',
    "billion laughs": BILLION_LAUGHS,
    "quadratic": f'<!DOCTYPE l [<!ENTITY x "{"x" * 100_000}">]><l>{"&x;" * 1000}</l>',
    "attribute default": '<!DOCTYPE l [<!ATTLIST l a CDATA "x">]><l/>',
    "external subset": '<!DOCTYPE l SYSTEM "file:///etc/hostname"><l/>',
    "bare": "<!DOCTYPE l><l/>",
}


@pytest.mark.parametrize("hostile", DOCTYPES.values(), ids=DOCTYPES)
@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>\n', "<!-- a -->\n<?p i?>\n", "\ufeff"])
def test_im_04_a_doctype_is_refused_before_any_parser_sees_it(hostile: str, before: str):
    began = time.perf_counter()

    line, error_code = refusal((before + hostile).encode())

    assert (line, error_code) == (before.count("\n") + 1, "doctype")
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("hostile", DOCTYPES.values(), ids=DOCTYPES)
def test_im_04_no_parser_is_even_made_for_a_doctype(hostile: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "_build", lambda content: pytest.fail("the parser saw it"))

    assert refusal(hostile.encode()) == (1, "doctype")


def test_im_04_the_parser_alone_would_refuse_a_doctype_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "check_no_doctype", lambda content: None)

    for hostile in DOCTYPES.values():
        assert refusal(hostile.encode())[1] in {"doctype", "not_well_formed"}


def test_im_04_no_schema_include_or_style_sheet_is_fetched(httpserver: HTTPServer):
    address = httpserver.url_for("/fetched")
    hints = (
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {address}" schemaV'
    )
    styled = VALID.replace("?>", f'?><?xml-stylesheet href="{address}"?>', 1).replace("schemaV", hints, 1)
    include = f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{address}"/>'

    read(styled.encode())
    refused = refusal(VALID.replace("<donnees>", f"<donnees>{include}").encode())

    assert refused == (8, "unexpected_element")
    assert httpserver.log == []


@pytest.mark.parametrize("depth", [13, 200, 100_000])
def test_im_04_deep_nesting_is_refused_where_it_begins(depth: int):
    assert refusal(b"<a>\n" * depth)[0:2] == (13, "too_deep")


def test_a_hostile_prolog_costs_one_pass():
    began = time.perf_counter()

    assert refusal(b"<!---->" * 200_000 + b"<!DOCTYPE a><a/>") == (1, "doctype")
    assert refusal(b"<!---->" * 200_000 + b"<!")[1] == "not_well_formed"

    assert time.perf_counter() - began < 2


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../bilans.xml", VALID * 1000)
    return packed.getvalue()


@pytest.mark.parametrize(
    "packed",
    [zipped(), gzip.compress(VALID.encode()), lzma.compress(VALID.encode()), b"BZh9", b"\x00<a/>", b""],
    ids=["zip", "gzip", "xz", "bzip2", "nul", "empty"],
)
def test_im_06_archives_are_known_by_content_and_never_opened(packed: bytes):
    assert refusal(packed) == (1, "not_xml")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (VALID.encode("utf-16"), (1, "not_xml")),
        (VALID.encode("cp1252", "replace"), (4, "not_utf8")),
        (VALID.encode().replace("Zoé".encode(), b"Zo\xe9"), (10, "not_utf8")),
    ],
)
def test_another_encoding_is_refused_with_its_line(content: bytes, expected: tuple[int, str]):
    assert refusal(content) == expected


def test_a_declared_encoding_must_be_the_real_one():
    assert refusal(b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a/>') == (1, "not_utf8")


def test_a_byte_order_mark_is_read_over():
    assert read("\ufeff".encode() + VALID.encode()) == read(VALID.encode())


@pytest.mark.parametrize(
    "content", [b"<a>\n<b></a>", b"<a>\n\x00</a>", b"<a>\n&nope;</a>", b"<a>\n<b c='1' c='2'/></a>"]
)
def test_what_is_not_well_formed_is_refused_with_its_line(content: bytes):
    assert refusal(content) == (2, "not_well_formed")


def test_a_file_above_the_limit_is_refused_before_parsing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "MAX_FILE_BYTES", 100)

    assert refusal(VALID.encode()) == (0, "too_large")


def test_lines_are_right_beyond_sixteen_bits():
    root = parse(b"<a>\n" + b"\n" * 70_000 + b"<b>\n<c/></b></a>")

    assert [root.children[0].line, root.children[0].children[0].line] == [70_002, 70_003]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes):
    with contextlib.suppress(StructureRefused):
        read(content)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60))
def test_any_text_comes_back_as_it_was_written(text: str):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert parse(f"<a>{escaped}</a>".encode()).text == text
