"""What was proven of the other account, and what is told of it: pure."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from idp.accounts.rules import AccountState
from idp.audit.rules import AuditEvent
from idp.errors import DomainError
from idp.families.rules import MergeUndoer, OwnLink, SchoolContact, StandingMerge
from idp.sessions.rules import OpenedWith

PROOF_LIFE = timedelta(minutes=10)
"""As long as a sign-in is fresh: what is proven on the first page is worth nothing later."""

STATES_TO_ATTACH = frozenset({AccountState.NOTIFIED, AccountState.ACTIVATING, AccountState.ACTIVE})


class AttachRefused(DomainError):
    """The other account is not attached; why is never told."""

    error_code = "attach_refused"
    sentence = "Ce compte n’a pas pu être rattaché. Vérifiez vos réponses, ou demandez à l’école."


class ProofLost(DomainError):
    """What was proven of the other account is too old, or another session's."""

    error_code = "attach_proof_lost"
    sentence = (
        "Cette étape a expiré. Saisissez de nouveau l’identifiant et le mot de passe de l’autre compte."
    )


class AlreadyAttached(DomainError):
    """The other account is part of this one already: a form sent twice, or in two tabs."""

    error_code = "already_attached"
    sentence = "C’est déjà fait\N{NO-BREAK SPACE}: cet autre compte est regroupé avec le vôtre."


class RefusalCause(StrEnum):
    """Why an account was not attached: for the journal, never for the page."""

    COUPLE = "couple"
    SAME_ACCOUNT = "same_account"
    OTHER_NAMES = "other_names"
    BIRTH_DATE = "birth_date"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class AttachTried(AuditEvent):
    """Somebody tried to attach another account, and was refused. other_account_id: only behind its right secret."""

    name: ClassVar[str] = "attachment:account:refused"
    account_id: UUID
    cause: RefusalCause
    other_account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AccountAttached(AuditEvent):
    """Another account of the same person became part of this one; `children` links came."""

    name: ClassVar[str] = "attachment:account:attached"
    account_id: UUID
    merge_id: UUID
    children: int


@dataclass(frozen=True, slots=True)
class AccountTakenOver(AuditEvent):
    """This account became part of another one of the same person."""

    name: ClassVar[str] = "attachment:account:taken_over"
    account_id: UUID
    merge_id: UUID


@dataclass(frozen=True, slots=True)
class AttachUndone(AuditEvent):
    """What had been attached to this account was given back."""

    name: ClassVar[str] = "attachment:account:given_back"
    account_id: UUID
    merge_id: UUID
    by: MergeUndoer


@dataclass(frozen=True, slots=True)
class AccountRevived(AuditEvent):
    """This account had become part of another one, and is on its own again."""

    name: ClassVar[str] = "attachment:account:revived"
    account_id: UUID
    merge_id: UUID
    by: MergeUndoer


@dataclass(frozen=True, slots=True)
class OtherAccount:
    """What one session has proven of another account. Sealed into the pages that follow, read by nobody else.

    issue_number: of the letter that was right, None with a chosen password. password_mark: of its hash, so that
    another password chosen meanwhile ends the proof. asks_birth_date: whether a letter is all there is.
    """

    account_id: UUID
    opened_with: OpenedWith
    issue_number: int | None
    password_mark: str
    asks_birth_date: bool
    proven_at: datetime
    birth_date: date | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to ask."""
        return self.birth_date is not None or not self.asks_birth_date

    def is_alive(self, *, now: datetime) -> bool:
        """Whether it is recent enough."""
        return now - self.proven_at < PROOF_LIFE

    def with_birth_date(self, birth_date: date) -> Self:
        """The same, with the date that was right."""
        return replace(self, birth_date=birth_date)

    def to_bytes(self) -> bytes:
        """For sealing."""
        written = {
            "account": self.account_id.hex,
            "with": self.opened_with,
            "issue": self.issue_number,
            "mark": self.password_mark,
            "asks": self.asks_birth_date,
            "at": self.proven_at.isoformat(),
            "born": self.birth_date.isoformat() if self.birth_date else None,
        }
        return json.dumps(written, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """What `to_bytes` wrote."""
        members = json.loads(written)
        return cls(
            account_id=UUID(members["account"]),
            opened_with=OpenedWith(members["with"]),
            issue_number=members["issue"],
            password_mark=members["mark"],
            asks_birth_date=members["asks"],
            proven_at=datetime.fromisoformat(members["at"]),
            birth_date=date.fromisoformat(members["born"]) if members["born"] else None,
        )


@dataclass(frozen=True, slots=True)
class ChildrenView:
    """What `/compte/enfants` shows. is_proposed: whether a school's data may speak of another account of this person;
    it proves nothing and names nothing.
    """

    links: tuple[OwnLink, ...]
    merges: tuple[StandingMerge, ...]
    school: SchoolContact | None
    is_proposed: bool = False


@dataclass(frozen=True, slots=True)
class AttachPreview:
    """What confirming will do. coming: links that move; present: those that the account has already."""

    identifier: str
    coming: tuple[OwnLink, ...]
    present: tuple[OwnLink, ...]
