"""What the project promises about itself as a repository."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

MACHINE_PATH = re.compile(r"(^|[ \"'=(])/(root|home|work|Users)/[A-Za-z]")


@pytest.fixture(scope="module")
def root() -> Path:
    return Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    """The files that git keeps; outside a checkout, those of the source folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [root / name for name in listed.stdout.splitlines() if (root / name).is_file()]
    return [
        path
        for folder in ("idp", "livret_service", "shared", "tests")
        for path in (root / folder).rglob("*.py")
    ]


@pytest.mark.parametrize("lock", ["base.txt", "test.txt"])
def test_locks_name_no_address_and_pin_every_package_by_hash(root: Path, lock: str):
    text = (root / "requirements" / lock).read_text()

    assert "://" not in text
    pinned = re.findall(r"^[A-Za-z0-9_.-]+==", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"--hash=sha256:", text)) >= len(pinned)


def test_every_dependency_of_the_package_stands_in_the_lock(root: Path):
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = (root / "requirements" / "base.in").read_text().splitlines()

    assert set(declared) <= set(listed)


def test_no_file_names_a_path_of_one_machine(tracked: list[Path]):
    found = [
        str(path)
        for path in tracked
        if path.suffix in {".py", ".md", ".toml", ".html", ".sh", ".txt", ".in", ""}
        and MACHINE_PATH.search(path.read_text(errors="ignore"))
    ]

    assert found == []


def test_no_module_is_a_drawer(tracked: list[Path]):
    drawers = {"utils", "helpers", "common", "misc", "tools"}

    assert [str(path) for path in tracked if path.stem in drawers] == []


def test_every_decision_is_listed(root: Path):
    index = (root / "docs" / "adr" / "README.md").read_text()
    decisions = sorted(path.name for path in (root / "docs" / "adr").glob("0*.md"))

    assert decisions
    assert [name for name in decisions if name not in index] == []


def test_the_changelog_begins_with_the_version_being_built(root: Path):
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] in {"Unreleased", version}


def test_every_feature_says_what_it_owns(root: Path):
    """A feature's `__init__.py` holds one paragraph and no code."""
    features = [*(root / "idp").glob("*/__init__.py"), *(root / "livret_service").glob("*/__init__.py")]

    for feature in features:
        source = feature.read_text().strip()
        assert source.startswith('"""'), feature
        assert source.endswith('"""'), feature
        assert source.count('"""') == 2, feature
