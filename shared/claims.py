"""The `children` claim: the only place that writes and reads its shape, for both services.

Scopes: `children` gives the claim; `children.ine` and `children.birthdate` each add a member, for clients that
the operator allowed. No child is an empty array, never a missing claim.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

CLAIM = "children"
SCOPE_CHILDREN = "children"
SCOPE_CHILDREN_INE = "children.ine"
SCOPE_CHILDREN_BIRTHDATE = "children.birthdate"
MAXIMUM_SUB_LENGTH = 255


class ChildrenClaimRefused(ValueError):
    """The claim is missing or not of the shape that the contract states."""


@dataclass(frozen=True, slots=True)
class SchoolClaim:
    """A school as a client sees it: `uai` (7 digits and a letter) and name."""

    uai: str
    name: str


@dataclass(frozen=True, slots=True)
class ChildClaim:
    """One child linked to the signed-in guardian, as one client sees it.

    sub: pairwise identifier of the child, the same for both parents at one client.
    level: `CP` to `CM2`, `6e` to `3e`, or None where the school gives none (ULIS).
    relationship: as the school states it, or None. ine and birthdate only with their scopes.
    """

    sub: str
    given_name: str
    family_name: str
    level: str | None
    school: SchoolClaim
    relationship: str | None = None
    ine: str | None = None
    birthdate: date | None = None


def write_children(children: Iterable[ChildClaim], scopes: frozenset[str]) -> list[dict[str, Any]]:
    """The claim's JSON value. What was not asked for is not given: members follow `scopes`."""
    return [_write_child(child, scopes) for child in children]


def read_children(claims: Mapping[str, Any]) -> tuple[ChildClaim, ...]:
    """The children of an ID token or userinfo answer. Raises ChildrenClaimRefused."""
    value = claims.get(CLAIM)
    if not isinstance(value, list):
        raise ChildrenClaimRefused("children is missing or not an array")
    children = tuple(_read_child(child) for child in value)
    if len({child.sub for child in children}) != len(children):
        raise ChildrenClaimRefused("a child occurs twice")
    return children


def _write_child(child: ChildClaim, scopes: frozenset[str]) -> dict[str, Any]:
    written: dict[str, Any] = {
        "sub": child.sub,
        "given_name": child.given_name,
        "family_name": child.family_name,
        "level": child.level,
        "school": {"uai": child.school.uai, "name": child.school.name},
        "relationship": child.relationship,
    }
    if SCOPE_CHILDREN_INE in scopes:
        written["ine"] = child.ine
    if SCOPE_CHILDREN_BIRTHDATE in scopes and child.birthdate is not None:
        written["birthdate"] = child.birthdate.isoformat()
    # OpenID Connect Core 5.3.2: a member without a value is left out, never null.
    return {name: member for name, member in written.items() if member is not None}


def _read_child(value: object) -> ChildClaim:
    if not isinstance(value, dict) or not isinstance(value.get("school"), dict):
        raise ChildrenClaimRefused("a child is not an object with a school")
    sub = _text(value, "sub")
    if not sub or len(sub) > MAXIMUM_SUB_LENGTH:
        raise ChildrenClaimRefused("a child's sub is empty or too long")
    return ChildClaim(
        sub=sub,
        given_name=_text(value, "given_name"),
        family_name=_text(value, "family_name"),
        level=_optional_text(value, "level"),
        school=SchoolClaim(uai=_text(value["school"], "uai"), name=_text(value["school"], "name")),
        relationship=_optional_text(value, "relationship"),
        ine=_optional_text(value, "ine"),
        birthdate=_optional_date(value, "birthdate"),
    )


def _text(value: Mapping[str, Any], member: str) -> str:
    text = value.get(member)
    if not isinstance(text, str):
        raise ChildrenClaimRefused(f"{member} is not a string")
    return text


def _optional_text(value: Mapping[str, Any], member: str) -> str | None:
    return None if value.get(member) is None else _text(value, member)


def _optional_date(value: Mapping[str, Any], member: str) -> date | None:
    text = _optional_text(value, member)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ChildrenClaimRefused(f"{member} is not a date") from None
