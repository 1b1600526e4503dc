"""Mails that came back: the school of the account learns of each, once."""

from datetime import datetime

from idp.accounts import service as accounts
from idp.accounts.rules import AccountId
from idp.db import transaction
from idp.families import service as families
from idp.families.rules import SchoolTaskKind
from idp.messaging import returns
from idp.messaging.rules import DeliveryState


def tell_next(*, now: datetime) -> DeliveryState | None:
    """Tell the school of one account whose mail came back (EM-21); None when there is nothing to tell.

    For the worker: whoever takes the report knows messages, not families.
    """
    found = returns.next_untold()
    if found is None:
        return None
    message_id, account_id = found
    with transaction():
        if returns.mark_told(message_id, now=now) and account_id is not None:
            _tell(AccountId(account_id), now=now)
    return DeliveryState.SENT


def _tell(account_id: AccountId, *, now: datetime) -> None:
    # A message may outlive its account.
    if accounts.find_account(account_id) is not None:
        families.tell_school(SchoolTaskKind.MAIL_RETURNED, account_id=account_id, now=now)
