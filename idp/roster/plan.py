"""What an import would do, as a value: printed by a dry run, guarded, then applied. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from idp.accounts.rules import AccountId
from idp.families.rules import ChildId, LinkEnder, LinkState
from idp.roster.guardians import CHILD_COLUMNS, CHILD_FAMILY_NAME
from idp.roster.matching import (
    Doubt,
    Family,
    Known,
    KnownChild,
    KnownLink,
    MatchedGuardians,
    MatchedPupils,
    find_families,
    match_guardians,
    match_pupils,
)
from idp.roster.rules import ChildDetails, Findings, GuardianDetails, Pupil, Remark, Roster

ChildTarget = ChildId | int
"""A known child, or the line of a new one."""
GuardianTarget = AccountId | int
"""A known guardian's account, or the line of a new one."""


@dataclass(frozen=True, slots=True)
class ChangedChild:
    """A known child whose details, school or presence the roster changes."""

    child_id: ChildId
    line: int
    details: ChildDetails
    moved_from: str | None
    """The UAI of the school the child comes from."""
    has_returned: bool
    roster_birth_date: date | None = None
    """The roster's date, where the school's correction stands against it."""


@dataclass(frozen=True, slots=True)
class ChangedGuardian:
    """A known guardian whose details the roster changes."""

    account_id: AccountId
    line: int
    details: GuardianDetails


@dataclass(frozen=True, slots=True)
class NewLink:
    """A guardian's first link to a child."""

    guardian: GuardianTarget
    child: ChildTarget


@dataclass(frozen=True, slots=True)
class Guard:
    """How many of the children and guardians present at the school would go."""

    children: int = 0
    leaving_children: int = 0
    guardians: int = 0
    leaving_guardians: int = 0


@dataclass(slots=True)
class Plan:
    """Every change of one import. Built once by `plan_import`, then only read."""

    new_children: list[Pupil] = field(default_factory=list)
    changed_children: list[ChangedChild] = field(default_factory=list)
    unchanged_children: int = 0
    leaving_children: list[KnownChild] = field(default_factory=list)
    new_guardians: list[Family] = field(default_factory=list)
    changed_guardians: list[ChangedGuardian] = field(default_factory=list)
    unchanged_guardians: int = 0
    new_links: list[NewLink] = field(default_factory=list)
    restored_links: list[KnownLink] = field(default_factory=list)
    restated_links: list[KnownLink] = field(default_factory=list)
    """Active links that another school's roster had stated: this one answers for them from now on."""
    detached_links: list[KnownLink] = field(default_factory=list)
    unchanged_links: int = 0
    suspended_links: int = 0
    """Links that a school head or a guardian ended: named in the roster, and left as they are."""
    preschool: int = 0
    without_ine: int = 0
    labels: dict[UUID, str] = field(default_factory=dict)
    """How known children and accounts are called, by id."""
    notices: list[Remark] = field(default_factory=list)
    guard: Guard = field(default_factory=Guard)

    @property
    def writes(self) -> int:
        """How many rows the plan changes; 0 when the roster says nothing new."""
        changed = (self.new_children, self.changed_children, self.leaving_children)
        guardians = (self.new_guardians, self.changed_guardians)
        links = (self.new_links, self.restored_links, self.restated_links, self.detached_links)
        return sum(len(rows) for rows in (*changed, *guardians, *links))

    def mass_departures(self, percent: int) -> list[str]:
        """Why a guard should stop this plan: `percent` or more of the children, or guardians, would go."""
        guard = self.guard
        counts = [
            ("children", guard.leaving_children, guard.children),
            ("guardians", guard.leaving_guardians, guard.guardians),
        ]
        return [
            f"{leaving} of {present} {who} would leave the school ({leaving * 100 // present} %)"
            for who, leaving, present in counts
            if leaving and leaving * 100 >= percent * present
        ]


