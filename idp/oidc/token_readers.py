"""Who reads what the signing keys sign: what the operators of the keys are told (`signing_keys.rules.TokenReaders`)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, distinct, func, literal, select

from idp.db import db
from idp.oidc.models import AccessToken, Client
from idp.oidc.scopes import OPENID
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
    """ID tokens that have not expired, and open sessions that were given one, of those signed in that time.

    Each ID token, of a code or of a refresh, is given beside an access token: those are what is kept.
    """
    signed = _signed(algorithm, since, until)
    fresh = AccessToken.issued_at > now - timedelta(seconds=current().id_token_seconds)
    id_tokens = db.session.scalar(select(func.count()).where(*signed, fresh))
    sessions = db.session.scalar(
        select(func.count(distinct(AccessToken.session_id)))
        .join(AccountSession, AccountSession.id == AccessToken.session_id)
        .where(*signed, AccountSession.ended_at.is_(None), AccountSession.expires_at > now)
    )
    return id_tokens or 0, sessions or 0


def _signed(algorithm: str, since: datetime, until: datetime | None) -> list[ColumnElement[bool]]:
    clients = select(Client.client_id).where(Client.id_token_signed_response_alg == algorithm)
    conditions = [
        AccessToken.client_id.in_(clients),
        # A client's own token, or one whose scope was narrowed at a refresh, comes without an ID token.
        (literal(" ") + AccessToken.scope + literal(" ")).like(f"% {OPENID} %"),
        AccessToken.issued_at >= since,
    ]
    return conditions if until is None else [*conditions, AccessToken.issued_at < until]
