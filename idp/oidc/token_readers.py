"""Who reads what the signing keys sign: what the operators of the keys are told (`signing_keys.rules.TokenReaders`)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, distinct, func, select

from idp.db import db
from idp.oidc.models import AuthorizationCode, Client
from idp.sessions.models import AccountSession
from idp.settings import current


def active_clients(*, now: datetime) -> tuple[str, ...]:
    """The ids of the clients that may be given a token, in order: neither disabled nor expired."""
    may_be_given = Client.disabled_at.is_(None), Client.expires_at > now
    return tuple(db.session.scalars(select(Client.client_id).where(*may_be_given).order_by(Client.client_id)))


def count_signed(
    algorithm: str,
    *,
    since: datetime,
    until: datetime | None,
    now: datetime,
) -> tuple[int, int]:
    """ID tokens that have not expired, and open sessions that were given one, of those signed in that time."""
    signed = _signed(algorithm, since, until)
    fresh = AuthorizationCode.consumed_at > now - timedelta(seconds=current().id_token_seconds)
    id_tokens = db.session.scalar(select(func.count()).where(*signed, fresh))
    sessions = db.session.scalar(
        select(func.count(distinct(AuthorizationCode.session_id)))
        .join(AccountSession, AccountSession.id == AuthorizationCode.session_id)
        .where(*signed, AccountSession.ended_at.is_(None), AccountSession.expires_at > now)
    )
    return id_tokens or 0, sessions or 0


def _signed(algorithm: str, since: datetime, until: datetime | None) -> list[ColumnElement[bool]]:
    clients = select(Client.client_id).where(Client.id_token_signed_response_alg == algorithm)
    conditions = [AuthorizationCode.client_id.in_(clients), AuthorizationCode.consumed_at >= since]
    return conditions if until is None else [*conditions, AuthorizationCode.consumed_at < until]
