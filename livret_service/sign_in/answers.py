"""Authorization answers that come by POST (Form Post Response Mode): without cookies, so kept for the next page."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update

from livret_service.db import db, transaction
from livret_service.sign_in.checks import AttemptUnknown
from livret_service.sign_in.models import HeldAnswer, SignInAttempt
from livret_service.sign_in.party import RelyingParty
from shared.sealing import SealBroken, seal, unseal
from shared.secrets import digest, new_secret

HELD_FOR = timedelta(minutes=1)
PARAMETERS = ("code", "state", "iss", "error", "session_state")
"""What is read of an answer; nothing else is kept."""


def hold_answer(party: RelyingParty, parameters: Mapping[str, str], *, now: datetime) -> str:
    """Keep an answer to an open attempt for a minute; the handle that gives it back once.

    Whose browser brought it is checked when it is taken: that is where the cookies are. Raises AttemptUnknown.
    """
    state = parameters.get("state")
    # Strangers must not fill the table: somebody's attempt is asked for before anything is written.
    if not state or not _is_awaited(state, now=now):
        raise AttemptUnknown("state")
    handle = new_secret()
    kept = json.dumps({name: parameters[name] for name in PARAMETERS if name in parameters}).encode()
    with transaction() as session:
        session.execute(delete(HeldAnswer).where(HeldAnswer.expires_at <= now))
        session.add(
            HeldAnswer(
                handle_digest=digest(handle),
                sealed_parameters=seal(kept, key=party.sealing_key, associated=digest(handle)),
                expires_at=now + HELD_FOR,
            )
        )
    return handle


def _is_awaited(state: str, *, now: datetime) -> bool:
    awaited = exists().where(
        SignInAttempt.state_digest == digest(state),
        SignInAttempt.consumed_at.is_(None),
        SignInAttempt.expires_at > now,
    )
    return bool(db.session.scalar(select(awaited)))


def take_answer(party: RelyingParty, handle: str, *, now: datetime) -> dict[str, str]:
    """The answer behind a handle: once, and within its minute. Raises AttemptUnknown."""
    taken = (
        update(HeldAnswer)
        .where(
            HeldAnswer.handle_digest == digest(handle),
            HeldAnswer.consumed_at.is_(None),
            HeldAnswer.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(HeldAnswer.sealed_parameters)
    )
    with transaction() as session:
        sealed = session.scalar(taken)
    try:
        kept = unseal(sealed or b"", key=party.sealing_key, associated=digest(handle))
    except (SealBroken, ValueError):
        raise AttemptUnknown("handle") from None
    return dict(json.loads(kept))
