from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from idp.accounts.rules import AccountId, Person
from idp.families.rules import ChildId, LinkEnder, LinkState
from idp.roster.matching import Known, KnownChild, KnownGuardian, KnownLink
from idp.roster.plan import Guard, NewLink, Plan, plan_import
from idp.roster.rules import ChildDetails, ChildReference, GuardianDetails, GuardianRow, Pupil, Roster

HERE, ELSEWHERE = "0990001N", "0750001U"
MAEL = ChildDetails("N’GUYEN", "", "Maël", date(2017, 3, 14), "M", "123456789AB", "CE2", "CE2 B", "123456")
LEA = replace(MAEL, given_name="Léa", ine=None)
CELINE = GuardianDetails(Person("L’HÉNORET", "Céline"))
KNOWN_MAEL = KnownChild(ChildId(UUID(int=1)), MAEL, HERE, has_left=False)
KNOWN_CELINE = KnownGuardian(AccountId(UUID(int=101)), CELINE, HERE)
KNOWN_LINK = KnownLink(KNOWN_CELINE.account_id, KNOWN_MAEL.child_id, LinkState.ACTIVE, None, HERE)
KNOWN = Known([KNOWN_MAEL], [KNOWN_CELINE], [KNOWN_LINK])


def row(line: int, *children: ChildDetails, details: GuardianDetails = CELINE) -> GuardianRow:
    return GuardianRow(line, details, tuple(ChildReference(14, child.class_key) for child in children))


def plan(pupils: Sequence[ChildDetails], guardians: Sequence[GuardianRow], known: Known = KNOWN) -> Plan:
    lines = [Pupil(line, details) for line, details in enumerate(pupils, 5)]
    roster = Roster(lines, (), guardians, ())
    return plan_import(
        roster, known, school_uai=HERE, pupils_file="pupils.csv", guardians_file="guardians.csv"
    )


def test_a_first_roster_creates_everything() -> None:
    planned = plan([MAEL, LEA], [row(2, MAEL, LEA)], Known())

    assert [pupil.line for pupil in planned.new_children] == [5, 6]
    assert [family.line for family in planned.new_guardians] == [2]
    assert planned.new_links == [NewLink(2, 5), NewLink(2, 6)]
    assert (planned.without_ine, planned.writes) == (1, 5)


def test_im_15_the_same_roster_again_plans_nothing() -> None:
    planned = plan([MAEL], [row(2, MAEL)])

    assert planned.writes == 0
    assert (planned.unchanged_children, planned.unchanged_guardians, planned.unchanged_links) == (1, 1, 1)


def test_pc_12_a_child_named_twice_by_one_guardian_is_linked_once() -> None:
    assert plan([MAEL], [row(2, MAEL, MAEL), row(3, MAEL)], Known()).new_links == [NewLink(2, 5)]


def test_a_changed_class_is_a_changed_child() -> None:
    moved_up = replace(MAEL, class_label="CM1 A", level="CM1")

    planned = plan([moved_up], [row(2, moved_up)])

    assert [(change.details, change.moved_from) for change in planned.changed_children] == [(moved_up, None)]
    assert planned.writes == 1


def test_an_ine_once_known_is_not_unsaid() -> None:
    silent = replace(MAEL, ine=None)

    assert plan([silent], [row(2, silent)]).writes == 0


def test_a_child_of_another_school_moves_here_with_its_links() -> None:
    known = Known(
        [replace(KNOWN_MAEL, school_uai=ELSEWHERE)],
        [replace(KNOWN_CELINE, school_uai=ELSEWHERE)],
        [replace(KNOWN_LINK, school_uai=ELSEWHERE)],
    )

    planned = plan([MAEL], [row(2, MAEL)], known)

    assert [change.moved_from for change in planned.changed_children] == [ELSEWHERE]
    assert (planned.new_guardians, planned.new_links) == ([], [])
    assert len(planned.restated_links) == 1


def test_an_absent_child_leaves_and_its_links_stay() -> None:
    planned = plan([LEA], [row(2, LEA)])

    assert planned.leaving_children == [KNOWN_MAEL]
    assert planned.detached_links == []


def test_a_child_who_left_and_is_back_has_returned() -> None:
    known = replace(KNOWN, children=[replace(KNOWN_MAEL, has_left=True)])

    assert [change.has_returned for change in plan([MAEL], [row(2, MAEL)], known).changed_children] == [True]


def test_a_guardian_absent_while_the_child_is_present_is_detached() -> None:
    father = replace(CELINE, person=Person("D’ARC", "Gaëtan"))

    assert plan([MAEL], [row(2, MAEL, details=father)]).detached_links == [KNOWN_LINK]


def test_a_link_that_only_another_school_stated_is_kept_and_told() -> None:
    known = replace(KNOWN, links=[replace(KNOWN_LINK, school_uai=ELSEWHERE)])

    planned = plan([MAEL], [], known)

    assert planned.detached_links == []
    assert [(notice.file, notice.line) for notice in planned.notices] == [("pupils.csv", 5)]


