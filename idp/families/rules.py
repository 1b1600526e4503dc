"""Schools' and children's identifiers, and what may be told of a family: pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from random import Random
from typing import ClassVar, NewType
from uuid import UUID

from idp.accounts.rules import AccountId
from idp.audit.rules import AuditEvent
from idp.errors import FieldRefusal

ChildId = NewType("ChildId", UUID)

UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
INE_SHAPES = (
    re.compile(r"[0-9]{9}[A-Z]{2}"),  # national
    re.compile(r"[0-9]{10}[A-Z]"),  # académie
    re.compile(r"[0-9]{4}A[0-9]{5}[A-Z]"),  # apprentices
)
LEVELS = ("CP", "CE1", "CE2", "CM1", "CM2", "6e", "5e", "4e", "3e")
CONTACT_LENGTHS = {"name": 200, "phone": 40, "email": 254}
LINK_FROZEN = "L’accès à cet élève est suspendu, l’école est prévenue. Référence\N{NO-BREAK SPACE}: {n}"
"""`link_frozen`: said to the guardian who reported."""

# Without look-alikes; of a length of its own, so that nobody takes one for a provisional password.
REFERENCE_PREFIX = "E"
REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REFERENCE_LENGTH = 6
YEAR_DIGITS = 4
OLDEST_BIRTH_YEAR = 1990
_UAI = re.compile(r"([0-9]{7})([A-Z])")


class LinkState(StrEnum):
    """Only `active` reaches a claim."""

    ACTIVE = "active"
    FROZEN = "frozen"
    DETACHED = "detached"
    MERGED = "merged"


class LinkEnder(StrEnum):
    """Who froze, detached or merged a link."""

    ROSTER = "roster"
    SCHOOL_HEAD = "school_head"
    GUARDIAN = "guardian"
    MERGE = "merge"


class SchoolTaskKind(StrEnum):
    """Why a school must look at an account."""

    LINK_REPORTED = "link_reported"
    BIRTH_DATE_BLOCKED = "birth_date_blocked"
    MAIL_RETURNED = "mail_returned"
    ACCOUNTS_MERGED = "accounts_merged"
    MERGE_UNDONE = "merge_undone"
    ATTACH_REFUSED = "attach_refused"
    """Somebody who is not the account's person held its password, or its letter."""


class MergeEffect(StrEnum):
    """What a merge does to one link."""

    MOVED = "moved"
    """The other account's link, now the kept account's."""
    SET_ASIDE = "set_aside"
    """The other account's link to a child that the kept account has a link to already."""
    REVIVED = "revived"
    """The kept account's link that a roster had ended, while the other account's lives."""
    FROZEN = "frozen"
    """The kept account's link, frozen because the other account's was: one person, one decision."""


class MergeUndoer(StrEnum):
    """Who undid a merge."""

    GUARDIAN = "guardian"
    SCHOOL = "school"


def effect_on_own(state: LinkState, ended_by: LinkEnder | None, other: LinkState) -> MergeEffect | None:
    """What becomes of the kept account's link where the other account has one, active or frozen, to the same child.

    A person's decision stands, whichever account it was taken on; what a roster alone ended gives way. None: nothing.
    """
    if state is LinkState.ACTIVE:
        return MergeEffect.FROZEN if other is LinkState.FROZEN else None
    if state is LinkState.DETACHED and ended_by is LinkEnder.ROSTER:
        return MergeEffect.FROZEN if other is LinkState.FROZEN else MergeEffect.REVIVED
    return None


@dataclass(frozen=True, slots=True)
class OwnLink:
    """One child of an account, whatever its link's state, as its own guardian may see it.

    family_name: as shown. level: empty when the roster gives none. class_label: its guardian's to read, nobody else's
    (ADR 0035); empty once the link is not active. stated_by: the school that states the link.
    merged_at: when a merge brought it; None when a roster did.
    """

    link_id: UUID
    child_id: ChildId
    given_name: str
    family_name: str
    level: str
    class_label: str
    school_name: str
    state: LinkState
    since: datetime
    ended_at: datetime | None
    stated_by: str
    merged_at: datetime | None

    @property
    def full_name(self) -> str:
        """Given name, then the family name in capitals, as schools write it."""
        return f"{self.given_name} {self.family_name.upper()}"


@dataclass(frozen=True, slots=True)
class StandingMerge:
    """A merge that has not been undone. `identifier`: of the account that it closed; `given_names`: of the children
    that it brought."""

    merge_id: UUID
    identifier: str
    merged_at: datetime
    undo_until: datetime
    given_names: tuple[str, ...]

    def can_be_undone(self, *, now: datetime) -> bool:
        """Whether its time is not over."""
        return now <= self.undo_until


@dataclass(frozen=True, slots=True)
class GuardianChild:
    """One child that an account may see, with what claims and letters need.

    `level` is None when the roster gives none. `family_name` is the name shown: the usage name if there is one.
    """

    child_id: ChildId
    given_name: str
    family_name: str
    level: str | None
    school_uai: str
    school_name: str
    relationship: str | None
    birth_date: date
    ine: str | None


@dataclass(frozen=True, slots=True)
class NamedChild:
    """The child that a letter is filed under, and whose birth date activation asks."""

    child_id: ChildId
    given_name: str
    family_name: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class LinkSheet:
    """One link of an account, for its guardian, its school and operators. ended_by: None while it is active."""

    link_id: UUID
    account_id: AccountId
    identifier: str
    child_id: ChildId
    given_name: str
    family_name: str
    school_uai: str
    school_name: str
    state: LinkState
    ended_by: LinkEnder | None


