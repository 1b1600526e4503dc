"""A wrong birth date in a school's data: corrected at once, and compared with what the next roster says."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select

from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import CommandRefused
from idp.families import service as families
from idp.families.models import Child, Link
from idp.families.rules import BirthDateCorrected, ChildId
from idp.passwords import service as passwords
from idp.throttling import service as throttling
from idp.throttling.rules import birth_date_budgets, not_me_budgets


class BirthDateUnchanged(CommandRefused):
    """The child has this birth date already."""

    error_code: ClassVar[str] = "birth_date_unchanged"
    hint: ClassVar[str] = "the child has this birth date already"
    exit_code: ClassVar[int] = 2


def correct_birth_date(link_id: UUID, birth_date: date, *, now: datetime) -> None:
    """The school says when the child of a link was born; every guardian of that child is asked for that day.

    Their tries start again at zero, and what the school was asked is settled. The roster's own date is kept beside,
    so that an import that repeats it changes nothing. Raises LinkNotFound, BirthDateUnchanged.
    """
    with transaction() as session:
        child = session.scalar(
            select(Child)
            .where(Child.id.in_(select(Link.child_id).where(Link.id == link_id)))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if child is None:
            raise families.LinkNotFound
        if child.birth_date == birth_date:
            raise BirthDateUnchanged
        from_roster = child.roster_birth_date or child.birth_date
        child.roster_birth_date = None if from_roster == birth_date else from_roster
        child.birth_date = birth_date
        child_id = ChildId(child.id)
        for account_id in _guardians_of(child_id):
            _free_tries(account_id)
            audit.record(BirthDateCorrected(account_id, child_id), now=now)
        families.settle_birth_date_tasks(child_id, now=now)


def _guardians_of(child_id: ChildId) -> list[AccountId]:
    found = db.session.scalars(
        select(Link.account_id).where(Link.child_id == child_id).order_by(Link.account_id)
    )
    return [AccountId(account_id) for account_id in found]


def _free_tries(account_id: AccountId) -> None:
    """Those with the letter in hand, by SMS, in attaching, and on « Ce n’est pas moi »."""
    letter = passwords.provisional_state(account_id)
    throttling.forget(*birth_date_budgets(account_id, letter.issue_number), *not_me_budgets(account_id))
