"""Importing a roster: read what is known, plan, then carry the plan out in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, Person, Title
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import CommandRefused
from idp.families import dormancy, merges
from idp.families import service as families
from idp.families.models import Child, Guardian, Link, LinkEnder, LinkState, School
from idp.families.rules import ChildId
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.roster.extraction import ExtractionFile, read_extraction
from idp.roster.matching import Known, KnownChild, KnownGuardian, KnownLink
from idp.roster.plan import ChangedGuardian, Plan, plan_import
from idp.roster.rules import ChildDetails, GuardianDetails, Roster, RosterImported
from shared.database import in_chunks, uuid7

Advance = Callable[[int, int], None]
"""Told (rows done, rows in all) while a plan is carried out."""

ATTEMPTS = 3

_CHILD_COLUMNS = (
    Child.family_name,
    Child.usage_name,
    Child.given_name,
    Child.birth_date,
    Child.sex,
    Child.ine,
    Child.level,
    Child.class_label,
    Child.class_id,
)


class MassDeparture(CommandRefused):
    """Too many children or guardians would leave: probably half a file, or another school's."""

    error_code: ClassVar[str] = "mass_departure"
    exit_code: ClassVar[int] = 3
    hint: ClassVar[str] = "nothing was written; add --allow-departures if they really leave"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class RosterOrder:
    """What an operator asks for. `school_name` names a school that is not known yet."""

    school_uai: str
    pupils: ExtractionFile
    guardians: ExtractionFile
    school_name: str = ""
    is_dry_run: bool = False
    allows_departures: bool = False


@dataclass(frozen=True, slots=True)
class RosterImport:
    """What was done, or would be: the plan, the identifiers given by line of the guardians' file, and what the
    guard says against a plan that was not carried out.
    """

    plan: Plan
    objections: tuple[str, ...] = ()
    identifiers: dict[int, str] = field(default_factory=dict)


def import_roster(
    order: RosterOrder,
    *,
    mass_departure_percent: int,
    now: datetime,
    advance: Advance = lambda _done, _total: None,
) -> RosterImport:
    """Import both files, whole or not at all; a dry run only plans.

    Raises ExtractionRefused with every problem of the files, MassDeparture when the guard stops an import (a dry
    run tells it in `objections`).
    """
    roster = read_extraction(order.school_uai, order.pupils, order.guardians, today=now.date())
    if order.is_dry_run:
        plan = _plan(order, roster)
        return RosterImport(plan, _objections(order, plan, mass_departure_percent))
    for _ in range(ATTEMPTS - 1):
        try:
            return _import(order, roster, mass_departure_percent, now, advance)
        except IntegrityError:
            # Another import brought the same school or child meanwhile: what is known has changed, plan again.
            continue
    return _import(order, roster, mass_departure_percent, now, advance)


def _import(
    order: RosterOrder, roster: Roster, percent: int, now: datetime, advance: Advance
) -> RosterImport:
    with transaction():
        _hold_school(order)
        plan = _plan(order, roster)
        if reasons := _objections(order, plan, percent):
            raise MassDeparture(reasons)
        identifiers = _Execution(plan, order.school_uai, now, advance).run()
        if plan.writes:
            audit.record(_event(plan), now=now)
    return RosterImport(plan, identifiers=identifiers)


def _hold_school(order: RosterOrder) -> None:
    """Have the school, and be the only one who imports it until the transaction ends."""
    held = db.session.execute(select(School.uai).where(School.uai == order.school_uai).with_for_update())
    if held.first() is None:
        families.create_school(order.school_uai, order.school_name or f"École {order.school_uai}")


def _plan(order: RosterOrder, roster: Roster) -> Plan:
    return plan_import(
        roster,
        _read_known(order.school_uai, roster),
        school_uai=order.school_uai,
        pupils_file=order.pupils.name,
        guardians_file=order.guardians.name,
    )


def _objections(order: RosterOrder, plan: Plan, percent: int) -> tuple[str, ...]:
    return () if order.allows_departures else tuple(plan.mass_departures(percent))


def _event(plan: Plan) -> RosterImported:
    return RosterImported(
        new_children=len(plan.new_children),
        leaving_children=len(plan.leaving_children),
        new_guardians=len(plan.new_guardians),
        detached_links=len(plan.detached_links),
    )


def _read_known(school_uai: str, roster: Roster) -> Known:
    """Everything about the school's children, of any year, and about the roster's children wherever they are."""
    children = _read_children(school_uai, roster)
    elsewhere = [child.child_id for child in children if child.school_uai != school_uai]
    links = _read_links(school_uai, elsewhere)
    return Known(children, _read_guardians(school_uai, {link.account_id for link in links}), links)


