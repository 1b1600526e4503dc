"""Printed documents: typst templates filled with data, compiled to PDF/UA-1 and PDF/A-2a at once.

What people wrote enters as JSON (`sys.inputs`) and is never part of a source, so markup in a name is printed
as it stands. The compiler sees one throw-away folder that holds the template and the theme's `document.typ`:
there is nothing else to read, and no package to import.
"""

import json
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

THEME = Path(__file__).parent / "theme"
DOCUMENT = "document.typ"
UNPRINTABLE = "?"

# What the faces of the theme draw, tested whole: Latin with its extensions, Greek, Cyrillic, and the
# punctuation of the texts. PDF/A refuses a document for one missing glyph: one name must not stop a school.
_DRAWN = (
    range(0x0020, 0x007F),
    range(0x00A0, 0x0180),
    range(0x01CD, 0x01DD),
    range(0x0218, 0x021C),
    range(0x0386, 0x038B),
    range(0x038E, 0x03A2),
    range(0x03A3, 0x03CF),
    range(0x0400, 0x0460),
    range(0x1E80, 0x1E86),
    range(0x1EA0, 0x1EFA),
    range(0x2010, 0x2015),
    range(0x2018, 0x201F),
)
_DRAWN_ALONE = frozenset("\u2026\u202f\u2009\u20ac\u2116\n")


def compile_pdf(
    template: Path, data: Mapping[str, Any], *, timestamp: datetime, theme_dir: Path | None = None
) -> bytes:
    """The PDF of `template` filled with `data`; the same bytes for the same input and `timestamp`.

    data: what `json` can write; every text in it is made printable first. theme_dir: searched before the
    theme for `document.typ` and `fonts/`. Raises typst.TypstError when the document is not accessible
    (alternative text, title, order of headings) or the template is wrong.
    """
    theme = theme_dir if theme_dir and (theme_dir / DOCUMENT).is_file() else THEME
    with tempfile.TemporaryDirectory(prefix="document-") as folder:
        root = Path(folder)
        shutil.copy(template, root / template.name)
        shutil.copy(theme / DOCUMENT, root / DOCUMENT)
        compiler = typst.Compiler(
            root=str(root),
            font_paths=_fonts(theme),
            package_path=str(root / "packages"),
            package_cache_path=str(root / "packages"),
        )
        pdf = compiler.compile(
            input=str(root / template.name),
            format="pdf",
            pdf_standards=["ua-1", "a-2a"],
            sys_inputs={"data": json.dumps(_printable_data(data), ensure_ascii=False)},
            timestamp=timestamp.replace(microsecond=0),  # a PDF date holds whole seconds
        )
    assert isinstance(pdf, bytes)  # noqa: S101 - one format, no output path: the library's other answers cannot occur
    return pdf


def printable(text: str) -> str:
    """`text`, composed, with `?` for each character that no face of the theme draws."""
    return "".join(one if _is_drawn(one) else UNPRINTABLE for one in unicodedata.normalize("NFC", text))


def _is_drawn(character: str) -> bool:
    return character in _DRAWN_ALONE or any(ord(character) in drawn for drawn in _DRAWN)


def _printable_data(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _printable_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_printable_data(inner) for inner in value]
    return value


@lru_cache(maxsize=4)
def _fonts(theme: Path) -> typst.Fonts:
    """Found once a process: reading the faces costs more than compiling a page."""
    folders = [folder for folder in (theme / "fonts", THEME / "fonts") if folder.is_dir()]
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder) for folder in folders])
