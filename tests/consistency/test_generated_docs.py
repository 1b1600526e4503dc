"""The committed pages of docs/generated are those that the code makes now."""

import re
from pathlib import Path

from flask import Flask

from scripts.generate_docs import SHOWN_IN, applications_to_describe, pages, with_files_shown


def test_generated_pages_are_fresh():
    folder = Path(__file__).parent.parent.parent / "docs" / "generated"

    stale = [
        name
        for name, content in pages(applications_to_describe()).items()
        if (folder / name).read_text() != content
    ]

    assert stale == [], "run `make docs`"


def test_the_configurations_shown_are_the_files_that_tests_run(idp_app: Flask):
    """And the remedies are those of the code."""
    shown = re.findall(r"<!-- file: relying-parties/(\S+) -->\n```", SHOWN_IN.read_text())

    assert SHOWN_IN.read_text() == with_files_shown(SHOWN_IN), "run `make docs`"
    assert sorted(shown) == sorted(path.name for path in SHOWN_IN.with_suffix("").iterdir() if path.is_file())


def test_every_link_within_the_document_leads_somewhere():
    text = SHOWN_IN.read_text()
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
