"""Schools' and children's identifiers, and what may be told of a family: pure."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NewType
from uuid import UUID

ChildId = NewType("ChildId", UUID)

UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
INE_SHAPES = (
    re.compile(r"[0-9]{9}[A-Z]{2}"),  # national
    re.compile(r"[0-9]{10}[A-Z]"),  # académie
    re.compile(r"[0-9]{4}A[0-9]{5}[A-Z]"),  # apprentices
)
LEVELS = ("CP", "CE1", "CE2", "CM1", "CM2", "6e", "5e", "4e", "3e")
CONTACT_LENGTHS = {"name": 200, "phone": 40, "email": 254}
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
class SchoolContact:
    """What a parent is given to reach the school; a channel that is not known is empty."""

    uai: str
    name: str
    phone: str
    email: str


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
