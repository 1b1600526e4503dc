"""Who is found by a number, and what is answered to those who are not."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from idp.accounts.rules import AccountId, AccountState, Names, is_same_person
from idp.audit.rules import AuditEvent
from idp.errors import DomainError, FieldRefusal
from idp.families.rules import SchoolContact

STATES_TO_ACTIVATE = frozenset({AccountState.CREATED, AccountState.NOTIFIED, AccountState.ACTIVATING})
"""An active account recovers; a disabled or merged one is not revived by a number."""

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class TypedPerson:
    """What the first page asks. phone: E.164, as `normalise_phone` gives it."""

    names: Names
    phone: str


@dataclass(frozen=True, slots=True)
class ActivatableAccount:
    """An account that an SMS may activate. phone: of the school's data, the only one that is written to."""

    account_id: AccountId
    identifier: str
    names: Names
    phone: str
    locale: str


@dataclass(frozen=True, slots=True)
class CodeView:
    """What the page that waits for the code shows. phone: as typed. next_code_in: seconds, 0 when one may be asked."""

    phone: str
    next_code_in: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class ActivatableChild:
    """A child whose birth date is asked. `key` names its three boxes on the page."""

    key: str
    given_name: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class LastStep:
    """What the last page shows, to who read the code: the identifier to keep, the children, and whom to ask."""

    identifier: str
    children: tuple[ActivatableChild, ...]
    school: SchoolContact | None


class NameMissing(FieldRefusal):
    """One of the two names is empty."""

    error_code = "name_missing"
    sentence = "Saisissez votre nom"
    field = "family_name"


class GivenNameMissing(NameMissing):
    """The given name."""

    sentence = "Saisissez votre prénom"
    field = "given_name"


class BirthDatesWrong(DomainError):
    """One date at least is not the school's; which one is never told. remaining: tries left today, 1 or more."""

    error_code = "birth_dates_mismatch"
    sentence = "Cette date n’est pas celle de l’école."

    def __init__(self, remaining: int) -> None:
        super().__init__(n=remaining)
        self.remaining = remaining


class BirthDatesSpent(DomainError):
    """No more tries today."""

    error_code = "birth_dates_spent"
    sentence = "Réessayez demain. L’école peut aussi corriger la date\N{NO-BREAK SPACE}: {contact}"


class BirthDatesBlocked(DomainError):
    """No more tries until the school acts."""

    error_code = "birth_dates_blocked"
    sentence = "Trop de dates essayées. L’école est prévenue\N{NO-BREAK SPACE}: {contact}"


@dataclass(frozen=True, slots=True)
class PhoneActivationAsked(AuditEvent):
    """Somebody asked to activate by SMS; without an account, nobody was found, or too many."""

    name: ClassVar[str] = "phone_activation:code:asked"
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class PhoneActivationDateRefused(AuditEvent):
    """A date that is not the school's was typed behind a right code."""

    name: ClassVar[str] = "phone_activation:birth_date:refused"
    account_id: UUID
    remaining: int


@dataclass(frozen=True, slots=True)
class ActivatedByPhone(AuditEvent):
    """Number read, birth dates right, password chosen: the account is active, its number confirmed."""

    name: ClassVar[str] = "phone_activation:account:activated"
    account_id: UUID


def the_one_of(candidates: tuple[ActivatableAccount, ...], names: Names) -> ActivatableAccount | None:
    """The only one of these names; None where none has them, or several: a doubt is decided by the school."""
    found = [candidate for candidate in candidates if is_same_person(candidate.names, names)]
    return found[0] if len(found) == 1 else None
