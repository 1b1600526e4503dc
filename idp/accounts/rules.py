"""What an account is called and which states it may be in: pure."""

import re
import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, NewType
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from idp.audit.rules import AuditEvent
from idp.errors import FieldRefusal

AccountId = NewType("AccountId", UUID)

FAMILY_PART_LETTERS = 40
FIRST_NUMBER = 2
LONGEST_ADDRESS = 254
RECOVERS_AFTER = timedelta(hours=24)
"""How long after a change the new address or number begins to serve recovery."""
UNDO_WITHIN = timedelta(days=7)
"""How long a change of address or number may be undone."""

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss"})
_BETWEEN_GIVEN_NAMES = re.compile(r"[\s,;]+")
_NOT_A_LETTER = re.compile(r"[^a-z]+")


class AccountState(StrEnum):
    """The life of an account, in the order it is lived."""

    CREATED = "created"
    NOTIFIED = "notified"
    ACTIVATING = "activating"
    ACTIVE = "active"
    DISABLED = "disabled"
    MERGED = "merged"


SUSPENDED_STATES = frozenset({AccountState.DISABLED, AccountState.MERGED})
"""Entered from any state, and left for the state they were entered from."""


class Title(StrEnum):
    """A guardian's « Civilité », written as it is printed; institutions have none."""

    MR = "M."
    MRS = "MME"
    MISS = "MLLE"
    NONE = ""


class AccountChannel(StrEnum):
    """The ways to reach an account's person. The values begin the names of the account's columns."""

    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class ChangedChannel:
    """A change just made. former_address: what was in force until now, None when nothing was."""

    change_id: UUID
    channel: AccountChannel
    former_address: str | None


@dataclass(frozen=True, slots=True)
class ChannelChanged(AuditEvent):
    """A confirmed address or number took the place of another; `is_removal`: nothing took it."""

    name: ClassVar[str] = "account:channel:changed"
    account_id: UUID
    channel: AccountChannel
    is_removal: bool


@dataclass(frozen=True, slots=True)
class ChannelRestored(AuditEvent):
    """Changes of an address or a number were undone: the one before them is in force again."""

    name: ClassVar[str] = "account:channel:restored"
    account_id: UUID
    channel: AccountChannel


@dataclass(frozen=True, slots=True)
class AccountClosed(AuditEvent):
    """Its person closed the account: for ever."""

    name: ClassVar[str] = "account:account:closed"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Person:
    """Who an account is made for. A usage name, when there is one, is the name shown."""

    family_name: str
    given_name: str = ""
    usage_name: str = ""
    title: Title = Title.NONE

    @property
    def shown_family_name(self) -> str:
        return self.usage_name or self.family_name


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


def plain_letters(text: str) -> str:
    """Lower case, without accents, ligatures written out; every other character is kept."""
    lowered = unicodedata.normalize("NFKD", text).lower().translate(_LIGATURES)
    # Once more: lowering may compose anew (İ), and what remains is compared by machines.
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def fold_name(text: str) -> str:
    """The form in which two names are compared: no case, no accents, one kind of apostrophe and space."""
    return " ".join(plain_letters(text).replace("’", "'").split())


def identifier_stem(given_name: str, family_name: str) -> str:
    """`c.dupont` for Céline DUPONT: an initial, a dot, at most 40 letters of the family name.

    Only `a` to `z` remain of either part; a part of which nothing remains is `x`.
    """
    initial = _only_letters(given_name)[:1] or "x"
    family = _only_letters(family_name)[:FAMILY_PART_LETTERS] or "x"
    return f"{initial}.{family}"


def stem_of(person: Person) -> str:
    """The stem for a person: from the usage name where there is one."""
    return identifier_stem(person.given_name, person.shown_family_name)


def numbered_identifier(stem: str, number: int) -> str:
    """`c.dupont` for number 1, `c.dupont2` for number 2."""
    return stem if number < FIRST_NUMBER else f"{stem}{number}"


def smallest_numbers_never_given(given: AbstractSet[int], count: int) -> list[int]:
    """The `count` smallest integers from 1 on that are not in `given`, in order.

    Number 1 stands for the bare stem; a number once given is in `given` for ever.
    """
    numbers: list[int] = []
    candidate = 1
    while len(numbers) < count:
        if candidate not in given:
            numbers.append(candidate)
        candidate += 1
    return numbers


def normalise_identifier(typed: str) -> str:
    """What a person typed, as identifiers are stored: trimmed, lower case, without accents.

    Unprintable characters (a pasted zero-width space, NUL) go too; digits and dots stay.
    """
    plain = plain_letters("".join(char for char in typed if char.isprintable()))
    return plain.strip()


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


def _only_letters(text: str) -> str:
    return _NOT_A_LETTER.sub("", plain_letters(text))


@dataclass(frozen=True, slots=True)
class Names:
    """What one account calls its person."""

    given_name: str
    family_name: str
    usage_name: str = ""


def is_same_person(one: Names, other: Names) -> bool:
    """Usage or birth name against usage or birth name, and the first given name; letters alone are compared.

    No case, accents, hyphens, apostrophes or spaces. A compound given name is one name, with its hyphen or without it:
    Jean-Pierre is neither Jean-Marc nor Jean.
    """
    families = _family_names(one) & _family_names(other)
    return bool(families) and not _first_given_names(one).isdisjoint(_first_given_names(other))


def _family_names(names: Names) -> set[str]:
    return {_letters(names.family_name), _letters(names.usage_name)} - {""}


def _first_given_names(names: Names) -> set[str]:
    first = _BETWEEN_GIVEN_NAMES.split(names.given_name.strip())[0]
    return {_letters(first), _letters(names.given_name)}


def _letters(text: str) -> str:
    return "".join(char for char in plain_letters(text) if char.isalnum())
