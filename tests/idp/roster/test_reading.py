import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile

import pytest

from idp.roster import reading
from idp.roster.reading import read_rows
from idp.roster.rules import Findings


def read(content: bytes) -> tuple[list[list[str]], list[tuple[int, str]]]:
    findings = Findings("file.csv")
    rows = read_rows(content, findings)
    return [row.cells for row in rows], [(problem.line, problem.reason) for problem in findings.problems]


def refusal(content: bytes) -> tuple[int, str]:
    _, (problem, *_) = read(content)
    return problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_im_02_known_encodings_are_read_right(encoding: str) -> None:
    rows, problems = read("Prénom;Nom\r\nMaël;LECŒUR\r\nLéa;L’HÉNORET\r\n".encode(encoding))

    assert rows == [["Prénom", "Nom"], ["Maël", "LECŒUR"], ["Léa", "L’HÉNORET"]]
    assert problems == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_im_02_utf_16_is_refused_and_said_so(encoding: str) -> None:
    line, reason = refusal("Nom;Prénom\r\nDUPONT;Léa\r\n".encode(encoding))

    assert line == 1
    assert "UTF-16" in reason


def test_im_02_utf_16_without_a_single_nul_is_refused_too() -> None:
    assert "UTF-16" in refusal("王李".encode("utf-16"))[1]


def test_im_02_a_nul_is_refused_with_its_line() -> None:
    assert refusal(b"Nom\r\nDUPONT\r\nN\x00GUYEN\r\n")[0] == 3


def test_im_02_two_encodings_in_one_file_are_refused_with_the_line_of_the_second() -> None:
    content = "Prénom\r\nMaël\r\n".encode() + "Léa\r\n".encode("cp1252")

    line, reason = refusal(content)

    assert line == 3
    assert "mixed" in reason


def test_im_02_a_byte_of_no_known_encoding_is_refused_with_its_line() -> None:
    assert refusal(b"Nom\r\nL\x81\xe9a\r\n") == (2, "a byte is neither UTF-8 nor windows-1252")


def test_im_02_an_unclosed_quote_is_refused_with_the_line_it_opens_on() -> None:
    line, reason = refusal(b'Nom;Classe\r\nDUPONT;CP A\r\n"MARTIN;CP A\r\nDURAND;CP A\r\n')

    assert line == 3
    assert "quote" in reason


def test_im_02_a_quote_left_open_over_a_whole_file_is_refused() -> None:
    line, _ = refusal(b'Nom;Classe\r\n"MARTIN;CP A\r\n' + b"DURAND;CP A\r\n" * 20_000)

    assert line == 2


def test_im_02_a_million_columns_are_refused_in_little_memory() -> None:
    content = b"Nom\r\n" + b";" * 10**6 + b"\r\n"
    tracemalloc.start()

    line, reason = refusal(content)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (line, "longer than" in reason) == (2, True)
    assert peak < 8 * len(content)


def test_im_02_too_many_columns_on_a_line_are_refused() -> None:
    assert refusal(b"Nom\r\n" + b";" * 300 + b"x\r\n") == (2, "301 columns, where 200 are the most")


def test_im_02_a_file_that_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_BYTES", 1024 * 1024)

    assert refusal(b"x" * (1024 * 1024 + 1)) == (0, "larger than 1 MiB")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_ROWS", 2)

    assert refusal(b"Nom\r\nA\r\nB\r\nC\r\nD\r\n")[0] == 4


def test_a_cell_that_is_too_long_is_refused_where_it_stands() -> None:
    findings = Findings("file.csv")

    read_rows(b"Nom;Classe\r\nDUPONT;" + b"x" * 1001 + b"\r\n", findings)

    assert [(problem.line, problem.column) for problem in findings.problems] == [(2, 2)]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(b"Nom;Classe\r\n" * 1000), "gzip"),
        (lzma.compress(b"Nom;Classe\r\n" * 1000), "XZ"),
        (bz2.compress(b"Nom;Classe\r\n" * 1000), "bzip2"),
        (b"%PDF-1.7\n", "PDF"),
    ],
    ids=["gzip", "xz", "bzip2", "pdf"],
)
def test_im_06_archives_are_refused_by_content(content: bytes, name: str) -> None:
    line, reason = refusal(content)

    assert line == 1
    assert name in reason


def test_im_06_a_zip_bomb_is_refused_and_never_opened() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../pupils.csv", b"\x00" * 10**7)
    tracemalloc.start()

    line, reason = refusal(bomb.getvalue())

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (line, "ZIP" in reason) == (1, True)
    assert peak < 10**6


@pytest.mark.parametrize("separator", [";", ",", ":", "\t"])
def test_the_separator_is_counted_in_the_header(separator: str) -> None:
    header = separator.join(["Nom", "Prénom", "Classe"])
    other = "," if separator == ";" else ";"

    rows, _ = read(f"{header}\r\n".encode() + f"A{other}B{other}C{other}D{separator}E\r\n".encode())

    assert rows == [["Nom", "Prénom", "Classe"], [f"A{other}B{other}C{other}D", "E"]]


def test_a_quoted_line_break_stays_in_its_cell_and_lines_are_still_those_of_the_file() -> None:
    findings = Findings("file.csv")

    rows = read_rows(b'Nom;Adresse\r\nA;"1 rue\r\ndu Lac"\r\n\r\nB;2 rue\r\n', findings)

    assert [(row.line, row.cells) for row in rows] == [
        (1, ["Nom", "Adresse"]),
        (2, ["A", "1 rue du Lac"]),
        (5, ["B", "2 rue"]),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(ending: str) -> None:
    rows, _ = read(ending.join(["Nom;Classe", "A;B", ""]).encode())

    assert rows == [["Nom", "Classe"], ["A", "B"]]


@pytest.mark.parametrize("character", ["\x07", "\x1b", "\x7f", "\u202e", "\u2066"])
def test_a_control_character_is_refused_where_it_stands(character: str) -> None:
    findings = Findings("file.csv")

    read_rows(f"Nom;Classe\r\nDU{character}PONT;CP\r\n".encode(), findings)

    assert [(problem.line, problem.column) for problem in findings.problems] == [(2, 1)]


def test_im_01_a_cell_that_begins_like_a_formula_is_text() -> None:
    rows, problems = read(b'Nom;Classe\r\n=1+1;@SUM(A1)\r\n+33;-2\r\n"\tA";"\rB"\r\n')

    assert rows[1:] == [["=1+1", "@SUM(A1)"], ["+33", "-2"], ["A", "B"]]
    assert problems == []


def test_accents_are_composed() -> None:
    assert read("Nom\r\nLe\u0301a\r\n".encode())[0] == [["Nom"], ["Léa"]]


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", b"\xef\xbb\xbf", b";;;\r\n"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    assert refusal(content) == (0, "the file is empty")
