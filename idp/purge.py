"""`idp purge`: deletes what is over: what was issued and has expired, what was delivered, an old journal. And it
disables accounts that have seen no child for a year.

What somebody may still ask about is kept for a while after its end; what a living thing refers to is kept as long as
that lives, for the foreign keys cascade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

import click
from flask.cli import with_appcontext
from sqlalchemy import ColumnElement, CursorResult, Table, delete, exists, func, or_, select, tuple_

from idp.audit import service as audit
from idp.audit.models import AuditEntry
from idp.audit.rules import AuditEvent
from idp.db import Model, db, transaction
from idp.families import dormancy
from idp.messaging.models import OutboxMessage
from idp.oidc.models import (
    AccessToken,
    AuthorizationCode,
    ClientAssertion,
    ClientSecret,
    InitialAccessToken,
    TokenFamily,
)
from idp.one_time_codes.models import CodeChallenge, OneTimeCode
from idp.sessions.models import AccountSession
from idp.settings import current
from idp.throttling.models import ThrottleCounter, ThrottleTry
from shared.clock import app_now

CHUNK = 1000
"""Rows that one transaction deletes: people sign in meanwhile, and SQLite has one writer."""
TOLD_APART = timedelta(days=1)
"""Longer than any session: until then a token says which key signed in which session, a code that it was used."""
ASKED_ABOUT = timedelta(days=30)
"""How long a page still says that a link is too old, and operators see what became of a message or a sign-out."""
JOURNAL = timedelta(days=365)
DISABLED = "accounts disabled"


@dataclass(frozen=True)
class Purged(AuditEvent):
    """An operator deleted what was over. rows: of every kind."""

    name: ClassVar[str] = "operator:database:purged"
    rows: int


@dataclass(frozen=True, slots=True)
class Waste:
    """Rows of one table that are over."""

    table: type[Model]
    is_over: ColumnElement[bool]

    def count(self) -> int:
        """How many there are now."""
        return db.session.scalar(select(func.count()).select_from(self.table).where(self.is_over)) or 0

    def delete(self) -> int:
        """Delete them, a transaction for each chunk. Returns how many."""
        deleted = 0
        while chunk := self._delete_chunk():
            deleted += chunk
        return deleted

    def _delete_chunk(self) -> int:
        key = cast("Table", self.table.__table__).primary_key.columns
        chosen = select(*key).where(self.is_over).limit(CHUNK)
        with transaction() as session:
            result = session.execute(
                delete(self.table)
                .where(tuple_(*key).in_(chosen))
                .execution_options(synchronize_session=False)
            )
            return cast("CursorResult[Any]", result).rowcount


def waste(now: datetime) -> Mapping[str, Waste]:
    """What is over, by the name that operators read; what refers before what is referred to."""
    day_ago, month_ago = now - TOLD_APART, now - ASKED_ABOUT
    idle_since = month_ago - timedelta(days=current().refresh_token_idle_days)
    family_ended = or_(
        TokenFamily.expires_at <= month_ago,
        TokenFamily.revoked_at <= month_ago,
        TokenFamily.rotated_at <= idle_since,
    )
    return {
        "throttle counters": Waste(ThrottleCounter, ThrottleCounter.expires_at <= now),
        "throttle tries": Waste(ThrottleTry, ThrottleTry.expires_at <= now),
        "client assertions": Waste(ClientAssertion, ClientAssertion.expires_at <= now),
        "client secrets": Waste(ClientSecret, ClientSecret.expires_at <= month_ago),
        "invitations": Waste(InitialAccessToken, InitialAccessToken.expires_at <= month_ago),
        "challenges": Waste(CodeChallenge, CodeChallenge.expires_at <= day_ago),
        "one-time codes": Waste(OneTimeCode, OneTimeCode.expires_at <= month_ago),
        "messages": Waste(
            OutboxMessage,
            or_(
                OutboxMessage.sent_at <= month_ago,
                OutboxMessage.failed_at <= month_ago,
                OutboxMessage.dropped_at <= month_ago,
            ),
        ),
        "access tokens": Waste(AccessToken, AccessToken.expires_at <= day_ago),
        "offline access": Waste(TokenFamily, family_ended),
        "authorization codes": Waste(
            AuthorizationCode,
            (AuthorizationCode.expires_at <= day_ago)
            & ~_refers(TokenFamily.authorization_code_id, AuthorizationCode.id)
            & ~_refers(AccessToken.authorization_code_id, AuthorizationCode.id),
        ),
        "sessions": Waste(
            AccountSession,
            or_(AccountSession.expires_at <= month_ago, AccountSession.ended_at <= month_ago)
            & ~_refers(TokenFamily.session_id, AccountSession.id)
            & ~_refers(AccessToken.session_id, AccountSession.id)
            & ~_refers(AuthorizationCode.session_id, AccountSession.id),
        ),
        "journal entries": Waste(AuditEntry, AuditEntry.recorded_at <= now - JOURNAL),
    }


def disable_dormant(now: datetime) -> int:
    """Disable the accounts that have seen no child for a year, a transaction for each chunk. Returns how many."""
    with transaction():
        # An import that gave a child back while another run of this command was disabling the account.
        dormancy.wake(now=now)
    disabled = 0
    while chunk := _disable_chunk(now):
        disabled += chunk
    return disabled


def _disable_chunk(now: datetime) -> int:
    with transaction():
        return dormancy.disable_dormant(CHUNK, now=now)


def _refers(reference: Any, key: Any) -> ColumnElement[bool]:
    return exists().where(reference == key)


@click.command("purge")
@click.option("--apply", "is_applied", is_flag=True, help="Delete; without it only the plan is printed.")
@with_appcontext
def purge(*, is_applied: bool) -> None:
    """Delete what is over: expired counters, codes, tokens and sessions, delivered messages, a journal over a year old.

    Accounts that have seen no child for a year are disabled; a child that an import or a school gives back makes
    them what they were.

    Offline access that a service still has keeps the session and the code that it came from; what services were told
    of a session's end goes with the session. Deletes a thousand rows
    at a time, so that people sign in meanwhile; may be stopped and run again.

    \b
    Examples:
      idp purge
      idp purge --apply
    """
    now = app_now()
    kinds = waste(now)
    width = max(map(len, (*kinds, DISABLED)))
    total = 0
    for name, one in kinds.items():
        rows = one.delete() if is_applied else one.count()
        total += rows
        click.echo(f"{name:{width}}  {rows}")
    dormant = disable_dormant(now) if is_applied else dormancy.count_dormant(now=now)
    click.echo(f"{DISABLED:{width}}  {dormant}")
    if is_applied:
        with transaction():
            audit.record(Purged(total), now=now)
    else:
        click.echo("Nothing done. Add --apply to act.", err=True)
