"""A birth date that the school corrects: who is freed by it, and what is kept of the roster's."""

from datetime import date, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import birth_dates
from idp.families import service as families
from idp.families.birth_dates import BirthDateUnchanged
from idp.families.models import Child
from idp.families.rules import ChildId, SchoolTaskKind
from idp.families.service import LinkNotFound
from idp.passwords import service as passwords
from idp.throttling import service as throttling
from idp.throttling.rules import TooManyAttempts, birth_date_budgets
from tests.factories import SCHOOL_UAI, make_account, make_child, make_link

WRONG, RIGHT = date(2017, 3, 14), date(2017, 4, 13)

pytestmark = pytest.mark.usefixtures("idp_context")


def test_both_guardians_are_asked_for_the_right_date_and_their_tries_start_again(now: datetime) -> None:
    child_id = make_child(birth_date=WRONG)
    guardians = [make_account(), make_account()]
    link_id, _other = [make_link(account_id, child_id).id for account_id in guardians]
    for account_id in guardians:
        with transaction():
            passwords.issue_provisional_password(account_id, now=now)
        spend_all(account_id, now)

    birth_dates.correct_birth_date(link_id, RIGHT, now=now)

    for account_id in guardians:
        families.verify_birth_date(account_id, RIGHT)
        throttling.spend(*birth_date_budgets(account_id, 1), now=now)
    told = select(AuditEntry.account_id).where(AuditEntry.name == "family:birth_date:corrected")
    assert set(db.session.scalars(told)) == set(guardians)


@pytest.mark.parametrize("names_child", [True, False], ids=["by letter", "by SMS"])
def test_the_schools_task_is_settled_and_others_are_not(now: datetime, names_child: bool) -> None:
    child_id = make_child(birth_date=WRONG)
    account_id = make_account()
    link_id = make_link(account_id, child_id).id
    with transaction():
        blocked, returned = SchoolTaskKind.BIRTH_DATE_BLOCKED, SchoolTaskKind.MAIL_RETURNED
        families.tell_school(
            blocked, account_id=account_id, link_id=link_id if names_child else None, now=now
        )
        families.tell_school(returned, account_id=account_id, now=now)

    birth_dates.correct_birth_date(link_id, RIGHT, now=now)

    assert [task.kind for task in families.open_tasks(SCHOOL_UAI)] == [returned]


def test_the_rosters_date_is_kept_until_the_correction_is_taken_back(now: datetime) -> None:
    child_id = make_child(birth_date=WRONG)
    link_id = make_link(make_account(), child_id).id

    birth_dates.correct_birth_date(link_id, date(2017, 4, 12), now=now)
    birth_dates.correct_birth_date(link_id, RIGHT, now=now)
    assert dates_of(child_id) == (RIGHT, WRONG)

    birth_dates.correct_birth_date(link_id, WRONG, now=now)
    assert dates_of(child_id) == (WRONG, None)


def test_the_same_date_or_an_unknown_link_is_refused_and_nothing_is_noted(now: datetime) -> None:
    link_id = make_link(make_account(), make_child(birth_date=WRONG)).id

    with pytest.raises(BirthDateUnchanged):
        birth_dates.correct_birth_date(link_id, WRONG, now=now)
    with pytest.raises(LinkNotFound):
        birth_dates.correct_birth_date(uuid4(), RIGHT, now=now)

    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_the_journal_holds_no_date(now: datetime) -> None:
    link_id = make_link(make_account(), make_child(birth_date=WRONG)).id

    birth_dates.correct_birth_date(link_id, RIGHT, now=now)

    (entry,) = db.session.scalars(select(AuditEntry))
    assert set(entry.details) == {"account_id", "child_id"}


def spend_all(account_id: AccountId, now: datetime) -> None:
    budgets = birth_date_budgets(account_id, 1)
    for _ in range(3):
        throttling.spend(*budgets, now=now)
    with pytest.raises(TooManyAttempts):
        throttling.spend(*budgets, now=now)


def dates_of(child_id: ChildId | UUID) -> tuple[date, date | None]:
    child = db.session.get_one(Child, child_id, populate_existing=True)
    return child.birth_date, child.roster_birth_date
