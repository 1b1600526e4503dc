"""Reading one's own account."""

from datetime import datetime

from sqlalchemy import func, select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.families.models import Child, Link, School
from idp.families.rules import LinkState
from idp.messaging import returns
from idp.messaging import service as messaging
from idp.messaging.rules import DeliveryState
from idp.my_account.messages import CONFIRM_ADDRESS_TEMPLATE
from idp.my_account.rules import AccountSheet, LanguageChosen, LinkedChild
from idp.settings import current as current_settings

# A merged link is told by the account that took it over.
SHOWN_STATES = (LinkState.ACTIVE, LinkState.FROZEN, LinkState.DETACHED)


def account_sheet(account_id: AccountId) -> AccountSheet:
    """The account of a session, with its children. Three queries. Raises NoResultFound on an unknown account."""
    account = db.session.execute(
        select(
            Account.identifier,
            Account.given_name,
            func.coalesce(func.nullif(Account.usage_name, ""), Account.family_name).label("family_name"),
            Account.email,
            Account.pending_email,
            Account.phone,
            Account.locale,
            Account.activated_at,
        ).where(Account.id == account_id)
    ).one()
    last_delivery = messaging.last_delivery(account_id, CONFIRM_ADDRESS_TEMPLATE)
    return AccountSheet(
        **account._asdict(),
        is_mail_returned=(account.pending_email is not None and last_delivery is DeliveryState.FAILED)
        or (account.email is not None and returns.is_undeliverable(account.email)),
        is_sms_offered=current_settings().sms_enabled,
        children=linked_children(account_id),
    )


def choose_language(account_id: AccountId, locale: str, *, now: datetime) -> None:
    """Pages on devices without a choice of their own, and mails, come in this language from now on."""
    with transaction():
        chosen = db.session.scalar(
            update(Account)
            .where(Account.id == account_id, Account.locale != locale)
            .values(locale=locale, updated_at=now)
            .returning(Account.id)
        )
        if chosen is not None:
            audit.record(LanguageChosen(account_id), now=now)


def linked_children(account_id: AccountId) -> tuple[LinkedChild, ...]:
    """The children of an account, whatever their link's state but merged, in the order of their names."""
    rows = db.session.execute(
        select(
            Child.given_name,
            func.coalesce(func.nullif(Child.usage_name, ""), Child.family_name).label("family_name"),
            func.coalesce(Child.level, ""),
            School.name,
            Link.state,
        )
        .join(Link, Link.child_id == Child.id)
        .join(School, School.uai == Child.school_uai)
        .where(Link.account_id == account_id, Link.state.in_(SHOWN_STATES))
        .order_by(Child.given_name, Child.family_name, Child.id)
    )
    return tuple(LinkedChild(*row) for row in rows)
