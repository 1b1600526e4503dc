"""Keep the translation catalogues: what the code and the templates say in French, and its English.

`python -m scripts.translations` extracts every sentence anew, keeps the translations that still serve, drops the
others and compiles; it lists what is not translated, and exits with 1 while something is. A test compares.

French is the language of the sources: a message's identity is its French sentence.
"""

import ast
import io
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
PACKAGES = ("idp", "livret_service", "shared")
LANGUAGES = ("en",)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""An instant that never changes: a catalogue without changes is the same file."""

METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
# As Flask-Babel installs them; silent=false: a template that cannot be read is a fault, not a gap.
OPTIONS = {"**.html": {"newstyle_gettext": "true", "silent": "false"}}
OPTIONS["**.txt"] = OPTIONS["**.html"]
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
IGNORED_FOLDERS = frozenset({"migrations", "static", "translations", "__pycache__"})

SAID_LATER = frozenset({"sentence", "criterion", "title", "way_on", "subject", "POLICY_SENTENCE"})
"""Attributes, arguments and constants that pure modules hold in French, and that are translated when shown."""

UNTOLD_HEADERS = (
    b'"Project-Id',
    b'"Report-',
    b'"POT-',
    b'"PO-',
    b'"Last-',
    b'"Language-Team',
    b'"Generated-',
)
"""Of a catalogue's header: who and when are the history's to tell."""

WORD_TABLES = {
    "livret_service/livrets/nomenclature.py": frozenset(
        {
            "DISCIPLINES",
            "PARCOURS",
            "PERIODES",
            "POSITIONNEMENTS",
            "POSITIONNEMENT_MEANINGS",
            "SOCLE",
            "SOCLE_LEVELS",
            "SUPPORT_MEASURES",
            "UNASSESSED",
        }
    )
}
"""Modules of words: the tables whose values templates pass through the translations."""


def catalogue_path(package: str, language: str) -> Path:
    """Where a package's catalogue of a language stands."""
    return ROOT / package / "translations" / language / "LC_MESSAGES" / "messages.po"


def extracted(package: str) -> Catalog:
    """Everything that the package says, without translations."""
    template = Catalog(charset="utf-8")
    for message, place in _messages(package):
        template.add(message, locations=[(place, 0)])
    return template


def updated(package: str, language: str) -> Catalog:
    """The package's catalogue with today's sentences: translations are kept by identity, never guessed."""
    path = catalogue_path(package, language)
    known = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(language)
    fresh = _empty(language)
    for message in sorted(extracted(package), key=lambda one: str(one.id)):
        if message.id:
            before = known.get(message.id if isinstance(message.id, str) else message.id[0])
            fresh.add(message.id, before.string if before else None, locations=message.locations)
    return fresh


def untranslated(catalogue: Catalog) -> list[str]:
    """The sentences that the catalogue has no words for, in each of their forms."""
    return [str(message.id) for message in catalogue if message.id and not _is_translated(message.string)]


def po_bytes(catalogue: Catalog) -> bytes:
    """The file that people edit: places without line numbers, so that moving code changes nothing."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, include_lineno=False, sort_output=True)
    return b"".join(
        line for line in buffer.getvalue().splitlines(keepends=True) if not line.startswith(UNTOLD_HEADERS)
    )


def mo_bytes(catalogue: Catalog) -> bytes:
    """The file that programs read; the same bytes for the same words."""
    buffer, words = io.BytesIO(), _empty(str(catalogue.locale))
    for message in catalogue:
        if message.id and _is_translated(message.string):
            words.add(message.id, message.string)
    write_mo(buffer, words)
    return buffer.getvalue()


def main() -> int:
    """Write every catalogue anew; 1 while a sentence has no translation."""
    missing = 0
    for package in PACKAGES:
        for language in LANGUAGES:
            catalogue, path = updated(package, language), catalogue_path(package, language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(po_bytes(catalogue))
            path.with_suffix(".mo").write_bytes(mo_bytes(catalogue))
            lacking = untranslated(catalogue)
            missing += len(lacking)
            for sentence in lacking:
                sys.stdout.write(f"{package} {language}: {sentence}\n")
    sys.stderr.write(f"{missing} sentences without translation\n")
    return 1 if missing else 0


def _empty(language: str) -> Catalog:
    return Catalog(
        locale=language,
        charset="utf-8",
        fuzzy=False,
        header_comment="# Written by scripts/translations.py; the translations are edited by hand.",
        creation_date=EPOCH,
        revision_date=EPOCH,
    )


def _messages(package: str) -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Each sentence (or its two forms) and the file that says it."""
    folder = ROOT / package
    found = extract_from_dir(
        folder,
        method_map=METHODS,
        options_map=OPTIONS,
        keywords=KEYWORDS,
        directory_filter=lambda path: Path(path).name not in IGNORED_FOLDERS,
    )
    for place, _line, message, _comments, _context in found:
        yield message, f"{package}/{place}"
    for path in sorted(folder.rglob("*.py")):
        if not IGNORED_FOLDERS & set(path.relative_to(folder).parts):
            place = path.relative_to(ROOT).as_posix()
            for sentence in said_later(path.read_text(encoding="utf-8"), WORD_TABLES.get(place, frozenset())):
                yield sentence, place


def said_later(source: str, tables: frozenset[str] = frozenset()) -> Iterator[str]:
    """The French sentences of a module that are translated where they are shown, in the order of the module.

    tables: names of module-level tables, all of whose words are said.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg=str(name), value=value) if name in SAID_LATER:
                yield from _texts([value])
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield from _texts_of(name, value, tables)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield from _texts_of(name, value, tables)


def _texts_of(name: str, value: ast.expr, tables: frozenset[str]) -> Iterator[str]:
    if name in SAID_LATER:
        yield from _texts([value])
    elif name in tables:
        yield from _texts(_words_of_table(value))


def _words_of_table(value: ast.expr) -> Iterable[ast.expr]:
    """The values of a table: texts, tuples of texts, or the label that comes first in a record."""
    match value:
        case ast.Dict(values=values):
            for one in values:
                yield from _words_of_table(one)
        case ast.Tuple(elts=elements):
            yield from elements
        case ast.Call(args=[label, *_others]):
            yield label
        case _:
            yield value


def _texts(values: Iterable[ast.expr]) -> Iterator[str]:
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
            yield value.value


def _is_translated(string: object) -> bool:
    forms = string if isinstance(string, list | tuple) else [string]
    return bool(forms) and all(forms)


if __name__ == "__main__":
    raise SystemExit(main())
