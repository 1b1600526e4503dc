"""Taking a change of address or number back, for a week."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account, ChannelChange
from idp.accounts.rules import UNDO_WITHIN, AccountChannel, AccountId, ChangedChannel
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.my_account import messages
from idp.my_account.credentials import end_other_sessions, end_what_was_open
from idp.my_account.rules import NothingToUndo, UndoableChange
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.sessions.rules import CurrentSession, SessionEndReason
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings


def undoable_changes(
    account_id: AccountId, channel: AccountChannel, *, now: datetime
) -> tuple[UndoableChange, ...]:
    """The changes of one channel that can still be taken back, the latest first."""
    rows = db.session.scalars(
        select(ChannelChange)
        .where(
            ChannelChange.account_id == account_id,
            ChannelChange.channel == channel,
            ChannelChange.undone_at.is_(None),
            ChannelChange.changed_at > now - UNDO_WITHIN,
        )
        .order_by(ChannelChange.changed_at.desc())
    )
    return tuple(
        UndoableChange(row.id, channel, row.former_address, row.changed_at, row.changed_at + UNDO_WITHIN)
        for row in rows
    )


def undo_change(session: CurrentSession, change_id: UUID, *, now: datetime) -> OpenedSession | None:
    """The address or number before a change is in force again; both are told, every other session ends.

    What is returned is this session, to hand to the browser. Raises NothingToUndo.
    """
    with transaction():
        undone = accounts.undo_channel_change(session.account_id, change_id, now=now)
        if undone is None:
            raise NothingToUndo
        end_what_was_open(session.account_id, now=now)
        tell_of_change(session.account_id, undone, now=now)
        return end_other_sessions(session, SessionEndReason.ADDRESS_CHANGED, now=now)


def tell_of_change(account_id: AccountId, changed: ChangedChannel, *, now: datetime) -> None:
    """Tell the address that is in force, and the one that an address took the place of."""
    if changed.channel is AccountChannel.EMAIL:
        notices.notify(account_id, Notice.EMAIL_CHANGED, now=now)
        if changed.former_address is not None:
            notices.notify(account_id, Notice.EMAIL_CHANGED, now=now, to=changed.former_address)
        return
    notices.notify(account_id, Notice.PHONE_CHANGED, now=now)
    if changed.former_address is not None and current_settings().sms_enabled:
        messaging.enqueue(
            messages.phone_replaced(
                to=changed.former_address,
                account_id=account_id,
                locale=db.session.get_one(Account, account_id).locale,
            ),
            now=now,
        )
