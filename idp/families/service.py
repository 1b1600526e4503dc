"""What one account may see of its family, and the schools' contacts. Every read names the account it is for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from random import SystemRandom
from typing import Any, ClassVar, Literal, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import DomainError
from idp.families import dormancy, messages
from idp.families.models import AccountMerge, Child, Guardian, Link, School, SchoolTask
from idp.families.rules import (
    ChildId,
    GuardianChild,
    LinkDetached,
    LinkEnder,
    LinkFrozen,
    LinkRestored,
    LinkSheet,
    LinkState,
    NamedChild,
    OpenTask,
    OwnLink,
    SchoolContact,
    SchoolTaskKind,
    SchoolTaskSettled,
    SchoolTold,
    is_uai,
    new_reference,
)
from idp.messaging import service as messaging

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


class LinkNotFound(DomainError):
    """No such link of this account, or not in a state that allows the act: both are told alike."""

    error_code: ClassVar[str] = "link_not_found"
    sentence: ClassVar[str] = "Cet élève n’est pas, ou n’est plus, rattaché à ce compte."


class UnknownTask(DomainError):
    """The school has no open task of this reference."""

    error_code: ClassVar[str] = "unknown_task"


_SHOWN_FAMILY_NAME = func.coalesce(func.nullif(Child.usage_name, ""), Child.family_name)
_YOUNGEST_FIRST = (
    case((Child.left_at.is_(None), 0), else_=1),
    Child.birth_date.desc(),
    Child.given_name,
    Child.id,
)


_links, _pupils, _schools = (cast("Table", model.__table__) for model in (Link, Child, School))

# Read for each token and each userinfo: built once, for building it costs more than running it, and of tables, for
# which no entity is looked up.
_CHILDREN = (
    select(
        _pupils.c.id,
        _pupils.c.given_name,
        func.coalesce(func.nullif(_pupils.c.usage_name, ""), _pupils.c.family_name),
        _pupils.c.level,
        _schools.c.uai,
        _schools.c.name,
        _links.c.relationship,
        _pupils.c.birth_date,
        _pupils.c.ine,
    )
    .join_from(_links, _pupils, _pupils.c.id == _links.c.child_id)
    .join(_schools, _schools.c.uai == _pupils.c.school_uai)
    .where(_links.c.account_id == bindparam("guardian_id"), _links.c.state == LinkState.ACTIVE)
    .order_by(_pupils.c.birth_date, _pupils.c.given_name, _pupils.c.id)
)


def children_of(account_id: AccountId) -> tuple[GuardianChild, ...]:
    """The children that the account may see now: active links only, in one statement, in a stable order.

    A child who left its school is still there, under the last school and level: the livret outlives the school.
    """
    rows = db.session.execute(_CHILDREN, {"guardian_id": account_id})
    return tuple(GuardianChild(ChildId(row[0]), *row[1:]) for row in rows)


def own_links(account_id: AccountId) -> tuple[OwnLink, ...]:
    """Every child of an account, also of links that have ended, in the order of their names; in one statement.

    A merged link is told by the account that took it over. The class of an active link alone (ADR 0035).
    """
    stating = aliased(School)
    rows = db.session.execute(
        select(
            Link.id,
            Child.id,
            Child.given_name,
            _SHOWN_FAMILY_NAME,
            func.coalesce(Child.level, ""),
            case((Link.state == LinkState.ACTIVE, Child.class_label), else_=""),
            School.name,
            Link.state,
            Link.since,
            Link.ended_at,
            stating.name,
            AccountMerge.merged_at,
        )
        .join_from(Link, Child)
        .join(School, School.uai == Child.school_uai)
        .join(stating, stating.uai == Link.school_uai)
        .outerjoin(AccountMerge, AccountMerge.id == Link.merge_id)
        .where(Link.account_id == account_id, Link.state != LinkState.MERGED)
        .order_by(Child.given_name, Child.family_name, Child.id)
    )
    return tuple(OwnLink(*row) for row in rows)


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


def named_link_id(account_id: AccountId) -> UUID | None:
    """The link of the named child; None without one."""
    child = named_child(account_id)
    if child is None:
        return None
    return db.session.scalar(
        select(Link.id).where(Link.account_id == account_id, Link.child_id == child.child_id)
    )


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


def links_of(account_id: AccountId) -> tuple[LinkSheet, ...]:
    """Every link of an account but merged ones, whatever its state, in the order of its children."""
    shown = Link.account_id == account_id, Link.state != LinkState.MERGED
    return _link_sheets(_link_columns().where(*shown).order_by(Child.birth_date, Child.given_name, Child.id))


def find_link(account_id: AccountId, link_id: UUID) -> LinkSheet | None:
    """A link of this very account, whatever its state; None for any other."""
    return next(iter(_link_sheets(_link_columns().where(*_is_link_of(account_id, link_id)))), None)


def find_any_link(link_id: UUID) -> LinkSheet | None:
    """A link whoever's it is; for schools and operators."""
    return next(iter(_link_sheets(_link_columns().where(Link.id == link_id))), None)


