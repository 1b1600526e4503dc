import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.rules import (
    EmailMalformed,
    Person,
    fold_name,
    identifier_stem,
    is_same_address,
    normalise_address,
    normalise_identifier,
    numbered_identifier,
    smallest_numbers_never_given,
    stem_of,
)


@pytest.mark.parametrize(
    ("given_name", "family_name", "stem"),
    [
        ("Céline", "DUPONT", "c.dupont"),
        ("Éloïse", "Lefèvre", "e.lefevre"),
        ("Œdipe", "LECŒUR", "o.lecoeur"),
        ("Lætitia", "Græme", "l.graeme"),
        ("Ærea", "Weiß", "a.weiss"),
        ("Maël", "N'GUYEN", "m.nguyen"),
        ("Anne", "L’HÉNORET", "a.lhenoret"),
        ("Charles", "de La Tour d'Auvergne", "c.delatourdauvergne"),
        ("Jean-Noël", "VAN DER BERG", "j.vanderberg"),
        ("E\u0301mile", "Be\u0301rard", "e.berard"),
        ("Ana", "=2+5", "a.x"),
        ("", "INSTITUT DU LAC", "x.institutdulac"),
        ("李", "王", "x.x"),
        ("Łucja", "王", "u.x"),
    ],
)
def test_an_identifier_is_an_initial_a_dot_and_plain_letters(
    given_name: str, family_name: str, stem: str
) -> None:
    assert identifier_stem(given_name, family_name) == stem


def test_a_family_name_of_sixty_letters_is_cut_at_forty() -> None:
    stem = identifier_stem("Zoé", "Abcdefghij" * 6)

    assert stem == "z." + "abcdefghij" * 4


def test_the_cut_counts_letters_after_ligatures_are_written_out() -> None:
    assert identifier_stem("Zoé", "œ" * 30) == "z." + "oe" * 20


def test_the_usage_name_makes_the_identifier_where_there_is_one() -> None:
    person = Person(family_name="DUPONT", given_name="Céline", usage_name="LEFÈVRE")

    assert stem_of(person) == "c.lefevre"


@given(st.text(), st.text())
def test_any_two_names_make_a_valid_stem(given_name: str, family_name: str) -> None:
    initial, family = identifier_stem(given_name, family_name).split(".")

    assert len(initial) == 1
    assert 1 <= len(family) <= 40
    assert set(initial + family) <= set("abcdefghijklmnopqrstuvwxyz")


def test_the_first_of_a_name_has_no_number_and_the_second_has_two() -> None:
    assert [numbered_identifier("c.dupont", number) for number in (1, 2, 3)] == [
        "c.dupont",
        "c.dupont2",
        "c.dupont3",
    ]


def test_numbers_are_the_smallest_never_given() -> None:
    assert smallest_numbers_never_given({1, 2, 4}, 3) == [3, 5, 6]
    assert smallest_numbers_never_given(set(), 2) == [1, 2]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  C.Dupont2 ", "c.dupont2"),
        ("c.lefèvre", "c.lefevre"),
        ("C.LECŒUR", "c.lecoeur"),
        ("prenom.nom114", "prenom.nom114"),
        ("c.dupont\u200b", "c.dupont"),
        ("c.\x00dupont", "c.dupont"),
        ("\ud800", ""),
        ("\u00a0c.dupont\u00a0", "c.dupont"),
    ],
)
def test_a_typed_identifier_is_trimmed_lowered_and_loses_its_accents(typed: str, stored: str) -> None:
    assert normalise_identifier(typed) == stored


@given(st.text())
def test_normalising_twice_is_normalising_once(typed: str) -> None:
    once = normalise_identifier(typed)

    assert normalise_identifier(once) == once


def test_names_are_compared_without_case_accents_or_kind_of_apostrophe() -> None:
    assert fold_name("  L’Hénoret   du BOIS") == fold_name("l'henoret DU bois")
    assert fold_name("Léa") != fold_name("Lia")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("celine@exemple.fr", "celine@exemple.fr"),
        ("  Celine.Dupont+ecole@Exemple.FR ", "Celine.Dupont+ecole@exemple.fr"),
        ("celine@école.example.fr", "celine@xn--cole-9oa.example.fr"),
    ],
)
def test_an_address_is_stored_trimmed_with_an_ascii_domain(typed, stored):
    assert normalise_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "celine",
        "celine@",
        "celine@exemple",
        "@exemple.fr",
        "céline@exemple.fr",
        "a@x.fr,b@y.fr",
        "a@x.fr, b@y.fr",
        "a@x.fr;b@y.fr",
        "a@x.fr b@y.fr",
        "Céline <celine@exemple.fr>",
        '"a b"@exemple.fr',
        '["celine@exemple.fr"]',
        "celine@exemple.fr\nBcc: b@y.fr",
        "celine@[127.0.0.1]",
        "a" * 65 + "@exemple.fr",
        "a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 63 + ".fr",
    ],
)
def test_em_17_what_is_not_exactly_one_address_is_refused(typed):
    with pytest.raises(EmailMalformed):
        normalise_address(typed)


def test_addresses_that_differ_by_case_and_spaces_are_the_same():
    assert is_same_address("Celine@Exemple.fr ", " celine@exemple.FR")
    assert not is_same_address("celine@exemple.fr", "celine@exemple.com")
