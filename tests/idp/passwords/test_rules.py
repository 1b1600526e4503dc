import unicodedata
from collections import Counter
from uuid import UUID, uuid4

import pytest

from idp.passwords.rules import (
    PASSWORD_RULES,
    PROVISIONAL_ALPHABET,
    Candidate,
    HashingCost,
    PasswordRefused,
    broken_rules,
    common_passwords,
    derive_provisional_password,
    is_provisional_password,
    normalise_provisional_password,
    prepare_password,
    print_provisional_password,
)

KEY = bytes(range(32))
ACCOUNT = UUID("0192f000-0000-7000-8000-000000000001")


def codes(password: str, **given: object) -> list[str]:
    """The codes of the rules that a password breaks."""
    return [rule.error_code for rule in broken_rules(Candidate(password, **given))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "password", ["Kx7mPq2w", "Kx7mPq2wRt5nBv8z", "Kx7!mPq2", "Élan7vert", "kx7mpq2W", "Ça va 1 2 3"]
)
def test_a_password_within_the_policy_is_accepted(password: str) -> None:
    assert codes(password) == []


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Kx7mPq2", ["password_length"]),
        ("Kx7mPq2wRt5nBv8zA", ["password_length"]),
        ("Kx7" + "m" * 997, ["password_length"]),
        ("kx7mpq2w", ["password_upper_case"]),
        ("KX7MPQ2W", ["password_lower_case"]),
        ("KxamPqbw", ["password_digit"]),
        ("", ["password_length", "password_upper_case", "password_lower_case", "password_digit"]),
    ],
)
def test_pw_01_each_rule_is_told_by_its_code(password: str, broken: list[str]) -> None:
    assert codes(password) == broken


@pytest.mark.parametrize(
    "password",
    ["Azerty123", "aZERTY123", "Motdepasse2026!", "Motdepasse1", "Soleil2024?!", "Doudou12"],
)
def test_pw_08_what_is_guessed_first_is_refused(password: str) -> None:
    assert codes(password) == ["password_common"]


def test_pw_08_the_name_of_the_service_is_refused() -> None:
    names = ("Compte École",)

    assert codes("CompteEcole7", service_names=names) == ["password_common"]
    assert codes("Compte-École 7", service_names=names) == ["password_common"]
    assert codes("Comptable7Ecole", service_names=names) == []


@pytest.mark.parametrize("password", ["C.Dupont2x", "xcdupont2A9", "9C.DUPONT2a"])
def test_pw_08_the_identifier_is_no_part_of_it(password: str) -> None:
    assert codes(password, identifier="c.dupont2") == ["password_identifier"]


def test_pw_08_the_present_password_is_refused() -> None:
    assert codes("Kx7mPq2w", is_current=True) == ["password_current"]


def test_pw_04_length_is_counted_in_code_points_after_nfc() -> None:
    decomposed = unicodedata.normalize("NFD", "Éé7éééÉééééééééé")

    assert len(decomposed) > 16
    assert codes(prepare_password(decomposed)) == []
    assert prepare_password(" Kx7mPq2w ") == " Kx7mPq2w "


def test_every_rule_has_its_words() -> None:
    refusal = PasswordRefused(PASSWORD_RULES, n=3)

    assert all(refusal.sentences)
    assert len(set(refusal.error_codes)) == len(PASSWORD_RULES)
    assert refusal.sentences[0].format(**refusal.variables).endswith("il en compte 3")


def test_the_list_holds_thousands_of_passwords_that_the_other_rules_let_through() -> None:
    listed = common_passwords()

    assert 3000 <= len(listed) <= 10_000
    assert all(codes(password.capitalize()) == ["password_common"] for password in listed)


def test_a_provisional_password_is_the_same_for_ever() -> None:
    derived = derive_provisional_password(KEY, ACCOUNT, 1)

    # A literal on purpose: another derivation would kill every letter in circulation.
    assert derived == "GF5NGCDP"
    assert derived == derive_provisional_password(KEY, ACCOUNT, 1)


def test_ac_03_another_issue_account_or_key_gives_another_password() -> None:
    derived = {
        derive_provisional_password(KEY, ACCOUNT, 1),
        derive_provisional_password(KEY, ACCOUNT, 2),
        derive_provisional_password(KEY, uuid4(), 1),
        derive_provisional_password(KEY[::-1], ACCOUNT, 1),
    }

    assert len(derived) == 4


def test_provisional_passwords_use_the_whole_alphabet_without_look_alikes() -> None:
    passwords = [derive_provisional_password(KEY, uuid4(), 1) for _ in range(4000)]
    drawn = Counter("".join(passwords))

    assert len(set(passwords)) == len(passwords)
    assert set(drawn) == set(PROVISIONAL_ALPHABET)
    assert set("01IOl") & set(drawn) == set()
    assert max(drawn.values()) < 1.3 * min(drawn.values())


@pytest.mark.parametrize(
    "typed", ["K7QM2XWP", "k7qm 2xwp", "  K7QM 2XWP\t", "K7QM\u00a02XWP", "k 7 q m 2 x w p"]
)
def test_a_provisional_password_is_compared_without_spaces_and_case(typed: str) -> None:
    assert is_provisional_password(typed, "K7QM2XWP")
    assert normalise_provisional_password(typed) == "K7QM2XWP"


@pytest.mark.parametrize("typed", ["", "K7QM2XW", "K7QM2XWPP", "K7QM2XWQ", "null", "None", "!", "é" * 8])
def test_pw_11_anything_else_is_not_the_provisional_password(typed: str) -> None:
    assert not is_provisional_password(typed, "K7QM2XWP")


def test_a_letter_shows_two_groups() -> None:
    assert print_provisional_password("K7QM2XWP") == "K7QM 2XWP"


def test_pw_12_the_cost_of_a_hash_is_read_from_it() -> None:
    assert HashingCost().is_cost_of("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")
    assert not HashingCost().is_cost_of("$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA")
    assert not HashingCost().is_cost_of("$2b$12$bcrypt")