def test_a_link_that_a_roster_detached_comes_back_with_a_roster() -> None:
    detached = replace(KNOWN_LINK, state=LinkState.DETACHED, ended_by=LinkEnder.ROSTER)

    assert plan([MAEL], [row(2, MAEL)], replace(KNOWN, links=[detached])).restored_links == [detached]


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED])
@pytest.mark.parametrize("ender", [LinkEnder.SCHOOL_HEAD, LinkEnder.GUARDIAN, None])
def test_an_import_never_revives_what_a_person_ended(state: LinkState, ender: LinkEnder | None) -> None:
    ended = replace(KNOWN_LINK, state=state, ended_by=ender)

    planned = plan([MAEL], [row(2, MAEL)], replace(KNOWN, links=[ended]))

    assert (planned.writes, planned.suspended_links) == (0, 1)


def test_an_absent_guardian_whose_link_is_frozen_stays_frozen() -> None:
    frozen = replace(KNOWN_LINK, state=LinkState.FROZEN, ended_by=LinkEnder.GUARDIAN)

    assert plan([MAEL], [], replace(KNOWN, links=[frozen])).writes == 0


def test_im_03_homonyms_are_imported_reported_and_not_linked() -> None:
    namesake = replace(MAEL, ine="123456789CD", birth_date=date(2017, 9, 9))

    planned = plan([MAEL, namesake], [row(2, MAEL)], Known())

    assert len(planned.new_children) == 2
    assert (planned.new_guardians, planned.new_links) == ([], [])
    assert [(notice.file, notice.line, notice.column) for notice in planned.notices] == [
        ("guardians.csv", 2, 14)
    ]


def test_a_link_to_one_of_two_homonyms_stays_once_somebody_decided() -> None:
    namesake = replace(MAEL, ine="123456789CD", birth_date=date(2017, 9, 9))
    other = replace(KNOWN_MAEL, child_id=ChildId(UUID(int=2)), details=namesake)

    planned = plan([MAEL, namesake], [row(2, MAEL)], replace(KNOWN, children=[KNOWN_MAEL, other]))

    assert planned.writes == 0
    assert planned.notices == []


def test_an_undecided_guardian_keeps_the_links_of_every_account_it_may_be() -> None:
    namesake = replace(KNOWN_CELINE, account_id=AccountId(UUID(int=102)))
    second = replace(KNOWN_LINK, account_id=namesake.account_id)
    known = replace(KNOWN, guardians=[KNOWN_CELINE, namesake], links=[KNOWN_LINK, second])

    planned = plan([MAEL], [row(2, MAEL)], known)

    assert planned.writes == 0
    assert planned.guard.leaving_guardians == 0
    assert [(notice.file, notice.line) for notice in planned.notices] == [("guardians.csv", 2)]


def test_a_pupil_under_the_ine_of_another_child_is_left_alone_and_told() -> None:
    stranger = replace(MAEL, given_name="Zoé", birth_date=date(2019, 1, 1))
    known = replace(KNOWN, children=[replace(KNOWN_MAEL, school_uai=ELSEWHERE)])

    planned = plan(
        [stranger], [row(2, stranger, details=replace(CELINE, person=Person("D’ARC", "Zoé")))], known
    )

    assert planned.writes == 0
    assert [(notice.file, notice.line) for notice in planned.notices] == [("pupils.csv", 5)]


def test_a_guardian_with_no_child_to_link_gets_no_account() -> None:
    assert plan([MAEL], [row(2)], Known()).new_guardians == []


def test_a_guardians_new_address_is_a_change() -> None:
    moved = replace(CELINE, address="2 rue du Lac\n21000 DIJON")

    assert [change.details for change in plan([MAEL], [row(2, MAEL, details=moved)]).changed_guardians] == [
        moved
    ]


@pytest.mark.parametrize(
    ("guard", "stopped"),
    [
        (Guard(children=10, leaving_children=4), ["children"]),
        (Guard(children=100, leaving_children=39), []),
        (Guard(guardians=10, leaving_guardians=4), ["guardians"]),
        (Guard(children=5, leaving_children=5, guardians=5, leaving_guardians=5), ["children", "guardians"]),
        (Guard(), []),
    ],
)
def test_im_03_a_mass_departure_is_objected_to_from_forty_percent_on(
    guard: Guard, stopped: list[str]
) -> None:
    reasons = Plan(guard=guard).mass_departures(40)

    assert [reason.split()[3] for reason in reasons] == stopped


def test_the_guard_counts_children_and_guardians_present_before() -> None:
    assert plan([LEA], [row(2, LEA, details=replace(CELINE, person=Person("D’ARC", "Zoé")))]).guard == Guard(
        1, 1, 1, 1
    )
