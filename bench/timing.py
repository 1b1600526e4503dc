"""Whether time tells what exists: of a refused sign-in (EN-02), of a recovery (EN-03). Interleaved samples, AUC, medians.

CPU time of the thread that answers: what else the machine does drowns a difference that a patient outsider, with
more samples than ours, would still find.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import thread_time

from bench.bulk import idp_environment
from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.app import create_app
from idp.db import db, transaction
from idp.messaging.rules import Channel
from idp.passwords import service as passwords
from idp.recovery import service as recovery
from idp.settings import Settings
from idp.sign_in import service as sign_in
from idp.sign_in.rules import SignInRefused

MOST_AUC = 0.55
MOST_DIFFERENCE = 5.0
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
TRIES_EACH = 20
"""Of one identifier in a day: fewer than slow it."""
KINDS = ("with a chosen password", "without one", "disabled")
RECOVERY_KINDS = ("served", "without a confirmed address", "not activated")
LONG_AGO = START - timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Told:
    """How far the times of one kind of identifier stand from those of unknown ones. difference: of medians, in ms."""

    kind: str
    auc: float
    difference: float

    @property
    def is_silent(self) -> bool:
        """Whether an outsider learns nothing from the clock (goal G8)."""
        return abs(self.auc - 0.5) <= MOST_AUC - 0.5 and abs(self.difference) <= MOST_DIFFERENCE


def measure(folder: Path, *, samples: int) -> list[Told]:
    """Each kind of account against unknown identifiers, `samples` of each, in turn, at the cost of production."""
    app = create_app(Settings.load(**settings_of(folder)))
    with app.app_context():
        db.create_all()
        return [_compare(kind, samples) for kind in KINDS]


def measure_recovery(folder: Path, *, samples: int) -> list[Told]:
    """Codes and identifiers asked for: each kind of account against unknown ones, `samples` of each, in turn."""
    app = create_app(Settings.load(**settings_of(folder)))
    with app.app_context():
        db.create_all()
        compared: list[Told] = []
        for kind in RECOVERY_KINDS:
            _recoverable_accounts(kind, samples)
            for name, ask in (("code", _start_recovery), ("identifier", _ask_identifiers)):
                # Each on a day of its own: time never goes back.
                start = START + timedelta(days=len(compared))
                compared.append(_compare_recovery(f"{name}, {kind}", samples, partial(ask, kind), start))
        return compared


def settings_of(folder: Path) -> dict[str, str]:
    """The provider's settings, from what its command gets."""
    environment = idp_environment(folder) | {"IDP_DATABASE_URL": f"sqlite:///{folder / 'timing.sqlite'}"}
    return {
        name.removeprefix("IDP_").lower(): value
        for name, value in environment.items()
        if name.startswith("IDP_")
    }


def auc(slower: list[float], faster: list[float]) -> float:
    """How often a time drawn from the first is above one drawn from the second; 0.5 tells nothing."""
    ranked = sorted([(time, 1) for time in slower] + [(time, 0) for time in faster])
    above = below = 0
    for _time, is_first in ranked:
        below += 1 - is_first
        above += below * is_first
    return above / (len(slower) * len(faster))


def show(title: str, told: list[Told]) -> None:
    """Print a table, aligned, without a frame."""
    print(f"\n{title}")
    for one in told:
        verdict = "silent" if one.is_silent else "TELLS"
        print(f"{one.kind:40}  AUC {one.auc:.3f}  medians {one.difference:+.2f} ms  {verdict}")


def _compare(kind: str, samples: int) -> Told:
    known = _accounts(kind, -(-samples // TRIES_EACH))
    tries = _numbered(samples, START + timedelta(days=KINDS.index(kind)))
    times: tuple[list[float], list[float]] = ([], [])
    for number, now in tries:
        names = (known[number % len(known)], f"u{known[number % len(known)][1:]}")
        # Which comes first alternates: the second one finds warmer caches.
        for index in (0, 1) if number % 2 else (1, 0):
            times[index].append(_milliseconds(partial(_refused, names[index], number, now)))
    return Told(kind, auc(times[0], times[1]), median(times[0]) - median(times[1]))


def _compare_recovery(
    kind: str, samples: int, ask: Callable[[str, int, datetime], None], start: datetime
) -> Told:
    """ask: for a known one (its letter is r) or an unknown one (q), of this number, at this instant."""
    times: tuple[list[float], list[float]] = ([], [])
    for number, now in _numbered(samples, start):
        for index in (0, 1) if number % 2 else (1, 0):
            times[index].append(_milliseconds(partial(ask, "rq"[index], number, now)))
    return Told(kind, auc(times[0], times[1]), median(times[0]) - median(times[1]))


def _start_recovery(kind: str, letter: str, number: int, now: datetime) -> None:
    sought = f"{letter}.{RECOVERY_KINDS.index(kind)}x{number}"
    recovery.start_recovery(sought, Channel.EMAIL, network=f"network {number % 997}", now=now)


def _ask_identifiers(kind: str, letter: str, number: int, now: datetime) -> None:
    sought = f"{letter}{RECOVERY_KINDS.index(kind)}x{number}@famille.example"
    recovery.ask_identifiers(sought, network=f"network {number % 997}", now=now)


def _recoverable_accounts(kind: str, count: int) -> None:
    """One for each sample: three messages an hour leave for one."""
    confirmed_at = None if kind == "without a confirmed address" else LONG_AGO
    with transaction() as session:
        session.add_all(
            Account(
                identifier=f"r.{RECOVERY_KINDS.index(kind)}x{number}",
                state=AccountState.NOTIFIED if kind == "not activated" else AccountState.ACTIVE,
                given_name="Céline",
                family_name="L’HÉNORET",
                email=f"r{RECOVERY_KINDS.index(kind)}x{number}@famille.example",
                email_confirmed_at=confirmed_at,
                email_recovers_from=confirmed_at,
                created_at=START,
                updated_at=START,
            )
            for number in range(count)
        )


def _numbered(samples: int, start: datetime) -> Iterator[tuple[int, datetime]]:
    for number in range(samples):
        yield number, start + timedelta(seconds=number)


def _refused(identifier: str, number: int, now: datetime) -> None:
    try:
        sign_in.authenticate(identifier, "Wrong7word", network=f"network {number % 997}", now=now)
    except SignInRefused:
        return
    raise AssertionError("a wrong password signed in")


def _milliseconds(act: Callable[[], None]) -> float:
    begun = thread_time()
    act()
    return (thread_time() - begun) * 1000


def _accounts(kind: str, count: int) -> list[str]:
    password_hash = None if kind == "without one" else passwords.hash_password("Kx7mPq2w")
    state = {"disabled": AccountState.DISABLED, "without one": AccountState.NOTIFIED}.get(
        kind, AccountState.ACTIVE
    )
    identifiers = [f"k.{KINDS.index(kind)}x{number}" for number in range(count)]
    with transaction() as session:
        session.add_all(
            Account(
                identifier=identifier,
                state=state,
                given_name="Céline",
                family_name="L’HÉNORET",
                password_hash=password_hash,
                created_at=START,
                updated_at=START,
            )
            for identifier in identifiers
        )
    return identifiers
