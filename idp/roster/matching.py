"""Who in a roster is whom in the database. Where the files do not tell, nobody is matched. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from idp.accounts.rules import AccountId
from idp.families.rules import ChildId, LinkEnder, LinkState
from idp.roster.rules import (
    ChildDetails,
    ClassKey,
    GuardianDetails,
    GuardianRow,
    NameKey,
    Pupil,
    Roster,
)

BirthKey = tuple[NameKey, date]
Mark = tuple[NameKey, tuple[str, object]]


@dataclass(frozen=True, slots=True)
class KnownChild:
    """A child of the database. roster_birth_date: what rosters said where the school has corrected it since."""

    child_id: ChildId
    details: ChildDetails
    school_uai: str
    has_left: bool
    roster_birth_date: date | None = None

    @property
    def birth_dates(self) -> tuple[date, ...]:
        """The dates by which a roster may know the child: the one in force, and the wrong one it replaced."""
        wrong = () if self.roster_birth_date is None else (self.roster_birth_date,)
        return (self.details.birth_date, *wrong)


@dataclass(frozen=True, slots=True)
class KnownGuardian:
    """A guardian of the database, under the account's names. `school_uai`: whose roster named them last.

    merged_into: the account that stands for this one, which its person attached to it.
    """

    account_id: AccountId
    details: GuardianDetails
    school_uai: str
    is_merged: bool = False
    merged_into: AccountId | None = None


@dataclass(frozen=True, slots=True)
class KnownLink:
    """A link of the database, whatever its state. `school_uai`: whose roster stated it last."""

    account_id: AccountId
    child_id: ChildId
    state: LinkState
    ended_by: LinkEnder | None
    school_uai: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the database holds of a school, and of the roster's children wherever they are."""

    children: Sequence[KnownChild] = ()
    guardians: Sequence[KnownGuardian] = ()
    links: Sequence[KnownLink] = ()


@dataclass(frozen=True, slots=True)
class MatchedPupils:
    """Each pupil's line in one of three places: matched, new, or undecided with the children it may be."""

    known: dict[int, KnownChild] = field(default_factory=dict)
    new: list[Pupil] = field(default_factory=list)
    undecided: dict[int, tuple[KnownChild, ...]] = field(default_factory=dict)

    def children_of(self, lines: Iterable[int]) -> set[ChildId]:
        """The known children that these lines are, or may be."""
        return {
            child.child_id
            for line in lines
            for child in (*self.undecided.get(line, ()), *filter(None, [self.known.get(line)]))
        }


@dataclass(frozen=True, slots=True)
class Doubt:
    """A child named, at `line` and `column`, by what several pupils have: `pupils` are their lines."""

    line: int
    column: int
    pupils: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Which pupils' lines one guardian's row, or several of the same guardian, name: `certain` ones, and doubts."""

    line: int
    details: GuardianDetails
    certain: frozenset[int]
    doubts: tuple[Doubt, ...] = ()
    other_lines: tuple[int, ...] = ()

    @property
    def named_lines(self) -> frozenset[int]:
        """Every pupil's line that is, or may be, meant."""
        return self.certain.union(*(doubt.pupils for doubt in self.doubts))

    def joined(self, other: "Family") -> "Family":
        """Both as one guardian: the first row's details, completed by the other's."""
        mine, theirs = self.details, other.details
        details = replace(
            mine,
            email=mine.email or theirs.email,
            phone=mine.phone or theirs.phone,
            address=mine.address or theirs.address,
        )
        return replace(
            self,
            details=details,
            certain=self.certain | other.certain,
            doubts=self.doubts + other.doubts,
            other_lines=(*self.other_lines, other.line, *other.other_lines),
        )


@dataclass(frozen=True, slots=True)
class MatchedGuardians:
    """Each family's guardian in one of three places; undecided with the accounts it may be."""

    known: list[tuple[Family, KnownGuardian]] = field(default_factory=list)
    new: list[Family] = field(default_factory=list)
    undecided: list[tuple[Family, tuple[KnownGuardian, ...]]] = field(default_factory=list)


def match_pupils(pupils: Sequence[Pupil], known: Sequence[KnownChild], school_uai: str) -> MatchedPupils:
    """Same child: same INE, wherever it is; without one, same names and birth date in this school."""
    matched = MatchedPupils()
    by_ine = {child.details.ine: child for child in known if child.details.ine}
    others = defaultdict(list)
    for pupil in pupils:
        child = by_ine.get(pupil.details.ine) if pupil.details.ine else None
        if child is None:
            others[_birth_key(pupil.details)].append(pupil)
        elif _may_be_one_child(pupil.details, child):
            matched.known[pupil.line] = child
        else:
            matched.undecided[pupil.line] = (child,)
    taken = matched.children_of(pupil.line for pupil in pupils)
    free = [child for child in known if child.school_uai == school_uai and child.child_id not in taken]
    _match_by_birth(others, _by_birth(free), matched)
    return matched


def find_families(roster: Roster) -> list[Family]:
    """The guardians' rows with the pupils they name; rows that are one guardian are joined.

    One guardian: same names, and a common child, mobile or address.
    """
    lines_by_key: dict[ClassKey, list[int]] = defaultdict(list)
    for pupil in roster.pupils:
        lines_by_key[pupil.details.class_key].append(pupil.line)
    preschool = frozenset(roster.preschool)
    families = [_find_family(row, lines_by_key, preschool) for row in roster.guardians]
    return _join(families)


