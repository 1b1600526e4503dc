"""The committed pages of docs/generated are those that the code makes now."""

from pathlib import Path

from scripts.generate_docs import applications_to_describe, pages


def test_generated_pages_are_fresh():
    folder = Path(__file__).parent.parent.parent / "docs" / "generated"

    stale = [
        name
        for name, content in pages(applications_to_describe()).items()
        if (folder / name).read_text() != content
    ]

    assert stale == [], "run `make docs`"
