"""What the tests of this folder stand on."""

import json
import re
from pathlib import Path

import pytest

from tests.interop.services import SNIPPETS, need
from tests.running_demo import ROOT

FOLDER = Path(__file__).parent


def test_a_program_that_is_not_there_fails_in_one_line():
    with pytest.raises(pytest.fail.Exception) as failure:
        need(ROOT / "nowhere", "Debian's package nowhere")

    assert str(failure.value).count("\n") == 0
    assert "Debian's package nowhere is not installed" in str(failure.value)


def test_packages_are_pinned_by_hash_and_name_no_address():
    packages = json.loads((FOLDER / "npm-shrinkwrap.json").read_text())["packages"]
    del packages[""]
    requirements = (FOLDER / "requirements.txt").read_text()

    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert len(re.findall(r"^\S+==\S+ --hash=sha256:[0-9a-f]{64}$", requirements, re.MULTILINE)) == 4
    for name in ("package.json", "npm-shrinkwrap.json", "requirements.txt", "spring/pom.xml"):
        assert "://" not in (FOLDER / name).read_text()


def test_the_document_names_the_versions_that_are_run():
    text = SNIPPETS.with_suffix(".md").read_text()
    packages = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    requirements = (FOLDER / "requirements.txt").read_text()

    for name, version in packages.items():
        assert re.search(rf"^\| \[{name}\].*\| {version} ", text, re.MULTILINE), name
    (boot,) = re.findall(r"<version>(3[0-9.]+)</version>", (FOLDER / "spring" / "pom.xml").read_text())
    assert re.search(rf"^\| \[Spring Security\].*\| \S+ on Spring Boot {boot} \|", text, re.MULTILINE)
    (django,) = re.findall(r"^mozilla-django-oidc==(\S+)", requirements, re.MULTILINE)
    assert re.search(rf"^\| \[mozilla-django-oidc\].*\| {django} ", text, re.MULTILINE)
