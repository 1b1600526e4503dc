"""Rows that are valid by default, each in a transaction of its own. Names carry an accent or an apostrophe."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from idp.accounts.models import Account, AccountState, GivenIdentifier
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families.models import Child, Guardian, Link, School
from idp.families.rules import ChildId

SCHOOL_UAI = "0990001N"
LONG_AGO = datetime(2026, 9, 1, 8, tzinfo=UTC)
# A letter printed at eight o'clock UTC on a winter morning works until that evening in France, ninety days later.
LETTER_LIFE = timedelta(days=90, hours=14, minutes=59, seconds=59)
_numbers = count(1)


def make_school(uai: str = SCHOOL_UAI, **values: Any) -> str:
    """A school with a contact; the same one when it is there already. Returns its UAI."""
    with transaction() as session:
        if session.get(School, uai) is None:
            contact = {"name": "École du Lac", "phone": "03 53 01 00 00", "email": "direction@ecole.example"}
            session.add(School(uai=uai, **contact | values))
    return uai


def make_account(*, school_uai: str = SCHOOL_UAI, **values: Any) -> AccountId:
    """A guardian's account, `created` unless `state` says otherwise, with what its school knows of it."""
    make_school(school_uai)
    person = {"title": "MME", "given_name": "Céline", "family_name": "L’HÉNORET", "identifier": _identifier()}
    times = {"created_at": LONG_AGO, "updated_at": LONG_AGO, "state": AccountState.CREATED}
    with transaction() as session:
        account = Account(**person | times | values)
        session.add(account)
        session.add(GivenIdentifier(identifier=account.identifier, stem=account.identifier, number=1))
        session.flush()
        session.add(Guardian(account_id=account.id, school_uai=school_uai))
        return AccountId(account.id)


def make_child(*, school_uai: str = SCHOOL_UAI, **values: Any) -> ChildId:
    """A child in CE2, without INE unless one is given."""
    make_school(school_uai)
    pupil = {"given_name": "Maël", "family_name": "N’GUYEN", "birth_date": date(2017, 3, 14), "level": "CE2"}
    pupil |= {"class_label": "CE2 B", "class_id": "123456"}
    with transaction() as session:
        child = Child(school_uai=school_uai, **pupil | values)
        session.add(child)
        session.flush()
        return ChildId(child.id)


def make_link(account_id: AccountId, child_id: ChildId, **values: Any) -> Link:
    """An active link, stated by the child's school."""
    with transaction() as session:
        school_uai = session.get_one(Child, child_id).school_uai
        link = Link(
            account_id=account_id, child_id=child_id, **{"school_uai": school_uai, "since": LONG_AGO} | values
        )
        session.add(link)
    db.session.refresh(link)
    return link


def _identifier() -> str:
    return f"c.lhenoret{next(_numbers)}x"
