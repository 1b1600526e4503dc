"""Hashing, verifying, choosing and issuing passwords. Opens no transaction."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from threading import BoundedSemaphore
from uuid import UUID
from zoneinfo import ZoneInfo

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from sqlalchemy import ColumnElement, and_, or_, select, update

from idp.accounts.models import Account
from idp.audit import service as audit
from idp.db import db
from idp.passwords.models import ProvisionalPassword
from idp.passwords.rules import (
    LONGEST_TYPED,
    Busy,
    Candidate,
    ChoiceReason,
    HashingCost,
    PasswordChosen,
    PasswordRefused,
    ProvisionalPasswordIssued,
    ProvisionalPasswordRefused,
    broken_rules,
    derive_provisional_password,
    is_provisional_password,
    prepare_password,
)
from idp.settings import current as current_settings

PARIS = ZoneInfo("Europe/Paris")
LAST_SECOND = time(23, 59, 59)
SLOT_WAIT_SECONDS = 2.0
RETRY_AFTER_SECONDS = 10
# No account has this id: deriving for it costs what deriving for a real one costs.
DECOY_ACCOUNT_ID = UUID(int=0)


class Hasher:
    """Argon2id at one cost, in a bounded number at a time: each computation holds its memory (19 MiB)."""

    def __init__(self, cost: HashingCost, *, slots: int, wait_seconds: float = SLOT_WAIT_SECONDS) -> None:
        self.cost = cost
        self._slots = BoundedSemaphore(slots)
        self._wait_seconds = wait_seconds
        self._decoy_hash: str | None = None

    def hash(self, prepared: str) -> str:
        """The hash in its usual notation, with a new salt of 16 bytes. Raises Busy."""
        with self._slot():
            return self._compute(prepared)

    def verify(self, password_hash: str | None, prepared: str) -> bool:
        """Whether the password is the one hashed. Raises Busy.

        None stands for an account without a chosen password, or for no account: as slow, and False. A hash that
        cannot be read is False.
        """
        with self._slot():
            decoy_hash = (
                self.decoy_hash
            )  # asked for in every case: the first one of a worker takes as long to make
            is_right = self._is_right(password_hash or decoy_hash, prepared)
        return is_right and password_hash is not None

    @property
    def decoy_hash(self) -> str:
        """The hash of a password that nobody knows, at this cost (ADR 0008)."""
        if self._decoy_hash is None:
            self._decoy_hash = self._compute(os.urandom(32).hex())
        return self._decoy_hash

    def _compute(self, prepared: str) -> str:
        memory_bytes = self.cost.memory_kib * 1024
        hashed: bytes = argon2id.str(prepared.encode(), opslimit=self.cost.passes, memlimit=memory_bytes)
        return hashed.decode("ascii")

    def _is_right(self, password_hash: str, prepared: str) -> bool:
        try:
            return bool(argon2id.verify(password_hash.encode(), prepared.encode()))
        except (CryptoError, ValueError):
            return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise Busy(RETRY_AFTER_SECONDS)
        try:
            yield
        finally:
            self._slots.release()


# One a worker: the bound is on its memory. Tests put a cheap one here.
hasher = Hasher(HashingCost(), slots=(os.cpu_count() or 1) + 1)


@dataclass(frozen=True, slots=True)
class IssuedPassword:
    """A provisional password to print, and until when it works."""

    provisional_password: str
    issue_number: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProvisionalState:
    """What is known of an account's letter. A missing letter has `issue_number` 0 and matches nothing."""

    account_id: UUID
    issue_number: int
    expires_at: datetime | None
    is_consumed: bool


def hash_password(typed: str) -> str:
    """The Argon2id hash of a typed password. Raises Busy."""
    return hasher.hash(prepare_password(typed))


def verify(password_hash: str | None, typed: str) -> bool:
    """Whether the typed password is the hashed one; as slow without a hash (ADR 0008). Raises Busy."""
    if len(typed) > LONGEST_TYPED:
        return False
    return hasher.verify(password_hash, prepare_password(typed))


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made at another cost than today's."""
    return not hasher.cost.is_cost_of(password_hash)


