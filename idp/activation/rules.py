"""What activation asks, and what it answers when it refuses."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from idp.audit.rules import AuditEvent
from idp.errors import DomainError
from idp.families.rules import SchoolContact

RESEND_AFTER = timedelta(seconds=60)
CONFIRMATION_PATH = "/activation/adresse"
LONGEST_ADDRESS = 254
YEAR_DIGITS = 4


@dataclass(frozen=True, slots=True)
class ActivationChoice:
    """What the form holds once its syntax is right. `email` is None when the account keeps its own."""

    email: str | None
    new_password: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class ActivationView:
    """What the form's page shows: whose birth date it asks, and whether it asks for an address."""

    named_child: str
    asks_email: bool
    school: SchoolContact | None


@dataclass(frozen=True, slots=True)
class WaitingView:
    """What the waiting page shows. resend_in: seconds, 0 when the message may be sent again now.

    valid_hours: how long the mailed URL works. is_returned: the last message could not be delivered.
    """

    email: str
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


class FieldRefusal(DomainError):
    """A refusal that belongs to one field of the form."""

    field: ClassVar[str]


class EmailMalformed(FieldRefusal):
    """Not exactly one address that mail can be sent to."""

    error_code = "email_malformed"
    sentence = "Saisissez une adresse complète, par exemple nom@exemple.fr"
    field = "email"


class EmailDiffers(FieldRefusal):
    """The address typed again is another one, compared trimmed and without case."""

    error_code = "email_differs"
    sentence = "Les deux adresses ne sont pas identiques"
    field = "email_confirmation"


class NewPasswordMissing(FieldRefusal):
    """No new password at all: one sentence, rather than every rule that nothing breaks."""

    error_code = "new_password_missing"
    sentence = "Choisissez un mot de passe"
    field = "new_password"


class PasswordDiffers(FieldRefusal):
    """The password typed again is another one."""

    error_code = "password_differs"
    sentence = "Les deux mots de passe ne sont pas identiques"
    field = "new_password_confirmation"


class BirthDateIncomplete(FieldRefusal):
    """Parts of the date are missing; a subclass names the only one."""

    error_code = "birth_date_incomplete"
    sentence = "Saisissez le jour, le mois et l’année"
    field = "birth_day"


class BirthDayMissing(BirthDateIncomplete):
    """Only the day is missing."""

    sentence = "Indiquez aussi le jour"


class BirthMonthMissing(BirthDateIncomplete):
    """Only the month is missing."""

    sentence = "Indiquez aussi le mois"
    field = "birth_month"


class BirthYearMissing(BirthDateIncomplete):
    """Only the year is missing."""

    sentence = "Indiquez aussi l’année"
    field = "birth_year"


class BirthDateImpossible(FieldRefusal):
    """No such day, or not written with digits."""

    error_code = "birth_date_impossible"
    sentence = "Cette date n’existe pas"
    field = "birth_day"


class BirthDateYear(FieldRefusal):
    """A year without its century."""

    error_code = "birth_date_year"
    sentence = "Écrivez l’année avec quatre chiffres, par exemple 2017"
    field = "birth_year"


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
    """No child is linked to the account: nothing can be proven, only the school can help."""

    error_code = "no_active_link"
    sentence = "Aucun enfant n’est rattaché à ce compte. Contactez l’école : {contact}"

    def __init__(self, school: SchoolContact | None) -> None:
        super().__init__(contact=contact_text(school))
        self.school = school


class AlreadyDone(DomainError):
    """This letter has served: the form was accepted already, here or in another browser."""

    error_code = "already_done"
    sentence = "C’est déjà fait. Ouvrez votre messagerie."


class LetterReissued(DomainError):
    """A newer letter was issued since this sign-in."""

    error_code = "letter_reissued"
    sentence = "L’école a émis un nouveau courrier. Connectez-vous avec le mot de passe du nouveau courrier."


class ResendTooSoon(DomainError):
    """The last message left less than a minute ago."""

    error_code = "resend_too_soon"
    sentence = "Vous pourrez le renvoyer dans {n} secondes"


class ResendSpent(DomainError):
    """Five messages have left today after the first one."""

    error_code = "resend_spent"
    sentence = "Vous pourrez le renvoyer demain"


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


def normalise_address(typed: str) -> str:
    """The one address that was typed, as it is stored: trimmed, domain in lower case. Raises EmailMalformed.

    Asks no name server. ASCII only before the @ (RFC 5321): not every server takes more (RFC 6531).
    """
    try:
        # `test_environment` keeps the reserved `.test` names that demonstrations use; it changes nothing else here.
        found = validate_email(
            typed.strip(),
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        raise EmailMalformed from None
    if found.ascii_email is None or len(found.ascii_email) > LONGEST_ADDRESS:
        raise EmailMalformed
    return found.ascii_email


def is_same_address(one: str, other: str) -> bool:
    """Whether two typed addresses are the same, trimmed and without case."""
    return one.strip().casefold() == other.strip().casefold()


def read_birth_date(day: str, month: str, year: str) -> date:
    """The date of three boxes: `3` or `03`, a year of four digits.

    Raises BirthDateIncomplete, BirthDateYear, BirthDateImpossible.
    """
    parts = (day.strip(), month.strip(), year.strip())
    _check_complete(*parts)
    if not all(part.isascii() and part.isdigit() and len(part) <= YEAR_DIGITS for part in parts):
        raise BirthDateImpossible
    if len(parts[2]) < YEAR_DIGITS:
        raise BirthDateYear
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError:
        raise BirthDateImpossible from None


def _check_complete(day: str, month: str, year: str) -> None:
    match (bool(day), bool(month), bool(year)):
        case (True, True, True):
            return
        case (False, True, True):
            raise BirthDayMissing
        case (True, False, True):
            raise BirthMonthMissing
        case (True, True, False):
            raise BirthYearMissing
        case _:
            raise BirthDateIncomplete


def seconds_until_resend(sent_at: datetime | None, *, now: datetime) -> int:
    """Whole seconds until the message may be sent again, 0 when it may."""
    if sent_at is None:
        return 0
    left = (sent_at + RESEND_AFTER - now).total_seconds()
    return max(0, -int(-left // 1))


def contact_text(school: SchoolContact | None) -> str:
    """How to reach the school, in one line; empty when it is not known."""
    if school is None:
        return ""
    return ", ".join(part for part in (school.name, school.phone, school.email) if part)
