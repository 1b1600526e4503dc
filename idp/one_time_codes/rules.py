"""The purposes of one-time codes, and what a page may know of one before anything is proven."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from idp.errors import DomainError

RESEND_AFTER = timedelta(seconds=60)
"""How long after a message the next one may be asked for."""


class Purpose(StrEnum):
    """What a secret is good for: one thing."""

    CONFIRM_ACTIVATION_ADDRESS = "confirm_activation_address"


class Standing(StrEnum):
    """What has become of a one-time code."""

    USABLE = "usable"
    CONSUMED = "consumed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KnownCode:
    """A code that was issued for this purpose. `demande`: the request that the person came with, if any."""

    account_id: UUID
    channel_address: str
    expires_at: datetime
    standing: Standing
    demande: str | None


@dataclass(frozen=True, slots=True)
class LatestIssue:
    """The newest code of one purpose: when it was issued, and the request that it carries."""

    issued_at: datetime
    demande: str | None


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