def plan_import(
    roster: Roster, known: Known, *, school_uai: str, pupils_file: str, guardians_file: str
) -> Plan:
    """What importing `roster` into `known` changes. The same roster again plans nothing."""
    pupils = match_pupils(roster.pupils, known.children, school_uai)
    guardians = match_guardians(find_families(roster), pupils, known, school_uai)
    plan = Plan(preschool=len(roster.preschool), notices=list(roster.notices))
    plan.without_ine = sum(pupil.details.ine is None for pupil in roster.pupils)
    of_pupils, of_guardians = Findings(pupils_file), Findings(guardians_file)
    _plan_children(plan, roster, pupils, known, school_uai, of_pupils)
    _plan_guardians(plan, pupils, guardians, school_uai, of_guardians)
    _Links(plan, pupils, guardians, known, school_uai).plan_links(of_pupils, of_guardians)
    plan.labels = {child.child_id: child.details.label for child in known.children}
    plan.labels |= {guardian.account_id: guardian.details.label for guardian in known.guardians}
    plan.notices += of_pupils.notices + of_guardians.notices
    return plan


def _plan_children(
    plan: Plan, roster: Roster, pupils: MatchedPupils, known: Known, school_uai: str, findings: Findings
) -> None:
    plan.new_children = pupils.new
    for pupil in roster.pupils:
        if pupil.line in pupils.undecided:
            findings.notice(
                pupil.line, "this pupil may be another one known before: not imported, to be decided"
            )
        elif child := pupils.known.get(pupil.line):
            if _is_birth_date_disputed(child, pupil):
                findings.notice(
                    pupil.line, "another birth date than the one that the school corrected: that one is kept"
                )
            change = _change_of(child, pupil, school_uai)
            plan.changed_children += [change] if change else []
            plan.unchanged_children += change is None
    named = pupils.children_of(pupil.line for pupil in roster.pupils)
    present = _present_children(known, school_uai)
    plan.leaving_children = [child for child in present if child.child_id not in named]


def _change_of(child: KnownChild, pupil: Pupil, school_uai: str) -> ChangedChild | None:
    # An INE once known stays: a later extraction without it does not unsay it.
    details = replace(pupil.details, ine=pupil.details.ine or child.details.ine)
    roster_birth_date = None
    if _is_birth_date_disputed(child, pupil):
        # What the school corrected stays until its roster says the same.
        roster_birth_date = details.birth_date
        details = replace(details, birth_date=child.details.birth_date)
    moved_from = child.school_uai if child.school_uai != school_uai else None
    is_same = details == child.details and roster_birth_date == child.roster_birth_date
    if is_same and moved_from is None and not child.has_left:
        return None
    return ChangedChild(child.child_id, pupil.line, details, moved_from, child.has_left, roster_birth_date)


def _is_birth_date_disputed(child: KnownChild, pupil: Pupil) -> bool:
    """Whether the school has corrected this child's date, and the roster says another one than it."""
    return child.roster_birth_date is not None and pupil.details.birth_date != child.details.birth_date


def _present_children(known: Known, school_uai: str) -> list[KnownChild]:
    return [child for child in known.children if child.school_uai == school_uai and not child.has_left]


def _plan_guardians(
    plan: Plan, pupils: MatchedPupils, guardians: MatchedGuardians, school_uai: str, findings: Findings
) -> None:
    # An account without a child would be of no use, and no later import could tell whose it is.
    plan.new_guardians = [family for family in guardians.new if family.certain - pupils.undecided.keys()]
    for family, guardian in guardians.known:
        details = family.details
        if details.name_key != guardian.details.name_key:
            # Found by the name of an account attached to this one: the kept account keeps its own.
            details = replace(details, person=guardian.details.person)
        if details == guardian.details and guardian.school_uai == school_uai:
            plan.unchanged_guardians += 1
        else:
            plan.changed_guardians.append(ChangedGuardian(guardian.account_id, family.line, details))
    for family, candidates in guardians.undecided:
        findings.notice(
            family.line, f"{len(candidates)} accounts may be this guardian's: left alone, to be decided"
        )
    for family in (*guardians.new, *(family for family, _ in guardians.known)):
        for line in family.other_lines:
            findings.notice(
                line,
                f"read as the guardian of line {family.line}: same names, and a child, mobile or address",
            )


