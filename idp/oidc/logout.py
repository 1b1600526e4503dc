"""The end of a session, told to every client that got tokens in it (Back-Channel Logout 1.0).

Whoever ends a session writes `ended_at` and knows nothing of clients; here it is read, turned into one row a session
and client, and delivered at least once, each time with a token of its own. A withdrawn consent ends a session for one
client alone: its rows are written where it is withdrawn.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import and_, case, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.messaging.rules import DeliveryState
from idp.oidc import logout_tokens
from idp.oidc.logout_tokens import LogoutFacts
from idp.oidc.models import AuthorizationCode, Client, LogoutDelivery
from idp.oidc.signing import signer
from idp.oidc.subject import pairwise_subject
from idp.sessions.models import AccountSession
from idp.settings import current
from shared.database import uuid7
from shared.fetching import FetchRefused, GuardedFetcher, current_fetcher
from shared.secrets import new_secret

COMMITTED_WITHIN = timedelta(minutes=10)
"""An end is written with the instant of its request, and read once it is committed: never later than this."""

A_MOMENT = timedelta(minutes=10)
"""How long after a sign-out its page still names the services."""

NO_ADDRESS = "the client has no address to tell"
log = structlog.get_logger("logout")


@dataclass(frozen=True, slots=True)
class DeliveryTotals:
    """What operators see of one client: deliveries by outcome, the last one taken, the last failure."""

    client_id: str
    waiting: int
    delivered: int
    failed: int
    last_delivered_at: datetime | None
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class ServiceLeft:
    """A service that a person leaves: what it is told by, and whether it is known not to answer.

    sid: the session as the service knows it. is_told: over the back channel.
    """

    client_id: str
    name: str
    home: str | None
    sid: str
    frontchannel_logout_uri: str | None
    is_told: bool
    is_silent: bool

    @property
    def is_closed(self) -> bool:
        """Whether the person need not close it."""
        return self.frontchannel_logout_uri is not None or (self.is_told and not self.is_silent)


@dataclass(frozen=True, slots=True)
class Frame:
    """A service's own sign-out page, to be shown in a frame (Front-Channel Logout 2)."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Departure:
    """What the signed-out page tells. next_url: the service that asked, where the browser goes on to."""

    services: tuple[ServiceLeft, ...] = ()
    frames: tuple[Frame, ...] = ()
    next_url: str | None = None

    @property
    def closed(self) -> list[ServiceLeft]:
        """What closes by itself."""
        return [service for service in self.services if service.is_closed]

    @property
    def silent(self) -> list[ServiceLeft]:
        """What should have, but is known not to answer."""
        return [service for service in self.services if service.is_told and not service.is_closed]

    @property
    def open(self) -> list[ServiceLeft]:
        """What the person has to close."""
        return [service for service in self.services if not service.is_told and not service.is_closed]


class LogoutOutbox:
    """What one worker knows: until when it has read the ends of sessions."""

    def __init__(self) -> None:
        self._read_until: datetime | None = None

    def deliver_next(self, *, now: datetime) -> DeliveryState | None:
        """Note the sessions that ended, then deliver the oldest due end to its client; None when none is due."""
        since = (self._read_until or now - logout_tokens.GIVE_UP_AFTER) - COMMITTED_WITHIN
        note_ended_sessions(since=since, now=now)
        self._read_until = now
        return deliver_next(current_fetcher(), now=now)


def note_ended_sessions(*, since: datetime, now: datetime) -> None:
    """A row for each session ended after `since` and client to be told of it, unless there is one.

    A session that ran out of time was not signed out: it has no `ended_at`, and its clients' own bounds hold.
    """
    noted = db.session.execute(
        select(
            AuthorizationCode.session_id,
            AuthorizationCode.client_id,
            func.max(AuthorizationCode.sid).label("sid"),
            AccountSession.ended_at,
        )
        .join(AccountSession, AccountSession.id == AuthorizationCode.session_id)
        .join(Client, Client.client_id == AuthorizationCode.client_id)
        .where(
            AccountSession.ended_at >= since,
            AuthorizationCode.consumed_at.is_not(None),
            Client.backchannel_logout_uri.is_not(None),
            Client.disabled_at.is_(None),
            ~select(LogoutDelivery.id)
            .where(
                LogoutDelivery.session_id == AuthorizationCode.session_id,
                LogoutDelivery.client_id == AuthorizationCode.client_id,
                LogoutDelivery.ended_at == AccountSession.ended_at,
            )
            .exists(),
        )
        .group_by(AuthorizationCode.session_id, AuthorizationCode.client_id, AccountSession.ended_at)
    )
    found = noted.mappings().all()
    if not found:
        return
    rows = [{"id": uuid7(), "due_at": now, "attempts": 0, **row} for row in found]
    with transaction():
        # Another worker may have noted them meanwhile.
        db.session.execute(_dialect_insert()(LogoutDelivery).on_conflict_do_nothing(), rows)