def links_named(identifier: str) -> tuple[LinkSheet, ...]:
    """Every link of the account of a normalised identifier, merged ones too; for schools and operators."""
    return _link_sheets(_link_columns().where(Account.identifier == identifier).order_by(Link.id))


def freeze_link(account_id: AccountId, link_id: UUID, *, by: LinkEnder, now: datetime) -> None:
    """Suspend an account's access to one child, in the caller's transaction.

    From the commit on no claim, no userinfo and no page of a service gives the child; no import takes it back.
    Raises LinkNotFound unless the link is active and this account's.
    """
    _move_link(account_id, link_id, {LinkState.ACTIVE}, LinkState.FROZEN, by=by, now=now)
    audit.record(LinkFrozen(account_id, link_id, by), now=now)


def dispute_link(account_id: AccountId, link_id: UUID, *, now: datetime) -> str:
    """« Je ne suis pas le représentant légal de cet élève »: freeze the link at once and tell the school.

    In the caller's transaction. Nobody else is told, the other guardian least of all. Returns the reference of the
    school's task. Raises LinkNotFound unless the link is active and this account's.
    """
    freeze_link(account_id, link_id, by=LinkEnder.GUARDIAN, now=now)
    return tell_school(SchoolTaskKind.LINK_REPORTED, account_id=account_id, link_id=link_id, now=now)


def restore_link(account_id: AccountId, link_id: UUID, *, now: datetime) -> None:
    """The school gives access again to a child whose link is frozen, or was detached; its task is settled.

    In the caller's transaction. Raises LinkNotFound.
    """
    ended = {LinkState.FROZEN, LinkState.DETACHED}
    _move_link(account_id, link_id, ended, LinkState.ACTIVE, by=None, now=now)
    audit.record(LinkRestored(account_id, link_id), now=now)
    dormancy.wake([account_id], now=now)
    _settle(SchoolTask.link_id == link_id, SchoolTask.kind == SchoolTaskKind.LINK_REPORTED, now=now)


def detach_link(account_id: AccountId, link_id: UUID, *, now: datetime) -> None:
    """The school ends access to a child for good: no import takes it back; its task is settled.

    In the caller's transaction. Raises LinkNotFound.
    """
    standing = {LinkState.ACTIVE, LinkState.FROZEN}
    _move_link(account_id, link_id, standing, LinkState.DETACHED, by=LinkEnder.SCHOOL_HEAD, now=now)
    audit.record(LinkDetached(account_id, link_id), now=now)
    _settle(SchoolTask.link_id == link_id, SchoolTask.kind == SchoolTaskKind.LINK_REPORTED, now=now)


def leave_all_links(account_id: AccountId, *, now: datetime) -> None:
    """The account is closed by its person: it may see no child any more; in the caller's transaction.

    What is frozen stays frozen, for the school decides about it.
    """
    db.session.execute(
        update(Link)
        .where(*_active_links(account_id))
        .values(state=LinkState.DETACHED, ended_by=LinkEnder.GUARDIAN, ended_at=now)
    )


def tell_school(
    kind: SchoolTaskKind, *, account_id: AccountId, link_id: UUID | None = None, now: datetime
) -> str:
    """Ask whoever runs the account's school to look at it, in the caller's transaction; returns the reference.

    link_id: the child it is about, and so the school; without one, every school of the account's children. The same
    thing told twice is one task, and one mail, until it is settled. The mail goes to the school's address, if it has
    one, and names nobody.
    """
    told = _open_reference(kind, account_id, link_id)
    if told is not None:
        return told
    reference = new_reference(SystemRandom())
    for school in _schools_concerned(account_id, link_id):
        db.session.add(
            SchoolTask(
                school_uai=school.uai,
                kind=kind,
                account_id=account_id,
                link_id=link_id,
                reference=reference,
                created_at=now,
            )
        )
        db.session.flush()
        _mail_school(school, reference, now=now)
    audit.record(SchoolTold(account_id, kind), now=now)
    return reference


def disputes_of(account_id: AccountId, link_id: UUID | None = None) -> tuple[str, ...]:
    """The references of what a guardian reported and the school has not settled yet, oldest first.

    link_id: of that child alone.
    """
    about = () if link_id is None else (SchoolTask.link_id == link_id,)
    return tuple(
        db.session.scalars(
            select(SchoolTask.reference)
            .where(
                *about,
                SchoolTask.account_id == account_id,
                SchoolTask.kind == SchoolTaskKind.LINK_REPORTED,
                SchoolTask.settled_at.is_(None),
            )
            .order_by(SchoolTask.created_at, SchoolTask.id)
        )
    )


