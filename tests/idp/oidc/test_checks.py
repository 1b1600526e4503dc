"""Checks alone, whatever the statements after them would say."""

import dataclasses
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from idp.accounts.rules import AccountId, AccountState
from idp.oidc.checks.authorization import AuthorizationRequest
from idp.oidc.checks.parameters import (
    ParameterMalformed,
    ParameterRepeated,
    check_printable_and_short,
    single_parameters,
)
from idp.oidc.checks.sign_in import (
    AccountNotChosen,
    AnotherPerson,
    ConsentRequired,
    LoginRequired,
    Presence,
)
from idp.oidc.provider import SIGN_IN_CHECKS
from idp.sessions.rules import CurrentSession, OpenedWith

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
SESSION = CurrentSession(
    id=UUID(int=1), sid="sid", account_id=AccountId(UUID(int=2)), identifier="c.dupont", given_name="Céline", family_name="DUPONT", locale="fr",
    state=AccountState.ACTIVE, opened_with=OpenedWith.CHOSEN, issue_number=None, signed_in_at=NOW, proven_at=NOW, last_seen_at=NOW,
    expires_at=NOW + timedelta(hours=8),
)  # fmt: skip


def walk(presence: Presence, default_max_age: int | None = None, /, **parameters: str) -> None:
    client: Any = SimpleNamespace(default_max_age=default_max_age)
    for check in SIGN_IN_CHECKS:
        check(AuthorizationRequest(parameters, client), presence)


def test_who_signed_in_fully_and_lately_passes():
    walk(Presence(SESSION, None))
    walk(Presence(SESSION, NOW), max_age="10")
    walk(Presence(SESSION, NOW, arrived_at=NOW), prompt="login")
    walk(Presence(SESSION, None, is_expected=True))
    walk(Presence(SESSION, None, arrived_at=NOW), prompt="select_account consent")
    walk(Presence(SESSION, None, arrived_at=LATER, chosen_session_id=SESSION.id), prompt="select_account")
    walk(Presence(SESSION, NOW, arrived_at=NOW), 0)


@pytest.mark.parametrize(
    "session",
    [
        None,
        dataclasses.replace(SESSION, opened_with=OpenedWith.PROVISIONAL),
        *(
            dataclasses.replace(SESSION, state=state)
            for state in AccountState
            if state is not AccountState.ACTIVE
        ),
    ],
)
def test_az_49_only_a_full_session_passes(session: CurrentSession | None):
    with pytest.raises(LoginRequired):
        walk(Presence(session, None))


@pytest.mark.parametrize(
    "parameters", [{"prompt": "login"}, {"prompt": "select_account consent"}, {"max_age": "0"}]
)
def test_on_arrival_asking_again_never_passes(parameters: dict[str, str]):
    with pytest.raises(LoginRequired):
        walk(Presence(SESSION, None), **parameters)


@pytest.mark.parametrize("chosen", [None, UUID(int=9)])
def test_an_account_not_chosen_does_not_pass(chosen: UUID | None):
    with pytest.raises(AccountNotChosen):
        walk(Presence(SESSION, None, arrived_at=LATER, chosen_session_id=chosen), prompt="select_account")


def test_a_default_max_age_counts_as_one_sent():
    """OpenID Connect Registration 2."""
    with pytest.raises(LoginRequired):
        walk(Presence(SESSION, None), 0)
    walk(Presence(SESSION, None), 0, max_age="10")


def test_on_arrival_consent_asked_again_never_passes():
    with pytest.raises(ConsentRequired):
        walk(Presence(SESSION, None), prompt="consent")


def test_a_sign_in_before_the_instant_does_not_pass():
    with pytest.raises(LoginRequired):
        walk(Presence(SESSION, NOW + timedelta(microseconds=1), arrived_at=NOW))


def test_a_hint_of_another_person_does_not_pass():
    with pytest.raises(AnotherPerson):
        walk(Presence(SESSION, None, is_expected=False))


def test_an_empty_parameter_counts_as_absent_but_not_twice():
    """RFC 6749 3.1."""
    assert single_parameters([("a", ""), ("b", "1")]) == {"b": "1"}
    with pytest.raises(ParameterRepeated):
        single_parameters([("a", ""), ("a", "1")])


@pytest.mark.parametrize("value", ["\x1f", "\x7f", "\x80", "\u2028", "x" * 2049])
def test_a_value_is_printable_and_short(value: str):
    with pytest.raises(ParameterMalformed):
        check_printable_and_short({"a": value})
    with pytest.raises(ParameterMalformed):
        check_printable_and_short({value: "a"})


def test_all_together_fit_a_page_address():
    check_printable_and_short({"a": "x" * 2048, "b": "x" * 2048})
    with pytest.raises(ParameterMalformed):
        check_printable_and_short(dict.fromkeys("abc", "x" * 2000))
