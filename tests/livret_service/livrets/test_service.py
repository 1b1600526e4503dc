"""Which livrets a reader gets, and what storing does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from livret_service.livrets.rules import ChildNames
from livret_service.livrets.service import LivretNotFound, bilan_for, known_names, livret_for, livrets_of
from shared.claims import ChildClaim
from tests.conftest import MORNING
from tests.livret_service.livrets.conftest import (
    CYCLE,
    LEA,
    LOCKED_AT,
    MAEL,
    NOE,
    PERIODIQUE,
    Publish,
    cycle_key,
    periodique_key,
    reader_of,
)

TOMORROW = MORNING + timedelta(days=1)


@pytest.fixture
def two_families(livret_context: Flask, publish: Publish) -> dict[str, str]:
    return {"lea": publish(), "cycle": publish(cycle_key(), CYCLE), "mael": publish(periodique_key(MAEL))}


def test_a_reader_gets_the_children_of_the_token_in_its_order(two_families: dict[str, str]):
    livrets = livrets_of(reader_of(NOE, LEA), now=MORNING)

    assert [(livret.child, livret.is_empty) for livret in livrets] == [(NOE, True), (LEA, False)]


def test_a_reader_of_no_child_gets_nothing_and_asks_nothing(two_families: dict[str, str]):
    assert livrets_of(reader_of(), now=MORNING) == ()


def test_a_bilan_opens_with_its_content(two_families: dict[str, str]):
    found = bilan_for(reader_of(LEA), LEA.sub, two_families["lea"], now=MORNING)

    assert found.content == PERIODIQUE
    assert not found.is_replaced


@pytest.mark.parametrize(
    ("children", "child", "which"),
    [
        ((LEA,), MAEL.sub, "mael"),  # a child of another family
        ((LEA,), LEA.sub, "mael"),  # another family's bilan under one's own child
        ((LEA, NOE), NOE.sub, "lea"),  # the brother's bilan under the sister's name
        ((), LEA.sub, "lea"),
        ((replace(LEA, ine=None),), LEA.sub, "lea"),
        ((replace(MAEL, sub=LEA.sub),), LEA.sub, "lea"),
    ],
)
def test_pc_01_another_bilan_is_as_good_as_absent(
    two_families: dict[str, str], children: tuple[ChildClaim, ...], child: str, which: str
):
    with pytest.raises(LivretNotFound):
        bilan_for(reader_of(*children), child, two_families[which], now=MORNING)


def test_a_bilan_of_tomorrow_is_absent_today(livret_context: Flask, publish: Publish):
    bilan = publish(locked_at=TOMORROW)

    assert livret_for(reader_of(LEA), LEA.sub, now=MORNING).is_empty
    with pytest.raises(LivretNotFound):
        bilan_for(reader_of(LEA), LEA.sub, bilan, now=MORNING)
    assert bilan_for(reader_of(LEA), LEA.sub, bilan, now=TOMORROW).content == PERIODIQUE


def test_an_older_version_leads_to_the_current_one(livret_context: Flask, publish: Publish):
    older = publish()
    corrected = replace(PERIODIQUE, appreciation="Corrigé.")
    newer = publish(content=corrected, locked_at=LOCKED_AT + timedelta(days=1))

    found = bilan_for(reader_of(LEA), LEA.sub, older, now=MORNING)

    assert str(found.summary.id) == newer
    assert found.content == corrected
    assert found.is_replaced
    assert not bilan_for(reader_of(LEA), LEA.sub, newer, now=MORNING).is_replaced


def test_a_correction_locked_tomorrow_replaces_nothing_today(livret_context: Flask, publish: Publish):
    older = publish()
    newer = publish(content=replace(PERIODIQUE, appreciation="Corrigé."), locked_at=TOMORROW)

    assert bilan_for(reader_of(LEA), LEA.sub, older, now=MORNING).content == PERIODIQUE
    with pytest.raises(LivretNotFound):
        bilan_for(reader_of(LEA), LEA.sub, newer, now=MORNING)
    assert bilan_for(reader_of(LEA), LEA.sub, older, now=TOMORROW).is_replaced


def test_the_same_period_at_another_school_is_another_bilan(livret_context: Flask, publish: Publish):
    here = publish()
    there = publish(periodique_key(school_uai="0990002P"), locked_at=LOCKED_AT + timedelta(days=1))

    assert not bilan_for(reader_of(LEA), LEA.sub, here, now=MORNING).is_replaced
    assert not bilan_for(reader_of(LEA), LEA.sub, there, now=MORNING).is_replaced


@pytest.mark.parametrize("address", ["", "1", "x" * 5000, "%00", "{id}x", "{ID}", "{{id}}", "urn:uuid:{id}"])
def test_an_identifier_has_one_written_form(two_families: dict[str, str], address: str):
    bilan = two_families["lea"]
    written = address.replace("{id}", bilan).replace("{ID}", bilan.upper())

    with pytest.raises(LivretNotFound):
        bilan_for(reader_of(LEA), LEA.sub, written, now=MORNING)


def test_names_are_known_by_ine(livret_context: Flask, publish: Publish):
    publish()

    assert known_names([LEA.ine or "", "unknown"]) == {LEA.ine: ChildNames("", "")}
