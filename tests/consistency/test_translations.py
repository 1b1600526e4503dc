"""Every sentence has its English, and the committed catalogues are those of today's code and templates."""

import re

import pytest

from scripts.translations import (
    LANGUAGES,
    PACKAGES,
    catalogue_path,
    mo_bytes,
    po_bytes,
    said_later,
    untranslated,
    updated,
)

CATALOGUES = [(package, language) for package in PACKAGES for language in LANGUAGES]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%%")


@pytest.mark.parametrize(("package", "language"), CATALOGUES)
def test_every_sentence_is_translated(package: str, language: str):
    assert untranslated(updated(package, language)) == []


@pytest.mark.parametrize(("package", "language"), CATALOGUES)
def test_the_catalogues_are_fresh(package: str, language: str):
    catalogue, path = updated(package, language), catalogue_path(package, language)

    assert path.read_bytes() == po_bytes(catalogue), "run `make translations`"
    assert path.with_suffix(".mo").read_bytes() == mo_bytes(catalogue), "run `make translations`"


@pytest.mark.parametrize(("package", "language"), CATALOGUES)
def test_a_translation_fills_in_what_the_sentence_does(package: str, language: str):
    different = [
        message.id
        for message in updated(package, language)
        if message.id and _placeholders(message.id) != _placeholders(message.string)
    ]

    assert different == []


def test_what_pure_modules_say_is_found():
    source = (
        'class Refused:\n    sentence = "Non"\nWORDS = {1: "Un", 2: ("Deux", "Trois")}\nOTHER = {1: "x"}\n'
    )

    assert sorted(said_later(source, frozenset({"WORDS"}))) == ["Deux", "Non", "Trois", "Un"]


def _placeholders(forms: object) -> list[list[str]]:
    texts = forms if isinstance(forms, list | tuple) else [forms]
    return [sorted(PLACEHOLDER.findall(str(text))) for text in texts]
