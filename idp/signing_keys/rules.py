"""When a signing key changes state: a pure, dated plan from keys and time to moves (ADR 0012, ADR 0021)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Protocol
from urllib.parse import unquote

from idp.audit.rules import AuditEvent

NEW_KEY = "(new)"
PUBLISHED_AHEAD = "the next key is published before it signs"
LONGEST_CLIENT_ID = 100
# What a service puts in its User-Agent to name itself: the id percent-encoded, so that any id fits a header.
READER_NAME = re.compile(r"\(client_id=([A-Za-z0-9._~%-]{1,300})\)")


class SigningAlgorithm(StrEnum):
    """What the provider signs with. One key signs for each."""

    RS256 = "RS256"
    ES256 = "ES256"
    ED25519 = "Ed25519"


ALWAYS_PUBLISHED = (SigningAlgorithm.RS256, SigningAlgorithm.ES256)


class KeyState(StrEnum):
    """Published but not signing; signing; verifying only; kept for old hints alone; refused even there."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    ENDED = "ended"


UPCOMING, ACTIVE, RETIRING, RETIRED, ENDED = KeyState
PUBLISHED = (UPCOMING, ACTIVE, RETIRING)
WITHOUT_PRIVATE = (RETIRED, ENDED)
"""States of no return: what will never sign again keeps no private key."""


class Pace(StrEnum):
    """Which moves a rotation takes: those due by the calendar, those an operator asks for, all that are safe."""

    DUE = "due"
    ASKED = "asked"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class KeyView:
    """What the plan needs of a key.

    since: when it entered its state. signed_from, signed_until: None before and while it signs. unread_by: the active
    clients not known to have fetched the key set with it, while it waits; None when nobody looked.
    """

    kid: str
    algorithm: SigningAlgorithm
    state: KeyState
    since: datetime
    signed_from: datetime | None = None
    signed_until: datetime | None = None
    unread_by: tuple[str, ...] | None = None

    @property
    def is_read_by_all(self) -> bool:
        """Whether every active client has fetched the key set since this key is in it."""
        return self.unread_by == ()


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How long each step lasts.

    max_age: what the key set's Cache-Control says. publish_for: the longest that any cache is believed to keep the
    set, whatever we say. announce_for: how long before it signs a key is published at the latest. verify_for:
    longer than any token lives.
    """

    max_age: timedelta = timedelta(minutes=5)
    publish_for: timedelta = timedelta(hours=24)
    announce_for: timedelta = timedelta(days=30)
    sign_for: timedelta = timedelta(days=90)
    verify_for: timedelta = timedelta(hours=24)

    @property
    def read_by_all_for(self) -> timedelta:
        """The least wait even when every client fetched: it may have more caches than the one that did.

        Twice `max_age`, so that `max_age` is at most half of any overlap.
        """
        return 2 * self.max_age


@dataclass(frozen=True, slots=True)
class Move:
    """One key enters one state, when, and why. `kid` is NEW_KEY for a key to be created; `from_state` is then None."""

    kid: str
    algorithm: SigningAlgorithm
    to: KeyState
    reason: str
    due_at: datetime
    from_state: KeyState | None = None

    @property
    def act(self) -> str:
        """The operator's word for the move."""
        if self.from_state is None:
            return "create"
        return {ACTIVE: "promote", RETIRING: "relieve", RETIRED: "retire", ENDED: "end"}[self.to]


@dataclass(frozen=True, slots=True)
class Effects:
    """What ends with a key that ends before its time. Counts; clients: those that may hold it in a cache."""

    clients: int
    id_tokens: int
    sessions: int


class TokenReaders(Protocol):
    """Who reads what the keys sign: told by the protocol, which stands above this feature."""

    def active_clients(self, *, now: datetime) -> tuple[str, ...]:
        """The ids of the clients that may be given a token."""

    def count_signed(
        self, algorithm: str, *, since: datetime, until: datetime | None, now: datetime
    ) -> tuple[int, int]:
        """ID tokens that have not expired, and open sessions that were given one, of those signed in that time."""


@dataclass(frozen=True, slots=True)
class SigningKeyMoved(AuditEvent):
    """A signing key entered a state; `from_state` is None for a new one. The instant tells which key."""

    name: ClassVar[str] = "signing_keys:key:moved"
    algorithm: SigningAlgorithm
    from_state: KeyState | None
    to_state: KeyState


@dataclass(frozen=True, slots=True)
class SigningKeysResealed(AuditEvent):
    """Private keys were sealed anew, under another key-encryption key."""

    name: ClassVar[str] = "signing_keys:keys:resealed"
    count: int


def plan_rotation(
    keys: Sequence[KeyView], policy: RotationPolicy, pace: Pace = Pace.DUE, *, now: datetime
) -> tuple[Move, ...]:
    """The moves to come with their dates and reasons, in the order they must be made; those due at `now` come first.

    For each algorithm: one whole turn, from publishing a successor to retiring the key that it succeeds.
    """
    used = {key.algorithm for key in keys if key.state in PUBLISHED}
    algorithms = [each for each in SigningAlgorithm if each in used or each in ALWAYS_PUBLISHED]
    moves = [
        move
        for algorithm in algorithms
        for move in _plan_one(
            [key for key in keys if key.algorithm == algorithm], algorithm, policy, pace, now
        )
    ]
    return tuple(sorted(moves, key=lambda move: max(move.due_at, now)))


