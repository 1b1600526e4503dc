"""Who counts as the same person, and what a proof carries."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from idp.accounts.rules import Names, is_same_person
from idp.attachment.rules import PROOF_LIFE, OtherAccount
from idp.sessions.rules import OpenedWith

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
CELINE = Names("Céline", "L’HÉNORET")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CELINE, Names("CELINE", "LHENORET")),
        (CELINE, Names("Céline", "L'Hénoret")),
        (CELINE, Names("Céline Marie", "L HENORET")),
        (Names("Jean-Pierre", "DUPONT-MARTIN"), Names("JEAN PIERRE", "Dupont Martin")),
        (Names("Jeanpierre", "DUPONT"), Names("Jean-Pierre", "DUPONT")),
        (Names("Anne", "DUPONT", "LE GOFF"), Names("Anne", "LEGOFF")),
        (Names("Anne", "LE GOFF"), Names("Anne", "DUPONT", "Le Goff")),
        (Names("Anne", "DUPONT", "MARTIN"), Names("Anne", "DUPONT", "BERNARD")),
        (Names("Chloé", "LŒUVRE"), Names("chloe", "LOEUVRE")),
        (Names("", "SERVICE DE L’ENFANCE"), Names("", "Service de l'enfance")),
        (Names("Жанна", "ИВАНОВА"), Names("жанна", "Иванова")),
    ],
)
def test_names_of_one_person_agree_however_they_are_written(one: Names, other: Names) -> None:
    assert is_same_person(one, other)
    assert is_same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CELINE, Names("Gaëtan", "L’HÉNORET")),
        (CELINE, Names("Céline", "N’GUYEN")),
        (Names("Jean-Pierre", "DUPONT"), Names("Jean-Marc", "DUPONT")),
        (Names("Jean-Pierre", "DUPONT"), Names("Jean", "DUPONT")),
        (Names("Marie Claude", "DUPONT"), Names("Claude", "DUPONT")),
        (CELINE, Names("", "L’HÉNORET")),
        (Names("Anne", "’-"), Names("Anne", "-")),
    ],
)
def test_names_of_two_people_do_not_agree(one: Names, other: Names) -> None:
    assert not is_same_person(one, other)
    assert not is_same_person(other, one)


@pytest.mark.parametrize("birth_date", [None, date(2019, 6, 2)])
def test_a_proof_is_read_back_as_it_was_written(birth_date: date | None) -> None:
    proof = OtherAccount(uuid4(), OpenedWith.PROVISIONAL, 2, "", True, NOW, birth_date)

    assert OtherAccount.from_bytes(proof.to_bytes()) == proof
    assert proof.is_complete is (birth_date is not None)


def test_a_proof_lives_ten_minutes() -> None:
    proof = OtherAccount(uuid4(), OpenedWith.CHOSEN, None, "mark", False, NOW)

    assert proof.is_alive(now=NOW + PROOF_LIFE - timedelta(seconds=1))
    assert not proof.is_alive(now=NOW + PROOF_LIFE)
