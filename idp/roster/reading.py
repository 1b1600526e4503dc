"""From bytes to rows: encoding, separator, quotes, bounds. Knows no column. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from idp.roster.rules import Findings

MAXIMUM_BYTES = 32 * 1024 * 1024
MAXIMUM_ROWS = 50_000
MAXIMUM_LINE_CHARACTERS = 100_000
MAXIMUM_COLUMNS = 200
MAXIMUM_CELL_CHARACTERS = 1_000
SEPARATORS = ";,:\t"

_NOT_TEXT = (
    (b"PK\x03\x04", "a ZIP or spreadsheet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xfd7zXZ", "an XZ file"),
    (b"BZh", "a bzip2 file"),
    (b"7z\xbc\xaf", "a 7z file"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet file"),
    (b"%PDF", "a PDF file"),
    (b"<?xml", "an XML file"),
)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Accented letters and the curly apostrophe as UTF-8 writes them: read as windows-1252 they are no French text.
_UTF8_LETTER = re.compile(rb"\xc3[\x80-\xbf]|\xc5[\x92\x93\xb8]|\xe2\x80\x99")


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one record, trimmed, and the line of the file that it begins on."""

    line: int
    cells: list[str]


def read_rows(content: bytes, findings: Findings) -> list[Row]:
    """The file's rows that are not blank, its header first. Problems go to `findings`, each with its line."""
    text = _decode(content, findings)
    if text is None:
        return []
    if (long_line := _first_long_line(text)) is not None:
        findings.problem(long_line, f"a line longer than {MAXIMUM_LINE_CHARACTERS} characters")
        return []
    rows: list[Row] = []
    for row in _parse(text, findings):
        if len(rows) > MAXIMUM_ROWS:
            findings.problem(row.line, f"more than {MAXIMUM_ROWS} rows: import school by school")
            break
        if _is_within_bounds(row, findings):
            rows.append(row)
    if not rows and not findings.problems:
        findings.problem(0, "the file is empty")
    return rows


def _decode(content: bytes, findings: Findings) -> str | None:
    """The text, from UTF-8 with or without a mark, else windows-1252, tried in this order and nothing else."""
    if refusal := _why_not_text(content):
        findings.problem(*refusal)
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        not_utf8 = error
    if mixed := _UTF8_LETTER.search(content):
        line = _line_at(content, max(mixed.start(), not_utf8.start))
        findings.problem(line, "UTF-8 and windows-1252 are mixed in this file: export it again")
        return None
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        findings.problem(_line_at(content, error.start), "a byte is neither UTF-8 nor windows-1252")
        return None


def _why_not_text(content: bytes) -> tuple[int, str] | None:
    if len(content) > MAXIMUM_BYTES:
        return 0, f"larger than {MAXIMUM_BYTES // 1024 // 1024} MiB"
    if content.startswith(_UTF16_MARKS):
        return 1, "UTF-16: export the file as CSV in UTF-8 or windows-1252"
    for mark, name in _NOT_TEXT:
        if content.startswith(mark):
            return 1, f"{name}, not CSV: export the file as CSV"
    if (nul := content.find(b"\x00")) >= 0:
        return _line_at(content, nul), "a NUL byte (UTF-16, or no text): export the file as CSV in UTF-8"
    return None


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _first_long_line(text: str) -> int | None:
    """Found before anything is split: a line of a million columns would cost far more memory than its bytes."""
    lines = io.StringIO(text, newline="")
    return next((number for number, line in enumerate(lines, 1) if len(line) > MAXIMUM_LINE_CHARACTERS), None)


def _parse(text: str, findings: Findings) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line = 1
    try:
        for cells in reader:
            cleaned = [_clean(cell) for cell in cells]
            if any(cleaned):
                yield Row(line, cleaned)
            line = reader.line_num + 1
    except csv.Error:
        # Either the end of the file was reached inside a cell, or the cell outgrew what csv holds.
        findings.problem(line, "a quote that opens here is never closed, or is followed by text")


def _separator(text: str) -> str:
    """The separator that the header, the first line with anything on it, holds most of; `;` when it holds none."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n "), maxsplit=1)[0]
    return max(SEPARATORS, key=header.count)


def _clean(cell: str) -> str:
    """One line, one space between words, accents composed."""
    return unicodedata.normalize("NFC", " ".join(cell.split())) if cell else ""


def _is_within_bounds(row: Row, findings: Findings) -> bool:
    if len(row.cells) > MAXIMUM_COLUMNS:
        findings.problem(row.line, f"{len(row.cells)} columns, where {MAXIMUM_COLUMNS} are the most")
        return False
    refused = [(column, why) for column, cell in enumerate(row.cells, 1) if (why := _why_refused(cell))]
    for column, why in refused:
        findings.problem(row.line, why, column)
    return not refused


def _why_refused(cell: str) -> str | None:
    if len(cell) > MAXIMUM_CELL_CHARACTERS:
        return f"longer than {MAXIMUM_CELL_CHARACTERS} characters (a quote may be left open)"
    # Isprintable keeps the usual case quick: a control character could reach a mail's header or a terminal.
    if not cell.isprintable() and any(
        unicodedata.category(char) in {"Cc", "Cs"} or char in _TURNING for char in cell
    ):
        return "holds a control character"
    return None


_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing, so that a name reads as another."""
