"""Use cases of signing keys: sign with one, publish several, move them along the plan."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.db import db, transaction
from idp.settings import current
from idp.signing_keys.models import SigningKey
from idp.signing_keys.rules import (
    ACTIVE,
    PUBLISHED,
    UPCOMING,
    KeyState,
    KeyView,
    Move,
    RotationPolicy,
    plan_rotation,
)
from shared.clock import app_now
from shared.sealing import seal, unseal

ALGORITHM = "RS256"
KEY_BITS = 2048
MAXIMUM_AGE_SECONDS = 10.0
ENTERED_AT = {
    KeyState.UPCOMING: "published_at",
    KeyState.ACTIVE: "activated_at",
    KeyState.RETIRING: "retiring_at",
    KeyState.RETIRED: "retired_at",
}


@dataclass(frozen=True, slots=True)
class Keyring:
    """What one worker holds of the keys. jwks: the published document as bytes, public members only."""

    active: RSAKey
    jwks: bytes
    verifying: KeySet
    loaded_at: float

    def is_fresh(self) -> bool:
        """Whether the key rows need not be read again. Seconds of `time.monotonic`."""
        return time.monotonic() - self.loaded_at < MAXIMUM_AGE_SECONDS


# A worker's keyring, one per database: importing an RSA key costs 29 ms, too much for every token.
_keyrings: WeakKeyDictionary[Engine, Keyring] = WeakKeyDictionary()
_loading = Lock()


def active_key() -> RSAKey:
    """The private key that signs, with its `kid` and algorithm; at most 10 seconds behind the database.

    Creates the first key when there is none: not to be called inside a transaction. Raises SealBroken when the
    key-encryption key is not the one that sealed it.
    """
    return _keyring().active


def public_jwks() -> bytes:
    """The JSON Web Key Set (RFC 7517 5): every published key, public members only, as ready-made bytes."""
    return _keyring().jwks


def verification_keys() -> KeySet:
    """The public halves of all keys, retired ones too: an ID token hint outlives its key (RP-Initiated Logout 4)."""
    return _keyring().verifying


def forget_keyring() -> None:
    """Read the keys again at the next use: after this worker changed them."""
    _keyrings.pop(db.engine, None)


def ensure_signing_key(*, now: datetime) -> None:
    """Create the first signing key unless one is active. Two nodes may call it at once: one creates."""
    if db.session.scalar(select(SigningKey.kid).where(SigningKey.state == ACTIVE)) is not None:
        return
    row = _new_row(ACTIVE, now=now)
    try:
        with transaction():
            db.session.execute(insert(SigningKey).values(row))
    except IntegrityError:
        # The other node's key is in: the unique index on the active state decided.
        db.session.rollback()


def key_views() -> tuple[KeyView, ...]:
    """Every key with its state and since when, oldest first."""
    rows = db.session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.kid))
    return tuple(KeyView(row.kid, row.state, row.since) for row in rows)


def rotation_due(policy: RotationPolicy, *, now: datetime) -> tuple[Move, ...]:
    """The moves that `apply_moves` would make."""
    return plan_rotation(key_views(), policy, now=now)


def apply_moves(moves: Sequence[Move], *, now: datetime) -> int:
    """Make the moves in order, in one transaction; returns how many took.

    Each is an UPDATE on the state it leaves: a move that another node made meanwhile is not made twice.
    """
    created = {move: _new_row(move.to, now=now) for move in moves if move.from_state is None}
    with transaction():
        made = [_make(move, created.get(move), now=now) for move in moves]
    forget_keyring()
    return sum(made)


def _make(move: Move, new_row: dict[str, Any] | None, *, now: datetime) -> bool:
    if new_row is not None:
        db.session.execute(insert(SigningKey).values(new_row))
        return True
    moved = db.session.scalar(
        update(SigningKey)
        .where(SigningKey.kid == move.kid, SigningKey.state == move.from_state)
        .values({"state": move.to, ENTERED_AT[move.to]: now})
        .returning(SigningKey.kid)
    )
    return moved is not None


def _new_row(state: KeyState, *, now: datetime) -> dict[str, Any]:
    key = RSAKey.generate_key(KEY_BITS)
    kid = f"k-{now:%Y-%m-%d}-{secrets.token_hex(4)}"
    sealing_key = current().key_encryption_key
    return {
        "kid": kid,
        "algorithm": ALGORITHM,
        "state": state,
        "public_jwk": {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM},
        "sealed_private": seal(key.as_der(private=True), key=sealing_key, associated=kid.encode()),
        "created_at": now,
        "published_at": now if state is UPCOMING else None,
        "activated_at": now if state is ACTIVE else None,
    }


def _keyring() -> Keyring:
    held = _keyrings.get(db.engine)
    if held is not None and held.is_fresh():
        return held
    with _loading:
        held = _keyrings.get(db.engine)
        if held is None or not held.is_fresh():
            held = _keyrings[db.engine] = _load(held)
        return held


def _load(held: Keyring | None) -> Keyring:
    if not any(row.state == ACTIVE for row in _rows()):
        ensure_signing_key(now=app_now())
    rows = _rows()
    signing = next(row for row in rows if row.state == ACTIVE)
    published = [row.public_jwk for row in rows if row.state in PUBLISHED]
    # The private key is opened once per worker and key, not at each reading of the rows.
    keep = held is not None and held.active.kid == signing.kid
    return Keyring(
        active=held.active if keep and held else _open(signing),
        jwks=json.dumps({"keys": published}).encode(),
        verifying=KeySet([RSAKey.import_key(row.public_jwk) for row in rows]),
        loaded_at=time.monotonic(),
    )


def _rows() -> Sequence[SigningKey]:
    # Read around the session's identity map: another node may have moved a key since.
    statement = select(SigningKey).order_by(SigningKey.created_at, SigningKey.kid)
    return db.session.scalars(statement.execution_options(populate_existing=True)).all()


def _open(row: SigningKey) -> RSAKey:
    private = unseal(row.sealed_private, key=current().key_encryption_key, associated=row.kid.encode())
    return RSAKey.import_key(private, {"kid": row.kid, "use": "sig", "alg": row.algorithm})
