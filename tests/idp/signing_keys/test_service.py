"""Keys in a worker: one opened per algorithm, the set published, and who fetched it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from sqlalchemy import event, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from idp.db import db, transaction
from idp.settings import current
from idp.signing_keys import material, service
from idp.signing_keys.models import SigningKey, SigningKeyReading
from idp.signing_keys.rules import ACTIVE, ENDED, RETIRED, RETIRING, UPCOMING, KeyState, SigningAlgorithm
from shared.health import create_operations_app
from shared.sealing import SealBroken, unseal
from tests.conftest import FrozenClock

RS256, ES256, ED25519 = SigningAlgorithm


def states() -> list[tuple[str, str]]:
    rows = db.session.execute(select(SigningKey.algorithm, SigningKey.state))
    return sorted((algorithm, state.value) for algorithm, state in rows)


def add_key(state: KeyState, algorithm: SigningAlgorithm = ES256, *, now: datetime) -> str:
    """A row of its own; returns its kid."""
    row = material.new_row(algorithm, state, now=now)
    with transaction():
        db.session.execute(insert(SigningKey).values(row))
    service.forget_keyring()
    return str(row["kid"])


@pytest.fixture
def statements(idp_context: Flask) -> Iterator[list[str]]:
    """Every statement from here on."""
    seen: list[str] = []
    listen = lambda *arguments: seen.append(arguments[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listen)
    yield seen
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.fixture
def pass_seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The worker's own clock, moved by hand."""
    elapsed = [0.0]
    monkeypatch.setattr("idp.signing_keys.service.time.monotonic", lambda: elapsed[0])

    def move(seconds: float) -> None:
        elapsed[0] += seconds

    return move


def test_the_first_use_creates_a_key_of_each_algorithm_that_is_always_published(idp_context: Flask):
    keys = [service.active_key(), service.active_key("ES256")]

    assert [(key.alg, key.is_private) for key in keys] == [("RS256", True), ("ES256", True)]
    assert states() == [("ES256", "active"), ("RS256", "active")]


@pytest.mark.parametrize("algorithm", service.ALGORITHMS)
def test_what_a_key_signs_is_verified_with_the_published_set(idp_context: Flask, algorithm: str):
    """oidc I2, I3."""
    key = service.active_key(algorithm)

    signed = jwt.encode({"alg": algorithm, "kid": key.kid}, {"sub": "x"}, key, [algorithm])

    published = {each["kid"]: each for each in json.loads(service.public_jwks())["keys"]}
    assert published[key.kid]["alg"] == algorithm
    public = material.import_public(published[key.kid])
    assert jwt.decode(signed, public, algorithms=[algorithm]).claims == {"sub": "x"}


def test_an_algorithm_that_nobody_chose_has_no_key(idp_context: Flask):
    assert "Ed25519" not in service.public_jwks().decode()
    service.active_key("Ed25519")
    assert "Ed25519" in service.public_jwks().decode()


def test_a_chosen_algorithm_is_published_before_its_first_token(idp_context: Flask, now: datetime):
    service.public_jwks()
    service.publish_chosen("RS256", now=now)
    assert "Ed25519" not in service.public_jwks().decode()

    service.publish_chosen("Ed25519", now=now)

    assert str(service.active_key("Ed25519").kid) in service.public_jwks().decode()


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", ""])
def test_only_our_algorithms_have_keys(idp_context: Flask, algorithm: str):
    with pytest.raises(ValueError, match="is not a valid"):
        service.active_key(algorithm)


def test_a_published_key_signs_rather_than_one_that_nobody_saw(idp_context: Flask, now: datetime):
    waiting = add_key(UPCOMING, now=now)

    assert service.active_key("ES256").kid == waiting


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


def test_nodes_that_start_at_once_create_one_key_of_each(idp_app: Flask, now: datetime):
    def start(_number: int) -> None:
        with idp_app.app_context():
            service.ensure_signing_keys(now=now)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, range(6)))

    with idp_app.app_context():
        assert states() == [("ES256", "active"), ("RS256", "active")]


def test_within_a_second_no_row_is_read_and_after_it_one_statement_tells_that_nothing_changed(
    statements: list[str], pass_seconds: Callable[[float], None]
):
    held = service.active_key()
    statements.clear()
    pass_seconds(0.99)
    service.active_key()
    service.public_jwks()
    service.verification_keys()
    assert statements == []

    pass_seconds(0.01)

    # The very same object: importing an RSA key costs too much for every token.
    assert service.active_key() is held
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


def test_a_worker_sees_within_a_second_what_another_changed(
    idp_context: Flask, now: datetime, pass_seconds: Callable[[float], None]
):
    held = service.active_key()
    with transaction():
        db.session.execute(insert(SigningKey).values(material.new_row(ES256, UPCOMING, now=now)))
    pass_seconds(1)

    assert len(json.loads(service.public_jwks())["keys"]) == 3
    assert service.active_key() is held


@pytest.mark.parametrize("state", [ACTIVE, UPCOMING])
def test_the_database_holds_one_such_key_of_each_algorithm(
    idp_context: Flask, now: datetime, state: KeyState
):
    add_key(state, now=now)

    add_key(state, ED25519, now=now)
    with pytest.raises(IntegrityError):
        add_key(state, now=now)


def test_a_state_knows_since_when(idp_context: Flask, now: datetime):
    instants = {"published_at": now, "activated_at": now + timedelta(1), "retiring_at": now + timedelta(2)}
    row = SigningKey(created_at=now, retired_at=now + timedelta(3), ended_at=now + timedelta(4), **instants)

    since = []
    for state in (UPCOMING, ACTIVE, RETIRING, RETIRED, ENDED):
        row.state = state
        since.append(row.since)

    assert since == [now + timedelta(days) for days in range(5)]


