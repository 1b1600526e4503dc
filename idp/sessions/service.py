"""Opening, finding and ending sessions. Opens no transaction but the short ones of `touch` and `keep_language`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, func, or_, select, text, update

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.sessions.devices import Device, read_device
from idp.sessions.models import AccountSession
from idp.sessions.rules import (
    STATES_WITH_SESSIONS,
    CurrentSession,
    FormerSession,
    OpenedWith,
    SessionEndReason,
    SessionsEnded,
    is_touch_due,
)
from idp.settings import current as current_settings
from shared.database import uuid7
from shared.secrets import digest, new_secret

LONGEST_USER_AGENT = 300


_sessions = cast("Table", AccountSession.__table__)
_accounts = cast("Table", Account.__table__)

# Read by every page and every authorization: built once, for building it costs more than running it, and of tables,
# for which no entity is looked up.
FIND_SESSION = (
    select(
        _sessions.c.id,
        _sessions.c.sid,
        _sessions.c.account_id,
        _accounts.c.identifier,
        _accounts.c.given_name,
        _accounts.c.family_name,
        _accounts.c.locale,
        _accounts.c.state,
        _sessions.c.opened_with,
        _sessions.c.issue_number,
        _sessions.c.signed_in_at,
        func.coalesce(_sessions.c.proven_at, _sessions.c.signed_in_at).label("proven_at"),
        _sessions.c.last_seen_at,
        _sessions.c.expires_at,
    )
    .join_from(_sessions, _accounts, _accounts.c.id == _sessions.c.account_id)
    .where(
        _sessions.c.session_digest == bindparam("presented_digest"),
        _sessions.c.ended_at.is_(None),
        _sessions.c.expires_at > bindparam("now"),
        _sessions.c.last_seen_at > bindparam("idle_since"),
        # Not `IN`, whose list would be written into the statement at each request.
        or_(*(_accounts.c.state == state for state in STATES_WITH_SESSIONS)),
    )
)


@dataclass(frozen=True, slots=True)
class OpenDevice:
    """A living session, as its owner is shown it."""

    session_id: UUID
    device: Device
    signed_in_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session just opened. `session_id` is the cookie's secret: shown to the browser, stored nowhere."""

    id: UUID
    session_id: str
    sid: str
    account_id: AccountId
    opened_with: OpenedWith
    signed_in_at: datetime
    expires_at: datetime


def open_session(
    account_id: AccountId,
    opened_with: OpenedWith,
    *,
    issue_number: int | None = None,
    user_agent: str = "",
    replacing: str | None = None,
    now: datetime,
) -> OpenedSession:
    """A new session with a new secret and a new sid, in the caller's transaction.

    replacing: the secret that the browser held until now, whoever's it was; that session ends.
    """
    if replacing is not None:
        _end_by_secret(replacing, now=now)
    opened = OpenedSession(
        id=uuid7(),
        session_id=new_secret(),
        sid=new_secret(),
        account_id=account_id,
        opened_with=opened_with,
        signed_in_at=now,
        expires_at=now + timedelta(hours=current_settings().session_hours),
    )
    db.session.add(
        AccountSession(
            id=opened.id,
            sid=opened.sid,
            session_digest=digest(opened.session_id),
            account_id=account_id,
            opened_with=opened_with,
            issue_number=issue_number,
            signed_in_at=now,
            proven_at=now,
            last_seen_at=now,
            expires_at=opened.expires_at,
            user_agent=user_agent[:LONGEST_USER_AGENT],
        )
    )
    db.session.flush()
    return opened


def find_session(session_id: str, *, now: datetime) -> CurrentSession | None:
    """The living session of a cookie's secret: not ended, not idle too long, not too old, its account usable.

    One query. Whether it opens more than activation is `CurrentSession.is_full`.
    """
    idle_since = now - timedelta(minutes=current_settings().session_idle_minutes)
    values = {"presented_digest": digest(session_id), "now": now, "idle_since": idle_since}
    row = db.session.execute(FIND_SESSION, values).one_or_none()
    return CurrentSession(**row._asdict()) if row is not None else None


def find_former_session(session_id: str, *, now: datetime) -> FormerSession | None:
    """Whose session a cookie's secret opened, and whether idleness alone ended it; None for an unknown one."""
    row = db.session.execute(
        select(
            AccountSession.account_id,
            AccountSession.ended_at,
            AccountSession.expires_at,
            AccountSession.last_seen_at,
        ).where(AccountSession.session_digest == digest(session_id))
    ).one_or_none()
    if row is None:
        return None
    idle_since = now - timedelta(minutes=current_settings().session_idle_minutes)
    has_idled = row.ended_at is None and row.expires_at > now and row.last_seen_at <= idle_since
    return FormerSession(row.account_id, has_idled)


def touch(session: CurrentSession, *, now: datetime) -> None:
    """Write that the session is in use, at most once a minute, in a short transaction of its own."""
    if not is_touch_due(session.last_seen_at, now=now):
        return
    with transaction():
        if db.session.get_bind().dialect.name == "postgresql":
            # A last-seen time lost in a power cut signs nobody in: no need to wait for the disk.
            db.session.execute(text("SET LOCAL synchronous_commit = off"))
        db.session.execute(
            update(AccountSession)
            .where(AccountSession.id == session.id, AccountSession.last_seen_at < now)
            .values(last_seen_at=now)
        )


