import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typst
from pypdf import PdfReader

from shared.documents import THEME, compile_pdf, printable

AT = datetime(2026, 11, 23, 8, 30, 15, 123456, tzinfo=UTC)
START = '#import "document.typ": *\n#show: printed-document.with(title: "Essai")\n= Essai\n'
SAY = START + "#json(bytes(sys.inputs.data)).text"


def test_every_character_called_printable_is_drawn_by_a_face_of_the_theme(make: "Make"):
    drawn = "".join(
        chr(point) for point in range(sys.maxunicode + 1) if printable(chr(point)) == chr(point) != "?"
    )

    pdf = make(SAY, text=" ".join(drawn))

    assert len(drawn) > 600
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Zoe\u0301", "Zoé"), ("王", "?"), ("a\x00b", "a?b"), ("N\u2019GUYEN Œ", "N\u2019GUYEN Œ")],
)
def test_a_text_keeps_what_can_be_drawn(text: str, expected: str):
    assert printable(text) == expected


def test_the_same_input_gives_the_same_bytes(make: "Make"):
    assert make(SAY, text="Élie") == make(SAY, text="Élie")


def test_im_10_markup_in_data_is_printed_literally(make: "Make", tmp_path: Path):
    (tmp_path / "out.pdf").write_bytes(make(SAY, text='#eval("1+1") *gras* $x$ @ref <label>'))

    assert '#eval("1+1") *gras* $x$ @ref <label>' in PdfReader(tmp_path / "out.pdf").pages[0].extract_text()


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ('#read("/etc/passwd")', "not found"),
        ('#read("../outside.txt")', "escape|outside|access|not found"),
        ('#import "@preview/cetz:0.2.0"', "package"),
        ('#image("/etc/hostname")', "not found"),
    ],
)
def test_im_09_even_a_template_reaches_no_file_and_no_network(make: "Make", source: str, refusal: str):
    with pytest.raises(typst.TypstError, match=refusal):
        make(START + source)


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        (START + "#image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg'/>\"))", "alt"),
        ("Sans titre", "title"),
        (START + "==== Titre de rang 4", "heading"),
    ],
)
def test_a_document_that_is_not_accessible_is_refused(make: "Make", source: str, refusal: str):
    with pytest.raises(typst.TypstError, match=refusal):
        make(source)


def test_a_theme_replaces_the_look(make: "Make", tmp_path: Path):
    theme = tmp_path / "theme"
    theme.mkdir()
    look = (THEME / "document.typ").read_text().replace('lang: "fr"', 'lang: "en"')
    (theme / "document.typ").write_text(look)

    assert b"en-FR" in make(SAY, text="x", theme_dir=theme)


class Make:
    """Compiles a source written on the spot."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.typ"

    def __call__(self, source: str, *, text: str = "", theme_dir: Path | None = None) -> bytes:
        self._template.write_text(source)
        return compile_pdf(self._template, {"text": text}, timestamp=AT, theme_dir=theme_dir)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path)
