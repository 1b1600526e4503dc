"""When a signing key changes state: a pure plan from keys and time to moves (ADR 0012)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

NEW_KEY = "(new)"


class KeyState(StrEnum):
    """Published but not signing; signing; verifying only; kept for old hints alone."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


UPCOMING, ACTIVE, RETIRING, RETIRED = KeyState
PUBLISHED = (UPCOMING, ACTIVE, RETIRING)


@dataclass(frozen=True, slots=True)
class KeyView:
    """What the plan needs of a key. since: when it entered its state."""

    kid: str
    state: KeyState
    since: datetime


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """publish_for: before signing, at least as long as any cache of the JWKS. verify_for: longer than any ID token."""

    publish_for: timedelta = timedelta(hours=24)
    sign_for: timedelta = timedelta(days=90)
    verify_for: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Move:
    """One key enters one state, and why. `kid` is NEW_KEY for a key to be created; `from_state` is then None."""

    kid: str
    to: KeyState
    reason: str
    from_state: KeyState | None = None

    @property
    def act(self) -> str:
        """The operator's word for the move."""
        if self.from_state is None:
            return "create"
        return {ACTIVE: "promote", RETIRING: "relieve", RETIRED: "retire"}.get(self.to, "move")


def plan_rotation(keys: Sequence[KeyView], policy: RotationPolicy, *, now: datetime) -> tuple[Move, ...]:
    """The moves due at `now`, each with its reason, in the order they must be made; empty when none is."""

    def due(state: KeyState, wait: timedelta) -> list[KeyView]:
        return [key for key in keys if key.state == state and now - key.since >= wait]

    def move(key: KeyView, to: KeyState, reason: str) -> Move:
        return Move(key.kid, to, reason, from_state=key.state)

    moves = [move(key, RETIRED, "its last token has expired") for key in due(RETIRING, policy.verify_for)]
    ready = due(UPCOMING, policy.publish_for)
    active, spent = due(ACTIVE, timedelta(0)), due(ACTIVE, policy.sign_for)
    promoted = ready[:1] if spent == active else []  # also when nothing signs yet
    if promoted:
        moves += [move(key, RETIRING, "has signed long enough") for key in spent]
        moves.append(move(promoted[0], ACTIVE, "every cache has seen it"))
    elif not any(key.state in PUBLISHED for key in keys):
        moves.append(Move(NEW_KEY, ACTIVE, "the first key has no cache to wait for"))
    # A promotion publishes its successor in the same move: the JWKS never holds the signing key alone.
    waiting = [key for key in keys if key.state == UPCOMING and key not in promoted]
    if not waiting:
        moves.append(Move(NEW_KEY, UPCOMING, "the next key is published before it signs"))
    return tuple(moves)
