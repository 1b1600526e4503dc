"""How sessions end before their time: by the person, or by the provider on a channel of its own.

Each opens the one transaction that it needs; ended twice is ended.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Update, delete, update

from livret_service.db import insert_into, transaction
from livret_service.sign_in.logout_checks import MAXIMUM_LIFE
from livret_service.sign_in.models import GuardianSession, UsedLogoutToken
from livret_service.sign_in.party import RelyingParty
from shared.sealing import SealBroken, unseal
from shared.secrets import digest

REMEMBERED = MAXIMUM_LIFE + timedelta(minutes=2)
"""How long a `jti` is kept: longer than any token that bears it is believed, leeway included."""


def ended(which: ColumnElement[bool], *, now: datetime) -> Update:
    """The statement that ends the running sessions among `which`."""
    return update(GuardianSession).where(which, GuardianSession.ended_at.is_(None)).values(ended_at=now)


def end_session(guardian_session_id: UUID, *, now: datetime) -> None:
    """End one session."""
    with transaction() as session:
        session.execute(ended(GuardianSession.id == guardian_session_id, now=now))


def sign_out(party: RelyingParty, session_id: str | None, *, now: datetime) -> str | None:
    """End the browser's session here; the ID token to hint at when signing out at the provider, if any."""
    if not session_id:
        return None
    ending = ended(GuardianSession.session_digest == digest(session_id), now=now).returning(
        GuardianSession.subject, GuardianSession.sealed_id_token
    )
    with transaction() as session:
        row = session.execute(ending).one_or_none()
    if row is None:
        return None
    try:
        return unseal(row.sealed_id_token, key=party.sealing_key, associated=row.subject.encode()).decode()
    except SealBroken:  # the service's secret was changed since: signed out here all the same
        return None


def end_by_logout_token(party: RelyingParty, logout_token: str, *, now: datetime) -> int:
    """End what a logout token names (Back-Channel Logout 2.7); how many sessions that were.

    With `sid` that session, with `sub` alone every one of that person. A token that comes again, as after a lost
    answer, is no fault but ends nothing more. Raises LogoutTokenRefused, ProviderUnavailable.
    """
    claims = party.provider.verify_logout_token(logout_token)
    with transaction() as session:
        session.execute(delete(UsedLogoutToken).where(UsedLogoutToken.expires_at <= now))
        first_use = (
            insert_into(UsedLogoutToken)
            .values(jti_digest=digest(claims["jti"]), expires_at=now + REMEMBERED)
            .on_conflict_do_nothing()
            .returning(UsedLogoutToken.jti_digest)
        )
        if session.scalar(first_use) is None:
            return 0
        ending = ended(_named(claims, party.provider.issuer), now=now)
        return cast("CursorResult[Any]", session.execute(ending)).rowcount


def _named(claims: Mapping[str, Any], issuer: str) -> ColumnElement[bool]:
    named = GuardianSession.issuer == issuer
    for name, column in (("sub", GuardianSession.subject), ("sid", GuardianSession.sid)):
        if name in claims:
            named &= column == claims[name]
    return named


def end_by_front_channel(party: RelyingParty, sid: str, *, now: datetime) -> int:
    """End the session of that `sid` (Front-Channel Logout 2), whoever's browser asks: only the provider knows it."""
    which = (GuardianSession.issuer == party.provider.issuer) & (GuardianSession.sid == sid)
    with transaction() as session:
        return cast("CursorResult[Any]", session.execute(ended(which, now=now))).rowcount