@dataclass(frozen=True, slots=True)
class OpenTask:
    """What a school must look at, with the names that its staff needs; `child_name` is empty without a link."""

    reference: str
    kind: SchoolTaskKind
    created_at: datetime
    identifier: str
    guardian_name: str
    child_name: str
    link_id: UUID | None


@dataclass(frozen=True, slots=True)
class SchoolContact:
    """What a parent is given to reach the school; a channel that is not known is empty."""

    uai: str
    name: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class LinkFrozen(AuditEvent):
    """A guardian or a school suspended a guardian's access to one child."""

    name: ClassVar[str] = "family:link:frozen"
    account_id: UUID
    link_id: UUID
    by: LinkEnder


@dataclass(frozen=True, slots=True)
class LinkRestored(AuditEvent):
    """The school gave a guardian access to a child again."""

    name: ClassVar[str] = "family:link:restored"
    account_id: UUID
    link_id: UUID


@dataclass(frozen=True, slots=True)
class LinkDetached(AuditEvent):
    """The school ended a guardian's access to one child for good."""

    name: ClassVar[str] = "family:link:detached"
    account_id: UUID
    link_id: UUID


@dataclass(frozen=True, slots=True)
class SchoolTold(AuditEvent):
    """A school was asked to look at an account."""

    name: ClassVar[str] = "family:school:told"
    account_id: UUID
    kind: SchoolTaskKind


@dataclass(frozen=True, slots=True)
class BirthDateCorrected(AuditEvent):
    """The school corrected a child's birth date: one entry for each account that may be asked for it."""

    name: ClassVar[str] = "family:birth_date:corrected"
    account_id: UUID
    child_id: UUID


@dataclass(frozen=True, slots=True)
class AccountUnlinked(AuditEvent):
    """An account that had seen no child for a year was disabled."""

    name: ClassVar[str] = "family:account:unlinked"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class AccountLinkedAgain(AuditEvent):
    """A child came back to an account that was disabled for want of one: it is what it was before."""

    name: ClassVar[str] = "family:account:linked_again"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class SchoolTaskSettled(AuditEvent):
    """A school has looked at what it was asked to."""

    name: ClassVar[str] = "family:school_task:settled"
    account_id: UUID
    kind: SchoolTaskKind


def new_reference(draw: Random) -> str:
    """What parent and school name a task by, such as `E7KQM2X`. draw: a `SystemRandom` outside tests."""
    return REFERENCE_PREFIX + "".join(draw.choices(REFERENCE_LETTERS, k=REFERENCE_LENGTH))


class BirthDateIncomplete(FieldRefusal):
    """Parts of the date are missing; a subclass names the only one."""

    error_code = "birth_date_incomplete"
    sentence = "Saisissez le jour, le mois et l’année"
    field = "birth_day"


class BirthDayMissing(BirthDateIncomplete):
    """Only the day is missing."""

    sentence = "Indiquez aussi le jour"


class BirthMonthMissing(BirthDateIncomplete):
    """Only the month is missing."""

    sentence = "Indiquez aussi le mois"
    field = "birth_month"


class BirthYearMissing(BirthDateIncomplete):
    """Only the year is missing."""

    sentence = "Indiquez aussi l’année"
    field = "birth_year"


class BirthDateImpossible(FieldRefusal):
    """No such day, or not written with digits."""

    error_code = "birth_date_impossible"
    sentence = "Cette date n’existe pas"
    field = "birth_day"


class BirthDateYear(FieldRefusal):
    """A year without its century."""

    error_code = "birth_date_year"
    sentence = "Écrivez l’année avec quatre chiffres, par exemple 2017"
    field = "birth_year"


def is_uai(text: str) -> bool:
    """Whether `text` is 7 digits and their check letter, upper case. Any prefix is accepted."""
    match = _UAI.fullmatch(text)
    return match is not None and uai_letter(match[1]) == match[2]


def uai_letter(digits: str) -> str:
    """The check letter of a UAI's 7 digits."""
    return UAI_LETTERS[int(digits) % len(UAI_LETTERS)]


def has_ine_shape(ine: str) -> bool:
    """Whether `ine` is written like one. Its check letter is not public, so nothing more can be said."""
    return any(shape.fullmatch(ine) for shape in INE_SHAPES)


def can_be_pupils(birth_date: date, *, today: date) -> bool:
    """Whether a pupil may be born that day."""
    return birth_date.year >= OLDEST_BIRTH_YEAR and birth_date <= today


def contact_text(school: SchoolContact | None) -> str:
    """How to reach the school, in one line; empty when it is not known."""
    if school is None:
        return ""
    return ", ".join(part for part in (school.name, school.phone, school.email) if part)


def read_birth_date(day: str, month: str, year: str) -> date:
    """The date of three boxes: `3` or `03`, a year of four digits.

    Raises BirthDateIncomplete, BirthDateYear, BirthDateImpossible.
    """
    parts = (day.strip(), month.strip(), year.strip())
    _check_complete(*parts)
    if not all(part.isascii() and part.isdigit() and len(part) <= YEAR_DIGITS for part in parts):
        raise BirthDateImpossible
    if len(parts[2]) < YEAR_DIGITS:
        raise BirthDateYear
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError:
        raise BirthDateImpossible from None


def _check_complete(day: str, month: str, year: str) -> None:
    match (bool(day), bool(month), bool(year)):
        case (True, True, True):
            return
        case (False, True, True):
            raise BirthDayMissing
        case (True, False, True):
            raise BirthMonthMissing
        case (True, True, False):
            raise BirthYearMissing
        case _:
            raise BirthDateIncomplete
