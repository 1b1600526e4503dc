from datetime import date
from uuid import UUID

from idp.accounts.rules import AccountId, Person
from idp.families.rules import ChildId, LinkState
from idp.roster import report
from idp.roster.matching import Family, KnownChild, KnownLink
from idp.roster.plan import ChangedChild, Guard, NewLink, Plan
from idp.roster.report import Change
from idp.roster.rules import ChildDetails, GuardianDetails, Pupil, Remark

MAEL = ChildDetails("N’GUYEN", "LE GOFF", "Maël", date(2017, 3, 14), "M", None, "CE2", "CE2 B", "123456")
CELINE = Family(3, GuardianDetails(Person("L’HÉNORET", "Céline")), frozenset({2}))
CHILD_ID, ACCOUNT_ID = ChildId(UUID(int=1)), AccountId(UUID(int=2))
LINK = KnownLink(ACCOUNT_ID, CHILD_ID, LinkState.ACTIVE, None, "0990001N")


def test_every_change_is_told_with_its_line_and_identifier() -> None:
    plan = Plan(
        new_children=[Pupil(2, MAEL)],
        new_guardians=[CELINE],
        new_links=[NewLink(3, 2), NewLink(ACCOUNT_ID, CHILD_ID)],
        detached_links=[LINK],
        leaving_children=[KnownChild(CHILD_ID, MAEL, "0990001N", has_left=False)],
        labels={CHILD_ID: "DUPONT Léa", ACCOUNT_ID: "D’ARC Ana"},
    )

    assert list(report.changes(plan, {3: "c.lhenoret"})) == [
        Change("new", "child", 2, "LE GOFF Maël, CE2 B"),
        Change("leaving", "child", None, "LE GOFF Maël"),
        Change("new", "guardian", 3, "L’HÉNORET Céline", "c.lhenoret"),
        Change("new", "link", None, "L’HÉNORET Céline → LE GOFF Maël"),
        Change("new", "link", None, "D’ARC Ana → DUPONT Léa"),
        Change("detached", "link", None, "D’ARC Ana → DUPONT Léa"),
    ]


def test_a_child_who_moved_or_returned_is_told_so() -> None:
    moved = ChangedChild(CHILD_ID, 2, MAEL, "0750001U", has_returned=True)
    returned = ChangedChild(CHILD_ID, 2, MAEL, None, has_returned=True)
    changed = ChangedChild(CHILD_ID, 2, MAEL, None, has_returned=False)

    acts = [change.act for change in report.changes(Plan(changed_children=[moved, returned, changed]), {})]

    assert acts == ["moved from 0750001U", "returned", "changed"]


def test_a_change_is_written_on_one_line() -> None:
    assert (
        report.written(Change("new", "guardian", 3, "D’ARC Ana", "a.darc"))
        == "new guardian: D’ARC Ana, a.darc (line 3)"
    )
    assert report.written(Change("leaving", "child", None, "D’ARC Zoé")) == "leaving child: D’ARC Zoé"


def test_the_summary_says_only_the_facts_there_are() -> None:
    plan = Plan(new_children=[Pupil(2, MAEL)], without_ine=1, guard=Guard(guardians=9, leaving_guardians=2))

    assert [line.split() for line in report.summary(plan).splitlines()] == [
        ["new", "changed", "unchanged", "leaving"],
        ["children", "1", "0", "0", "0"],
        ["guardians", "0", "0", "0", "2"],
        ["links", "0", "0", "0", "0"],
        "children without INE, whose livret comes once they have one: 1".split(),
    ]


def test_the_plan_as_json_has_counts_changes_and_notices() -> None:
    plan = Plan(new_children=[Pupil(2, MAEL)], notices=[Remark("p.csv", 2, 6, "INE", "odd")])

    values = report.as_json(plan, {})

    assert values["children"] == {"new": 1, "changed": 0, "unchanged": 0, "leaving": 0}
    assert values["changes"][0]["label"] == "LE GOFF Maël, CE2 B"
    assert values["notices"] == [
        {"file": "p.csv", "line": 2, "column": 6, "column_name": "INE", "reason": "odd"}
    ]
