"""Accounts that see no child any more: disabled after a year, and what they were when a child comes back."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import SUSPENDED_STATES, AccountId
from idp.audit import service as audit
from idp.db import db
from idp.families.models import Link, LinkState
from idp.families.rules import AccountLinkedAgain, AccountUnlinked
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason

DISABLED_AFTER = timedelta(days=365)


def count_dormant(*, now: datetime) -> int:
    """How many accounts have had no active link for a year, and still may sign in or be activated."""
    return db.session.scalar(select(func.count()).select_from(Account).where(_is_dormant(now))) or 0


def disable_dormant(at_most: int, *, now: datetime) -> int:
    """Disable some of them and end their sessions, in the caller's transaction. Returns how many."""
    chosen = select(Account.id).where(_is_dormant(now)).limit(at_most)
    disabled = db.session.scalars(
        update(Account)
        # Asked again where another transaction has just given a child back.
        .where(Account.id.in_(chosen), _is_dormant(now))
        .values(state=AccountState.DISABLED, previous_state=Account.state, unlinked_at=now, updated_at=now)
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    ).all()
    for account_id in disabled:
        sessions.end_all_sessions(account_id, SessionEndReason.ACCOUNT_DISABLED, now=now)
        audit.record(AccountUnlinked(account_id), now=now)
    return len(disabled)


def wake(account_ids: Collection[AccountId] | None = None, *, now: datetime) -> int:
    """Give accounts that have an active link again the state they had, in the caller's transaction.

    Only those that were disabled for want of one; None: every account. Returns how many.
    """
    which = () if account_ids is None else (Account.id.in_(account_ids),)
    woken = db.session.scalars(
        update(Account)
        .where(
            *which, Account.unlinked_at.is_not(None), Account.state == AccountState.DISABLED, _sees_a_child()
        )
        .values(state=Account.previous_state, previous_state=None, unlinked_at=None, updated_at=now)
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    ).all()
    for account_id in woken:
        audit.record(AccountLinkedAgain(account_id), now=now)
    return len(woken)


def _is_dormant(now: datetime) -> ColumnElement[bool]:
    year_ago = now - DISABLED_AFTER
    is_linked = exists().where(
        Link.account_id == Account.id, or_(Link.state == LinkState.ACTIVE, Link.ended_at > year_ago)
    )
    return and_(Account.state.not_in(SUSPENDED_STATES), Account.created_at <= year_ago, ~is_linked)


def _sees_a_child() -> ColumnElement[bool]:
    return exists().where(Link.account_id == Account.id, Link.state == LinkState.ACTIVE)
