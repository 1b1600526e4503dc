"""What a chosen password must be, how a provisional one is derived, and what a hash must cost."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import ClassVar, Protocol
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import DomainError, FieldRefusal

MINIMUM_LENGTH, MAXIMUM_LENGTH = 8, 16
LONGEST_TYPED = 128
"""Code points of a typed password that are looked at; nothing we ever accepted is near it."""

POLICY_SENTENCE = (
    "De 8 à 16 caractères, avec au moins une majuscule, une minuscule et un chiffre. "
    "Différent de votre mot de passe actuel."
)
"""Stands above the field before anything is typed."""

PASSWORD_MANAGER_RULES = "minlength: 8; maxlength: 16; required: lower; required: upper; required: digit;"  # noqa: S105
"""Value of the attribute `passwordrules`, from which managers make a password that is accepted."""

PROVISIONAL_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PROVISIONAL_LENGTH = 8
SYMBOLS_AT_THE_END = re.compile(r"[\W_]+$")
SHORTEST_NAME = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A password that somebody wants to choose, as `prepare_password` gives it.

    is_current: whether it is the present one, chosen or provisional; the service verified that.
    service_names: what the page calls the service, guessed first.
    """

    password: str
    identifier: str = ""
    is_current: bool = False
    service_names: tuple[str, ...] = ()


class PasswordRule(Protocol):
    """One rule: `criterion` is ticked while typing, `sentence` tells its refusal; {n} is the length typed."""

    error_code: ClassVar[str]
    criterion: ClassVar[str]
    sentence: ClassVar[str]
    pattern: ClassVar[str | None]
    """What a browser can check, as a regular expression; None when only the server knows."""

    def is_met(self, candidate: Candidate) -> bool:
        """Pure."""
        ...


@dataclass(frozen=True, slots=True)
class Length:
    """8 to 16 characters, counted in code points after NFC. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_length"
    criterion: ClassVar[str] = "8 à 16 caractères"
    sentence: ClassVar[str] = "Le mot de passe doit comporter de 8 à 16 caractères, il en compte {n}"
    pattern: ClassVar[str | None] = "^.{8,16}$"

    def is_met(self, candidate: Candidate) -> bool:
        """Whether the length is within both bounds."""
        return MINIMUM_LENGTH <= len(candidate.password) <= MAXIMUM_LENGTH


@dataclass(frozen=True, slots=True)
class UpperCase:
    """One upper-case letter, of any alphabet. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_upper_case"
    criterion: ClassVar[str] = "une majuscule"
    sentence: ClassVar[str] = "Ajoutez une majuscule"
    pattern: ClassVar[str | None] = "[A-ZÀ-ÖØ-Þ]"

    def is_met(self, candidate: Candidate) -> bool:
        """Whether one is there."""
        return any(character.isupper() for character in candidate.password)


@dataclass(frozen=True, slots=True)
class LowerCase:
    """One lower-case letter, of any alphabet. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_lower_case"
    criterion: ClassVar[str] = "une minuscule"
    sentence: ClassVar[str] = "Ajoutez une minuscule"
    pattern: ClassVar[str | None] = "[a-zß-öø-ÿ]"

    def is_met(self, candidate: Candidate) -> bool:
        """Whether one is there."""
        return any(character.islower() for character in candidate.password)


@dataclass(frozen=True, slots=True)
class Digit:
    """One decimal digit. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_digit"
    criterion: ClassVar[str] = "un chiffre"
    sentence: ClassVar[str] = "Ajoutez un chiffre"
    pattern: ClassVar[str | None] = "[0-9]"

    def is_met(self, candidate: Candidate) -> bool:
        """Whether one is there."""
        return any(character.isdecimal() for character in candidate.password)


@dataclass(frozen=True, slots=True)
class NotCurrent:
    """Not the present password, nor the letter's in any case of letters. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_current"
    criterion: ClassVar[str] = "différent de l’actuel"
    sentence: ClassVar[str] = "Choisissez un mot de passe différent de l’actuel"
    pattern: ClassVar[str | None] = None

    def is_met(self, candidate: Candidate) -> bool:
        """Whether the service found it to be another."""
        return not candidate.is_current


@dataclass(frozen=True, slots=True)
class NotCommon:
    """Not among what is guessed first: familiar words with familiar digits, the service's names (ASVS 6.2.4)."""

    error_code: ClassVar[str] = "password_common"
    criterion: ClassVar[str] = "difficile à deviner"
    sentence: ClassVar[str] = "Ce mot de passe est trop facile à deviner"
    pattern: ClassVar[str | None] = None

    def is_met(self, candidate: Candidate) -> bool:
        """Whether it is not on the list, whatever its capitals, accents and final symbols."""
        bare = _bare(candidate.password)
        names = (name for name in map(_compact, candidate.service_names) if len(name) >= SHORTEST_NAME)
        return bare not in common_passwords() and not any(bare.startswith(name) for name in names)


