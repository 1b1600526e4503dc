"""Signing keys as a worker uses them: sign with one per algorithm, publish several, note who fetched them."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any, cast
from weakref import WeakKeyDictionary

import structlog
from joserfc.jwk import KeySet
from sqlalchemy import Engine, Insert, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from idp.db import db, transaction
from idp.signing_keys import material
from idp.signing_keys.material import PairKey
from idp.signing_keys.models import SigningKey, SigningKeyReading
from idp.signing_keys.rules import (
    ACTIVE,
    ALWAYS_PUBLISHED,
    ENDED,
    PUBLISHED,
    UPCOMING,
    RotationPolicy,
    SigningAlgorithm,
)
from shared.clock import app_now

ALGORITHM = SigningAlgorithm.RS256.value
"""The one that every client understands (OpenID Connect Core 15.1)."""
ALGORITHMS = tuple(algorithm.value for algorithm in SigningAlgorithm)
JWKS_SECONDS = int(RotationPolicy().max_age.total_seconds())
MAXIMUM_AGE_SECONDS = 1.0
"""How far a worker may be behind the database: commands that change keys wait this long before they say so."""
LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keyring:
    """What one worker holds of the keys.

    active: the signing keys by algorithm. jwks: the published document as bytes, public members only. upcoming: the
    keys in it that do not sign yet. noted: readings that this worker need not write again. states: what was read.
    read_at, looked_at: when the database last told, and was last asked. Seconds of `time.monotonic`.
    """

    active: Mapping[str, PairKey]
    jwks: bytes
    verifying: KeySet
    upcoming: tuple[str, ...]
    states: tuple[tuple[str, str], ...]
    read_at: float
    looked_at: float
    noted: set[tuple[str, str]] = field(default_factory=set)

    def is_fresh(self) -> bool:
        """Whether the key rows need not be read again."""
        return time.monotonic() - self.looked_at < MAXIMUM_AGE_SECONDS

    def may_serve(self) -> bool:
        """Whether it may stand in while the database does not answer: no longer than any cache keeps the set."""
        return time.monotonic() - self.read_at < JWKS_SECONDS


# A worker's keyring, one per database: importing an RSA key costs 29 ms, too much for every token.
_keyrings: WeakKeyDictionary[Engine, Keyring] = WeakKeyDictionary()
_loading = Lock()


def active_key(algorithm: str = ALGORITHM) -> PairKey:
    """The private key that signs with this algorithm, with its `kid`; at most a second behind the database.

    Creates the first key when there is none: not to be called inside a transaction. Raises SealBroken when no
    key-encryption key of the settings sealed it, ValueError for an algorithm that is not ours.
    """
    held = _keyring()
    if algorithm not in held.active:
        # The first token of an algorithm that a client chose and that no key signs for yet.
        ensure_signing_key(SigningAlgorithm(algorithm), now=app_now())
        forget_keyring()
        held = _keyring()
    return held.active[algorithm]


def public_jwks() -> bytes:
    """The JSON Web Key Set (RFC 7517 5): every published key, public members only, as ready-made bytes."""
    return _keyring().jwks


def public_jwks_for(client_id: str, *, now: datetime) -> bytes:
    """As `public_jwks`, and remembers which keys this client has seen before they sign.

    One row per client and key, written once; a database that cannot write now is no reason to withhold the set.
    """
    held = _keyring()
    readings = [(kid, client_id) for kid in held.upcoming if (kid, client_id) not in held.noted]
    if readings:
        try:
            _note(readings, now=now)
            held.noted.update(readings)
        except DBAPIError as failure:
            LOG.warning("key set reading not noted", reason=type(failure.orig).__name__)
    return held.jwks


def verification_keys() -> KeySet:
    """The public halves of all keys but those ended by emergency.

    Retired ones too: an ID token hint outlives its key (RP-Initiated Logout 4).
    """
    return _keyring().verifying


def check_signing_keys() -> None:
    """Raise unless this worker can sign: for the readiness of a node. Raises SealBroken, or what the driver raises."""
    _keyring()


def forget_keyring() -> None:
    """Read the keys again at the next use: after this worker changed them."""
    _keyrings.pop(db.engine, None)


def publish_chosen(algorithm: str, *, now: datetime) -> None:
    """Let a key sign for an algorithm that a client registers for, so that its first reading of the set holds it.

    Not to be called inside a transaction. Raises ValueError for an algorithm that is not ours.
    """
    if SigningAlgorithm(algorithm) not in ALWAYS_PUBLISHED:
        ensure_signing_key(SigningAlgorithm(algorithm), now=now)
        forget_keyring()


def ensure_signing_keys(*, now: datetime) -> None:
    """Let a key sign for each algorithm that is always published. Several nodes may call it at once."""
    for algorithm in ALWAYS_PUBLISHED:
        ensure_signing_key(algorithm, now=now)


def ensure_signing_key(algorithm: SigningAlgorithm = SigningAlgorithm.RS256, *, now: datetime) -> None:
    """Unless a key signs for it, promote the one that waits, or create one. Two nodes may call it at once: one acts."""
    if db.session.scalar(select(SigningKey.kid).where(*_signing(algorithm))) is not None:
        return
    row = material.new_row(algorithm, ACTIVE, now=now)
    try:
        with transaction() as session:
            if not _promote_waiting(session, algorithm, now=now):
                session.execute(insert(SigningKey).values(row))
    except IntegrityError:
        # The other node's key is in: the unique index on the active state decided.
        db.session.rollback()


def _signing(algorithm: SigningAlgorithm) -> tuple[Any, Any]:
    return SigningKey.state == ACTIVE, SigningKey.algorithm == algorithm.value


def _promote_waiting(session: Session, algorithm: SigningAlgorithm, *, now: datetime) -> bool:
    promoted = session.scalar(
        update(SigningKey)
        .where(SigningKey.state == UPCOMING, SigningKey.algorithm == algorithm.value)
        .values(state=ACTIVE, activated_at=now)
        .returning(SigningKey.kid)
    )
    return promoted is not None


def _note(readings: Iterable[tuple[str, str]], *, now: datetime) -> None:
    rows = [{"kid": kid, "client_id": client_id, "fetched_at": now} for kid, client_id in readings]
    with transaction() as session:
        session.execute(_insert_once().values(rows))


def _insert_once() -> Insert:
    if db.engine.dialect.name == "postgresql":
        return postgresql_insert(SigningKeyReading).on_conflict_do_nothing()
    return sqlite_insert(SigningKeyReading).on_conflict_do_nothing()


def _keyring() -> Keyring:
    held = _keyrings.get(db.engine)
    if held is not None and held.is_fresh():
        return held
    # One thread looks; the others go on with what is held, not behind a slow database.
    if not _loading.acquire(blocking=held is None or not held.may_serve()):
        return cast("Keyring", held)
    try:
        held = _keyrings.get(db.engine)
        if held is None or not held.is_fresh():
            held = _keyrings[db.engine] = _renew(held)
        return held
    finally:
        _loading.release()


def _renew(held: Keyring | None) -> Keyring:
    try:
        return _load(held)
    except (OperationalError, PoolTimeout) as failure:
        if held is None or not held.may_serve():
            raise
        LOG.warning("signing keys not read again", reason=type(failure).__name__)
        return replace(held, looked_at=time.monotonic())


def _load(held: Keyring | None) -> Keyring:
    read_at, states = time.monotonic(), _read_states()
    if held is not None and held.states == states:
        return replace(held, read_at=read_at, looked_at=read_at)
    rows = _read_rows()
    if not set(ALWAYS_PUBLISHED) <= {row.algorithm for row in rows if row.state == ACTIVE}:
        ensure_signing_keys(now=app_now())
        rows = _read_rows()
    # A private key is opened once per worker and key, not at each change of another.
    opened = {key.kid: key for key in held.active.values()} if held else {}
    signing = [row for row in rows if row.state == ACTIVE]
    published = [row.public_jwk for row in rows if row.state in PUBLISHED]
    return Keyring(
        active={row.algorithm: opened.get(row.kid) or material.open_key(row) for row in signing},
        jwks=json.dumps({"keys": published}).encode(),
        verifying=KeySet([material.import_public(row.public_jwk) for row in rows if row.state != ENDED]),
        upcoming=tuple(row.kid for row in rows if row.state == UPCOMING),
        states=tuple((row.kid, row.state.value) for row in rows),
        read_at=read_at,
        looked_at=read_at,
    )


# Both on a connection of their own: the session of a long request, or of a command, may look at an older snapshot.


def _read_states() -> tuple[tuple[str, str], ...]:
    statement = select(SigningKey.kid, SigningKey.state).order_by(SigningKey.created_at, SigningKey.kid)
    with db.engine.connect() as connection:
        return tuple((kid, state.value) for kid, state in connection.execute(statement))


def _read_rows() -> Sequence[SigningKey]:
    with Session(db.engine) as session:
        return session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.kid)).all()
