"""RFC 6749 6, RFC 9700 4.14, OpenID Connect Core 11, 12: one living refresh token a family, and what ends it."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, update

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families.models import Link
from idp.oidc import clients
from idp.oidc.models import TokenFamily
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from shared.secrets import digest
from tests.factories import make_child, make_link
from tests.relying_party import REFRESHING, RelyingParty

OFFLINE = "openid offline_access"


def is_refused(response: Any) -> bool:
    return (response.status_code, response.json["error"]) == (400, "invalid_grant")


def renewed(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return dict(response.json)


def misuses(party: RelyingParty) -> list[str]:
    with party.app.app_context():
        rows = db.session.scalars(select(AuditEntry).where(AuditEntry.name == "oidc:refresh_token:misused"))
        return [row.details["misuse"] for row in rows]


def change(party: RelyingParty, model: Any, **values: Any) -> None:
    with party.app.app_context(), transaction():
        db.session.execute(update(model).values(**values))


@pytest.fixture
def party(offline_party: RelyingParty) -> RelyingParty:
    """In this file every client is one that may refresh."""
    return offline_party


def test_a_refresh_gives_new_tokens(party: RelyingParty):
    """oidc T8."""
    first = party.tokens(scope=OFFLINE)
    party.clock.advance(minutes=20)

    response = party.refresh(first["refresh_token"])

    answer = renewed(response)
    assert response.headers["Cache-Control"] == "no-store"
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, OFFLINE)
    assert len({first["refresh_token"], answer["refresh_token"]}) == 2
    assert len(answer["refresh_token"]) == 43
    assert party.userinfo(answer["access_token"]).status_code == 200
    assert party.userinfo(first["access_token"]).status_code == 401


def test_rf_19_the_id_token_of_a_refresh(party: RelyingParty):
    """Core 12.2: same iss, sub, aud, auth_time, azp, sid; a new iat, no nonce."""
    first = party.tokens(scope=OFFLINE)
    party.clock.advance(minutes=5)
    again = party.read_id_token(renewed(party.refresh(first["refresh_token"]))["id_token"])
    before = party.read_id_token(first["id_token"])

    changing = {"iat", "exp", "at_hash", "nonce"}
    assert {name: value for name, value in before.items() if name not in changing} == {
        name: value for name, value in again.items() if name not in changing
    }
    assert again["iat"] == before["iat"] + 300
    assert again["exp"] == before["exp"] + 300
    assert "nonce" not in again


def test_offline_access_outlives_the_hours_of_the_session(party: RelyingParty):
    """Core 11: not there, not signed in any more, and not signed out either."""
    refresh_token = party.tokens(scope=OFFLINE)["refresh_token"]
    party.clock.advance(days=3)

    answer = renewed(party.refresh(refresh_token))

    assert party.userinfo(answer["access_token"]).status_code == 200


def test_rf_01_a_token_used_again_later_ends_its_family(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)
    second = renewed(party.refresh(first["refresh_token"]))
    party.clock.advance(seconds=10)

    assert is_refused(party.refresh(first["refresh_token"]))

    assert is_refused(party.refresh(second["refresh_token"]))
    assert party.userinfo(first["access_token"]).status_code == 401
    assert party.userinfo(second["access_token"]).status_code == 401
    assert misuses(party) == ["reused"]


def test_rf_01_other_families_of_the_session_live_on(party: RelyingParty):
    first, other = party.tokens(scope=OFFLINE), party.tokens(scope=OFFLINE)
    party.refresh(first["refresh_token"])
    party.clock.advance(seconds=11)

    assert is_refused(party.refresh(first["refresh_token"]))

    assert party.userinfo(other["access_token"]).status_code == 200
    assert party.refresh(other["refresh_token"]).status_code == 200


def test_rf_03_a_lost_answer_is_given_again_within_ten_seconds(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)["refresh_token"]
    lost = renewed(party.refresh(first))
    party.clock.advance(seconds=9)

    again = renewed(party.refresh(first))

    assert again["refresh_token"] == lost["refresh_token"]
    assert again["access_token"] != lost["access_token"]
    assert party.refresh(again["refresh_token"]).status_code == 200
    assert misuses(party) == []


def test_rf_03_asking_again_gives_no_longer_grace(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)["refresh_token"]
    party.refresh(first)
    for _ in range(2):
        party.clock.advance(seconds=6)
        response = party.refresh(first)

    assert is_refused(response)


def test_rf_03_the_grace_is_for_the_immediate_predecessor_alone(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)["refresh_token"]
    third = renewed(party.refresh(renewed(party.refresh(first))["refresh_token"]))["refresh_token"]

    assert is_refused(party.refresh(first))

    assert is_refused(party.refresh(third))
    assert misuses(party) == ["reused"]


def test_rf_03_a_revoked_token_has_no_grace(party: RelyingParty):
    """Revoked is not superseded."""
    first = party.tokens(scope=OFFLINE)["refresh_token"]
    party.refresh(first)
    change(party, TokenFamily, revoked_at=party.clock.now)

    assert is_refused(party.refresh(first))


def test_rf_03_parallel_refreshes_get_one_token(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)["refresh_token"]

    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda _: party.refresh(first), range(12)))

    assert {response.status_code for response in responses} == {200}
    successors = {response.json["refresh_token"] for response in responses}
    assert len(successors) == 1
    assert party.refresh(successors.pop()).status_code == 200


def test_rf_06_another_client_gets_nothing_and_harms_nobody(party: RelyingParty):
    """oidc T9."""
    other = RelyingParty(party.app, party.clock, client_id="other").register(
        scope=OFFLINE, grant_types=REFRESHING
    )
    superseded = party.tokens(scope=OFFLINE)["refresh_token"]
    current = renewed(party.refresh(superseded))["refresh_token"]
    party.clock.advance(seconds=30)

    assert is_refused(other.refresh(current))
    assert is_refused(other.refresh(superseded))

    assert misuses(party) == ["other_client", "other_client"]
    assert party.refresh(current).status_code == 200


def test_rf_08_the_scope_may_be_narrowed_and_never_widened(party: RelyingParty):
    granted = party.tokens(scope=f"{OFFLINE} profile")["refresh_token"]

    for wider in (f"{OFFLINE} profile email", "email", "children", "unknown", " "):
        response = party.refresh(granted, scope=wider)
        assert (response.status_code, response.json["error"]) == (400, "invalid_scope"), wider
    narrowed = renewed(party.refresh(granted, scope="openid"))
    assert narrowed["scope"] == "openid"
    assert set(party.userinfo(narrowed["access_token"]).json) == {"sub"}
    party.clock.advance(seconds=30)
    whole = renewed(party.refresh(narrowed["refresh_token"], scope=f"profile {OFFLINE}"))
    assert whole["scope"] == f"{OFFLINE} profile"
    assert "name" in party.userinfo(whole["access_token"]).json


def test_rf_08_without_openid_there_is_no_id_token(party: RelyingParty):
    granted = party.tokens(scope=f"{OFFLINE} profile")["refresh_token"]

    answer = renewed(party.refresh(granted, scope="profile"))

    assert "id_token" not in answer


def end_by_password(party: RelyingParty, parent: AccountId) -> None:
    change(party, Account, password_changed_at=party.clock.now)


def end_by_disabling(party: RelyingParty, parent: AccountId) -> None:
    change(party, Account, state=AccountState.DISABLED)


def end_by_merging(party: RelyingParty, parent: AccountId) -> None:
    change(party, Account, state=AccountState.MERGED)


def end_by_closing_the_client(party: RelyingParty, parent: AccountId) -> None:
    with party.app.app_context():
        clients.disable_client(party.client_id, now=party.clock.now)


def end_by_signing_out(party: RelyingParty, parent: AccountId) -> None:
    """RF-13, design 4.5."""
    with party.app.app_context(), transaction():
        sessions.end_all_sessions(parent, SessionEndReason.SIGNED_OUT, now=party.clock.now)


@pytest.mark.parametrize(
    "end",
    [end_by_password, end_by_disabling, end_by_merging, end_by_closing_the_client, end_by_signing_out],
)
def test_rf_09_rf_13_ended_means_ended(
    party: RelyingParty, parent: AccountId, end: Callable[[RelyingParty, AccountId], None]
):
    first = party.tokens(scope=OFFLINE)
    second = renewed(party.refresh(first["refresh_token"]))
    party.clock.advance(seconds=1)

    end(party, parent)

    for refresh_token in (second["refresh_token"], first["refresh_token"]):
        response = party.refresh(refresh_token)
        assert (response.status_code, response.json["error"]) in {
            (400, "invalid_grant"),
            (401, "invalid_client"),
        }
    assert party.userinfo(second["access_token"]).status_code == 401


def test_rf_09_after_a_detach_no_new_answer_holds_the_child(party: RelyingParty, family: None):
    refresh_token = party.tokens(scope=f"{OFFLINE} children")["refresh_token"]
    before = renewed(party.refresh(refresh_token))
    assert len(party.read_id_token(before["id_token"])["children"]) == 1
    change(party, Link, ended_at=party.clock.now, state="detached")

    after = renewed(party.refresh(before["refresh_token"]))

    assert party.read_id_token(after["id_token"])["children"] == []
    assert party.userinfo(after["access_token"]).json["children"] == []
    assert party.userinfo(before["access_token"]).json["children"] == []


def test_rf_10_the_absolute_life_ends_it_even_if_used_daily(party: RelyingParty):
    refresh_token = party.tokens(scope=OFFLINE)["refresh_token"]
    for _ in range(9):
        party.clock.advance(days=9)
        refresh_token = renewed(party.refresh(refresh_token))["refresh_token"]
    party.clock.advance(days=9)

    assert is_refused(party.refresh(refresh_token))


def test_rf_10_an_access_token_ends_with_the_family(party: RelyingParty):
    refresh_token = party.tokens(scope=OFFLINE)["refresh_token"]
    for days in (29, 29, 29, 2.998):
        party.clock.advance(days=days)
        answer = renewed(party.refresh(refresh_token))
        refresh_token = answer["refresh_token"]
    party.clock.advance(minutes=5)

    assert party.userinfo(answer["access_token"]).status_code == 401


def test_rf_10_a_month_without_use_ends_it(party: RelyingParty):
    refresh_token = party.tokens(scope=OFFLINE)["refresh_token"]
    party.clock.advance(days=30)

    assert is_refused(party.refresh(refresh_token))


@pytest.mark.parametrize(
    ("registered", "grant_types", "asked"),
    [
        (OFFLINE, REFRESHING, "openid"),
        ("openid", REFRESHING, OFFLINE),
        (OFFLINE, ("authorization_code",), OFFLINE),
    ],
)
def test_rf_12_no_refresh_token_unasked_or_unregistered(
    party: RelyingParty, parent: AccountId, registered: str, grant_types: tuple[str, ...], asked: str
):
    other = RelyingParty(party.app, party.clock, client_id="other")
    other.register(scope=registered, grant_types=grant_types)
    other.sign_in(parent)

    tokens = other.tokens(scope=asked)

    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"


def test_a_client_without_the_grant_cannot_use_it(party: RelyingParty):
    other = RelyingParty(party.app, party.clock, client_id="other").register()

    response = other.refresh("x" * 43)

    assert (response.status_code, response.json["error"]) == (400, "unauthorized_client")


def test_rf_14_the_database_holds_digests_alone(party: RelyingParty):
    first = party.tokens(scope=OFFLINE)["refresh_token"]
    second = renewed(party.refresh(first))["refresh_token"]

    with party.app.app_context(), db.engine.connect() as connection:
        dump = [
            value
            for table in db.metadata.sorted_tables
            for row in connection.execute(table.select())
            for value in row
        ]
        binary = [column for table in db.metadata.sorted_tables for column in table.columns]
    assert any(isinstance(column.type, LargeBinary) for column in binary)
    assert {digest(first), digest(second)} <= {value for value in dump if isinstance(value, bytes)}
    assert not [value for value in dump if first in str(value) or second in str(value)]


def test_co_01_a_code_used_again_ends_offline_access(party: RelyingParty):
    code = party.authorization_code(scope=OFFLINE)
    refresh_token = renewed(party.redeem(code))["refresh_token"]
    newer = renewed(party.refresh(refresh_token))

    assert is_refused(party.redeem(code))

    assert is_refused(party.refresh(newer["refresh_token"]))
    assert party.userinfo(newer["access_token"]).status_code == 401


def test_one_kind_of_secret_is_never_taken_for_another(party: RelyingParty):
    tokens = party.tokens(scope=OFFLINE)

    assert is_refused(party.refresh(tokens["access_token"]))
    assert is_refused(party.refresh(tokens["id_token"]))
    assert is_refused(party.redeem(tokens["refresh_token"]))
    assert party.userinfo(tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize("value", ["x", "a" * 43, "'", "a" * 2000])
def test_an_unknown_token_is_refused(party: RelyingParty, value: str):
    assert is_refused(party.refresh(value))


def test_a_missing_token_is_named_by_the_protocol(party: RelyingParty):
    response = party.refresh("")

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_interleavings_of_refresh_replay_and_revocation(party: RelyingParty):
    """Never two living tokens in a family; a replay after ten seconds ends it. Random, but the same at each run."""
    draw = random.Random(7)
    for _ in range(12):
        seen = [party.tokens(scope=OFFLINE)["refresh_token"]]
        for _ in range(4):
            party.clock.advance(seconds=draw.choice([0, 4, 11]))
            presented = [draw.choice(seen[-2:]) for _ in range(draw.randint(1, 3))]
            with ThreadPoolExecutor(3) as pool:
                responses = list(pool.map(party.refresh, presented))
            given = {answer.json["refresh_token"] for answer in responses if answer.status_code == 200}
            assert all(answer.status_code == 200 or is_refused(answer) for answer in responses)
            seen.extend(sorted(given - set(seen)))
            assert living(party, seen) <= 1
        party.clock.advance(seconds=11)
        superseded = seen[0]
        party.refresh(superseded)
        if len(seen) > 1:
            assert living(party, seen) == 0
            assert all(is_refused(party.refresh(token)) for token in seen)


def living(party: RelyingParty, refresh_tokens: list[str]) -> int:
    """How many of these tokens are the current one of a family that is not revoked."""
    digests = [digest(refresh_token) for refresh_token in refresh_tokens]
    with party.app.app_context():
        statement = select(TokenFamily.id).where(
            TokenFamily.digest.in_(digests), TokenFamily.revoked_at.is_(None)
        )
        return len(db.session.scalars(statement).all())


@pytest.fixture
def family(party: RelyingParty, parent: AccountId) -> None:
    """The parent has one child."""
    with party.app.app_context():
        make_link(parent, make_child())