@dataclass(frozen=True, slots=True)
class WithoutIdentifier:
    """The identifier, printed on the letter, is no part of it. Source: ADR 0015."""

    error_code: ClassVar[str] = "password_identifier"
    criterion: ClassVar[str] = "sans votre identifiant"
    sentence: ClassVar[str] = "Le mot de passe ne doit pas contenir votre identifiant"
    pattern: ClassVar[str | None] = None

    def is_met(self, candidate: Candidate) -> bool:
        """Whether it is absent, with or without its dot."""
        identifier, password = candidate.identifier.casefold(), candidate.password.casefold()
        forms = {identifier, identifier.replace(".", "")} - {""}
        return not any(form in password for form in forms)


PASSWORD_RULES: tuple[PasswordRule, ...] = (
    Length(),
    UpperCase(),
    LowerCase(),
    Digit(),
    NotCurrent(),
    NotCommon(),
    WithoutIdentifier(),
)


class PasswordRefused(DomainError):
    """A chosen password breaks at least one rule; `broken` names them in order, `n` is its length."""

    error_code = "password_refused"

    def __init__(self, broken: tuple[PasswordRule, ...], n: int) -> None:
        super().__init__(",".join(rule.error_code for rule in broken), n=n)
        self.broken = broken

    @property
    def error_codes(self) -> tuple[str, ...]:
        """The codes of the broken rules."""
        return tuple(rule.error_code for rule in self.broken)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The French sentences of the broken rules; `{n}` is filled from `variables` after translation."""
        return tuple(rule.sentence for rule in self.broken)


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


class ProvisionalPasswordRefused(DomainError):
    """The letter's password was used, replaced or expired between sign-in and its use."""

    error_code = "provisional_password_refused"
    sentence = "Ce mot de passe provisoire ne sert plus. Connectez-vous de nouveau."


class Busy(DomainError):
    """Too many passwords are being verified; answer 503 with Retry-After. `seconds`: when to come back."""

    error_code = "busy"
    sentence = "Beaucoup de parents se connectent. Réessayez dans {n} secondes."

    def __init__(self, seconds: int) -> None:
        super().__init__(n=seconds)
        self.seconds = seconds


class ChoiceReason(StrEnum):
    """Why a password was chosen."""

    ACTIVATION = "activation"
    CHANGE = "change"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class PasswordChosen(AuditEvent):
    """A person's chosen password is now another."""

    name: ClassVar[str] = "account:password:chosen"
    account_id: UUID
    reason: ChoiceReason


@dataclass(frozen=True, slots=True)
class ProvisionalPasswordIssued(AuditEvent):
    """A letter got its provisional password; an earlier one is dead from here on."""

    name: ClassVar[str] = "account:provisional_password:issued"
    account_id: UUID
    issue_number: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HashingCost:
    """Argon2id's parameters (RFC 9106 3.1): passes, and memory in KiB."""

    passes: int = 2
    memory_kib: int = 19_456

    def is_cost_of(self, password_hash: str) -> bool:
        """Whether a hash in its usual notation was made at this cost."""
        return password_hash.startswith(f"$argon2id$v=19$m={self.memory_kib},t={self.passes},p=1$")


def prepare_password(typed: str) -> str:
    """The typed password in NFC: two keyboards write é differently. Never trimmed, cut or changed in case."""
    return unicodedata.normalize("NFC", typed)


def broken_rules(candidate: Candidate) -> tuple[PasswordRule, ...]:
    """The rules that a candidate breaks, in the order of PASSWORD_RULES."""
    return tuple(rule for rule in PASSWORD_RULES if not rule.is_met(candidate))


@cache
def common_passwords() -> frozenset[str]:
    """What is guessed first, in the form of `_bare`; made by scripts/make_common_passwords.py."""
    listed = files(__package__).joinpath("common_passwords.txt").read_text(encoding="ascii")
    return frozenset(listed.casefold().split())


def derive_provisional_password(key: bytes, account_id: UUID, issue_number: int) -> str:
    """The 8 characters of one account's letter, 40 bits of HMAC-SHA-256 (ADR 0006).

    key: 32 bytes. issue_number: 1 for the first letter. The same for ever; another number, another password.
    """
    message = b"provisional password\0" + account_id.bytes + issue_number.to_bytes(4, "big")
    bits = int.from_bytes(hmac.digest(key, message, hashlib.sha256)[:5], "big")
    return "".join(PROVISIONAL_ALPHABET[bits >> shift & 31] for shift in range(35, -5, -5))


def print_provisional_password(provisional_password: str) -> str:
    """As a letter shows it, in two groups: `K7QM 2XWP`."""
    return f"{provisional_password[:4]} {provisional_password[4:]}"


def normalise_provisional_password(typed: str) -> str:
    """Upper case, without any space: how a typed provisional password is compared."""
    return "".join(typed.split()).upper()


def is_provisional_password(typed: str, provisional_password: str) -> bool:
    """Compared in constant time."""
    normalised = normalise_provisional_password(typed).encode()
    return hmac.compare_digest(normalised, provisional_password.encode())


def _bare(text: str) -> str:
    """Without final symbols, capitals and accents."""
    return _compact(SYMBOLS_AT_THE_END.sub("", text))


def _compact(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())
