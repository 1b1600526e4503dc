"""What the page says and what freezing an account records."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import DomainError, FieldRefusal
from idp.families.rules import SchoolContact
from idp.notices.rules import Notice


class Situation(StrEnum):
    """What may still be done with a mailed URL."""

    OPEN = "open"
    FROZEN = "frozen"
    """It has served: the account is in nobody's hands."""
    TOO_OLD = "too_old"
    NOT_SERVED = "not_served"
    """The account is closed, merged or disabled: there is nothing to freeze."""


class SecondProof(StrEnum):
    """What the person knows besides the mailed secret."""

    BIRTH_DATE = "birth_date"
    PASSWORD = "password"  # noqa: S105  # a name, not a secret


@dataclass(frozen=True, slots=True)
class NotMeView:
    """What the page shows. `named_child`: a given name, None without an active link.

    has_channel: whether recovery may serve the account once it is frozen.
    """

    notice: Notice
    at: datetime
    situation: Situation
    identifier: str
    named_child: str | None
    has_channel: bool
    school: SchoolContact | None


class UrlUnknown(DomainError):
    """The mailed URL is not one of ours, or cannot serve any more."""

    error_code = "not_me_url_refused"
    sentence = "Ce lien ne peut plus servir. Si vous avez un doute, utilisez «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}» ou prévenez l’école."


class BirthDateUnknown(FieldRefusal):
    """Not the date that the school gave for the named child."""

    error_code = "not_me_birth_date"
    field = "birth_day"
    sentence = "Cette date n’est pas celle de l’école. Vous pouvez aussi utiliser votre mot de passe, ou prévenir l’école."


class PasswordUnknown(FieldRefusal):
    """Not the chosen password of the account that the URL is about."""

    error_code = "not_me_password"
    field = "password"
    sentence = "Ce mot de passe n’est pas celui du compte. Vous pouvez aussi utiliser la date de naissance, ou prévenir l’école."


class DateTriesSpent(DomainError):
    """No more birth dates, today or at all. `seconds`: until the next one, None when only the school helps."""

    error_code = "not_me_birth_date_spent"
    sentence = "Trop d’essais. Utilisez votre mot de passe, ou prévenez l’école."

    def __init__(self, seconds: int | None) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class AccountFrozen(AuditEvent):
    """The holder of a mailed secret took the account out of everybody's hands."""

    name: ClassVar[str] = "account:not_me:frozen"
    account_id: UUID
    notice: Notice
    proof: SecondProof
    changes_undone: int


@dataclass(frozen=True, slots=True)
class FreezeRefused(AuditEvent):
    """A mailed secret came with a wrong second proof."""

    name: ClassVar[str] = "account:not_me:refused"
    account_id: UUID
    proof: SecondProof
