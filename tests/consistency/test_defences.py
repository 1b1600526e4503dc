"""What `make defences` takes away is still there, and what must then fail exists: a record that rots proves nothing."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from scripts.prove_defences import DEFENCES, ROOT, Change, Defence, StaleDefence, read_defences, remaining

RECORDED = read_defences()
LATER = {
    entry["attack"]: entry["why"]
    for entry in tomllib.loads((DEFENCES / "not_ours_yet.toml").read_text()).get("later", [])
}


@cache
def functions_in(path: Path) -> frozenset[tuple[str, ...]]:
    """(`test_…`,) or (`Test…`, `test_…`), as pytest names what the file holds."""

    def names(body: list[ast.stmt], outer: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for one in body:
            if isinstance(one, ast.ClassDef):
                yield from names(one.body, (*outer, one.name))
            elif isinstance(one, ast.FunctionDef):
                yield (*outer, one.name)

    return frozenset(names(ast.parse(path.read_text()).body))


@pytest.mark.parametrize("defence", RECORDED, ids=lambda one: f"{one.attack} {one.without}")
def test_what_is_taken_away_is_there_and_its_tests_are_too(defence: Defence):
    for change in defence.changes:
        changed = change.applied_to((ROOT / change.file).read_text())
        if change.file.endswith(".py"):
            compile(changed, change.file, "exec")
    for test in defence.tests:
        file, *names = test.split("[")[0].split("::")
        assert tuple(names) in functions_in(ROOT / file), test


def test_an_attack_is_either_proven_or_left_for_a_reason():
    assert not LATER.keys() & {defence.attack for defence in RECORDED}
    assert all(LATER.values())


def test_a_defence_that_is_gone_or_ambiguous_is_told():
    change = Change("a.py", "if forbidden:", "if False:")

    for source in ("", "if forbidden: 1\nif forbidden: 2"):
        with pytest.raises(StaleDefence):
            change.applied_to(source)


def test_a_test_that_passes_without_its_defence_is_named(tmp_path: Path):
    (tmp_path / "door.py").write_text("def opens(key):\n    return key == 'right'\n")
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--database')\n"
    )
    (tmp_path / "test_door.py").write_text(
        "from door import opens\n\n"
        "def test_strong():\n    assert not opens('wrong')\n\n"
        "def test_weak():\n    assert opens('right')\n"
    )
    tests = ("test_door.py::test_strong", "test_door.py::test_weak")
    lock = Defence("XX-01", "the lock", (Change("door.py", "key == 'right'", "True"),), tests)

    assert remaining(lock, tmp_path) == ["test_door.py::test_weak"]
    assert "key == 'right'" in (tmp_path / "door.py").read_text()
