"""Whom recovery serves, by which channel, and what it answers when it refuses."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from idp.accounts.rules import AccountId, AccountState, EmailMalformed, normalise_address
from idp.audit.rules import AuditEvent
from idp.errors import FieldRefusal
from idp.messaging.phones import PhoneRefused, normalise_phone
from idp.messaging.rules import Channel

DIGITS_IN_GROUP = 3
LONGEST_LIST = 110
"""Characters of identifiers in one SMS, whose other words take less than fifty."""


@dataclass(frozen=True, slots=True)
class ConfirmedChannel:
    """An address or number of an account. recovers_from: None when it was never confirmed, so that it never serves."""

    address: str | None
    recovers_from: datetime | None

    def serves(self, *, now: datetime) -> bool:
        """Whether recovery may write to it: confirmed, and not changed a moment ago."""
        return self.address is not None and self.recovers_from is not None and self.recovers_from <= now


@dataclass(frozen=True, slots=True)
class RecoverableAccount:
    """What recovery knows of an account that was found.

    is_in_the_schools_hands: the school has issued a new letter since it was activated, which ended its password.
    """

    account_id: AccountId
    identifier: str
    locale: str
    state: AccountState
    email: ConfirmedChannel
    phone: ConfirmedChannel
    is_in_the_schools_hands: bool

    @property
    def is_served(self) -> bool:
        """Whether recovery may change anything about it."""
        return self.state is AccountState.ACTIVE and not self.is_in_the_schools_hands

    def channel(self, channel: Channel) -> ConfirmedChannel:
        """The address or the number."""
        return self.phone if channel is Channel.SMS else self.email

    def address_for(self, channel: Channel, *, now: datetime) -> str | None:
        """Where a message of this account's recovery may go; None when nowhere."""
        confirmed = self.channel(channel)
        return confirmed.address if self.is_served and confirmed.serves(now=now) else None

    def address_to_explain(self, *, now: datetime) -> str | None:
        """Where its holder is told, by mail only, why recovery does not help: a confirmed address, or nowhere."""
        return self.email.address if not self.is_served and self.email.serves(now=now) else None


@dataclass(frozen=True, slots=True)
class CodeView:
    """What the page that waits for the code shows; the same for every identifier.

    identifier: as it was typed. next_code_in: seconds until another code may be asked for. is_over: no code works
    here any more, only another start.
    """

    identifier: str
    channel: Channel
    other_channel: Channel | None
    next_code_in: int
    is_over: bool


class IdentifierMissing(FieldRefusal):
    """No identifier at all."""

    error_code = "identifier_missing"
    sentence = "Saisissez votre identifiant"
    field = "identifier"


class ChannelMissing(FieldRefusal):
    """Neither by mail nor by SMS, or by a channel that this deployment does not have."""

    error_code = "channel_missing"
    sentence = "Choisissez comment recevoir le code"
    field = "channel"


class ContactMalformed(FieldRefusal):
    """Neither an address nor a mobile number that we write to."""

    error_code = "contact_malformed"
    sentence = (
        "Saisissez une adresse complète, par exemple nom@exemple.fr, "
        "ou un portable français, par exemple 06 39 98 12 34"
    )
    field = "contact"


class AddressMalformed(FieldRefusal):
    """Not an address, where this deployment sends no SMS."""

    error_code = "email_malformed"
    sentence = EmailMalformed.sentence
    field = "contact"


@dataclass(frozen=True, slots=True)
class IdentifiersAsked(AuditEvent):
    """Somebody asked which accounts an address or a number has; no account when it has none."""

    name: ClassVar[str] = "recovery:identifiers:asked"
    account_id: UUID | None
    channel: Channel
    is_served: bool


@dataclass(frozen=True, slots=True)
class RecoveryStarted(AuditEvent):
    """Somebody asked for a code to replace a password; no account for an unknown identifier."""

    name: ClassVar[str] = "recovery:password:asked"
    account_id: UUID | None
    channel: Channel
    is_served: bool


@dataclass(frozen=True, slots=True)
class RecoveryCodeRefused(AuditEvent):
    """A wrong code was typed."""

    name: ClassVar[str] = "recovery:code:refused"
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class RecoveryProven(AuditEvent):
    """The right code was typed in the browser that asked for it."""

    name: ClassVar[str] = "recovery:code:accepted"
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class PasswordRecovered(AuditEvent):
    """The lost password was replaced; every session ended."""

    name: ClassVar[str] = "recovery:password:replaced"
    account_id: UUID
    channel: Channel


def read_contact(typed: str, *, takes_phones: bool) -> tuple[Channel, str]:
    """The channel that was typed, normalised to be looked for. Raises ContactMalformed, AddressMalformed.

    Only ever compared with what is stored: a message goes to the stored form (EM-19).
    """
    text = unicodedata.normalize("NFKC", typed)
    try:
        if "@" in text or not takes_phones:
            return Channel.EMAIL, normalise_address(text).lower()
        return Channel.SMS, normalise_phone(text)
    except (EmailMalformed, PhoneRefused):
        raise (ContactMalformed if takes_phones else AddressMalformed) from None


def in_sms(identifiers: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The identifiers that each SMS lists: all of them in one, as long as they fit."""
    groups: list[list[str]] = [[]]
    for identifier in identifiers:
        if groups[-1] and len(", ".join([*groups[-1], identifier])) > LONGEST_LIST:
            groups.append([])
        groups[-1].append(identifier)
    return tuple(tuple(group) for group in groups)


def print_numeric_code(numeric_code: str) -> str:
    """As a mail shows it, in two groups: `482 913`."""
    return f"{numeric_code[:DIGITS_IN_GROUP]} {numeric_code[DIGITS_IN_GROUP:]}"
