"""The carried authorization request, and what a typed couple proves."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from idp.accounts.rules import SUSPENDED_STATES, AccountState
from idp.audit.rules import AuditEvent
from idp.errors import DomainError
from idp.families.rules import SchoolContact
from idp.sessions.rules import OpenedWith

DEMANDE_LIFE = timedelta(hours=1)
LONGEST_DEMANDE = 8000
"""Characters; a longer one does not fit a request line."""

STATES_WITH_PASSWORD = frozenset({AccountState.ACTIVATING, AccountState.ACTIVE})
STATES_WITH_LETTER = frozenset({AccountState.NOTIFIED, AccountState.ACTIVATING, AccountState.ACTIVE})


@dataclass(frozen=True, slots=True)
class CarriedRequest:
    """The authorization request that a page carries as `demande`, checked already (ADR 0004).

    client_home: the service's own page, where a person may always return. signed_in_since: only a sign-in at
    or after it satisfies the request (`prompt=login`, `max_age`); None: any does. logo_uri, policy_uri, tos_uri:
    what the service registered of itself for people to see (OpenID Connect Registration 2). chosen_session_id: the
    session that the person chose to go on with. expected_subjects: who may be answered for; None: anybody.
    """

    parameters: Mapping[str, str]
    client_id: str
    client_name: str
    client_home: str
    made_at: datetime
    signed_in_since: datetime | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    chosen_session_id: UUID | None = None
    expected_subjects: frozenset[str] | None = None

    def is_expired(self, *, now: datetime) -> bool:
        """Whether the service has given the person up by now."""
        return now - self.made_at >= DEMANDE_LIFE

    def is_satisfied_by(self, signed_in_at: datetime) -> bool:
        """Whether a sign-in of that instant is recent enough."""
        return self.signed_in_since is None or signed_in_at >= self.signed_in_since

    def lets_choose(self, session_id: UUID, signed_in_at: datetime) -> bool:
        """Whether the person must still say with which account to go on (`prompt=select_account`)."""
        asks = "select_account" in self.parameters.get("prompt", "").split()
        return asks and session_id != self.chosen_session_id and signed_in_at < self.made_at


class DemandeRefused(DomainError):
    """Not a carried request of ours: changed, cut, or signed with another key."""

    error_code = "demande_refused"
    sentence = "L’adresse de cette page est incomplète. Repartez du service que vous vouliez ouvrir."


class DemandeExpired(DomainError):
    """A carried request of ours, too old. `carried` still names the service."""

    error_code = "demande_expired"
    sentence = "Cette demande a expiré. Recommencez l’accès au service."

    def __init__(self, carried: CarriedRequest) -> None:
        super().__init__()
        self.carried = carried


class SignInRefused(DomainError):
    """The couple does not sign in; why is never told."""

    error_code = "sign_in_refused"
    sentence = (
        "L’identifiant ou le mot de passe est incorrect. "
        "Si vous avez choisi un mot de passe, celui du courrier ne sert plus."
    )


class AccountMerged(SignInRefused):
    """The right couple of an account that its person attached to another one: said only because it is right.

    identifier: what to sign in with now.
    """

    error_code = "account_merged"
    sentence = "Ce compte a été regroupé. Connectez-vous avec {identifier}."

    def __init__(self, identifier: str) -> None:
        super().__init__(identifier=identifier)
        self.identifier = identifier


class SignInSlowed(DomainError):
    """Too many tries of this identifier, from this network or in all. `seconds`: until the next one is evaluated."""

    error_code = "sign_in_slowed"
    sentence = "Trop d’essais. Réessayez dans {wait}, ou utilisez «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}»."

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class LetterExpired(DomainError):
    """The right couple, from a letter past its end: said only because the couple is right.

    expired_at: when it ended. school: whom to ask for another, with `name`, `phone`, `email`; None if unknown.
    """

    error_code = "letter_expired"
    sentence = "Ce courrier n’est plus valable depuis le {date}. Demandez-en un autre à l’école."

    def __init__(self, expired_at: datetime, school: SchoolContact | None = None) -> None:
        super().__init__()
        self.expired_at = expired_at
        self.school = school


class RefusalReason(StrEnum):
    """Why an attempt was refused: for the journal, never for the page."""

    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    MERGED = "merged"
    WRONG = "wrong"
    LETTER_USED = "letter_used"
    LETTER_EXPIRED = "letter_expired"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the two comparisons said, both always made. `state` is None for an unknown identifier."""

    state: AccountState | None
    is_chosen: bool
    is_letters: bool
    is_letter_used: bool = False
    letter_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedIn(AuditEvent):
    """A person signed in."""

    name: ClassVar[str] = "account:sign_in:succeeded"
    account_id: UUID
    opened_with: OpenedWith


