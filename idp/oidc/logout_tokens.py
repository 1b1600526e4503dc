"""What a logout token says, and when one that was not taken is sent again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a header's value
"""It keeps a logout token from being taken for another kind (RFC 8725 3.11)."""
PARAMETER = "logout_token"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFE = timedelta(minutes=2)

LEASE = timedelta(minutes=1)
"""How long a worker may hold a delivery before another one takes it: far above one call's 5 seconds."""

GIVE_UP_AFTER = timedelta(hours=24)
"""No session of a client lives on its sign-in longer than that."""

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=8)
REFUSALS_BORNE = 5
"""A client that answers and says no will say it again: it is not asked for a day."""

# Back-Channel Logout 2.8: some frameworks make 204 of an empty 200.
TAKEN = frozenset({200, 204})
REFUSAL = "refused with status"


@dataclass(frozen=True, slots=True)
class LogoutFacts:
    """What a logout token states: whose session ended, as one client knows them. `jti`: never used before."""

    issuer: str
    client_id: str
    subject: str
    sid: str
    jti: str
    issued_at: datetime


def logout_token_claims(facts: LogoutFacts) -> dict[str, Any]:
    """Back-Channel Logout 2.4: all of these and no `nonce`, so that it can never pass for an ID token."""
    return {
        "iss": facts.issuer,
        "sub": facts.subject,
        "aud": facts.client_id,
        "iat": int(facts.issued_at.timestamp()),
        "exp": int((facts.issued_at + LIFE).timestamp()),
        "jti": facts.jti,
        "sid": facts.sid,
        "events": {EVENT: {}},
    }


def failure_of(status: int) -> str | None:
    """Why an answer of this status is none that ends the matter; None when the client took the token."""
    if status in TAKEN:
        return None
    return f"{REFUSAL} {status}" if 400 <= status < 500 else f"status {status}"


def is_given_up(failure: str, attempts: int, ended_at: datetime, *, now: datetime) -> bool:
    """True after some refusals, or a day without an answer."""
    return (failure.startswith(REFUSAL) and attempts >= REFUSALS_BORNE) or now - ended_at >= GIVE_UP_AFTER


def wait_before_retry(attempts: int, draw: Random) -> timedelta:
    """Doubles with each attempt (1 or more) up to LONGEST_WAIT; the jitter takes off up to half of it."""
    full = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
    return timedelta(seconds=full.total_seconds() * draw.uniform(0.5, 1.0))