def replace_hash(account_id: UUID, old_hash: str, new_hash: str) -> None:
    """Store the same password hashed anew, unless another one was chosen meanwhile."""
    db.session.execute(
        update(Account)
        .where(Account.id == account_id, Account.password_hash == old_hash)
        .values(password_hash=new_hash)
    )


def check_candidate(candidate: Candidate) -> None:
    """Raises PasswordRefused with every broken rule. Hashes nothing."""
    broken = broken_rules(replace(candidate, password=prepare_password(candidate.password)))
    if broken:
        raise PasswordRefused(broken, n=len(prepare_password(candidate.password)))


def check_choice(account_id: UUID, typed: str, *, identifier: str) -> None:
    """Whether this account may choose this password; reads, and verifies one hash. Raises PasswordRefused, Busy.

    Call it, and `hash_password`, before the transaction that stores the hash.
    """
    names = (current_settings().service_name,)
    candidate = Candidate(typed, identifier=identifier, service_names=names)
    check_candidate(candidate)
    check_candidate(replace(candidate, is_current=_is_current(account_id, typed)))


def choose(account_id: UUID, password_hash: str, reason: ChoiceReason, *, now: datetime) -> None:
    """Store the hash of a checked password, in the caller's transaction. Other sessions are the caller's to end."""
    db.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(password_hash=password_hash, password_changed_at=now)
    )
    audit.record(PasswordChosen(account_id, reason), now=now)


def end_passwords(account_id: UUID, *, now: datetime) -> None:
    """Neither the chosen password nor the present letter signs in any more, in the caller's transaction.

    What was issued to services before ends with it, as with any password that is replaced. Recovery chooses
    another one, or the school issues another letter.
    """
    db.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(password_hash=None, password_changed_at=now, updated_at=now)
    )
    db.session.execute(
        update(ProvisionalPassword)
        .where(ProvisionalPassword.account_id == account_id, ProvisionalPassword.consumed_at.is_(None))
        .values(consumed_at=now)
    )


def issue_provisional_password(account_id: UUID, *, now: datetime) -> IssuedPassword:
    """The account's provisional password for a letter: a first one, or the same one again with the same end.

    An expired or used one is not replaced: that is `reissue_provisional_password`.
    """
    existing = provisional_password_of(account_id)
    return existing or _issue(account_id, 1, now)


def reissue_provisional_password(account_id: UUID, *, now: datetime) -> IssuedPassword:
    """A new letter: the next issue number, a new end; the older letter and the chosen password are dead at once.

    What was issued to services before ends with a chosen password. The caller ends the account's sessions.
    """
    issue_number = db.session.scalar(
        update(ProvisionalPassword)
        .where(ProvisionalPassword.account_id == account_id)
        .values(
            issue_number=ProvisionalPassword.issue_number + 1,
            issued_at=now,
            expires_at=letter_end(now),
            consumed_at=None,
        )
        .returning(ProvisionalPassword.issue_number)
    )
    db.session.execute(
        update(Account)
        .where(Account.id == account_id, Account.password_hash.is_not(None))
        .values(password_hash=None, password_changed_at=now, updated_at=now)
    )
    if issue_number is None:
        return _issue(account_id, 1, now)
    return _issued(account_id, issue_number, now)


def provisional_password_of(account_id: UUID) -> IssuedPassword | None:
    """The latest letter's password, derived again; None when none was issued. It may be used or expired."""
    row = db.session.execute(
        select(
            ProvisionalPassword.issue_number, ProvisionalPassword.issued_at, ProvisionalPassword.expires_at
        ).where(ProvisionalPassword.account_id == account_id)
    ).one_or_none()
    if row is None:
        return None
    derived = _derive(account_id, row.issue_number)
    return IssuedPassword(derived, row.issue_number, row.issued_at, row.expires_at)


