"""What operators do to signing keys: look, rotate along the plan, end one at once, seal all anew (ADR 0021)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import CommandRefused
from idp.settings import current
from idp.signing_keys import material
from idp.signing_keys.material import Seal
from idp.signing_keys.models import SigningKey, SigningKeyReading
from idp.signing_keys.rules import (
    ACTIVE,
    ENDED,
    PUBLISHED,
    RETIRED,
    RETIRING,
    UPCOMING,
    WITHOUT_PRIVATE,
    Effects,
    KeyState,
    KeyView,
    Move,
    Pace,
    RotationPolicy,
    SigningAlgorithm,
    SigningKeyMoved,
    SigningKeysResealed,
    TokenReaders,
    due_moves,
    plan_emergency,
    plan_rotation,
)
from idp.signing_keys.service import forget_keyring

ENTERED_AT = {
    UPCOMING: "published_at",
    ACTIVE: "activated_at",
    RETIRING: "retiring_at",
    RETIRED: "retired_at",
    ENDED: "ended_at",
}
Plan = Callable[[Sequence[KeyView]], tuple[Move, ...]]
Drafts = Mapping[tuple[SigningAlgorithm, KeyState], dict[str, Any]]


class KeyAbsent(CommandRefused):
    """No signing key has this `kid`."""

    error_code = "signing_key_absent"
    hint = "no signing key has this kid; idp keys status lists them"
    exit_code = 2


class KeysUnreadable(CommandRefused):
    """A private key opens with no key-encryption key of the settings: nothing was sealed anew."""

    error_code = "signing_keys_unreadable"
    hint = (
        "the key-encryption key that sealed them is neither of the two in the settings; nothing was changed"
    )


@dataclass(frozen=True, slots=True)
class KeyReport:
    """One key as operators see it. `next_move` by the calendar, None at the end of its course."""

    view: KeyView
    seal: Seal
    next_move: Move | None


@dataclass(frozen=True, slots=True)
class Resealing:
    """One private key that lies under the previous key-encryption key, or under none of ours."""

    kid: str
    seal: Seal


def policy() -> RotationPolicy:
    """The times of this installation."""
    return RotationPolicy(sign_for=timedelta(days=current().signing_key_days))


def report(readers: TokenReaders, *, now: datetime) -> tuple[tuple[KeyReport, ...], tuple[Move, ...]]:
    """Every key, by algorithm and age, and the plan by the calendar."""
    keys = _views(readers.active_clients(now=now))
    plan = plan_rotation(keys, policy(), now=now)
    rows = {row.kid: row for row in _rows()}
    reports = tuple(
        KeyReport(
            view=view,
            seal=material.seal_of(rows[view.kid]),
            next_move=next((move for move in plan if move.kid == view.kid), None),
        )
        for view in sorted(keys, key=lambda view: list(SigningAlgorithm).index(view.algorithm))
    )
    return reports, plan


def rotation_plan(readers: TokenReaders, pace: Pace, *, now: datetime) -> tuple[Move, ...]:
    """The moves to come, dated; `rotate` at the same pace makes those that are due."""
    return plan_rotation(_views(readers.active_clients(now=now)), policy(), pace, now=now)


def rotate(readers: TokenReaders, pace: Pace, *, now: datetime) -> tuple[Move, ...]:
    """Make the moves that are due; returns those made. Two nodes may run it at once: each move is made once."""
    clients, times = readers.active_clients(now=now), policy()
    return _apply(
        lambda keys: due_moves(plan_rotation(keys, times, pace, now=now), now=now), clients, now=now
    )


def emergency_plan(kid: str, readers: TokenReaders, *, now: datetime) -> tuple[Move, ...]:
    """The moves that end one key now; none when it has ended already. Raises KeyAbsent."""
    keys = _views(readers.active_clients(now=now))
    _check_present(kid, keys)
    return plan_emergency(keys, kid, policy(), now=now)


def emergency_effects(kid: str, readers: TokenReaders, *, now: datetime) -> Effects:
    """What ends with this key. Raises KeyAbsent."""
    clients = readers.active_clients(now=now)
    keys = _views(clients)
    _check_present(kid, keys)
    key = next(each for each in keys if each.kid == kid)
    holding = len(clients) if key.state in PUBLISHED else 0
    if key.signed_from is None:
        return Effects(holding, 0, 0)
    id_tokens, sessions = readers.count_signed(
        key.algorithm, since=key.signed_from, until=key.signed_until, now=now
    )
    return Effects(holding, id_tokens, sessions)


def end_by_emergency(kid: str, readers: TokenReaders, *, now: datetime) -> tuple[Move, ...]:
    """End one key now, its private half erased, a successor signing; returns the moves made. Raises KeyAbsent."""
    clients, times = readers.active_clients(now=now), policy()

    def plan(keys: Sequence[KeyView]) -> tuple[Move, ...]:
        _check_present(kid, keys)
        return plan_emergency(keys, kid, times, now=now)

    return _apply(plan, clients, now=now)


def resealing_plan() -> tuple[Resealing, ...]:
    """The private keys that do not lie under the present key-encryption key."""
    seals = [Resealing(row.kid, material.seal_of(row)) for row in _rows()]
    return tuple(each for each in seals if each.seal in (Seal.PREVIOUS, Seal.BROKEN))


def reseal(*, now: datetime) -> int:
    """Seal under the present key-encryption key what lies under the previous one; returns how many.

    All or none. Raises KeysUnreadable.
    """
    with transaction():
        _lock()
        rows = [row for row in _rows() if row.sealed_private]
        seals = {row.kid: material.seal_of(row) for row in rows}
        if Seal.BROKEN in seals.values():
            raise KeysUnreadable(", ".join(kid for kid, seal in seals.items() if seal is Seal.BROKEN))
        older = [row for row in rows if seals[row.kid] is Seal.PREVIOUS]
        for row in older:
            sealed = material.seal_private(material.open_seal(row)[1], row.kid)
            db.session.execute(
                update(SigningKey).where(SigningKey.kid == row.kid).values(sealed_private=sealed)
            )
        if older:
            audit.record(SigningKeysResealed(count=len(older)), now=now)
    return len(older)


def _apply(plan: Plan, clients: Sequence[str], *, now: datetime) -> tuple[Move, ...]:
    # New keys are drawn before the transaction: an RSA key takes a tenth of a second, and SQLite has one writer.
    drafts = {
        (move.algorithm, move.to): material.new_row(move.algorithm, move.to, now=now)
        for move in plan(_views(clients))
        if move.from_state is None
    }
    try:
        with transaction():
            _lock()
            # Planned again behind the lock: what another node did meanwhile is not done twice.
            made = [move for move in plan(_views(clients)) if _make(move, drafts, now=now)]
            for move in made:
                audit.record(SigningKeyMoved(move.algorithm, move.from_state, move.to), now=now)
    except IntegrityError:
        # Two nodes began with no key at all, hence no row to lock: the unique indexes let one in, whole.
        made = []
    forget_keyring()
    return tuple(made)


def _make(move: Move, drafts: Drafts, *, now: datetime) -> bool:
    if move.from_state is None:
        draft = drafts.get((move.algorithm, move.to))
        if draft is None:
            return False  # due only since the other node acted: the next run makes it
        db.session.execute(insert(SigningKey).values(draft))
        return True
    entered: dict[str, Any] = {"state": move.to, ENTERED_AT[move.to]: now}
    if move.to in WITHOUT_PRIVATE:
        entered["sealed_private"] = b""
        db.session.execute(delete(SigningKeyReading).where(SigningKeyReading.kid == move.kid))
    moved = db.session.scalar(
        update(SigningKey)
        .where(SigningKey.kid == move.kid, SigningKey.state == move.from_state)
        .values(entered)
        .returning(SigningKey.kid)
    )
    return moved is not None


def _lock() -> None:
    # PostgreSQL holds the rows until the end; on SQLite the transaction itself is the only writer.
    db.session.execute(select(SigningKey.kid).order_by(SigningKey.kid).with_for_update()).all()


def _views(clients: Sequence[str]) -> tuple[KeyView, ...]:
    read_by = _readings()
    return tuple(_view(row, read_by.get(row.kid, frozenset()), clients) for row in _rows())


def _view(row: SigningKey, read_by: frozenset[str], clients: Sequence[str]) -> KeyView:
    return KeyView(
        kid=row.kid,
        algorithm=SigningAlgorithm(row.algorithm),
        state=row.state,
        since=row.since,
        signed_from=row.activated_at,
        signed_until=row.retiring_at or row.ended_at,
        unread_by=tuple(client for client in clients if client not in read_by)
        if row.state is UPCOMING
        else (),
    )


def _rows() -> Sequence[SigningKey]:
    # Read around the identity map: another node may have moved a key since.
    statement = select(SigningKey).order_by(SigningKey.created_at, SigningKey.algorithm, SigningKey.kid)
    return db.session.scalars(statement.execution_options(populate_existing=True)).all()


def _readings() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for kid, client_id in db.session.execute(select(SigningKeyReading.kid, SigningKeyReading.client_id)):
        found.setdefault(kid, set()).add(client_id)
    return {kid: frozenset(clients) for kid, clients in found.items()}


def _check_present(kid: str, keys: Sequence[KeyView]) -> None:
    if kid not in {key.kid for key in keys}:
        raise KeyAbsent(kid)
