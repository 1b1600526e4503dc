"""A plan in words and numbers, for the operator. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from idp.roster.plan import ChangedChild, NewLink, Plan
from idp.roster.rules import Remark


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `line` is that of its file (pupils' or guardians'), None for what the files no longer name."""

    act: str
    what: str
    line: int | None
    label: str
    identifier: str | None = None


def changes(plan: Plan, identifiers: Mapping[int, str]) -> Iterator[Change]:
    """Every change of the plan: children, then guardians, then links."""
    yield from _children(plan)
    for family in plan.new_guardians:
        yield Change("new", "guardian", family.line, family.details.label, identifiers.get(family.line))
    for guardian in plan.changed_guardians:
        yield Change("changed", "guardian", guardian.line, guardian.details.label)
    yield from _links(plan)


def counts(plan: Plan) -> dict[str, dict[str, int]]:
    """How many of each, for the summary; `leaving` guardians have no child left in this school's roster."""
    return {
        "children": {
            "new": len(plan.new_children),
            "changed": len(plan.changed_children),
            "unchanged": plan.unchanged_children,
            "leaving": len(plan.leaving_children),
        },
        "guardians": {
            "new": len(plan.new_guardians),
            "changed": len(plan.changed_guardians),
            "unchanged": plan.unchanged_guardians,
            "leaving": plan.guard.leaving_guardians,
        },
        "links": {
            "new": len(plan.new_links),
            "changed": len(plan.restored_links) + len(plan.restated_links),
            "unchanged": plan.unchanged_links + plan.suspended_links,
            "leaving": len(plan.detached_links),
        },
    }


def as_json(plan: Plan, identifiers: Mapping[int, str]) -> dict[str, Any]:
    """The plan as JSON values."""
    return {
        **counts(plan),
        "without_ine": plan.without_ine,
        "preschool": plan.preschool,
        "suspended_links": plan.suspended_links,
        "changes": [asdict(change) for change in changes(plan, identifiers)],
        "notices": [asdict(notice) for notice in plan.notices],
    }


def summary(plan: Plan) -> str:
    """A table of counts, and the facts that need one line each."""
    rows: list[tuple[str, ...]] = [("", "new", "changed", "unchanged", "leaving")]
    rows += [(what, *(str(number) for number in numbers.values())) for what, numbers in counts(plan).items()]
    lines = [f"{row[0]:<10}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows]
    facts = (
        (plan.without_ine, "children without INE, whose livret comes once they have one"),
        (plan.preschool, "pupils of TPS to GS skipped"),
        (plan.suspended_links, "links ended by a school head or a guardian, left as they are"),
    )
    return "\n".join([*lines, *(f"{fact}: {number}" for number, fact in facts if number)])


def written(change: Change) -> str:
    """One change on one line."""
    place = f" (line {change.line})" if change.line else ""
    identifier = f", {change.identifier}" if change.identifier else ""
    return f"{change.act} {change.what}: {change.label}{identifier}{place}"


def problems_as_json(problems: list[Remark]) -> list[dict[str, Any]]:
    """The problems as JSON values."""
    return [asdict(problem) for problem in problems]


def _children(plan: Plan) -> Iterator[Change]:
    for pupil in plan.new_children:
        yield Change("new", "child", pupil.line, f"{pupil.details.label}, {pupil.details.class_label}")
    for change in plan.changed_children:
        label = f"{change.details.label}, {change.details.class_label}"
        yield Change(_act_on(change), "child", change.line, label)
    for child in plan.leaving_children:
        yield Change("leaving", "child", None, child.details.label)


def _act_on(change: ChangedChild) -> str:
    if change.moved_from:
        return f"moved from {change.moved_from}"
    return "returned" if change.has_returned else "changed"


def _links(plan: Plan) -> Iterator[Change]:
    children = {pupil.line: pupil.details.label for pupil in plan.new_children}
    guardians = {family.line: family.details.label for family in plan.new_guardians}
    for link in plan.new_links:
        yield Change("new", "link", None, _pair(link, guardians, children, plan))
    moves = (
        ("restored", plan.restored_links),
        ("restated", plan.restated_links),
        ("detached", plan.detached_links),
    )
    for act, links in moves:
        for known in links:
            yield Change(
                act, "link", None, f"{plan.labels[known.account_id]} → {plan.labels[known.child_id]}"
            )


def _pair(link: NewLink, guardians: Mapping[int, str], children: Mapping[int, str], plan: Plan) -> str:
    guardian = guardians[link.guardian] if isinstance(link.guardian, int) else plan.labels[link.guardian]
    child = children[link.child] if isinstance(link.child, int) else plan.labels[link.child]
    return f"{guardian} → {child}"