def open_tasks(uai: str) -> tuple[OpenTask, ...]:
    """What a school must look at, oldest first. Raises UnknownSchool."""
    if find_school(uai) is None:
        raise UnknownSchool
    guardian_name = func.coalesce(func.nullif(Account.usage_name, ""), Account.family_name)
    rows = db.session.execute(
        select(
            SchoolTask.reference,
            SchoolTask.kind,
            SchoolTask.created_at,
            Account.identifier,
            func.trim(Account.given_name + " " + guardian_name),
            func.coalesce(Child.given_name + " " + _SHOWN_FAMILY_NAME, ""),
            SchoolTask.link_id,
        )
        .join_from(SchoolTask, Account)
        .outerjoin(Link, Link.id == SchoolTask.link_id)
        .outerjoin(Child, Child.id == Link.child_id)
        .where(SchoolTask.school_uai == uai, SchoolTask.settled_at.is_(None))
        .order_by(SchoolTask.created_at, SchoolTask.id)
    )
    return tuple(OpenTask(*row) for row in rows)


def settle_school_task(uai: str, reference: str, *, now: datetime) -> None:
    """An operator's `settle_task`, in a transaction of its own. Raises UnknownTask."""
    with transaction():
        settle_task(uai, reference, now=now)


def settle_task(uai: str, reference: str, *, now: datetime) -> None:
    """The school has looked at it. In the caller's transaction. Raises UnknownTask."""
    if not _settle(SchoolTask.school_uai == uai, SchoolTask.reference == reference, now=now):
        raise UnknownTask


def settle_birth_date_tasks(child_id: ChildId, *, now: datetime) -> None:
    """The birth date that accounts were blocked by is corrected: nothing of it waits any more, at any school.

    In the caller's transaction.
    """
    of_child = Link.child_id == child_id
    _settle(
        SchoolTask.kind == SchoolTaskKind.BIRTH_DATE_BLOCKED,
        or_(
            SchoolTask.link_id.in_(select(Link.id).where(of_child)),
            SchoolTask.link_id.is_(None) & SchoolTask.account_id.in_(select(Link.account_id).where(of_child)),
        ),
        now=now,
    )


def _settle(*which: ColumnElement[bool], now: datetime) -> int:
    settled = db.session.execute(
        update(SchoolTask)
        .where(SchoolTask.settled_at.is_(None), *which)
        .values(settled_at=now)
        .returning(SchoolTask.account_id, SchoolTask.kind)
    ).all()
    for account_id, kind in settled:
        audit.record(SchoolTaskSettled(account_id, kind), now=now)
    return len(settled)


def _open_reference(kind: SchoolTaskKind, account_id: AccountId, link_id: UUID | None) -> str | None:
    return db.session.scalar(
        select(SchoolTask.reference).where(
            SchoolTask.kind == kind,
            SchoolTask.account_id == account_id,
            SchoolTask.link_id.is_not_distinct_from(link_id),
            SchoolTask.settled_at.is_(None),
        )
    )


def _schools_concerned(account_id: AccountId, link_id: UUID | None) -> Sequence[School]:
    """The child's school; without a child, those of every child; the guardian's where no link is active."""
    which = _active_links(account_id) if link_id is None else _is_link_of(account_id, link_id)
    concerned = select(Child.school_uai).join_from(Link, Child).where(*which)
    found = db.session.scalars(select(School).where(School.uai.in_(concerned)).order_by(School.uai)).all()
    if found:
        return found
    last = select(Guardian.school_uai).where(Guardian.account_id == account_id)
    return db.session.scalars(select(School).where(School.uai.in_(last))).all()


def _mail_school(school: School, reference: str, *, now: datetime) -> None:
    if not school.email:
        return
    waiting = SchoolTask.school_uai == school.uai, SchoolTask.settled_at.is_(None)
    count = db.session.scalar(select(func.count()).select_from(SchoolTask).where(*waiting)) or 0
    message = messages.school_task(to=school.email, school_name=school.name, reference=reference, count=count)
    messaging.enqueue(message, now=now)


def _move_link(
    account_id: AccountId,
    link_id: UUID,
    from_states: Collection[LinkState],
    to: LinkState,
    *,
    by: LinkEnder | None,
    now: datetime,
) -> None:
    """One conditional UPDATE: of two that race, one is refused."""
    moved = db.session.scalar(
        update(Link)
        .where(*_is_link_of(account_id, link_id), Link.state.in_(from_states))
        .values(state=to, ended_by=by, ended_at=None if to is LinkState.ACTIVE else now)
        .returning(Link.id)
    )
    if moved is None:
        raise LinkNotFound


def _link_columns() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Link.id,
            Link.account_id,
            Account.identifier,
            Link.child_id,
            Child.given_name,
            _SHOWN_FAMILY_NAME,
            School.uai,
            School.name,
            Link.state,
            Link.ended_by,
        )
        .join_from(Link, Child)
        .join(School, School.uai == Child.school_uai)
        .join(Account, Account.id == Link.account_id)
    )


def _link_sheets(statement: Select[*tuple[Any, ...]]) -> tuple[LinkSheet, ...]:
    return tuple(LinkSheet(*row) for row in db.session.execute(statement))


def _active_links(account_id: AccountId) -> tuple[ColumnElement[bool], ...]:
    return Link.account_id == account_id, Link.state == LinkState.ACTIVE


def _is_link_of(account_id: AccountId, link_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return Link.account_id == account_id, Link.id == link_id


def _contact(school: School) -> SchoolContact:
    return SchoolContact(school.uai, school.name, school.phone, school.email)