def _read_children(school_uai: str, roster: Roster) -> list[KnownChild]:
    columns = select(Child.id, Child.school_uai, Child.left_at, Child.roster_birth_date, *_CHILD_COLUMNS)
    rows = list(db.session.execute(columns.where(Child.school_uai == school_uai)))
    here = {row.ine for row in rows}
    others = sorted({pupil.details.ine for pupil in roster.pupils if pupil.details.ine} - here)
    for chunk in in_chunks(others):
        rows += db.session.execute(columns.where(Child.ine.in_(chunk)))
    return [
        KnownChild(
            ChildId(row.id),
            _child_details(row),
            row.school_uai,
            row.left_at is not None,
            row.roster_birth_date,
        )
        for row in rows
    ]


def _read_links(school_uai: str, elsewhere: Sequence[ChildId]) -> list[KnownLink]:
    """Those of accounts that are somebody's: the links of a closed one are neither stated nor missing."""
    columns = (
        select(Link.account_id, Link.child_id, Link.state, Link.ended_by, Link.school_uai)
        .join(Account, Account.id == Link.account_id)
        .where(Account.closed_at.is_(None))
    )
    here = columns.join(Child, Child.id == Link.child_id).where(Child.school_uai == school_uai)
    rows = list(db.session.execute(here))
    for chunk in in_chunks(elsewhere):
        rows += db.session.execute(columns.where(Link.child_id.in_(chunk)))
    return [KnownLink(AccountId(row[0]), ChildId(row[1]), *row[2:]) for row in rows]


def _read_guardians(school_uai: str, linked: set[AccountId]) -> list[KnownGuardian]:
    columns = select(
        Account.id,
        Account.family_name,
        Account.given_name,
        Account.usage_name,
        Account.title,
        Account.state,
        Guardian.roster_email,
        Guardian.roster_phone,
        Guardian.postal_address,
        Guardian.school_uai,
    ).join_from(Account, Guardian)
    # A closed account is nobody's any more: the person gets another, with another subject everywhere.
    columns = columns.where(Account.closed_at.is_(None))
    rows = list(db.session.execute(columns.where(Guardian.school_uai == school_uai)))
    merged = [AccountId(row.id) for row in rows if row.state is AccountState.MERGED]
    kept = merges.kept_accounts_of(merged)
    others = sorted((linked | set(kept.values())) - {row[0] for row in rows})
    for chunk in in_chunks(others):
        rows += db.session.execute(columns.where(Account.id.in_(chunk)))
    return [replace(_known_guardian(row), merged_into=kept.get(AccountId(row.id))) for row in rows]


def _child_details(row: Any) -> ChildDetails:
    return ChildDetails(**{column.key: getattr(row, column.key) for column in _CHILD_COLUMNS})


def _known_guardian(row: Any) -> KnownGuardian:
    person = Person(row.family_name, row.given_name, row.usage_name, Title(row.title))
    details = GuardianDetails(person, row.roster_email, row.roster_phone, row.postal_address)
    return KnownGuardian(AccountId(row.id), details, row.school_uai, row.state is AccountState.MERGED)