def test_a_retired_key_verifies_hints_and_is_published_no_more_and_an_ended_one_does_neither(
    idp_context: Flask, now: datetime
):
    retired, ended = add_key(RETIRED, now=now), add_key(ENDED, now=now)

    known = [key.kid for key in service.verification_keys().keys]
    assert retired in known
    assert ended not in known
    assert retired not in service.public_jwks().decode()
    assert ended not in service.public_jwks().decode()


def readings() -> set[tuple[str, str]]:
    rows = db.session.execute(select(SigningKeyReading.kid, SigningKeyReading.client_id))
    return {(kid, client_id) for kid, client_id in rows}


def test_a_client_is_remembered_once_for_each_key_that_waits(
    idp_context: Flask, clock: FrozenClock, statements: list[str]
):
    service.active_key()
    waiting = add_key(UPCOMING, now=clock.now)
    document = service.public_jwks_for("livret", now=clock.now)
    assert document == service.public_jwks()
    statements.clear()

    clock.advance(hours=1)
    service.public_jwks_for("livret", now=clock.now)

    assert not any("signing_key_readings" in statement for statement in statements)
    assert readings() == {(waiting, "livret")}
    service.forget_keyring()  # another worker writes it again: the first instant stays
    service.public_jwks_for("livret", now=clock.now)
    first = db.session.scalars(select(SigningKeyReading.fetched_at)).one()
    assert first == clock.now - timedelta(hours=1)


def test_workers_that_note_the_same_client_at_once_note_it_once(idp_app: Flask, now: datetime):
    with idp_app.app_context():
        service.active_key()
        waiting = add_key(UPCOMING, now=now)

    def fetch(_number: int) -> None:
        with idp_app.app_context():
            service._note([(waiting, "livret")], now=now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fetch, range(8)))

    with idp_app.app_context():
        assert readings() == {(waiting, "livret")}


def test_a_set_that_cannot_be_noted_is_served_all_the_same(idp_context: Flask, now: datetime):
    service.active_key()
    waiting = add_key(UPCOMING, now=now)
    service.public_jwks()
    with transaction():
        # The key is gone before this worker knows: the reading has nothing to point at.
        db.session.execute(db.delete(SigningKey).where(SigningKey.kid == waiting))

    assert waiting in service.public_jwks_for("livret", now=now).decode()
    assert readings() == set()


def test_the_previous_key_encryption_key_still_opens(idp_context: Flask, monkeypatch: pytest.MonkeyPatch):
    held = service.active_key()
    use_keys(idp_context, monkeypatch, current=b"n" * 31 + b"x", previous=current().key_encryption_key)
    service.forget_keyring()

    assert service.active_key().kid == held.kid


def test_without_the_key_encryption_key_nothing_is_signed(
    idp_context: Flask, monkeypatch: pytest.MonkeyPatch
):
    service.active_key()
    use_keys(idp_context, monkeypatch, current=bytes(range(32)), previous=None)
    service.forget_keyring()

    with pytest.raises(SealBroken):
        service.active_key()


def use_keys(app: Flask, patch: pytest.MonkeyPatch, *, current: bytes, previous: bytes | None) -> None:
    """Restart the node with other key-encryption keys."""
    changes: dict[str, Any] = {"key_encryption_key": current, "previous_key_encryption_key": previous}
    settings = app.extensions["settings"].model_copy(update=changes)
    patch.setitem(app.extensions, "settings", settings)


@pytest.fixture
def silent_database(idp_context: Flask) -> Iterator[None]:
    """The database takes no statement any more."""
    service.active_key()

    def refuse(*_statement: object) -> None:
        raise OperationalError("", {}, Exception("gone"))

    event.listen(db.engine, "before_cursor_execute", refuse)
    yield
    event.remove(db.engine, "before_cursor_execute", refuse)


def test_a_set_in_hand_outlives_the_database_by_its_age(
    idp_context: Flask, request: pytest.FixtureRequest, pass_seconds: Callable[[float], None]
):
    held = service.public_jwks()
    request.getfixturevalue("silent_database")
    pass_seconds(service.JWKS_SECONDS - 1)
    assert service.public_jwks() == held
    pass_seconds(0.5)
    assert service.public_jwks() == held
    pass_seconds(1)

    with pytest.raises(OperationalError):
        service.public_jwks()


def test_a_slow_database_holds_one_thread_and_no_other(idp_app: Flask, pass_seconds: Callable[[float], None]):
    with idp_app.app_context():
        held = service.public_jwks()
        pass_seconds(1)
        assert service._loading.acquire(blocking=False)  # as a thread that waits for an answer
        try:
            assert service.public_jwks() == held
        finally:
            service._loading.release()


def test_a_node_that_cannot_sign_is_not_ready(idp_app: Flask, monkeypatch: pytest.MonkeyPatch):
    operations = create_operations_app(idp_app, {"signing_keys": service.check_signing_keys}).test_client()
    assert operations.get("/-/ready").status_code == 200
    use_keys(idp_app, monkeypatch, current=bytes(range(32)), previous=None)
    with idp_app.app_context():
        service.forget_keyring()

    response = operations.get("/-/ready")

    assert (response.status_code, response.json["failing"]) == (503, ["signing_keys"])


def test_a_row_moved_to_another_name_does_not_open(idp_context: Flask, now: datetime):
    kid = add_key(ACTIVE, now=now)
    with transaction():
        db.session.execute(update(SigningKey).where(SigningKey.kid == kid).values(kid="another"))

    with pytest.raises(SealBroken):
        service.active_key("ES256")
