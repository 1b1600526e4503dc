"""Six digits that a person reads in a message and types in the browser that asked for them.

One challenge is one attempt of one browser. A journey starts it, issues codes into it and completes it, in its
own transactions; only `verify_numeric_code` opens one, for a try that was counted stays counted. A challenge
without a channel address is a decoy: it costs what any other costs, and no code solves it.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from random import SystemRandom
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, update

from idp.db import db, transaction
from idp.errors import FieldRefusal
from idp.messaging.rules import Channel
from idp.one_time_codes.models import CodeChallenge, NumericCode
from idp.one_time_codes.rules import (
    CHALLENGE_LIFE,
    CHALLENGE_TRIES,
    CODE_DIGITS,
    CODE_LIFE,
    LIVING_CODES,
    PROOF_LIFE,
    Challenge,
    ChallengeRefused,
    ChallengeStage,
    OneTimeCodeExpired,
    OneTimeCodeLength,
    OneTimeCodeSpent,
    OneTimeCodeWrong,
    Purpose,
    ResendTooSoon,
    new_numeric_code,
    numeric_code_digest,
    typed_digits,
    wait_after,
)
from idp.settings import current as current_settings
from shared.database import uuid7
from shared.sealing import derive_key
from shared.secrets import digest, new_secret

CHALLENGE_COLUMNS = (
    CodeChallenge.id,
    CodeChallenge.purpose,
    CodeChallenge.account_id,
    CodeChallenge.channel,
    CodeChallenge.channel_address,
    CodeChallenge.subject,
    CodeChallenge.demande,
    CodeChallenge.started_at,
    CodeChallenge.expires_at,
    CodeChallenge.codes_issued,
    CodeChallenge.codes_sent_at,
    CodeChallenge.failures,
    CodeChallenge.proven_at,
    CodeChallenge.completed_at,
)


def start_challenge(
    purpose: Purpose,
    *,
    account_id: UUID | None,
    channel: Channel,
    channel_address: str | None,
    subject: str = "",
    demande: str | None = None,
    now: datetime,
) -> tuple[Challenge, str]:
    """A new challenge and its secret, 43 characters for this browser's cookie, in the caller's transaction.

    channel_address: where codes will go; None makes a decoy. subject: what was typed to begin, for the pages and
    limits that follow.
    """
    secret = new_secret()
    challenge = Challenge(
        id=uuid7(),
        purpose=purpose,
        account_id=account_id,
        channel=channel,
        channel_address=channel_address,
        subject=subject,
        demande=demande,
        started_at=now,
        expires_at=now + CHALLENGE_LIFE,
        codes_issued=0,
        codes_sent_at=None,
        failures=0,
        proven_at=None,
        completed_at=None,
    )
    columns = {name: getattr(challenge, name) for name in Challenge.__dataclass_fields__}
    db.session.add(CodeChallenge(**columns | {"channel": channel.value}, secret_digest=digest(secret)))
    db.session.flush()
    return challenge, secret


def issue_numeric_code(challenge_id: UUID, *, now: datetime) -> str:
    """Six new digits to send, good for 15 minutes, in the caller's transaction; the one before stays good too.

    For a decoy they are good for nothing. Raises ResendTooSoon, OneTimeCodeSpent, ChallengeRefused.
    """
    row = db.session.execute(select(*CHALLENGE_COLUMNS).where(CodeChallenge.id == challenge_id)).one()
    check_may_issue(_challenge(row), now=now)
    number = db.session.scalar(
        update(CodeChallenge)
        .where(CodeChallenge.id == challenge_id, CodeChallenge.codes_issued == row.codes_issued)
        .values(codes_issued=CodeChallenge.codes_issued + 1, codes_sent_at=now)
        .returning(CodeChallenge.codes_issued)
    )
    if number is None:
        raise ResendTooSoon(n=int(wait_after(row.codes_issued + 1).total_seconds()))
    numeric_code = new_numeric_code(SystemRandom())
    kept = numeric_code_digest(_key(), challenge_id, numeric_code)
    db.session.add(
        NumericCode(
            challenge_id=challenge_id,
            number=number,
            # Nobody is sent a decoy's code, and nobody may guess it.
            digest=kept if row.channel_address is not None else os.urandom(len(kept)),
            expires_at=now + CODE_LIFE,
        )
    )
    db.session.flush()
    return numeric_code


def find_challenge(secret: str, purpose: Purpose) -> Challenge | None:
    """The challenge of this browser's cookie, whatever its stage; None when it was never started, or is purged."""
    row = db.session.execute(
        select(*CHALLENGE_COLUMNS).where(
            CodeChallenge.secret_digest == digest(secret), CodeChallenge.purpose == purpose
        )
    ).one_or_none()
    return None if row is None else _challenge(row)


