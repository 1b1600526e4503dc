"""Who reads what the signing keys sign: what the operators of the keys are told (`signing_keys.rules.TokenReaders`)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, distinct, func, select

from idp.db import db
from idp.oidc.models import AuthorizationCode, Client
from idp.sessions.models import AccountSession
from idp.settings import current


def active_clients(*, now: datetime) -> tuple[str, ...]:  # noqa: ARG001 - a registration may expire
    """The ids of the clients that may be given a token, in order."""
    statement = select(Client.client_id).where(Client.disabled_at.is_(None)).order_by(Client.client_id)
    return tuple(db.session.scalars(statement))


def count_signed(
    algorithm: str,  # noqa: ARG001 - all ID tokens are of one algorithm so far
    *,
    since: datetime,
    until: datetime | None,
    now: datetime,
) -> tuple[int, int]:
    """ID tokens that have not expired, and open sessions that were given one, of those signed in that time."""
    signed = _signed(since, until)
    fresh = AuthorizationCode.consumed_at > now - timedelta(seconds=current().id_token_seconds)
    id_tokens = db.session.scalar(select(func.count()).where(*signed, fresh))
    sessions = db.session.scalar(
        select(func.count(distinct(AuthorizationCode.session_id)))
        .join(AccountSession, AccountSession.id == AuthorizationCode.session_id)
        .where(*signed, AccountSession.ended_at.is_(None), AccountSession.expires_at > now)
    )
    return id_tokens or 0, sessions or 0


def _signed(since: datetime, until: datetime | None) -> list[ColumnElement[bool]]:
    conditions = [AuthorizationCode.consumed_at.is_not(None), AuthorizationCode.consumed_at >= since]
    return conditions if until is None else [*conditions, AuthorizationCode.consumed_at < until]