def provisional_state(account_id: UUID | None) -> ProvisionalState:
    """The letter of an account, or a decoy at the same cost: one query in every case."""
    sought = account_id or DECOY_ACCOUNT_ID
    row = db.session.execute(
        select(
            ProvisionalPassword.issue_number, ProvisionalPassword.expires_at, ProvisionalPassword.consumed_at
        ).where(ProvisionalPassword.account_id == sought)
    ).one_or_none()
    if row is None:
        return ProvisionalState(sought, 0, None, is_consumed=False)
    return ProvisionalState(sought, row.issue_number, row.expires_at, row.consumed_at is not None)


def verify_provisional(state: ProvisionalState, typed: str) -> bool:
    """Whether the typed password is the letter's, whatever became of the letter. Reads no database."""
    is_right = is_provisional_password(typed, _derive(state.account_id, state.issue_number))
    return is_right and state.issue_number > 0


def consume_provisional_password(account_id: UUID, issue_number: int, *, now: datetime) -> None:
    """The letter has served: by one conditional UPDATE, once, in time, and only the letter that signed in.

    Raises ProvisionalPasswordRefused.
    """
    consumed = db.session.scalar(
        update(ProvisionalPassword)
        .where(
            ProvisionalPassword.account_id == account_id,
            ProvisionalPassword.issue_number == issue_number,
            ProvisionalPassword.consumed_at.is_(None),
            ProvisionalPassword.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(ProvisionalPassword.account_id)
    )
    if consumed is None:
        raise ProvisionalPasswordRefused


def is_schools_to_renew() -> ColumnElement[bool]:
    """Of an account joined with its letter: whether the school alone gives it a password again.

    A letter issued after activation ended the chosen one and has not served. One that « Ce n’est pas moi » ended is
    still the school's to replace: else whoever holds the mailbox would undo what the school did (ADR 0034).
    """
    has_not_served = or_(
        ProvisionalPassword.consumed_at.is_(None),
        ProvisionalPassword.consumed_at == Account.password_changed_at,
    )
    return and_(
        Account.password_hash.is_(None), has_not_served, ProvisionalPassword.issued_at > Account.activated_at
    )


def waits_for_school(account_id: UUID) -> bool:
    """Whether the school alone gives this account a password again, now or once it is frozen."""
    found = db.session.scalar(
        select(Account.id)
        .join(ProvisionalPassword, ProvisionalPassword.account_id == Account.id)
        .where(Account.id == account_id, is_schools_to_renew())
    )
    return found is not None


def end_letter(account_id: UUID, *, now: datetime) -> None:
    """The letter in circulation opens nothing any more, in the caller's transaction; without one, nothing happens."""
    db.session.execute(
        update(ProvisionalPassword)
        .where(ProvisionalPassword.account_id == account_id, ProvisionalPassword.consumed_at.is_(None))
        .values(consumed_at=now)
    )


def _is_current(account_id: UUID, typed: str) -> bool:
    password_hash = db.session.scalar(select(Account.password_hash).where(Account.id == account_id))
    letter = provisional_state(account_id)
    db.session.rollback()  # a read alone: no connection is held while hashing
    is_chosen = password_hash is not None and verify(password_hash, typed)
    return is_chosen or verify_provisional(letter, typed)


def _issue(account_id: UUID, issue_number: int, now: datetime) -> IssuedPassword:
    db.session.add(
        ProvisionalPassword(
            account_id=account_id, issue_number=issue_number, issued_at=now, expires_at=letter_end(now)
        )
    )
    db.session.flush()
    return _issued(account_id, issue_number, now)


def _issued(account_id: UUID, issue_number: int, now: datetime) -> IssuedPassword:
    end = letter_end(now)
    audit.record(ProvisionalPasswordIssued(account_id, issue_number, end), now=now)
    return IssuedPassword(_derive(account_id, issue_number), issue_number, now, end)


def letter_end(now: datetime) -> datetime:
    """Until when a provisional password works that is issued at `now`: the last second of its last day, in France.

    The letter prints a day, and that whole day must be good.
    """
    last_day = (now + timedelta(days=current_settings().letter_valid_days)).astimezone(PARIS).date()
    return datetime.combine(last_day, LAST_SECOND, tzinfo=PARIS).astimezone(UTC)


def _derive(account_id: UUID, issue_number: int) -> str:
    return derive_provisional_password(current_settings().provisional_password_key, account_id, issue_number)