def verify_numeric_code(secret: str, purpose: Purpose, typed: str, *, now: datetime) -> Challenge:
    """The challenge, proven from now on, by one of its last two codes typed in the browser that asked for it.

    Opens a short transaction of its own: a try is counted before it is evaluated, and stays counted. Call it
    before any other is open. Raises OneTimeCodeLength, OneTimeCodeWrong, OneTimeCodeExpired, OneTimeCodeSpent,
    ChallengeRefused.
    """
    numeric_code = typed_digits(typed)
    if len(numeric_code) != CODE_DIGITS:
        raise OneTimeCodeLength(n=len(numeric_code))
    with transaction():
        tried = _count_try(secret, purpose, now=now)
        is_right = tried is not None and _is_living_code(tried, numeric_code, now=now)
        if is_right and tried is not None:
            _mark_proven(tried.id, now=now)
    challenge = find_challenge(secret, purpose)
    if challenge is None:
        raise ChallengeRefused
    if not is_right:
        raise _refusal(challenge, was_tried=tried is not None, now=now)
    return challenge


def complete_challenge(secret: str, purpose: Purpose, *, now: datetime) -> Challenge:
    """Use a proven challenge up, by one conditional UPDATE in the caller's transaction: once, within half an hour.

    Raises ChallengeRefused.
    """
    row = db.session.execute(
        update(CodeChallenge)
        .where(
            CodeChallenge.secret_digest == digest(secret),
            CodeChallenge.purpose == purpose,
            CodeChallenge.completed_at.is_(None),
            CodeChallenge.proven_at > now - PROOF_LIFE,
        )
        .values(completed_at=now)
        .returning(*CHALLENGE_COLUMNS)
    ).one_or_none()
    if row is None:
        raise ChallengeRefused
    return _challenge(row)


def end_challenges(purpose: Purpose, account_id: UUID, *, now: datetime) -> None:
    """End the account's open challenges of one purpose, in the caller's transaction: what they prove has changed."""
    db.session.execute(
        update(CodeChallenge)
        .where(
            CodeChallenge.account_id == account_id,
            CodeChallenge.purpose == purpose,
            CodeChallenge.completed_at.is_(None),
        )
        .values(completed_at=now)
    )


def purge_challenges(*, now: datetime) -> int:
    """Delete challenges that prove nothing any more, in the caller's transaction. Returns how many."""
    gone = db.session.execute(
        delete(CodeChallenge).where(CodeChallenge.expires_at <= now - PROOF_LIFE).returning(CodeChallenge.id)
    )
    return len(gone.all())


def check_may_issue(challenge: Challenge, *, now: datetime) -> None:
    """Whether another code may be sent now. Raises ResendTooSoon, OneTimeCodeSpent, ChallengeRefused."""
    stage = challenge.stage(now=now)
    if stage is ChallengeStage.SPENT:
        raise OneTimeCodeSpent
    if stage is not ChallengeStage.WAITING:
        raise ChallengeRefused
    seconds = challenge.next_code_in(now=now)
    if seconds:
        raise ResendTooSoon(n=seconds)


def _count_try(secret: str, purpose: Purpose, *, now: datetime) -> Row[UUID, int] | None:
    """Count one try by the statement that also decides whether there is one left; holds the row meanwhile."""
    return db.session.execute(
        update(CodeChallenge)
        .where(
            CodeChallenge.secret_digest == digest(secret),
            CodeChallenge.purpose == purpose,
            CodeChallenge.failures < CHALLENGE_TRIES,
            CodeChallenge.proven_at.is_(None),
            CodeChallenge.completed_at.is_(None),
            CodeChallenge.expires_at > now,
        )
        .values(failures=CodeChallenge.failures + 1)
        .returning(CodeChallenge.id, CodeChallenge.codes_issued)
    ).one_or_none()


def _is_living_code(tried: Row[UUID, int], numeric_code: str, *, now: datetime) -> bool:
    typed = numeric_code_digest(_key(), tried.id, numeric_code)
    living: Iterable[bytes] = db.session.scalars(
        select(NumericCode.digest).where(
            NumericCode.challenge_id == tried.id,
            NumericCode.number > tried.codes_issued - LIVING_CODES,
            NumericCode.expires_at > now,
        )
    )
    return typed in set(living)


def _mark_proven(challenge_id: UUID, *, now: datetime) -> None:
    db.session.execute(
        update(CodeChallenge)
        .where(CodeChallenge.id == challenge_id)
        .values(proven_at=now, failures=CodeChallenge.failures - 1)
    )


def _refusal(challenge: Challenge, *, was_tried: bool, now: datetime) -> FieldRefusal:
    """Why, learned afterwards; the fifth wrong code says at once that nothing more will be evaluated."""
    stage = challenge.stage(now=now)
    if stage is ChallengeStage.SPENT:
        return OneTimeCodeSpent()
    if not was_tried or _all_expired(challenge, now=now):
        return OneTimeCodeExpired()
    return OneTimeCodeWrong()


def _all_expired(challenge: Challenge, *, now: datetime) -> bool:
    return challenge.codes_sent_at is None or challenge.codes_sent_at + CODE_LIFE <= now


def _challenge(row: Row[*tuple[Any, ...]]) -> Challenge:
    values = row._asdict()
    return Challenge(**values | {"channel": Channel(values["channel"])})


def _key() -> bytes:
    return derive_key(current_settings().secret_key, "one_time_codes.numeric")
