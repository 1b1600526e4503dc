import base64
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from idp.accounts.rules import AccountState
from idp.sessions.rules import OpenedWith
from idp.sign_in.rules import (
    LONGEST_DEMANDE,
    CarriedRequest,
    DemandeExpired,
    DemandeRefused,
    Proof,
    RefusalReason,
    judge,
    seal,
    unseal,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = bytes(range(32))
CARRIED = CarriedRequest(
    parameters={
        "redirect_uri": "https://livret.example/retour",
        "state": "é/+ «x»",
        "scope": "openid children",
    },
    client_id="livret",
    client_name="Livret scolaire",
    client_home="https://livret.example/",
    made_at=NOON,
    signed_in_since=NOON - timedelta(minutes=1),
)
LATER = NOON + timedelta(days=1)


@pytest.mark.parametrize(
    "carried",
    [
        CARRIED,
        replace(CARRIED, signed_in_since=None),
        replace(
            CARRIED,
            logo_uri="https://livret.example/logo.png",
            policy_uri="https://livret.example/donnees",
            tos_uri="https://livret.example/conditions",
        ),
    ],
)
def test_a_carried_request_comes_back_as_it_was(carried: CarriedRequest) -> None:
    assert unseal(seal(carried, KEY), KEY, now=NOON) == carried


def test_a_carried_request_stands_in_an_address_as_it_is() -> None:
    assert seal(CARRIED, KEY).replace("-", "").replace("_", "").replace(".", "").isalnum()


def test_the_longest_request_of_the_protocol_fits_a_request_line() -> None:
    # 5,000 bytes of parameters that hardly compress.
    incompressible = base64.b85encode(bytes(index * 7919 % 251 for index in range(1200))).decode()
    longest_address = "https://livret.example/" + incompressible[:477]
    carried = replace(
        CARRIED,
        parameters={"state": incompressible, "nonce": incompressible[::-1]},
        client_home=longest_address,
        logo_uri=longest_address[::-1],
        policy_uri=longest_address.swapcase(),
        tos_uri=longest_address[::-1].swapcase(),
    )

    assert len(seal(carried, KEY)) < LONGEST_DEMANDE


@pytest.mark.parametrize(("minutes", "lives"), [(0, True), (59, True), (60, False), (600, False)])
def test_a_carried_request_lives_an_hour_then_still_names_its_service(minutes: int, lives: bool) -> None:
    now = NOON + timedelta(minutes=minutes)
    sealed = seal(CARRIED, KEY)

    if lives:
        assert unseal(sealed, KEY, now=now) == CARRIED
    else:
        with pytest.raises(DemandeExpired) as refusal:
            unseal(sealed, KEY, now=now)
        assert refusal.value.carried == CARRIED


def test_a_carried_request_of_another_key_is_refused() -> None:
    with pytest.raises(DemandeRefused):
        unseal(seal(CARRIED, KEY[::-1]), KEY, now=NOON)


def test_no_character_of_a_carried_request_may_change() -> None:
    sealed = seal(CARRIED, KEY)

    for place in range(len(sealed)):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(DemandeRefused):
            unseal(changed, KEY, now=NOON)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "é.é",
        "null",
        "x" * 100_000,
        base64.b64encode(zlib.compress(b"{}")).decode() + ".",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(DemandeRefused):
        unseal(text, KEY, now=NOON)


def test_only_a_recent_sign_in_satisfies_a_request_that_asks_for_one() -> None:
    assert CARRIED.is_satisfied_by(NOON - timedelta(minutes=1))
    assert not CARRIED.is_satisfied_by(NOON - timedelta(minutes=1, microseconds=1))
    assert replace(CARRIED, signed_in_since=None).is_satisfied_by(NOON - timedelta(days=1))


@pytest.mark.parametrize("state", [AccountState.ACTIVATING, AccountState.ACTIVE])
def test_the_chosen_password_signs_in(state: AccountState) -> None:
    assert judge(Proof(state, is_chosen=True, is_letters=False), now=NOON) is OpenedWith.CHOSEN


@pytest.mark.parametrize("state", [AccountState.NOTIFIED, AccountState.ACTIVATING, AccountState.ACTIVE])
def test_a_living_letter_signs_in_with_the_provisional_password(state: AccountState) -> None:
    assert judge(letter(state), now=NOON) is OpenedWith.PROVISIONAL


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (Proof(None, is_chosen=True, is_letters=True, letter_expires_at=LATER), RefusalReason.UNKNOWN),
        (Proof(AccountState.ACTIVE, is_chosen=False, is_letters=False), RefusalReason.WRONG),
        (Proof(AccountState.DISABLED, is_chosen=True, is_letters=True), RefusalReason.SUSPENDED),
        (Proof(AccountState.MERGED, is_chosen=False, is_letters=False), RefusalReason.SUSPENDED),
        (Proof(AccountState.MERGED, is_chosen=True, is_letters=False), RefusalReason.MERGED),
        (Proof(AccountState.MERGED, is_chosen=False, is_letters=True), RefusalReason.MERGED),
        (
            Proof(AccountState.MERGED, is_chosen=False, is_letters=True, is_letter_used=True),
            RefusalReason.SUSPENDED,
        ),
        (Proof(AccountState.NOTIFIED, is_chosen=True, is_letters=False), RefusalReason.WRONG),
        (Proof(AccountState.CREATED, is_chosen=True, is_letters=True), RefusalReason.WRONG),
    ],
)
def test_everything_else_is_refused_for_a_reason(proof: Proof, reason: RefusalReason) -> None:
    assert judge(proof, now=NOON) is reason


@pytest.mark.parametrize("state", [AccountState.NOTIFIED, AccountState.ACTIVATING, AccountState.ACTIVE])
def test_ac_01_a_used_letter_is_refused(state: AccountState) -> None:
    assert judge(replace(letter(state), is_letter_used=True), now=NOON) is RefusalReason.LETTER_USED


@pytest.mark.parametrize("ends_at", [NOON, NOON - timedelta(days=1), None])
def test_ac_02_a_letter_past_its_end_is_refused(ends_at: datetime | None) -> None:
    proof = replace(letter(AccountState.NOTIFIED), letter_expires_at=ends_at)

    assert judge(proof, now=NOON) is RefusalReason.LETTER_EXPIRED


def letter(state: AccountState) -> Proof:
    return Proof(state, is_chosen=False, is_letters=True, letter_expires_at=LATER)