def note_withdrawn_access(account_id: AccountId, client_id: str, *, now: datetime) -> None:
    """A row for each living session in which the client got tokens of this account, in the caller's transaction.

    For this client they end now, though the person stays signed in (ADR 0026).
    """
    asked = (
        select(
            AuthorizationCode.session_id,
            func.max(AuthorizationCode.sid).label("sid"),
        )
        .join(AccountSession, AccountSession.id == AuthorizationCode.session_id)
        .join(Client, Client.client_id == AuthorizationCode.client_id)
        .where(
            AuthorizationCode.account_id == account_id,
            AuthorizationCode.client_id == client_id,
            AuthorizationCode.consumed_at.is_not(None),
            AccountSession.ended_at.is_(None),
            Client.backchannel_logout_uri.is_not(None),
            Client.disabled_at.is_(None),
        )
        .group_by(AuthorizationCode.session_id)
    )
    told = {"client_id": client_id, "ended_at": now, "due_at": now, "attempts": 0}
    rows = [{"id": uuid7(), **told, **row} for row in db.session.execute(asked).mappings()]
    if rows:
        db.session.execute(insert(LogoutDelivery), rows)


def deliver_next(fetcher: GuardedFetcher, *, now: datetime) -> DeliveryState | None:
    """Claim the oldest due end and tell its client; None when none is due.

    The claim is committed before the client is met, so that no transaction waits for it; a worker that dies in
    between leaves a lease that runs out.
    """
    claimed = _claim(now)
    if claimed is None:
        return None
    client = _client_to_tell(claimed)
    if client is None:
        return _settle(claimed, NO_ADDRESS, is_final=True, now=now)
    try:
        logout_token = sign_logout_token(claimed, client, now=now)
        status = fetcher.post_form(client.backchannel_logout_uri, {logout_tokens.PARAMETER: logout_token})
    except FetchRefused as refusal:
        return _postpone(claimed, refusal.reason, now=now)
    failure = logout_tokens.failure_of(status)
    return (
        _settle(claimed, None, is_final=True, now=now)
        if failure is None
        else _postpone(claimed, failure, now=now)
    )


def sign_logout_token(delivery: LogoutDelivery, client: Any, *, now: datetime) -> str:
    """A logout token for one client (Back-Channel Logout 2.4), signed by the key that signs ID tokens."""
    settings = current()
    claims = logout_tokens.logout_token_claims(
        LogoutFacts(
            issuer=settings.issuer,
            client_id=delivery.client_id,
            subject=pairwise_subject(client.sector_identifier, client.account_id, settings.pairwise_key),
            sid=delivery.sid,
            jti=new_secret(),
            issued_at=now,
        )
    )
    return signer(logout_tokens.TOKEN_TYPE, client.id_token_signed_response_alg)(claims)


def delivery_totals() -> Sequence[DeliveryTotals]:
    """For each client that was ever to be told of an end, how it went."""
    rows = db.session.execute(
        select(
            LogoutDelivery.client_id,
            func.sum(case((and_(*_is_waiting(LogoutDelivery)), 1), else_=0)),
            func.count(LogoutDelivery.delivered_at),
            func.count(LogoutDelivery.failed_at),
            func.max(LogoutDelivery.delivered_at),
        )
        .group_by(LogoutDelivery.client_id)
        .order_by(LogoutDelivery.client_id)
    ).all()
    return [
        DeliveryTotals(client_id, waiting, delivered, failed, last_at, _last_failure(client_id))
        for client_id, waiting, delivered, failed, last_at in rows
    ]


def services_left(session_ids: Collection[UUID], *, now: datetime) -> tuple[ServiceLeft, ...]:
    """The services that got tokens in these sessions, if they ended a moment ago; by name."""
    silent = aliased(LogoutDelivery)
    rows = db.session.execute(
        select(
            Client,
            AuthorizationCode.sid,
            select(silent.id).where(silent.client_id == Client.client_id, *_is_unreachable(silent)).exists(),
        )
        .join(AuthorizationCode, AuthorizationCode.client_id == Client.client_id)
        .join(AccountSession, AccountSession.id == AuthorizationCode.session_id)
        .where(
            AuthorizationCode.session_id.in_(session_ids),
            AccountSession.ended_at >= now - A_MOMENT,
            AuthorizationCode.consumed_at.is_not(None),
            Client.disabled_at.is_(None),
        )
        .order_by(Client.name, Client.client_id)
    ).all()
    services = {
        (client.client_id, sid): ServiceLeft(
            client_id=client.client_id,
            name=client.name,
            home=client.client_uri or client.initiate_login_uri,
            sid=sid,
            frontchannel_logout_uri=client.frontchannel_logout_uri,
            is_told=client.backchannel_logout_uri is not None,
            is_silent=is_silent,
        )
        for client, sid, is_silent in rows
    }
    return tuple(services.values())


