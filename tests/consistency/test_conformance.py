"""docs/conformance.md names, for each row of what certification wants, tests that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROWS = {"A": 20, "T": 10, "I": 6, "U": 7, "M": 6, "R": 9, "L": 9, "P": 17}
PROFILES = 18


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "conformance.md").read_text()


def names_of_tests(path: Path) -> Iterator[str]:
    """The names of a file's tests, in whatever class."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name


def rows_told(page: str) -> dict[str, list[str]]:
    """Row to the tests named for it."""
    told = re.findall(r"^\| ([ATIUMRLP]\d+) \| .* \| (.*) \|$", page, re.MULTILINE)
    return {row: re.findall(r"`([^`]+::[^`]+)`", cell) for row, cell in told}


def test_every_row_names_a_test(page: str):
    wanted = {f"{letter}{number}" for letter, count in ROWS.items() for number in range(1, count + 1)}
    told = rows_told(page)

    assert set(told) == wanted
    assert [row for row, tests in told.items() if not tests] == []


def test_every_test_named_exists(page: str):
    named = {test for tests in rows_told(page).values() for test in tests}
    files = {name.partition("::")[0] for name in named}
    there = {f"{file}::{test}" for file in files for test in names_of_tests(ROOT / "tests" / file)}

    assert named - there == set()


def test_every_module_leads_to_a_row_or_says_why_it_is_skipped(page: str):
    profiles = page.partition("## From a row to its tests")[0].split("\n### ")[1:]
    modules = re.findall(r"^\| (?!module|---)(.+?) \| (.+) \|$", "\n".join(profiles), re.MULTILINE)
    used = {row for _, cell in modules for row in re.findall(r"\b[ATIUMRLP]\d+\b", cell)}

    assert len(profiles) == PROFILES
    assert [module for module, cell in modules if not re.match(r"[ATIUMRLP]\d|skipped: ", cell)] == []
    assert used <= set(rows_told(page))
