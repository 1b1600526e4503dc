"""The browsers that are signed in, and closing them."""

from datetime import datetime
from uuid import UUID

from idp.db import transaction
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, SessionEndReason


def close_device(session: CurrentSession, session_id: UUID, *, now: datetime) -> bool:
    """End another session of this account; tells whether there was one to end."""
    with transaction():
        return sessions.end_session_of(session.account_id, session_id, now=now)


def close_other_devices(session: CurrentSession, *, now: datetime) -> int:
    """End every session of this account but the present one. Returns how many."""
    with transaction():
        return sessions.end_all_sessions(
            session.account_id, SessionEndReason.ENDED_BY_PERSON, keeping=session.id, now=now
        )