def due_moves(moves: Iterable[Move], *, now: datetime) -> tuple[Move, ...]:
    """Those of a plan that are to be made now."""
    return tuple(move for move in moves if move.due_at <= now)


def ready_at(key: KeyView, policy: RotationPolicy) -> datetime:
    """When an upcoming key may sign: every cache holds it by then."""
    return key.since + (policy.read_by_all_for if key.is_read_by_all else policy.publish_for)


def plan_emergency(
    keys: Sequence[KeyView], kid: str, policy: RotationPolicy, *, now: datetime
) -> tuple[Move, ...]:
    """The moves that end one key now and put a successor in its place; none when it has ended already."""
    key = next(each for each in keys if each.kid == kid)
    if key.state is ENDED:
        return ()
    moves = [_move(key, ENDED, "emergency: refused everywhere, even as a hint", now)]
    if key.state is ACTIVE:
        waiting = _oldest(each for each in keys if (each.algorithm, each.state) == (key.algorithm, UPCOMING))
        moves.append(_succession(waiting, key.algorithm, policy, now))
    if key.state in (ACTIVE, UPCOMING):
        moves.append(_creation(key.algorithm, UPCOMING, PUBLISHED_AHEAD, now))
    return tuple(moves)


def named_reader(asked: str | None, user_agent: str) -> str | None:
    """The client that a request for the key set says it comes from: `?client_id=`, or `(client_id=…)` in User-Agent.

    Unproven, and worth what it decides: a false name can bring a rotation forward, never before the caches' age.
    """
    found = READER_NAME.search(user_agent)
    name = asked or (unquote(found[1]) if found else "")
    return name if 0 < len(name) <= LONGEST_CLIENT_ID and name.isprintable() else None


def _plan_one(
    keys: Sequence[KeyView], algorithm: SigningAlgorithm, policy: RotationPolicy, pace: Pace, now: datetime
) -> list[Move]:
    retiring = [
        _move(key, RETIRED, "its last token has expired", key.since + policy.verify_for)
        for key in keys
        if key.state is RETIRING
    ]
    active = _oldest(key for key in keys if key.state is ACTIVE)
    waiting = _oldest(key for key in keys if key.state is UPCOMING)
    if active is not None:
        return retiring + _plan_turn(active, waiting, policy, pace, now)
    first = [
        _succession(waiting, algorithm, policy, now),
        _creation(algorithm, UPCOMING, PUBLISHED_AHEAD, now),
    ]
    return retiring + first


def _plan_turn(
    active: KeyView, waiting: KeyView | None, policy: RotationPolicy, pace: Pace, now: datetime
) -> list[Move]:
    moves: list[Move] = []
    spent_at = active.since + policy.sign_for
    if waiting is None:
        # Publishing ahead of the calendar disturbs nobody: whoever asks for a rotation gets its first step.
        published_at = max(now, spent_at - policy.announce_for) if pace is Pace.DUE else now
        moves.append(_creation(active.algorithm, UPCOMING, PUBLISHED_AHEAD, published_at))
        waiting = KeyView(NEW_KEY, active.algorithm, UPCOMING, published_at)
    turn_at = ready_at(waiting, policy) if pace is Pace.EARLY else max(spent_at, ready_at(waiting, policy))
    seen = "every active client has fetched it" if waiting.is_read_by_all else "every cache has seen it"
    left = "has signed long enough" if turn_at >= spent_at else "its successor may sign"
    return [
        *moves,
        _move(active, RETIRING, left, turn_at),
        _move(waiting, ACTIVE, seen, turn_at),
        # In the same move: the key set never holds the signing key alone.
        _creation(active.algorithm, UPCOMING, PUBLISHED_AHEAD, turn_at),
        Move(
            *(
                active.kid,
                active.algorithm,
                RETIRED,
                "its last token has expired",
                turn_at + policy.verify_for,
            ),
            from_state=RETIRING,
        ),
    ]


def _succession(
    waiting: KeyView | None, algorithm: SigningAlgorithm, policy: RotationPolicy, now: datetime
) -> Move:
    """Something must sign: a key that was published, seen by all or not, rather than one that nobody saw."""
    if waiting is None:
        return _creation(algorithm, ACTIVE, "no key signs, and none was published ahead", now)
    if ready_at(waiting, policy) <= now:
        return _move(waiting, ACTIVE, "no other key signs; every cache has seen this one", now)
    return _move(waiting, ACTIVE, "no other key signs; some caches have not seen this one", now)


def _move(key: KeyView, to: KeyState, reason: str, due_at: datetime) -> Move:
    return Move(key.kid, key.algorithm, to, reason, due_at, from_state=key.state)


def _creation(algorithm: SigningAlgorithm, to: KeyState, reason: str, due_at: datetime) -> Move:
    return Move(NEW_KEY, algorithm, to, reason, due_at)


def _oldest(keys: Iterable[KeyView]) -> KeyView | None:
    return min(keys, key=lambda key: (key.since, key.kid), default=None)
