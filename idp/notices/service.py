"""Telling the holder of an account what happened to it, in the caller's transaction."""

from datetime import datetime

from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db
from idp.messaging import service as messaging
from idp.notices.messages import notice_mail, password_sms
from idp.notices.rules import NOT_ME_LIFE, NOT_ME_PATH, Notice
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import Purpose
from idp.settings import current as current_settings

PAGES: dict[Notice, str] = {
    Notice.PASSWORD_CHANGED: "/compte",
    Notice.EMAIL_CHANGING: "/compte/adresse",
    Notice.EMAIL_CHANGED: "/compte/adresse",
    Notice.PHONE_CHANGED: "/compte/telephone",
    Notice.NEW_DEVICE: "/compte/sessions",
    Notice.CHILDREN_CHANGED: "/compte/enfants",
    Notice.RECOVERY_DONE: "/compte",
    Notice.ACCOUNT_CLOSED: "/",
    Notice.LETTER_REISSUED: "/aide",
    Notice.NEW_SERVICE: "/compte/services",
}
"""Where a signed-in person sees what the notice tells of."""

TOLD_BY_SMS = frozenset({Notice.PASSWORD_CHANGED, Notice.RECOVERY_DONE})
"""Whoever took a mailbox over must not be alone to hear of these."""


def notify(
    account_id: AccountId, notice: Notice, *, now: datetime, to: str | None = None, **variables: str
) -> None:
    """Tell the holder, by a mail that carries « Ce n’est pas moi », in the caller's transaction.

    Of another password, a confirmed number is told too, by an SMS that carries nothing.
    to: another address than the confirmed one in force, such as the one just replaced. An account without an
    address is told nothing. variables: what the notice's template names: `browser` and `system` (words) for
    NEW_DEVICE, `service` (its name) for NEW_SERVICE, nothing for the others.
    """
    account = db.session.execute(
        select(
            Account.identifier,
            Account.email,
            Account.email_confirmed_at,
            Account.phone,
            Account.phone_confirmed_at,
            Account.locale,
        ).where(Account.id == account_id)
    ).one()
    is_phone_told = notice in TOLD_BY_SMS and account.phone_confirmed_at is not None
    if is_phone_told and current_settings().sms_enabled:
        sms = password_sms(to=account.phone, account_id=account_id, locale=account.locale)
        messaging.enqueue(sms, now=now)
    address = to or (account.email if account.email_confirmed_at is not None else None)
    if address is None:
        return
    mail = notice_mail(
        notice,
        to=address,
        account_id=account_id,
        identifier=account.identifier,
        not_me_url=_not_me_url(account_id, notice, address, now=now),
        account_url=f"{current_settings().issuer}{PAGES[notice]}",
        at=now,
        locale=account.locale,
        **variables,
    )
    messaging.enqueue(mail, now=now)


def _not_me_url(account_id: AccountId, notice: Notice, address: str, *, now: datetime) -> str:
    one_time_code = one_time_codes.issue_one_time_code(
        Purpose.NOT_ME,
        account_id,
        channel_address=address,
        valid_for=NOT_ME_LIFE,
        about=notice,
        keeps_older=True,
        now=now,
    )
    return f"{current_settings().issuer}{NOT_ME_PATH}?code={one_time_code}"
