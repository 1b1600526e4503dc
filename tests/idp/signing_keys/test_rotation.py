"""Rotation, emergency and resealing, on the database, by one node and by several at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from idp.audit.models import AuditEntry
from idp.db import db
from idp.signing_keys import rotation, service
from idp.signing_keys.material import Seal
from idp.signing_keys.models import SigningKey, SigningKeyReading
from idp.signing_keys.rules import ENDED, RETIRED, Effects, Move, Pace
from shared.settings import decode_key
from tests.conftest import FrozenClock, key_of
from tests.relying_party import RelyingParty

NODES = 4
OLD_KEY = decode_key(key_of("key_encryption_key"))
NEW_KEY_ENCRYPTION_KEY = decode_key(key_of("another key encryption key"))


class NoReaders:
    """A provider without clients."""

    def active_clients(self, **_when: Any) -> tuple[str, ...]:
        return ()

    def count_signed(self, *_which: Any, **_when: Any) -> tuple[int, int]:
        return (0, 0)


class OneReader(NoReaders):
    """A provider with one client."""

    def active_clients(self, **_when: Any) -> tuple[str, ...]:
        return ("livret",)


NOBODY, LIVRET = NoReaders(), OneReader()


def kids() -> dict[str, str]:
    """State by kid, of RS256."""
    rows = db.session.execute(
        select(SigningKey.kid, SigningKey.state)
        .where(SigningKey.algorithm == "RS256")
        .order_by(SigningKey.created_at)
    )
    return {kid: state.value for kid, state in rows}


def kid_in(state: str) -> str:
    return next(kid for kid, held in kids().items() if held == state)


def published() -> list[dict[str, Any]]:
    return list(json.loads(service.public_jwks())["keys"])


def acts(moves: tuple[Move, ...]) -> list[tuple[str, str]]:
    return [(move.act, move.algorithm.value) for move in moves]


def test_a_rotation_publishes_first_signs_later_and_verifies_last(idp_context: Flask, clock: FrozenClock):
    """No token is refused because a key rotated."""
    first = service.active_key()
    assert acts(rotation.rotate(LIVRET, Pace.ASKED, now=clock.now)) == [
        ("create", "RS256"),
        ("create", "ES256"),
    ]
    token = jwt.encode({"alg": "RS256", "kid": first.kid}, {"sub": "x"}, first)
    assert service.active_key().kid == first.kid
    clock.advance(days=90)
    assert len(rotation.rotate(LIVRET, Pace.DUE, now=clock.now)) == 6

    second = service.active_key()
    assert second.kid != first.kid
    assert len(published()) == 6
    assert jwt.decode(token, KeySet.import_key_set({"keys": published()}), algorithms=["RS256"])

    clock.advance(days=1)
    assert acts(rotation.rotate(LIVRET, Pace.DUE, now=clock.now)) == [
        ("retire", "RS256"),
        ("retire", "ES256"),
    ]
    assert first.kid not in {key["kid"] for key in published()}
    # An old hint is still ours to recognise; the key that signed it can sign no more.
    assert jwt.decode(token, service.verification_keys(), algorithms=["RS256"]).claims == {"sub": "x"}
    assert db.session.get(SigningKey, first.kid).sealed_private == b""


def test_what_the_plan_says_is_what_is_made(idp_context: Flask, clock: FrozenClock):
    service.active_key()
    for days in (0, 90, 1, 89, 1):
        clock.advance(days=days)
        planned = [
            move
            for move in rotation.rotation_plan(NOBODY, Pace.ASKED, now=clock.now)
            if move.due_at <= clock.now
        ]

        assert list(rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)) == planned
        assert rotation.rotate(NOBODY, Pace.ASKED, now=clock.now) == ()


def test_each_move_leaves_a_line_in_the_journal(idp_context: Flask, clock: FrozenClock):
    service.active_key()
    rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)

    entries = db.session.scalars(select(AuditEntry)).all()
    assert [(entry.name, entry.details["to_state"]) for entry in entries] == [
        ("signing_keys:key:moved", "upcoming")
    ] * 2


def test_a_client_that_names_itself_lets_its_key_sign_sooner_and_a_silent_one_does_not(
    idp_context: Flask, clock: FrozenClock
):
    service.active_key()
    rotation.rotate(LIVRET, Pace.EARLY, now=clock.now)
    clock.advance(hours=23)
    assert rotation.rotate(LIVRET, Pace.EARLY, now=clock.now) == ()

    service.public_jwks_for("livret", now=clock.now)

    assert len(rotation.rotate(LIVRET, Pace.EARLY, now=clock.now)) == 6


def at_once(app: Flask, act: Callable[[], Any]) -> list[Any]:
    """What several nodes get that act at the same instant."""
    gate = Barrier(NODES)

    def node(_number: int) -> Any:
        with app.app_context():
            gate.wait()
            return act()

    with ThreadPoolExecutor(NODES) as pool:
        return list(pool.map(node, range(NODES)))


def test_nodes_that_rotate_at_once_make_each_move_once(idp_app: Flask, clock: FrozenClock):
    for days in (0, 90, 1, 89):
        clock.advance(days=days)
        with idp_app.app_context():
            due = len(
                [
                    m
                    for m in rotation.rotation_plan(NOBODY, Pace.ASKED, now=clock.now)
                    if m.due_at <= clock.now
                ]
            )

        made = at_once(idp_app, lambda: rotation.rotate(NOBODY, Pace.ASKED, now=clock.now))

        assert due > 0
        assert sorted(len(moves) for moves in made) == [0] * (NODES - 1) + [due]
    with idp_app.app_context():
        assert sorted(kids().values()) == ["active", "retired", "retiring", "upcoming"]


def test_nodes_that_end_a_key_at_once_end_it_once(idp_app: Flask, clock: FrozenClock):
    with idp_app.app_context():
        rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)
        compromised = kid_in("active")

    made = at_once(idp_app, lambda: rotation.end_by_emergency(compromised, NOBODY, now=clock.now))

    assert sorted(len(moves) for moves in made) == [0] * (NODES - 1) + [3]
    with idp_app.app_context():
        assert sorted(kids().values()) == ["active", "ended", "upcoming"]


def test_a_rotation_and_an_emergency_at_once_leave_one_key_that_signs(idp_app: Flask, clock: FrozenClock):
    with idp_app.app_context():
        rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)
        compromised = kid_in("active")
    clock.advance(days=90)
    turns = iter([True, False] * NODES)

    def act() -> None:
        if next(turns):
            rotation.rotate(NOBODY, Pace.DUE, now=clock.now)
        else:
            rotation.end_by_emergency(compromised, NOBODY, now=clock.now)

    at_once(idp_app, act)

    with idp_app.app_context():
        held = kids()
        assert held[compromised] == "ended"
        assert list(held.values()).count("active") == 1
        assert list(held.values()).count("upcoming") == 1


@pytest.mark.parametrize("state", ["active", "upcoming", "retiring", "retired"])
def test_a_key_ended_by_emergency_is_gone_and_another_signs(
    idp_context: Flask, clock: FrozenClock, state: str
):
    """JK-08."""
    service.active_key()
    for days in (0, 90, 1, 89):
        clock.advance(days=days)
        rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)
    compromised = kid_in(state)

    rotation.end_by_emergency(compromised, NOBODY, now=clock.now)

    assert compromised not in {key["kid"] for key in published()}
    assert compromised not in {key.kid for key in service.verification_keys().keys}
    assert service.active_key().kid not in {compromised, None}
    row = db.session.get(SigningKey, compromised)
    assert (row.state, row.sealed_private, row.ended_at) == (ENDED, b"", clock.now)
    assert list(kids().values()).count("upcoming") == 1
    assert rotation.end_by_emergency(compromised, NOBODY, now=clock.now) == ()


def test_an_unknown_key_cannot_be_ended(idp_context: Flask, clock: FrozenClock):
    service.active_key()

    for ask in (rotation.emergency_plan, rotation.emergency_effects, rotation.end_by_emergency):
        with pytest.raises(rotation.KeyAbsent):
            ask("k-unknown", NOBODY, now=clock.now)


def test_the_effects_of_an_end_are_counted_first(party: RelyingParty, parent: object, clock: FrozenClock):
    party.tokens()
    party.tokens()
    with party.app.app_context():
        readers = party.app.extensions["token_readers"]
        rotation.rotate(readers, Pace.ASKED, now=clock.now)
        signing, waiting = kid_in("active"), kid_in("upcoming")
        of_another = str(service.active_key("ES256").kid)

        assert rotation.emergency_effects(signing, readers, now=clock.now) == Effects(1, 2, 1)
        assert rotation.emergency_effects(waiting, readers, now=clock.now) == Effects(1, 0, 0)
        assert rotation.emergency_effects(of_another, readers, now=clock.now) == Effects(1, 0, 0)
        clock.advance(minutes=10)
        assert rotation.emergency_effects(signing, readers, now=clock.now) == Effects(1, 0, 1)
        clock.advance(hours=8)
        assert rotation.emergency_effects(signing, readers, now=clock.now) == Effects(1, 0, 0)


def restart(app: Flask, patch: pytest.MonkeyPatch, *, current: object, previous: object) -> None:
    """A node with other key-encryption keys."""
    changes = {"key_encryption_key": current, "previous_key_encryption_key": previous}
    patch.setitem(app.extensions, "settings", app.extensions["settings"].model_copy(update=changes))
    service.forget_keyring()


def test_keys_are_sealed_anew_and_the_old_key_is_needed_no_more(
    idp_context: Flask, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    signing = service.active_key()
    rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)
    restart(idp_context, monkeypatch, current=NEW_KEY_ENCRYPTION_KEY, previous=OLD_KEY)
    assert {each.seal for each in rotation.resealing_plan()} == {Seal.PREVIOUS}

    assert rotation.reseal(now=clock.now) == 4

    assert rotation.resealing_plan() == ()
    assert rotation.reseal(now=clock.now) == 0
    restart(idp_context, monkeypatch, current=NEW_KEY_ENCRYPTION_KEY, previous=None)
    assert service.active_key().kid == signing.kid
    names = db.session.scalars(select(AuditEntry.name)).all()
    assert names.count("signing_keys:keys:resealed") == 1


def test_nodes_that_seal_anew_at_once_leave_keys_that_open(
    idp_app: Flask, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    with idp_app.app_context():
        service.active_key()
        restart(idp_app, monkeypatch, current=NEW_KEY_ENCRYPTION_KEY, previous=OLD_KEY)

    done = at_once(idp_app, lambda: rotation.reseal(now=clock.now))

    assert sorted(done) == [0] * (NODES - 1) + [2]
    with idp_app.app_context():
        assert rotation.resealing_plan() == ()


def test_one_key_that_opens_with_neither_stops_it_before_anything_changes(
    idp_context: Flask, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    service.active_key()
    restart(idp_context, monkeypatch, current=NEW_KEY_ENCRYPTION_KEY, previous=bytes(range(32)))

    with pytest.raises(rotation.KeysUnreadable):
        rotation.reseal(now=clock.now)

    assert {each.seal for each in rotation.resealing_plan()} == {Seal.BROKEN}


def test_a_retired_key_has_no_private_half_to_seal(idp_context: Flask, clock: FrozenClock):
    service.active_key()
    for days in (0, 90, 1):
        clock.advance(days=days)
        rotation.rotate(NOBODY, Pace.ASKED, now=clock.now)
    reports, _ = rotation.report(NOBODY, now=clock.now)

    assert {report.seal for report in reports if report.view.state is RETIRED} == {Seal.NONE}


def test_readings_go_with_the_key_they_were_for(idp_context: Flask, clock: FrozenClock):
    service.active_key()
    rotation.rotate(LIVRET, Pace.ASKED, now=clock.now)
    service.public_jwks_for("livret", now=clock.now)
    waiting = kid_in("upcoming")

    rotation.end_by_emergency(waiting, LIVRET, now=clock.now)

    left = db.session.scalars(select(SigningKeyReading.kid)).all()
    assert waiting not in left
    assert len(left) == 1
