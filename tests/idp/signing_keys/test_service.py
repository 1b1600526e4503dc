"""Keys at rest, in a worker, and between two nodes."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import event, select, update

from idp.db import db, transaction
from idp.settings import current
from idp.signing_keys import service
from idp.signing_keys.models import SigningKey
from idp.signing_keys.rules import ACTIVE, RETIRED, RETIRING, UPCOMING, RotationPolicy
from shared.sealing import SealBroken, unseal
from tests.conftest import FrozenClock

POLICY = RotationPolicy()


def rotate(now: datetime) -> int:
    return service.apply_moves(service.rotation_due(POLICY, now=now), now=now)


def states() -> dict[str, str]:
    return {view.kid: view.state.value for view in service.key_views()}


def test_the_first_use_creates_a_key(idp_context: Flask):
    key = service.active_key()

    assert key.is_private
    assert states() == {key.kid: "active"}


def test_the_private_key_is_sealed_under_its_own_name(idp_context: Flask, now: datetime):
    service.ensure_signing_key(now=now)
    row = db.session.scalars(select(SigningKey)).one()
    sealing_key = current().key_encryption_key

    assert unseal(row.sealed_private, key=sealing_key, associated=row.kid.encode())
    with pytest.raises(SealBroken):
        unseal(row.sealed_private, key=sealing_key, associated=b"another kid")
    with pytest.raises(SealBroken):
        unseal(row.sealed_private, key=bytes(32), associated=row.kid.encode())
    assert b"PRIVATE" not in row.sealed_private
    assert not {"d", "p", "q"} & row.public_jwk.keys()


def test_two_nodes_that_start_at_once_create_one_key(idp_app: Flask, now: datetime):
    def start(_number: int) -> None:
        with idp_app.app_context():
            service.ensure_signing_key(now=now)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, range(6)))

    with idp_app.app_context():
        assert list(states().values()) == ["active"]


def test_a_worker_opens_the_private_key_once(idp_context: Flask, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    open_key = service._open

    def counted(row: SigningKey) -> RSAKey:
        opened.append(row.kid)
        return open_key(row)

    monkeypatch.setattr(service, "_open", counted)
    ticks = iter(range(0, 10_000, 60))
    monkeypatch.setattr("idp.signing_keys.service.time.monotonic", lambda: float(next(ticks)))

    keys = {id(service.active_key()) for _ in range(5)}

    assert len(keys) == len(opened) == 1


def test_within_ten_seconds_no_row_is_read(idp_context: Flask):
    service.active_key()
    statements: list[str] = []

    def listen(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        service.active_key()
        service.public_jwks()
        service.verification_keys()
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)

    assert statements == []


def test_a_rotation_publishes_first_signs_later_and_verifies_last(idp_context: Flask, clock: FrozenClock):
    """No token is refused because a key rotated."""
    service.ensure_signing_key(now=clock.now)
    assert rotate(clock.now) == 1
    first = service.active_key()
    token = jwt.encode({"alg": "RS256", "kid": first.kid}, {"sub": "x"}, first)
    clock.advance(days=90)
    assert rotate(clock.now) == 3

    second = service.active_key()
    published = KeySet.import_key_set(json.loads(service.public_jwks()))
    assert second.kid != first.kid
    assert len(published.keys) == 3
    assert jwt.decode(token, published, algorithms=["RS256"]).claims == {"sub": "x"}

    clock.advance(days=1)
    assert rotate(clock.now) == 1
    assert str(first.kid) not in service.public_jwks().decode()
    # An old hint is still ours to recognise.
    assert jwt.decode(token, service.verification_keys(), algorithms=["RS256"]).claims == {"sub": "x"}


def test_a_move_that_another_node_made_is_not_made_twice(idp_context: Flask, clock: FrozenClock):
    service.ensure_signing_key(now=clock.now)
    rotate(clock.now)
    later = clock.advance(days=90)
    moves = [move for move in service.rotation_due(POLICY, now=later) if move.from_state is not None]

    assert service.apply_moves(moves, now=later) == 2
    assert service.apply_moves(moves, now=later + timedelta(seconds=1)) == 0
    assert sorted(states().values()) == ["active", "retiring"]


def test_the_database_holds_at_most_one_signing_key(idp_context: Flask, now: datetime):
    from sqlalchemy.exc import IntegrityError

    service.ensure_signing_key(now=now)
    rotate(now)

    with pytest.raises(IntegrityError), transaction():
        db.session.execute(update(SigningKey).values(state=ACTIVE))


def test_a_state_knows_since_when(idp_context: Flask, now: datetime):
    instants = {"published_at": now, "activated_at": now + timedelta(1), "retiring_at": now + timedelta(2)}
    row = SigningKey(created_at=now, retired_at=now + timedelta(3), **instants)

    since = []
    for state in (UPCOMING, ACTIVE, RETIRING, RETIRED):
        row.state = state
        since.append(row.since)

    assert since == [now + timedelta(days) for days in range(4)]