@dataclass(frozen=True, slots=True)
class SignInFailed(AuditEvent):
    """An attempt was evaluated and refused; no account for an unknown identifier."""

    name: ClassVar[str] = "account:sign_in:refused"
    account_id: UUID | None
    reason: RefusalReason


def judge(proof: Proof, *, now: datetime) -> OpenedWith | RefusalReason:
    """What a proof opens, or why it opens nothing."""
    if proof.state is None:
        return RefusalReason.UNKNOWN
    if proof.state is AccountState.MERGED and (proof.is_chosen or _is_living_letter(proof)):
        return RefusalReason.MERGED
    if proof.state in SUSPENDED_STATES:
        return RefusalReason.SUSPENDED
    if proof.is_chosen and proof.state in STATES_WITH_PASSWORD:
        return OpenedWith.CHOSEN
    if not proof.is_letters or proof.state not in STATES_WITH_LETTER:
        return RefusalReason.WRONG
    if proof.is_letter_used:
        return RefusalReason.LETTER_USED
    # A missing end counts as past.
    if proof.letter_expires_at is None or proof.letter_expires_at <= now:
        return RefusalReason.LETTER_EXPIRED
    return OpenedWith.PROVISIONAL


def _is_living_letter(proof: Proof) -> bool:
    """Whether the letter's password is the account's: the right one, and no other was chosen with it."""
    return proof.is_letters and not proof.is_letter_used


def seal(carried: CarriedRequest, key: bytes) -> str:
    """The `demande` of a page: readable by whoever holds it, changed by nobody. key: 32 bytes."""
    since, chosen, expected = carried.signed_in_since, carried.chosen_session_id, carried.expected_subjects
    fields: dict[str, Any] = {
        "p": dict(carried.parameters),
        "i": carried.client_id,
        "n": carried.client_name,
        "h": carried.client_home,
        "m": carried.made_at.isoformat(),
        "s": since.isoformat() if since is not None else None,
        "c": chosen.hex if chosen is not None else None,
        "e": sorted(expected) if expected is not None else None,
        "l": carried.logo_uri,
        "d": carried.policy_uri,
        "t": carried.tos_uri,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    body = _to_base64(zlib.compress(text.encode(), level=9)).decode()
    return f"{body}.{_signature(body, key).decode()}"


def unseal(text: str, key: bytes, *, now: datetime) -> CarriedRequest:
    """What `seal` closed less than an hour ago. Raises DemandeRefused; DemandeExpired, which still names it."""
    body, _, signature = text.rpartition(".")
    # The signature first: nothing that others wrote is decompressed or parsed.
    if len(text) > LONGEST_DEMANDE or not hmac.compare_digest(signature.encode(), _signature(body, key)):
        raise DemandeRefused
    carried = _read(json.loads(zlib.decompress(_from_base64(body))))
    if carried.is_expired(now=now):
        raise DemandeExpired(carried)
    return carried


def _read(fields: Mapping[str, Any]) -> CarriedRequest:
    since, chosen, expected = fields.get("s"), fields.get("c"), fields.get("e")
    return CarriedRequest(
        parameters=fields["p"],
        client_id=fields["i"],
        client_name=fields["n"],
        client_home=fields["h"],
        made_at=datetime.fromisoformat(fields["m"]),
        signed_in_since=datetime.fromisoformat(since) if since else None,
        logo_uri=fields.get("l"),
        policy_uri=fields.get("d"),
        tos_uri=fields.get("t"),
        chosen_session_id=UUID(chosen) if chosen else None,
        expected_subjects=frozenset(expected) if expected is not None else None,
    )


def _signature(body: str, key: bytes) -> bytes:
    """As it is written: compared as text, one signature has one form."""
    return _to_base64(hmac.digest(key, b"carried request\0" + body.encode(), hashlib.sha256))


def _to_base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