def _claim(now: datetime) -> LogoutDelivery | None:
    """One statement takes one delivery: on PostgreSQL by SKIP LOCKED, on SQLite because writers are serial.

    A client that could not be reached is asked again by one delivery at a time: many that wait for it must not
    keep the others waiting.
    """
    other = aliased(LogoutDelivery)
    held_back = (
        select(other.id)
        .where(other.client_id == LogoutDelivery.client_id, other.due_at > now, *_is_unreachable(other))
        .exists()
    )
    oldest = (
        select(LogoutDelivery.id)
        .where(*_is_waiting(LogoutDelivery), LogoutDelivery.due_at <= now, ~held_back)
        .order_by(LogoutDelivery.due_at, LogoutDelivery.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=LogoutDelivery)
        .scalar_subquery()
    )
    with transaction() as session:
        claimed = session.scalar(
            update(LogoutDelivery)
            .where(LogoutDelivery.id == oldest)
            .values(due_at=now + logout_tokens.LEASE, attempts=LogoutDelivery.attempts + 1)
            .returning(LogoutDelivery)
            .execution_options(synchronize_session=False)
        )
        if claimed is not None:
            # Read once, kept as read: what another worker does to the row later is its own affair.
            session.expunge(claimed)
        return claimed


def _client_to_tell(claimed: LogoutDelivery) -> Any:
    """Address, sector and person, as they are now; None when the client is disabled or takes no logout tokens."""
    return db.session.execute(
        select(
            Client.backchannel_logout_uri,
            Client.sector_identifier,
            Client.id_token_signed_response_alg,
            AccountSession.account_id,
        )
        .select_from(Client)
        .join(AccountSession, AccountSession.id == claimed.session_id)
        .where(
            Client.client_id == claimed.client_id,
            Client.disabled_at.is_(None),
            Client.backchannel_logout_uri.is_not(None),
        )
    ).one_or_none()


def _postpone(claimed: LogoutDelivery, failure: str, *, now: datetime) -> DeliveryState:
    is_final = logout_tokens.is_given_up(failure, claimed.attempts, claimed.ended_at, now=now)
    return _settle(claimed, failure, is_final=is_final, now=now)


def _settle(claimed: LogoutDelivery, failure: str | None, *, is_final: bool, now: datetime) -> DeliveryState:
    """Write the outcome, unless the lease ran out and another worker has taken the delivery since."""
    values: dict[str, Any] = {"failure": failure}
    if failure is None:
        values["delivered_at"] = now
    elif is_final:
        values["failed_at"] = now
    else:
        values["due_at"] = now + logout_tokens.wait_before_retry(_attempts_at(claimed), SystemRandom())
    with transaction():
        db.session.execute(
            update(LogoutDelivery)
            .where(LogoutDelivery.id == claimed.id, LogoutDelivery.attempts == claimed.attempts)
            .where(LogoutDelivery.delivered_at.is_(None))
            .values(**values)
        )
    known = {"client": claimed.client_id, "delivery": str(claimed.id), "attempts": claimed.attempts}
    if failure is None:
        log.info("sign-out delivered", **known)
        return DeliveryState.SENT
    log.warning("sign-out not taken", reason=failure, final=is_final, **known)
    return DeliveryState.FAILED if is_final else DeliveryState.WAITING


def _attempts_at(claimed: LogoutDelivery) -> int:
    """How often the client was tried in vain: the most of any delivery that waits for it."""
    most = db.session.scalar(
        select(func.max(LogoutDelivery.attempts)).where(
            LogoutDelivery.client_id == claimed.client_id, *_is_unreachable(LogoutDelivery)
        )
    )
    return max(most or 0, claimed.attempts)


def _last_failure(client_id: str) -> str | None:
    return db.session.scalar(
        select(LogoutDelivery.failure)
        .where(LogoutDelivery.client_id == client_id, LogoutDelivery.failure.is_not(None))
        .order_by(func.coalesce(LogoutDelivery.failed_at, LogoutDelivery.due_at).desc())
        .limit(1)
    )


def _is_waiting(table: Any) -> tuple[Any, ...]:
    return table.delivered_at.is_(None), table.failed_at.is_(None)


def _is_unreachable(table: Any) -> tuple[Any, ...]:
    """The last try found nobody who could say yes or no."""
    return (*_is_waiting(table), ~table.failure.startswith(logout_tokens.REFUSAL))


def _dialect_insert() -> Callable[..., Any]:
    return postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
