"""What ends when an address, a number or a password of an account is replaced: all that the former ones opened."""

from datetime import datetime

from idp.accounts import service as accounts
from idp.accounts.rules import AccountId
from idp.messaging import service as messaging
from idp.my_account.messages import CONFIRM_ADDRESS_TEMPLATE
from idp.one_time_codes import challenges
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import Purpose
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, SessionEndReason
from idp.sessions.service import OpenedSession

CODES_BY_BROWSER = (Purpose.RECOVER_PASSWORD, Purpose.CONFIRM_PHONE)


def drop_pending_address(account_id: AccountId, *, now: datetime) -> None:
    """No address waits any more, and the URLs sent to it are dead; in the caller's transaction."""
    accounts.set_pending_email(account_id, None, now=now)
    one_time_codes.supersede_one_time_codes(Purpose.CONFIRM_NEW_ADDRESS, account_id, now=now)
    messaging.withdraw(account_id, CONFIRM_ADDRESS_TEMPLATE, now=now)


def end_what_was_open(account_id: AccountId, *, now: datetime) -> None:
    """Nothing begun before goes on: a pending address, a recovery, a number to confirm; in the caller's transaction."""
    drop_pending_address(account_id, now=now)
    for purpose in CODES_BY_BROWSER:
        challenges.end_challenges(purpose, account_id, now=now)


def end_other_sessions(
    session: CurrentSession, reason: SessionEndReason, *, now: datetime
) -> OpenedSession | None:
    """Every other session of the account ends, this one gets a new secret to hand to the browser (SE-07).

    In the caller's transaction. None when this one has ended meanwhile.
    """
    sessions.end_all_sessions(session.account_id, reason, keeping=session.id, now=now)
    return sessions.renew_secret(session)