@dataclass(slots=True)
class _Execution:
    """Carries one plan out, in set-based statements, a thousand rows each."""

    plan: Plan
    school_uai: str
    now: datetime
    advance: Advance
    done: int = 0

    def run(self) -> dict[int, str]:
        """The identifiers given, by line of the guardians' file."""
        children = self._add_children()
        self._change_children()
        created = self._add_guardians()
        self._change_guardians()
        self._add_links(children, {line: account.account_id for line, account in created.items()})
        self._change_links()
        self._wake_accounts()
        return {line: account.identifier for line, account in created.items()}

    def _add_children(self) -> dict[int, UUID]:
        ids = {pupil.line: uuid7() for pupil in self.plan.new_children}
        self._in_chunks(
            # Nulls written out: rows with and without INE are otherwise different statements.
            insert(Child).execution_options(render_nulls=True),
            [_child_values(pupil.details) | self._here(ids[pupil.line]) for pupil in self.plan.new_children],
        )
        return ids

    def _here(self, child_id: UUID) -> dict[str, Any]:
        return {"id": child_id, "school_uai": self.school_uai, "left_at": None}

    def _change_children(self) -> None:
        rows = [
            _child_values(change.details)
            | self._here(change.child_id)
            | {"roster_birth_date": change.roster_birth_date}
            for change in self.plan.changed_children
        ]
        # By primary key and in bulk: the ORM groups such rows into one prepared statement.
        self._in_chunks(update(Child), rows)
        leaving = [{"id": child.child_id, "left_at": self.now} for child in self.plan.leaving_children]
        self._in_chunks(update(Child), leaving)

    def _add_guardians(self) -> dict[int, accounts.CreatedAccount]:
        created: dict[int, accounts.CreatedAccount] = {}
        for chunk in in_chunks(self.plan.new_guardians):
            new = accounts.create_accounts([family.details.person for family in chunk], now=self.now)
            rows = [
                _guardian_values(account.account_id, family.details, self.school_uai)
                for account, family in zip(new, chunk, strict=True)
            ]
            self._in_chunks(insert(Guardian), rows)
            created |= {family.line: account for family, account in zip(chunk, new, strict=True)}
        return created

    def _change_guardians(self) -> None:
        changes = self.plan.changed_guardians
        for chunk in in_chunks(changes):
            db.session.execute(update(Account), [_account_values(change, self.now) for change in chunk])
            rows = [_guardian_values(change.account_id, change.details, self.school_uai) for change in chunk]
            self._in_chunks(update(Guardian), rows)

    def _add_links(self, children: dict[int, UUID], guardians: dict[int, AccountId]) -> None:
        rows = [
            {
                "id": uuid7(),
                "account_id": guardians[link.guardian] if isinstance(link.guardian, int) else link.guardian,
                "child_id": children[link.child] if isinstance(link.child, int) else link.child,
                "state": LinkState.ACTIVE,
                "school_uai": self.school_uai,
                "since": self.now,
            }
            for link in self.plan.new_links
        ]
        self._in_chunks(insert(Link), rows)

    def _change_links(self) -> None:
        active = {
            "state": LinkState.ACTIVE,
            "school_uai": self.school_uai,
            "ended_at": None,
            "ended_by": None,
        }
        self._move_links(self.plan.restored_links, {**active, "since": self.now})
        self._move_links(self.plan.restated_links, {"school_uai": self.school_uai})
        ended = {"state": LinkState.DETACHED, "ended_at": self.now, "ended_by": LinkEnder.ROSTER}
        self._move_links(self.plan.detached_links, ended)
        # One notice an account, however many of its children came or went.
        changed = (*self.plan.restored_links, *self.plan.detached_links)
        for account_id in sorted({link.account_id for link in changed}):
            notices.notify(account_id, Notice.CHILDREN_CHANGED, now=self.now)

    def _wake_accounts(self) -> None:
        """Who had seen no child for a year sees one again."""
        linked = {link.guardian for link in self.plan.new_links if not isinstance(link.guardian, int)}
        linked |= {link.account_id for link in self.plan.restored_links}
        for chunk in in_chunks(sorted(linked)):
            dormancy.wake(chunk, now=self.now)

    def _move_links(self, links: Sequence[KnownLink], values: dict[str, Any]) -> None:
        """Each move is conditional on the state that the plan saw: a head's decision meanwhile stands."""
        statement = (
            update(Link)
            .where(
                Link.account_id == bindparam("of_account"),
                Link.child_id == bindparam("of_child"),
                Link.state == bindparam("from_state"),
                Link.ended_by.is_not_distinct_from(bindparam("from_ended_by")),
            )
            .values(values)
        )
        rows = [
            {
                "of_account": link.account_id,
                "of_child": link.child_id,
                "from_state": link.state,
                "from_ended_by": link.ended_by,
            }
            for link in links
        ]
        for chunk in in_chunks(rows):
            db.session.connection().execute(statement, chunk)
            self._advance(len(chunk))

    def _in_chunks(self, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
        for chunk in in_chunks(rows):
            db.session.execute(statement, chunk)
            self._advance(len(chunk))

    def _advance(self, rows: int) -> None:
        self.done += rows
        self.advance(self.done, self.plan.writes)


def _child_values(details: ChildDetails) -> dict[str, Any]:
    return {column.key: getattr(details, column.key) for column in _CHILD_COLUMNS}


def _guardian_values(account_id: UUID, details: GuardianDetails, school_uai: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "school_uai": school_uai,
        "roster_email": details.email,
        "roster_phone": details.phone,
        "postal_address": details.address,
    }


def _account_values(change: ChangedGuardian, now: datetime) -> dict[str, Any]:
    person = change.details.person
    return {
        "id": change.account_id,
        "title": person.title.value,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "usage_name": person.usage_name,
        "updated_at": now,
    }