@dataclass(slots=True)
class _Links:
    plan: Plan
    pupils: MatchedPupils
    guardians: MatchedGuardians
    known: Known
    school_uai: str
    by_pair: Mapping[tuple[AccountId, ChildId], KnownLink] = field(init=False)
    named: set[tuple[AccountId, ChildId]] = field(init=False, default_factory=set)
    """Pairs that the roster states, or may state: none of them is detached."""

    def __post_init__(self) -> None:
        self.by_pair = {(link.account_id, link.child_id): link for link in self.known.links}

    def plan_links(self, of_pupils: Findings, of_guardians: Findings) -> None:
        for family, guardian in self.guardians.known:
            self._plan_known_guardian(family, guardian.account_id, of_guardians)
        for family in self.guardians.new:
            self._plan_new_guardian(family, of_guardians)
        self._detach_absent(of_pupils)
        self._count_departures()

    def _plan_known_guardian(self, family: Family, account_id: AccountId, findings: Findings) -> None:
        for target in self._targets(family.certain):
            link = None if isinstance(target, int) else self.by_pair.get((account_id, target))
            if link is None:
                self.plan.new_links.append(NewLink(account_id, target))
            else:
                self._keep(link)
        self.named |= {(account_id, child_id) for child_id in self.pupils.children_of(family.named_lines)}
        for doubt in family.doubts:
            children = self.pupils.children_of(doubt.pupils)
            # Once somebody has linked one of them, there is nothing left to decide.
            if not any((account_id, child_id) in self.by_pair for child_id in children):
                _tell_doubt(doubt, findings)

    def _plan_new_guardian(self, family: Family, findings: Findings) -> None:
        targets = self._targets(family.certain)
        self.plan.new_links += [NewLink(family.line, target) for target in targets]
        for doubt in family.doubts:
            _tell_doubt(doubt, findings)

    def _targets(self, lines: Iterable[int]) -> Iterator[ChildTarget]:
        for line in sorted(lines):
            if line not in self.pupils.undecided:
                child = self.pupils.known.get(line)
                yield child.child_id if child else line

    def _keep(self, link: KnownLink) -> None:
        if link.state is LinkState.DETACHED and link.ended_by is LinkEnder.ROSTER:
            self.plan.restored_links.append(link)
        elif link.state is not LinkState.ACTIVE:
            self.plan.suspended_links += 1
        elif link.school_uai != self.school_uai:
            self.plan.restated_links.append(link)
        else:
            self.plan.unchanged_links += 1

    def _detach_absent(self, findings: Findings) -> None:
        line_of = {child.child_id: line for line, child in self.pupils.known.items()}
        undecided = self._undecided_accounts()
        for link in self.known.links:
            is_named = (link.account_id, link.child_id) in self.named or link.account_id in undecided
            if link.state is not LinkState.ACTIVE or is_named or link.child_id not in line_of:
                continue
            if link.school_uai == self.school_uai:
                self.plan.detached_links.append(link)
            else:
                findings.notice(
                    line_of[link.child_id],
                    f"a guardian known from school {link.school_uai} only is not in this extraction: link kept,"
                    " to be decided",
                )

    def _undecided_accounts(self) -> set[AccountId]:
        return {guardian.account_id for _, candidates in self.guardians.undecided for guardian in candidates}

    def _count_departures(self) -> None:
        present_children = {child.child_id for child in _present_children(self.known, self.school_uai)}
        present = {
            link.account_id
            for link in self.known.links
            if link.state is LinkState.ACTIVE
            and link.school_uai == self.school_uai
            and link.child_id in present_children
        }
        staying = {guardian.account_id for _, guardian in self.guardians.known} | self._undecided_accounts()
        self.plan.guard = Guard(
            children=len(present_children),
            leaving_children=len(self.plan.leaving_children),
            guardians=len(present),
            leaving_guardians=len(present - staying),
        )


def _tell_doubt(doubt: Doubt, findings: Findings) -> None:
    findings.notice(
        doubt.line,
        "several pupils have this name in this class: not linked, to be decided",
        doubt.column,
        CHILD_COLUMNS[CHILD_FAMILY_NAME].name,
    )
