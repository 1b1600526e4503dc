"""Closing one's account: for ever."""

from datetime import datetime

from idp.accounts import service as accounts
from idp.db import transaction
from idp.devices import service as devices
from idp.families import service as families
from idp.my_account.credentials import end_what_was_open
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.oidc import consents
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, SessionEndReason


def close(session: CurrentSession, *, now: datetime) -> bool:
    """Close the account: told by mail, then nothing opens it any more; tells whether this call closed it.

    Sessions end, and with them every token and the services' own sessions; address, number, password, known devices,
    links and agreements go. Identifier and `sub` stay used for ever: nobody is given them again.
    """
    with transaction():
        notices.notify(session.account_id, Notice.ACCOUNT_CLOSED, now=now)
        end_what_was_open(session.account_id, now=now)
        if not accounts.close_account(session.account_id, now=now):
            return False
        sessions.end_all_sessions(session.account_id, SessionEndReason.ACCOUNT_CLOSED, now=now)
        devices.forget_devices(session.account_id, session.identifier)
        families.leave_all_links(session.account_id, now=now)
        consents.erase(session.account_id)
    return True
