"""What activation asks, and what it answers when it refuses."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import DomainError, FieldRefusal
from idp.families.rules import SchoolContact, contact_text
from idp.one_time_codes.rules import ResendTooSoon

SHOWN_IN_SECONDS = 90
CONFIRMATION_PATH = "/activation/adresse"


@dataclass(frozen=True, slots=True)
class ActivationChoice:
    """What the form holds once its syntax is right. `email` is None when the account keeps its own."""

    email: str | None
    new_password: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class ActivationView:
    """What the form's page shows: whose birth date it asks, and whether it asks for an address.

    kept_address: masked, the confirmed one that stays; empty where there is none.
    """

    named_child: str
    asks_email: bool
    kept_address: str
    school: SchoolContact | None


@dataclass(frozen=True, slots=True)
class WaitingView:
    """What the waiting page shows. resend_in: seconds, 0 when the message may be sent again now.

    valid_hours: how long the mailed URL works. is_returned: the last message could not be delivered.
    meant_address: what was probably meant, where the domain looks mistyped; None where it does not.
    """

    email: str
    meant_address: str | None
    valid_hours: int
    resend_in: int
    is_returned: bool
    school: SchoolContact | None


class AddressOutcome(StrEnum):
    """What signing in on the mailed page did about the address."""

    CONFIRMED = "confirmed"
    DEAD_URL = "dead_url"
    ANOTHER_ACCOUNT = "another_account"
    PLAIN_SIGN_IN = "plain_sign_in"


class BirthDateWrong(FieldRefusal):
    """Not the school's date; `n` tries are left today, at least two."""

    error_code = "birth_date_mismatch"
    sentence = "Cette date n’est pas celle de l’école. Il vous reste {n} essais aujourd’hui."
    field = "birth_day"


class BirthDateWrongOneLeft(BirthDateWrong):
    """The same, with one try left."""

    sentence = "Cette date n’est pas celle de l’école. Il vous reste 1 essai aujourd’hui."


class BirthDateSpent(FieldRefusal):
    """No more tries today."""

    error_code = "birth_date_spent"
    sentence = "Réessayez demain. L’école peut aussi corriger la date : {contact}"
    field = "birth_day"


class LetterSpent(FieldRefusal):
    """No more tries with this letter."""

    error_code = "letter_spent"
    sentence = "Trop de dates essayées avec ce courrier. Demandez-en un autre à l’école : {contact}"
    field = "birth_day"


class NoActiveLink(DomainError):
    """No child is linked to the account: nothing can be proven, only the school can help.

    references: of the children that this guardian reported, which the school knows by them.
    """

    error_code = "no_active_link"
    sentence = "Aucun enfant n’est rattaché à ce compte. Contactez l’école : {contact}"

    def __init__(self, school: SchoolContact | None, references: tuple[str, ...] = ()) -> None:
        super().__init__(contact=contact_text(school))
        self.school = school
        self.references = references


class AlreadyDone(DomainError):
    """This letter has served: the form was accepted already, here or in another browser."""

    error_code = "already_done"
    sentence = "C’est déjà fait. Ouvrez votre messagerie."


class LetterReissued(DomainError):
    """A newer letter was issued since this sign-in."""

    error_code = "letter_reissued"
    sentence = "L’école a émis un nouveau courrier. Connectez-vous avec le mot de passe du nouveau courrier."


class ResendInMinutes(ResendTooSoon):
    """The same, when the wait has grown to `n` minutes."""

    sentence = "Vous pourrez le renvoyer dans {n} minutes"


@dataclass(frozen=True, slots=True)
class BirthDateRefused(AuditEvent):
    """A date that is not the school's was typed behind a right letter."""

    name: ClassVar[str] = "activation:birth_date:refused"
    account_id: UUID
    remaining: int


@dataclass(frozen=True, slots=True)
class ActivationStarted(AuditEvent):
    """The form was accepted: the letter has served, a mail is on its way."""

    name: ClassVar[str] = "activation:form:accepted"
    account_id: UUID
    issue_number: int


@dataclass(frozen=True, slots=True)
class MessageSentAgain(AuditEvent):
    """The confirmation mail was asked for again."""

    name: ClassVar[str] = "activation:message:sent_again"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class PendingAddressCorrected(AuditEvent):
    """The address was corrected before its confirmation."""

    name: ClassVar[str] = "activation:address:corrected"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class ActivationCompleted(AuditEvent):
    """The mailed URL and the chosen password came together: address confirmed, account active."""

    name: ClassVar[str] = "activation:account:activated"
    account_id: UUID


def resend_refusal(seconds: int) -> ResendTooSoon:
    """The wait, said in the unit that people use."""
    return ResendTooSoon(n=seconds) if seconds <= SHOWN_IN_SECONDS else ResendInMinutes(n=-(-seconds // 60))
