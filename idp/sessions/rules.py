"""What a session lets its holder do, and when it has ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from idp.accounts.rules import AccountId, AccountState
from idp.audit.rules import AuditEvent

TOUCH_EVERY = timedelta(minutes=1)
"""The last-seen time is written at most this often: a page with ten requests writes once."""

FRESH_FOR = timedelta(minutes=10)
"""How long a typed password is enough for what changes who holds the account."""

STATES_WITH_SESSIONS = frozenset({AccountState.NOTIFIED, AccountState.ACTIVATING, AccountState.ACTIVE})


class OpenedWith(StrEnum):
    """Which password opened a session: the provisional one reaches the activation page only."""

    PROVISIONAL = "provisional"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """A living session, as one request sees it.

    signed_in_at: what `auth_time` says. proven_at: when the password was last typed, never before it. issue_number: of the letter that opened it, None with a chosen password.
    """

    id: UUID
    sid: str
    account_id: AccountId
    identifier: str
    given_name: str
    family_name: str
    locale: str
    state: AccountState
    opened_with: OpenedWith
    issue_number: int | None
    signed_in_at: datetime
    proven_at: datetime
    last_seen_at: datetime
    expires_at: datetime

    @property
    def stage(self) -> "Stage":
        """What the session opens."""
        return stage_of(self.state, self.opened_with)

    def is_fresh(self, *, now: datetime) -> bool:
        """Whether the password was typed recently enough to change address, telephone, password or children."""
        return now - self.proven_at < FRESH_FOR

    @property
    def is_full(self) -> bool:
        """Whether it opens services and the account's pages; otherwise it only opens activation."""
        return self.stage is Stage.FULL


@dataclass(frozen=True, slots=True)
class FormerSession:
    """A session that lives no more, as who held it may learn of it.

    has_idled: it was not ended and not too old; nothing was done in it for too long.
    """

    account_id: AccountId
    has_idled: bool


class Stage(StrEnum):
    """What a session opens, one thing at a time."""

    ACTIVATION_FORM = "activation_form"
    ADDRESS_CONFIRMATION = "address_confirmation"
    FULL = "full"


def stage_of(state: AccountState, opened_with: OpenedWith) -> Stage:
    """A letter proves enough for the activation form alone, whatever the account's state."""
    if opened_with is OpenedWith.PROVISIONAL:
        return Stage.ACTIVATION_FORM
    return Stage.FULL if state is AccountState.ACTIVE else Stage.ADDRESS_CONFIRMATION


class SessionEndReason(StrEnum):
    """Why a session ended before its time."""

    SIGNED_OUT = "signed_out"
    REPLACED = "replaced"
    PASSWORD_CHOSEN = "password_chosen"  # noqa: S105
    LETTER_REISSUED = "letter_reissued"
    ACCOUNT_DISABLED = "account_disabled"
    ADDRESS_CHANGED = "address_changed"
    ENDED_BY_PERSON = "ended_by_person"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_MERGED = "account_merged"
    NOT_ME = "not_me"


@dataclass(frozen=True, slots=True)
class SessionsEnded(AuditEvent):
    """Sessions of an account ended before their time; `count` of them."""

    name: ClassVar[str] = "account:sessions:ended"
    account_id: UUID
    reason: SessionEndReason
    count: int


def is_touch_due(last_seen_at: datetime, *, now: datetime) -> bool:
    """Whether the last-seen time is old enough to be written again."""
    return now - last_seen_at >= TOUCH_EVERY