def match_guardians(
    families: Sequence[Family], pupils: MatchedPupils, known: Known, school_uai: str
) -> MatchedGuardians:
    """Same guardian: same names and a common child; else, in this school, same names and mobile or address."""
    search = _Search.prepare(pupils, known, school_uai)
    matched = MatchedGuardians()
    guardians = {guardian.account_id: guardian for guardian in known.guardians}
    by_account: dict[AccountId, Family] = {}
    for family in families:
        candidates = search.candidates(family)
        if len(candidates) == 1:
            account_id = candidates[0].account_id
            first = by_account.get(account_id)
            by_account[account_id] = first.joined(family) if first else family
        elif candidates:
            matched.undecided.append((family, tuple(candidates)))
        else:
            matched.new.append(family)
    matched.known.extend((family, guardians[account_id]) for account_id, family in by_account.items())
    return matched


def _birth_key(details: ChildDetails) -> BirthKey:
    return details.name_key, details.birth_date


def _by_birth(children: Iterable[KnownChild]) -> dict[BirthKey, list[KnownChild]]:
    by_birth = defaultdict(list)
    for child in children:
        for birth_date in child.birth_dates:
            by_birth[child.details.name_key, birth_date].append(child)
    return by_birth


def _may_be_one_child(details: ChildDetails, known: KnownChild) -> bool:
    """A name or a date may be corrected, not both at once: a wrong INE would show a child to strangers."""
    return details.name_key == known.details.name_key or details.birth_date in known.birth_dates


def _match_by_birth(
    pupils: Mapping[BirthKey, Sequence[Pupil]],
    known: Mapping[BirthKey, Sequence[KnownChild]],
    matched: MatchedPupils,
) -> None:
    for key, namesakes in pupils.items():
        children = [child for child in known.get(key, ()) if not _have_two_ines(namesakes, child)]
        if not children:
            matched.new.extend(namesakes)
        elif len(namesakes) == len(children) == 1:
            matched.known[namesakes[0].line] = children[0]
        else:
            matched.undecided.update((pupil.line, tuple(children)) for pupil in namesakes)


def _have_two_ines(namesakes: Sequence[Pupil], child: KnownChild) -> bool:
    return child.details.ine is not None and all(pupil.details.ine for pupil in namesakes)


def _find_family(
    row: GuardianRow, lines_by_key: Mapping[ClassKey, Sequence[int]], preschool: Collection[ClassKey]
) -> Family:
    certain: set[int] = set()
    doubts: list[Doubt] = []
    for child in row.children:
        lines = tuple(lines_by_key.get(child.key, ()))
        if len(lines) > 1 or (lines and child.key in preschool):
            doubts.append(Doubt(row.line, child.column, lines))
        else:
            certain.update(lines)
    return Family(row.line, row.details, frozenset(certain), tuple(doubts))


def _join(families: Iterable[Family]) -> list[Family]:
    joined: dict[int, Family] = {}
    marks_of: dict[int, set[Mark]] = {}
    owner_of: dict[Mark, int] = {}
    for family in families:
        current, marks = family, _marks(family)
        for owner in sorted({owner_of[mark] for mark in marks if mark in owner_of}, reverse=True):
            current = joined.pop(owner).joined(current)
            marks |= marks_of.pop(owner)
        joined[current.line], marks_of[current.line] = current, marks
        owner_of.update(dict.fromkeys(marks, current.line))
    return sorted(joined.values(), key=lambda family: family.line)


def _marks(family: Family) -> set[Mark]:
    """What two rows of one guardian have in common."""
    details = family.details
    marks: set[tuple[str, object]] = {("pupil", line) for line in family.certain}
    if details.phone:
        marks.add(("phone", details.phone))
    if details.address:
        marks.add(("address", details.address_key))
    return {(details.name_key, mark) for mark in marks}


@dataclass(frozen=True, slots=True)
class _Search:
    pupils: MatchedPupils
    school_uai: str
    namesakes: Mapping[NameKey, Sequence[KnownGuardian]]
    children_by_account: Mapping[AccountId, Collection[ChildId]]

    @classmethod
    def prepare(cls, pupils: MatchedPupils, known: Known, school_uai: str) -> "_Search":
        children_by_account: dict[AccountId, set[ChildId]] = defaultdict(set)
        for link in known.links:
            children_by_account[link.account_id].add(link.child_id)
        return cls(pupils, school_uai, _namesakes(known.guardians), children_by_account)

    def candidates(self, family: Family) -> list[KnownGuardian]:
        namesakes = self.namesakes.get(family.details.name_key, ())
        children = self.pupils.children_of(family.named_lines)
        alike = [guardian for guardian in namesakes if _is_reached_alike(guardian.details, family.details)]
        related = [
            guardian
            for guardian in namesakes
            if not children.isdisjoint(self.children_by_account.get(guardian.account_id, ()))
        ]
        if related:
            both = [guardian for guardian in related if guardian in alike]
            return both if len(both) == 1 else related
        return [guardian for guardian in alike if guardian.school_uai == self.school_uai]


def _namesakes(guardians: Iterable[KnownGuardian]) -> dict[NameKey, list[KnownGuardian]]:
    """Guardians by name. Who attached another account is known under both names: a school may write only the other."""
    by_account = {guardian.account_id: guardian for guardian in guardians}
    namesakes: dict[NameKey, list[KnownGuardian]] = defaultdict(list)
    for guardian in by_account.values():
        found = by_account.get(guardian.merged_into) if guardian.merged_into else guardian
        known = namesakes[guardian.details.name_key]
        if found is not None and not found.is_merged and found not in known:
            known.append(found)
    return namesakes


def _is_reached_alike(one: GuardianDetails, other: GuardianDetails) -> bool:
    same_phone = one.phone != "" and one.phone == other.phone
    return same_phone or (one.address != "" and one.address_key == other.address_key)
