import time

import pytest

from idp.accounts.mail_domains import COMMON_DOMAINS, edits_between, meant_address


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("celine@gmial.com", "celine@gmail.com"),
        ("celine@gmai.com", "celine@gmail.com"),
        ("celine@gmail.con", "celine@gmail.com"),
        ("celine@gmail.co", "celine@gmail.com"),
        ("celine@GMAIL.COMM", "celine@gmail.com"),
        ("celine@hotmial.fr", "celine@hotmail.fr"),
        ("celine@homail.com", "celine@hotmail.com"),
        ("celine@orage.fr", "celine@orange.fr"),
        ("celine@laposte.ne", "celine@laposte.net"),
        ("celine@wandoo.fr", "celine@wanadoo.fr"),
        ("celine@fre.fr", "celine@free.fr"),
        ("Celine.L-Henoret@yaho.fr", "Celine.L-Henoret@yahoo.fr"),
    ],
)
def test_a_domain_that_looks_mistyped_has_a_likely_one(typed: str, meant: str) -> None:
    assert meant_address(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *(f"celine@{domain}" for domain in COMMON_DOMAINS),
        "celine@exemple.fr",
        "celine@ac-lyon.fr",
        "celine@mairie-lyon.fr",
        "celine@me.com",
        "celine@edu.fr",
        "celine@" + "a" * 250 + ".fr",
        "gmial.com",
        "",
    ],
)
def test_any_other_domain_is_left_in_peace(typed: str) -> None:
    assert meant_address(typed) is None


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("abcd", "acbd", 1), ("abc", "cab", 2)],
)
def test_two_neighbours_swapped_are_one_edit(one: str, other: str, edits: int) -> None:
    assert edits_between(one, other) == edits_between(other, one) == edits


def test_in_08_the_longest_domain_costs_nothing() -> None:
    begun = time.process_time()

    meant_address("a@" + "gmail.com" * 1_100)

    assert time.process_time() - begun < 0.05
