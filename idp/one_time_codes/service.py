"""Issuing, recognising, consuming and superseding one-time codes, in the caller's transaction."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from idp.db import db
from idp.one_time_codes.models import OneTimeCode
from idp.one_time_codes.rules import KnownCode, LatestIssue, OneTimeCodeRefused, Purpose, standing_of
from shared.secrets import digest, new_secret


def issue_one_time_code(
    purpose: Purpose,
    account_id: UUID,
    *,
    channel_address: str,
    valid_for: timedelta,
    demande: str | None = None,
    about: str | None = None,
    keeps_older: bool = False,
    now: datetime,
) -> str:
    """A new secret of 256 bits, 43 characters of base64url; the account's earlier ones of this purpose die.

    channel_address: where it will be sent, and what it confirms. about: what the message tells of.
    keeps_older: the earlier ones live on beside it, each to its own end.
    """
    if not keeps_older:
        supersede_one_time_codes(purpose, account_id, now=now)
    secret = new_secret()
    db.session.add(
        OneTimeCode(
            purpose=purpose,
            digest=digest(secret),
            account_id=account_id,
            channel_address=channel_address,
            issued_at=now,
            expires_at=now + valid_for,
            demande=demande,
            about=about,
        )
    )
    db.session.flush()
    return secret


def supersede_one_time_codes(purpose: Purpose, account_id: UUID, *, now: datetime) -> None:
    """End the living codes of one purpose: a newer one was sent, or what they confirm has changed."""
    db.session.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.account_id == account_id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.consumed_at.is_(None),
            OneTimeCode.superseded_at.is_(None),
        )
        .values(superseded_at=now)
    )


def find_one_time_code(secret: str, purpose: Purpose, *, now: datetime) -> KnownCode | None:
    """What a page opened from a message may know; proves and changes nothing. None when it was never issued."""
    row = db.session.execute(
        select(
            OneTimeCode.account_id,
            OneTimeCode.channel_address,
            OneTimeCode.expires_at,
            OneTimeCode.consumed_at,
            OneTimeCode.superseded_at,
            OneTimeCode.demande,
            OneTimeCode.issued_at,
            OneTimeCode.about,
        ).where(OneTimeCode.digest == digest(secret), OneTimeCode.purpose == purpose)
    ).one_or_none()
    if row is None:
        return None
    standing = standing_of(row.consumed_at, row.superseded_at, row.expires_at, now=now)
    return KnownCode(
        row.account_id,
        row.channel_address,
        row.expires_at,
        standing,
        row.demande,
        row.issued_at,
        row.about,
    )


def latest_issue(purpose: Purpose, account_id: UUID) -> LatestIssue | None:
    """When the account's newest code of this purpose was issued, and for which request; None without one."""
    row = db.session.execute(
        select(OneTimeCode.issued_at, OneTimeCode.demande)
        .where(OneTimeCode.account_id == account_id, OneTimeCode.purpose == purpose)
        .order_by(OneTimeCode.issued_at.desc(), OneTimeCode.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else LatestIssue(row.issued_at, row.demande)


def consume_one_time_code(secret: str, purpose: Purpose, account_id: UUID, *, now: datetime) -> KnownCode:
    """Use the code up, by one conditional UPDATE: once, in time, for its purpose, by its account.

    Raises OneTimeCodeRefused.
    """
    row = db.session.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.digest == digest(secret),
            OneTimeCode.purpose == purpose,
            OneTimeCode.account_id == account_id,
            OneTimeCode.consumed_at.is_(None),
            OneTimeCode.superseded_at.is_(None),
            OneTimeCode.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(
            OneTimeCode.channel_address,
            OneTimeCode.expires_at,
            OneTimeCode.demande,
            OneTimeCode.issued_at,
            OneTimeCode.about,
        )
    ).one_or_none()
    if row is None:
        raise OneTimeCodeRefused
    standing = standing_of(now, None, row.expires_at, now=now)
    return KnownCode(
        account_id,
        row.channel_address,
        row.expires_at,
        standing,
        row.demande,
        row.issued_at,
        row.about,
    )
