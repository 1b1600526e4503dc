"""Checks that no forged answer can reach over HTTP, and the order of all."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from livret_service.sign_in import checks, logout_checks
from livret_service.sign_in.checks import (
    ANSWER_CHECKS,
    ID_TOKEN_CHECKS,
    USERINFO_CHECKS,
    AnswerRefused,
    AuthorizationAnswer,
    IdTokenClaims,
    IdTokenRefused,
    check_access_token_hash,
    check_authorization_answer,
    check_expiry,
    check_id_token,
    read_header,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INSTANT = int(NOW.timestamp())
HONEST = IdTokenClaims(
    claims={
        "iss": "https://i.example",
        "aud": "livret",
        "sub": "s",
        "iat": INSTANT,
        "exp": INSTANT + 60,
        "nonce": "n",
    },
    algorithm="RS256",
    access_token="a",
    issuer="https://i.example",
    client_id="livret",
    nonce="n",
    now=NOW,
    asked_at=NOW,
)


def with_claims(**claims: Any) -> IdTokenClaims:
    return replace(HONEST, claims={**HONEST.claims, **claims})


def test_an_honest_token_passes():
    check_id_token(HONEST)


def test_jw_25_a_hash_that_cannot_be_computed_fails_closed():
    with pytest.raises(IdTokenRefused):
        check_access_token_hash(replace(with_claims(at_hash="x"), algorithm="X999"))


def test_a_number_too_big_for_any_clock_is_no_error_of_ours():
    check_expiry(with_claims(exp=10**400))
    with pytest.raises(IdTokenRefused):
        check_id_token(with_claims(iat=10**400))


@pytest.mark.parametrize("late", [timedelta(seconds=0), timedelta(seconds=89)])
def test_a_token_is_accepted_to_the_end_of_the_leeway_and_not_beyond(late: timedelta):
    check_expiry(replace(HONEST, now=NOW + late))
    with pytest.raises(IdTokenRefused):
        check_expiry(replace(HONEST, now=NOW + timedelta(seconds=90)))


def test_the_issuer_of_an_answer_is_checked_before_its_error():
    answer = AuthorizationAnswer({"error": "access_denied"}, "https://i.example", issuer_is_always_sent=True)

    with pytest.raises(AnswerRefused):
        check_authorization_answer(answer)


def test_every_check_is_in_a_tuple():
    tuples = (ANSWER_CHECKS, ID_TOKEN_CHECKS, USERINFO_CHECKS, logout_checks.LOGOUT_TOKEN_CHECKS)
    written = {name for name in vars(checks) | vars(logout_checks) if name.startswith("check_")}
    listed = {check.__name__ for some in tuples for check in some}

    walks = {"check_authorization_answer", "check_id_token", "check_userinfo", "check_logout_token"}
    assert written - listed == walks


@pytest.mark.parametrize(
    "header", ["e30", "bnVsbA", "W10", "eyJhbGciOiJub25lIn0", "____", "eyJhbGciOlsiUlMyNTYiXX0"]
)
def test_a_header_that_is_no_object_with_a_pinned_algorithm_is_refused(header: str):
    with pytest.raises(IdTokenRefused):
        read_header(f"{header}.e30.e30", ("RS256",))


HEADER = "eyJhbGciOiJSUzI1NiJ9"  # {"alg":"RS256"}


def test_jw_15_a_long_token_is_refused_for_its_size_before_anything_is_decoded():
    assert read_header(f"{HEADER}.{'a' * 32_000}.e30", ("RS256",))
    with pytest.raises(IdTokenRefused) as refusal:
        read_header(f"{HEADER}.{'a' * 33_000}.e30", ("RS256",))
    assert refusal.value.detail == "size"


@pytest.mark.parametrize("heavy", ["." * 1_000_000, "a" * 50_000_000, HEADER + "." * 10_000])
def test_jw_15_no_time_is_spent_on_what_is_too_long(heavy: str):
    """A second is far more than a comparison of lengths takes, and far less than decoding would."""
    started = time.process_time()

    with pytest.raises(IdTokenRefused):
        read_header(heavy, ("RS256",))

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "rest", [".e30.", ".e30", "", ".e30.e30.e30", ".e30.e30\n", ".e 30.e30", ".e30=.e30", ".é.e30"]
)
def test_jw_16_only_three_segments_of_base64url_are_a_token(rest: str):
    with pytest.raises(IdTokenRefused):
        read_header(HEADER + rest, ("RS256",))
