"""What the account pages show, and what they answer when they refuse."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from idp.accounts.rules import AccountChannel
from idp.audit.rules import AuditEvent
from idp.errors import DomainError, FieldRefusal
from idp.families.rules import LinkState

CONFIRM_ADDRESS_PATH = "/compte/adresse/confirmer"


@dataclass(frozen=True, slots=True)
class LinkedChild:
    """One child of the account, as its own guardian may see it. `level` is empty when the roster gives none."""

    given_name: str
    family_name: str
    level: str
    school_name: str
    link_state: LinkState

    @property
    def full_name(self) -> str:
        """Given name, then the family name in capitals, as schools write it."""
        return f"{self.given_name} {self.family_name.upper()}"


@dataclass(frozen=True, slots=True)
class AccountSheet:
    """One's own account. `email` is the confirmed address, None before there is one; `phone` in E.164 likewise.

    is_mail_returned: the last message to an address that waits could not be delivered.
    """

    identifier: str
    given_name: str
    family_name: str
    email: str | None
    pending_email: str | None
    phone: str | None
    locale: str
    activated_at: datetime | None
    is_mail_returned: bool
    is_sms_offered: bool
    children: tuple[LinkedChild, ...]

    @property
    def full_name(self) -> str:
        """Given name, then the family name in capitals, as schools write it."""
        return f"{self.given_name} {self.family_name.upper()}"

    @property
    def is_unfinished(self) -> bool:
        """Whether something about the account waits for its person."""
        return (
            self.is_mail_returned or self.pending_email is not None or self.email is None or self.lacks_phone
        )

    @property
    def lacks_phone(self) -> bool:
        """Whether a number would help: there is none, and SMS are sent here."""
        return self.phone is None and self.is_sms_offered

    @property
    def active_children(self) -> tuple[LinkedChild, ...]:
        """The children whose data the person may see today."""
        return tuple(child for child in self.children if child.link_state is LinkState.ACTIVE)


@dataclass(frozen=True, slots=True)
class UndoableChange:
    """A change of address or number that can still be taken back. former_address: None when there was none."""

    change_id: UUID
    channel: AccountChannel
    former_address: str | None
    changed_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class AddressView:
    """What the address page shows. resend_in: seconds; is_returned: the last message could not be delivered.

    meant_address: what was probably meant by the one that waits, None where it does not look mistyped.
    recovers_from: when the address begins to serve recovery, None once it does. valid_hours: of the mailed URL.
    """

    email: str | None
    pending_email: str | None
    meant_address: str | None
    resend_in: int
    is_returned: bool
    valid_hours: int
    recovers_from: datetime | None
    changes: tuple[UndoableChange, ...]


@dataclass(frozen=True, slots=True)
class PhoneView:
    """What the telephone page shows. phone: in E.164; is_offered: whether SMS can be sent at all.

    recovers_from: when the number begins to serve recovery, None once it does.
    """

    phone: str | None
    is_offered: bool
    recovers_from: datetime | None
    changes: tuple[UndoableChange, ...]


@dataclass(frozen=True, slots=True)
class CodeView:
    """What the page that waits for the code shows. phone: where it went; next_code_in: seconds until another.

    is_over: no code works here any more, only another start.
    """

    phone: str
    next_code_in: int
    is_over: bool


class AddressOutcome(StrEnum):
    """What the mailed page did about the new address."""

    CONFIRMED = "confirmed"
    DEAD_URL = "dead_url"
    ANOTHER_ACCOUNT = "another_account"


class PasswordWrong(FieldRefusal):
    """Not the password of the account that is signed in."""

    error_code = "current_password_wrong"
    sentence = "Ce mot de passe n’est pas celui de votre compte"
    field = "password"


class CurrentPasswordWrong(PasswordWrong):
    """The same, where a new password stands beside it."""

    field = "current_password"


class SameAddress(FieldRefusal):
    """The address asked for is in force already."""

    error_code = "email_same"
    sentence = "Cette adresse est déjà celle de votre compte"
    field = "email"


class SamePhone(FieldRefusal):
    """The number asked for is in force already."""

    error_code = "phone_same"
    sentence = "Ce numéro est déjà celui de votre compte"
    field = "phone"


class SmsUnavailable(DomainError):
    """No SMS can leave now: none are sent here, or so many left that the operator's cap is reached."""

    error_code = "sms_unavailable"
    sentence = "Nous ne pouvons pas envoyer de SMS en ce moment. Réessayez dans une heure."


class NothingToUndo(DomainError):
    """The change is too old, undone already, or another account's."""

    error_code = "nothing_to_undo"
    sentence = "Ce changement ne peut plus être annulé."


class NothingWaits(DomainError):
    """No address waits for its confirmation: it was confirmed or cancelled meanwhile."""

    error_code = "nothing_waits"
    sentence = "Aucune adresse n’attend de confirmation."


@dataclass(frozen=True, slots=True)
class PasswordTypedAgain(AuditEvent):
    """Before changing who holds the account, its person typed the password again."""

    name: ClassVar[str] = "account:password:typed_again"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class AddressAsked(AuditEvent):
    """A new address was given; it waits for its confirmation."""

    name: ClassVar[str] = "account:address:asked"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class AddressMessageSentAgain(AuditEvent):
    """The message that asks to confirm the new address was sent again."""

    name: ClassVar[str] = "account:address:message_sent_again"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class AddressCancelled(AuditEvent):
    """The address that waited was given up."""

    name: ClassVar[str] = "account:address:cancelled"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class PhoneAsked(AuditEvent):
    """A code left to a new number; the number waits for it."""

    name: ClassVar[str] = "account:phone:asked"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class LanguageChosen(AuditEvent):
    """Pages and mails come in another language from now on."""

    name: ClassVar[str] = "account:language:chosen"
    account_id: UUID
