"""Reporting one child of one's own account."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from idp.accounts.rules import AccountId
from idp.db import transaction
from idp.families import service as families
from idp.families.rules import LinkSheet, LinkState
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.sessions.rules import CurrentSession


def disputable_links(session: CurrentSession) -> tuple[LinkSheet, ...]:
    """The children that the account may see now, youngest first: the letter is filed under that one."""
    links = (link for link in families.links_of(session.account_id) if link.state is LinkState.ACTIVE)
    return tuple(links)[::-1]


def references_of(session: CurrentSession, link: LinkSheet) -> tuple[str, ...]:
    """What the school knows the report of this link by; empty where this guardian reported nothing."""
    return families.disputes_of(session.account_id, link.link_id)


def dispute(session: CurrentSession, link_id: UUID, *, now: datetime) -> str:
    """Freeze the link and tell the school; returns the reference of what the school was told.

    Sent twice, it freezes once. Raises LinkNotFound.
    """
    with transaction():
        reference = families.dispute_link(session.account_id, link_id, now=now)
        notices.notify(session.account_id, Notice.CHILDREN_CHANGED, now=now)
        return reference


def change_for_school(
    change: Callable[..., None], account_id: AccountId, link_id: UUID, *, now: datetime
) -> None:
    """An operator's act for the school: `restore_link`, `detach_link` or a freeze; the account's holder is told.

    Raises LinkNotFound.
    """
    with transaction():
        change(account_id, link_id, now=now)
        notices.notify(account_id, Notice.CHILDREN_CHANGED, now=now)