def keep_language(session: CurrentSession, locale: str, *, now: datetime) -> None:
    """Write the language that the person reads here: messages, and pages on other devices, follow it."""
    if locale != session.locale:
        with transaction():
            accounts.set_locale(session.account_id, locale, now=now)


def upgrade_session(session_id: UUID) -> None:
    """The holder of a letter has chosen a password: the session (by row id) now stands on that one.

    In the caller's transaction. The secret stays the same, so that a form sent twice still finds its session;
    it opens nothing but the wait for the mail, and completed activation replaces it.
    """
    db.session.execute(
        update(AccountSession)
        .where(AccountSession.id == session_id, AccountSession.ended_at.is_(None))
        .values(opened_with=OpenedWith.CHOSEN, issue_number=None)
    )


def renew_session(session: CurrentSession) -> OpenedSession:
    """As `upgrade_session`, where that opens the whole account: a gain of rights, hence a new secret and sid.

    In the caller's transaction. The secret that the browser held until now opens nothing any more; the sign-in
    keeps its instant and its end.
    """
    opened = OpenedSession(
        id=session.id,
        session_id=new_secret(),
        sid=new_secret(),
        account_id=session.account_id,
        opened_with=OpenedWith.CHOSEN,
        signed_in_at=session.signed_in_at,
        expires_at=session.expires_at,
    )
    db.session.execute(
        update(AccountSession)
        .where(AccountSession.id == session.id, AccountSession.ended_at.is_(None))
        .values(
            session_digest=digest(opened.session_id),
            sid=opened.sid,
            opened_with=opened.opened_with,
            issue_number=None,
        )
    )
    return opened


def prove_session(session: CurrentSession, *, now: datetime) -> OpenedSession | None:
    """The person has typed the password again: a new secret for the same session, in the caller's transaction.

    `sid` stays, for services know the session by it; so does the sign-in's instant, which `auth_time` tells and
    no later act changes (OpenID Connect Core 2). None when the session has ended meanwhile.
    """
    return _with_new_secret(session, proven_at=now)


def renew_secret(session: CurrentSession) -> OpenedSession | None:
    """A new secret for the same session, in the caller's transaction: who held a copy of the old one is out.

    None when the session has ended meanwhile.
    """
    return _with_new_secret(session)


def end_session(session_id: UUID, *, now: datetime) -> None:
    """End one session by its row id, in the caller's transaction; ending it again changes nothing."""
    account_id = db.session.scalar(
        update(AccountSession)
        .where(AccountSession.id == session_id, AccountSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(AccountSession.account_id)
    )
    if account_id is not None:
        audit.record(SessionsEnded(account_id, SessionEndReason.SIGNED_OUT, 1), now=now)


def end_session_of(account_id: AccountId, session_id: UUID, *, now: datetime) -> bool:
    """End one session of an account by its row id, in the caller's transaction; tells whether this call did."""
    ended = db.session.scalar(
        update(AccountSession)
        .where(
            AccountSession.id == session_id,
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(AccountSession.id)
    )
    if ended is None:
        return False
    audit.record(SessionsEnded(account_id, SessionEndReason.ENDED_BY_PERSON, 1), now=now)
    return True


def open_sessions(account_id: AccountId, *, now: datetime) -> tuple[OpenDevice, ...]:
    """The living sessions of an account, the one used last first."""
    idle_since = now - timedelta(minutes=current_settings().session_idle_minutes)
    rows = db.session.execute(
        select(
            AccountSession.id,
            AccountSession.user_agent,
            AccountSession.signed_in_at,
            AccountSession.last_seen_at,
        )
        .where(
            AccountSession.account_id == account_id,
            AccountSession.ended_at.is_(None),
            AccountSession.expires_at > now,
            AccountSession.last_seen_at > idle_since,
        )
        .order_by(AccountSession.last_seen_at.desc(), AccountSession.id.desc())
    )
    return tuple(OpenDevice(row.id, read_device(row.user_agent), *row[2:]) for row in rows)


def end_all_sessions(
    account_id: UUID, reason: SessionEndReason, *, keeping: UUID | None = None, now: datetime
) -> int:
    """End every session of an account but `keeping` (a row id), in the caller's transaction. Returns how many."""
    ending = update(AccountSession).where(
        AccountSession.account_id == account_id, AccountSession.ended_at.is_(None)
    )
    if keeping is not None:
        ending = ending.where(AccountSession.id != keeping)
    count = len(db.session.scalars(ending.values(ended_at=now).returning(AccountSession.id)).all())
    if count:
        audit.record(SessionsEnded(account_id, reason, count), now=now)
    return count


def _end_by_secret(session_id: str, *, now: datetime) -> None:
    db.session.execute(
        update(AccountSession)
        .where(AccountSession.session_digest == digest(session_id), AccountSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def _with_new_secret(session: CurrentSession, **values: datetime) -> OpenedSession | None:
    secret = new_secret()
    renewed = db.session.scalar(
        update(AccountSession)
        .where(AccountSession.id == session.id, AccountSession.ended_at.is_(None))
        .values(session_digest=digest(secret), **values)
        .returning(AccountSession.id)
    )
    if renewed is None:
        return None
    return OpenedSession(
        id=session.id,
        session_id=secret,
        sid=session.sid,
        account_id=session.account_id,
        opened_with=session.opened_with,
        signed_in_at=session.signed_in_at,
        expires_at=session.expires_at,
    )
