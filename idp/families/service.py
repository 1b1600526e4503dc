"""What one account may see of its family, and the schools' contacts. Every read names the account it is for."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from sqlalchemy import ColumnElement, case, func, insert, select

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.errors import DomainError
from idp.families.models import Child, Link, School
from idp.families.rules import (
    ChildId,
    GuardianChild,
    LinkState,
    NamedChild,
    SchoolContact,
    is_uai,
)

ContactField = Literal["name", "phone", "email"]


class NoLinkedChild(DomainError):
    """The account has no active link: only the school can help."""

    error_code: ClassVar[str] = "no_linked_child"
    sentence: ClassVar[str] = "Aucun enfant n’est rattaché à ce compte. Adressez-vous à l’école."


class BirthDateMismatch(DomainError):
    """The date typed is not the one that the school gave for the named child."""

    error_code: ClassVar[str] = "birth_date_mismatch"
    sentence: ClassVar[str] = "Cette date n’est pas celle de l’école."


class UnknownSchool(DomainError):
    """No school has this UAI."""

    error_code: ClassVar[str] = "unknown_school"


_SHOWN_FAMILY_NAME = func.coalesce(func.nullif(Child.usage_name, ""), Child.family_name)
_YOUNGEST_FIRST = (
    case((Child.left_at.is_(None), 0), else_=1),
    Child.birth_date.desc(),
    Child.given_name,
    Child.id,
)


def children_of(account_id: AccountId) -> tuple[GuardianChild, ...]:
    """The children that the account may see now: active links only, in one statement, in a stable order.

    A child who left its school is still there, under the last school and level: the livret outlives the school.
    """
    rows = db.session.execute(
        select(
            Child.id,
            Child.given_name,
            _SHOWN_FAMILY_NAME,
            Child.level,
            School.uai,
            School.name,
            Link.relationship,
            Child.birth_date,
            Child.ine,
        )
        .join_from(Link, Child)
        .join(School, School.uai == Child.school_uai)
        .where(*_active_links(account_id))
        .order_by(Child.birth_date, Child.given_name, Child.id)
    )
    return tuple(GuardianChild(ChildId(row[0]), *row[1:]) for row in rows)


def named_child(account_id: AccountId) -> NamedChild | None:
    """The youngest child of an active link, of those still at school if there are any; None without a link."""
    row = db.session.execute(
        select(Child.id, Child.given_name, _SHOWN_FAMILY_NAME, Child.birth_date)
        .join_from(Link, Child)
        .where(*_active_links(account_id))
        .order_by(*_YOUNGEST_FIRST)
        .limit(1)
    ).one_or_none()
    return None if row is None else NamedChild(ChildId(row[0]), *row[1:])


def verify_birth_date(account_id: AccountId, birth_date: date) -> None:
    """Raises NoLinkedChild, or BirthDateMismatch when the named child was not born that day."""
    child = named_child(account_id)
    if child is None:
        raise NoLinkedChild
    if child.birth_date != birth_date:
        raise BirthDateMismatch


def school_contact(account_id: AccountId) -> SchoolContact | None:
    """The school to turn to: the named child's, else, when no link is active, that of the last one that was."""
    inactive_last = case((Link.state == LinkState.ACTIVE, 0), else_=1)
    row = db.session.execute(
        select(School.uai, School.name, School.phone, School.email)
        .join_from(Link, Child)
        .join(School, School.uai == Child.school_uai)
        .where(Link.account_id == account_id)
        .order_by(inactive_last, *_YOUNGEST_FIRST)
        .limit(1)
    ).one_or_none()
    return None if row is None else SchoolContact(*row)


def find_school(uai: str) -> SchoolContact | None:
    """The school of this UAI with its contact, if it is known."""
    school = db.session.get(School, uai)
    return None if school is None else _contact(school)


def list_schools() -> tuple[SchoolContact, ...]:
    """Every school, by UAI."""
    return tuple(_contact(school) for school in db.session.scalars(select(School).order_by(School.uai)))


def create_school(uai: str, name: str) -> None:
    """Add a school, in the caller's transaction. Raises ValueError on a wrong UAI."""
    if not is_uai(uai):
        raise ValueError(uai)
    db.session.execute(insert(School).values(uai=uai, name=name))


def set_contact(uai: str, changes: Mapping[ContactField, str]) -> SchoolContact:
    """Change a school's `name`, `phone` or `email`, which parents are shown. Raises UnknownSchool."""
    with transaction() as session:
        school = session.get(School, uai, with_for_update=True)
        if school is None:
            raise UnknownSchool
        for name, value in changes.items():
            setattr(school, name, value)
        return _contact(school)


def _active_links(account_id: AccountId) -> tuple[ColumnElement[bool], ...]:
    return Link.account_id == account_id, Link.state == LinkState.ACTIVE


def _contact(school: School) -> SchoolContact:
    return SchoolContact(school.uai, school.name, school.phone, school.email)
