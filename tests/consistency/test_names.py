"""Names: English, ASCII, the field's words."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Bare words that say too little, and French words that the glossary translates.
FORBIDDEN = {
    "code",
    "token",
    "user",
    "users",
    "eleve",
    "ecole",
    "parent",
    "responsable",
    "classe",
    "courrier",
}


def defined_names() -> Iterator[tuple[Path, int, str]]:
    """Every function, class, argument and assigned name of the three packages."""
    for package in ("idp", "livret_service", "shared"):
        for path in (ROOT / package).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    yield path, node.lineno, node.name
                elif isinstance(node, ast.arg):
                    yield path, node.lineno, node.arg
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield path, node.lineno, node.id


def test_names_are_ascii():
    assert [found for found in defined_names() if not found[2].isascii()] == []


def test_names_say_which_secret_and_whose():
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}" for path, line, name in defined_names() if name in FORBIDDEN
    ]

    assert found == []
