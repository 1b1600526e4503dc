"""`idp purge`: the plan, what it deletes, and what still lives and stays."""

from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from idp import purge as purging
from idp.audit import service as audit
from idp.audit.models import AuditEntry
from idp.db import Model, db, transaction
from idp.oidc.models import AccessToken, AuthorizationCode, TokenFamily
from idp.purge import Purged, Waste, purge, waste
from idp.sessions.models import AccountSession
from idp.throttling.models import ThrottleCounter
from tests.conftest import FrozenClock
from tests.factories import make_account
from tests.relying_party import RelyingParty, offline_party, parent, party, signing_key

__all__ = ["offline_party", "parent", "party", "signing_key"]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(purge, arguments)


def count(app: Flask, table: type[Model]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_without_apply_the_plan_is_printed_and_nothing_goes(
    party: RelyingParty, parent: object, clock: FrozenClock
):
    party.tokens()
    clock.advance(days=40)

    result = run(party.app)

    assert result.exit_code == 0
    assert "access tokens        1\n" in result.stdout
    assert "Nothing done" in result.stderr
    assert count(party.app, AccessToken) == 1


def test_what_is_over_goes_with_all_that_came_of_it(party: RelyingParty, parent: object, clock: FrozenClock):
    party.tokens()
    clock.advance(days=40)

    result = run(party.app, "--apply")

    assert result.exit_code == 0, result.output
    for table in (AccessToken, AuthorizationCode, AccountSession):
        assert count(party.app, table) == 0
    assert "Nothing done" not in result.stderr


def test_what_lives_stays_and_works(party: RelyingParty, parent: object, clock: FrozenClock):
    tokens = party.tokens()
    clock.advance(minutes=5)

    assert run(party.app, "--apply").exit_code == 0

    assert party.userinfo(tokens["access_token"]).status_code == 200
    assert party.authorize(prompt="none").status_code == 303


def test_offline_access_keeps_the_session_and_the_code_that_it_came_from(
    offline_party: RelyingParty, clock: FrozenClock
):
    refresh_token = offline_party.tokens(scope="openid offline_access")["refresh_token"]
    for _ in range(3):
        clock.advance(days=20)
        assert run(offline_party.app, "--apply").exit_code == 0
        answer = offline_party.refresh(refresh_token)
        assert answer.status_code == 200, answer.text
        refresh_token = answer.json["refresh_token"]

    assert count(offline_party.app, TokenFamily) == 1
    assert count(offline_party.app, AuthorizationCode) == 1
    assert offline_party.refresh(refresh_token).status_code == 200


def test_offline_access_that_nobody_used_goes_too(offline_party: RelyingParty, clock: FrozenClock):
    offline_party.tokens(scope="openid offline_access")
    clock.advance(days=61)

    assert run(offline_party.app, "--apply").exit_code == 0

    assert count(offline_party.app, TokenFamily) == 0
    assert count(offline_party.app, AccountSession) == 0


def test_more_than_one_chunk_goes(idp_app: Flask, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(purging, "CHUNK", 3)
    rows = [
        {
            "limit_name": "n",
            "key": bytes([n] * 32),
            "spent": 1,
            "blocked_until": clock.now,
            "expires_at": clock.now,
        }
        for n in range(8)
    ]
    with idp_app.app_context(), transaction():
        db.session.execute(db.insert(ThrottleCounter), rows)

    assert run(idp_app, "--apply").stdout.startswith("throttle counters    8\n")


def test_accounts_without_a_child_for_a_year_are_disabled_chunk_by_chunk(
    idp_app: Flask, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(purging, "CHUNK", 2)
    with idp_app.app_context():
        for _ in range(5):
            make_account()
    clock.advance(days=500)

    assert "accounts disabled    5\n" in run(idp_app).stdout
    assert "accounts disabled    5\n" in run(idp_app, "--apply").stdout
    assert "accounts disabled    0\n" in run(idp_app, "--apply").stdout


def test_the_journal_is_kept_a_year_and_tells_of_the_purge(idp_app: Flask, clock: FrozenClock):
    with idp_app.app_context(), transaction():
        audit.record(Purged(0), now=clock.now)
    clock.advance(days=364)
    run(idp_app, "--apply")
    clock.advance(days=2)

    run(idp_app, "--apply")

    with idp_app.app_context():
        entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.recorded_at, AuditEntry.id)).all()
        assert [entry.details for entry in entries] == [{"rows": 0}, {"rows": 1}]
        assert min(entry.recorded_at for entry in entries) > clock.now - timedelta(days=365)


def test_every_kind_of_waste_can_be_counted_and_deleted(idp_context: Flask, clock: FrozenClock):
    """Each statement runs on each database."""
    kinds: dict[str, Waste] = dict(waste(clock.now))

    assert {name: (one.count(), one.delete()) for name, one in kinds.items()} == dict.fromkeys(kinds, (0, 0))


def test_what_refers_goes_before_what_is_referred_to(idp_context: Any, clock: FrozenClock):
    """Else a cascade would delete it uncounted."""
    tables = [one.table.__tablename__ for one in waste(clock.now).values()]

    assert (
        tables.index("access_tokens") < tables.index("token_families") < tables.index("authorization_codes")
    )
    assert tables.index("authorization_codes") < tables.index("account_sessions")
