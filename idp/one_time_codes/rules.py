"""The purposes of one-time codes, and what a page may know of one before anything is proven."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from uuid import UUID

from idp.errors import DomainError, FieldRefusal
from idp.messaging.rules import Channel

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=15)
LIVING_CODES = 2
"""The last ones sent: who asks again while the first is on its way may type either."""
CHALLENGE_TRIES = 5
"""Wrong codes in all, however many codes are sent."""
CHALLENGE_LIFE = timedelta(hours=1)
PROOF_LIFE = timedelta(minutes=30)
"""From the right code until what it proves must be done."""
ISSUE_WAITS = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120))
"""Between a code and the next one of the same challenge; the last wait holds on."""

RESEND_AFTER = timedelta(seconds=60)
"""How long after a message the next one may be asked for."""


class Purpose(StrEnum):
    """What a secret is good for: one thing."""

    CONFIRM_ACTIVATION_ADDRESS = "confirm_activation_address"
    CONFIRM_NEW_ADDRESS = "confirm_new_address"
    UNDO_ADDRESS_CHANGE = "undo_address_change"
    CONFIRM_LATER_ADDRESS = "confirm_later_address"
    NOT_ME = "not_me"
    RECOVER_PASSWORD = "recover_password"  # noqa: S105
    CONFIRM_PHONE = "confirm_phone"
    ACTIVATE_BY_PHONE = "activate_by_phone"


class Standing(StrEnum):
    """What has become of a one-time code."""

    USABLE = "usable"
    CONSUMED = "consumed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KnownCode:
    """A code that was issued for this purpose. `demande`: the request that the person came with, if any.

    about: what the message that carries it told of, if its journey says so.
    """

    account_id: UUID
    channel_address: str
    expires_at: datetime
    standing: Standing
    demande: str | None
    issued_at: datetime
    about: str | None


@dataclass(frozen=True, slots=True)
class LatestIssue:
    """The newest code of one purpose: when it was issued, and the request that it carries."""

    issued_at: datetime
    demande: str | None


class ChallengeStage(StrEnum):
    """How far one challenge has come."""

    WAITING = "waiting"
    SPENT = "spent"
    PROVEN = "proven"
    COMPLETED = "completed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt of one browser to prove that it reads what is sent to a channel.

    account_id: None for a decoy, which no code solves, and until a journey knows whom it is for. channel_address:
    where codes go, None for a decoy. subject: what was typed to begin, as the journey normalised it.
    codes_sent_at: of the newest code, None before the first. proven_at: when the right code was typed.
    demande: the request that the person came with.
    """

    id: UUID
    purpose: Purpose
    account_id: UUID | None
    channel: Channel
    channel_address: str | None
    subject: str
    demande: str | None
    started_at: datetime
    expires_at: datetime
    codes_issued: int
    codes_sent_at: datetime | None
    failures: int
    proven_at: datetime | None
    completed_at: datetime | None

    def stage(self, *, now: datetime) -> ChallengeStage:
        """What may be done next; a proof outlives the challenge's hour, for its own half hour."""
        if self.completed_at is not None:
            return ChallengeStage.COMPLETED
        if self.proven_at is not None:
            is_fresh = now < self.proven_at + PROOF_LIFE
            return ChallengeStage.PROVEN if is_fresh else ChallengeStage.EXPIRED
        if self.failures >= CHALLENGE_TRIES:
            return ChallengeStage.SPENT
        return ChallengeStage.WAITING if now < self.expires_at else ChallengeStage.EXPIRED

    def next_code_in(self, *, now: datetime) -> int:
        """Whole seconds until another code may be asked for, 0 when it may."""
        if self.codes_sent_at is None:
            return 0
        left = (self.codes_sent_at + wait_after(self.codes_issued) - now).total_seconds()
        return max(0, -int(-left // 1))


class OneTimeCodeLength(FieldRefusal):
    """Not six digits; `n` were typed. Costs no try: it cannot be a code."""

    error_code = "one_time_code_length"
    sentence = "Le code comporte 6 chiffres, vous en avez saisi {n}"
    field = "one_time_code"


class OneTimeCodeWrong(FieldRefusal):
    """Six digits, but not those of a living code of this challenge."""

    error_code = "one_time_code_wrong"
    sentence = "Ce code n’est pas le bon. Regardez le dernier message reçu."
    field = "one_time_code"


class OneTimeCodeExpired(FieldRefusal):
    """The challenge or its last code is past its time: another code, or another start."""

    error_code = "one_time_code_expired"
    sentence = "Ce code ne sert plus. Demandez-en un autre."
    field = "one_time_code"


class OneTimeCodeSpent(FieldRefusal):
    """Five wrong codes: nothing solves this challenge any more."""

    error_code = "one_time_code_spent"
    sentence = "Ce code ne sert plus. Demandez-en un autre."
    field = "one_time_code"


class ChallengeRefused(DomainError):
    """No such challenge in this browser, not proven, too long ago, or completed already."""

    error_code = "challenge_refused"
    sentence = "Cette demande n’est plus valable. Recommencez."


class OneTimeCodeRefused(DomainError):
    """Unknown, used, replaced, expired, or issued for another purpose or account."""

    error_code = "url_expired"
    sentence = "Ce lien n’est plus valable. Connectez-vous pour en recevoir un autre."


class ResendTooSoon(DomainError):
    """The last message left less than a minute ago."""

    error_code = "resend_too_soon"
    sentence = "Vous pourrez le renvoyer dans {n} secondes"


class ResendSpent(DomainError):
    """The day's messages have left."""

    error_code = "resend_spent"
    sentence = "Vous pourrez le renvoyer demain"


def standing_of(
    consumed_at: datetime | None, superseded_at: datetime | None, expires_at: datetime, *, now: datetime
) -> Standing:
    """Used comes before replaced, replaced before expired: the first says the most."""
    if consumed_at is not None:
        return Standing.CONSUMED
    if superseded_at is not None:
        return Standing.SUPERSEDED
    return Standing.EXPIRED if expires_at <= now else Standing.USABLE


def seconds_until_resend(sent_at: datetime | None, *, now: datetime) -> int:
    """Whole seconds until the message may be sent again, 0 when it may."""
    if sent_at is None:
        return 0
    left = (sent_at + RESEND_AFTER - now).total_seconds()
    return max(0, -int(-left // 1))


def new_numeric_code(draw: Random) -> str:
    """Six decimal digits, uniform. `draw` is a `SystemRandom` outside tests."""
    return f"{draw.randrange(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def typed_digits(typed: str) -> str:
    """The digits of what was typed or pasted: spaces, hyphens and everything else are passed over."""
    return re.sub(r"[^0-9]", "", typed)


def numeric_code_digest(key: bytes, challenge_id: UUID, numeric_code: str) -> bytes:
    """HMAC-SHA-256, 32 bytes, bound to one challenge. key: 32 bytes.

    A plain hash would tell six digits to whoever holds a backup.
    """
    return hmac.digest(key, challenge_id.bytes + numeric_code.encode(), hashlib.sha256)


def wait_after(codes_issued: int) -> timedelta:
    """How long after the newest code the next one may be asked for. codes_issued: 1 or more."""
    return ISSUE_WAITS[min(codes_issued, len(ISSUE_WAITS)) - 1]
