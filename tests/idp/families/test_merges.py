"""One person, two accounts: links taken over and given back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families import merges
from idp.families import service as families
from idp.families.merges import Merge, MergeNotUndone, NewerMergeFirst
from idp.families.models import Link
from idp.families.rules import ChildId, LinkEnder, LinkState, MergeUndoer
from tests.conftest import MORNING
from tests.factories import LONG_AGO, make_account, make_child, make_link

pytestmark = pytest.mark.usefixtures("idp_context")
OTHER_SCHOOL = "0990002P"


@pytest.fixture
def kept() -> AccountId:
    return make_account(identifier="c.kept")


@pytest.fixture
def other() -> AccountId:
    return make_account(identifier="c.other", school_uai=OTHER_SCHOOL)


def do_merge(kept: AccountId, other: AccountId, *, at: datetime = MORNING) -> Merge:
    with transaction():
        return merges.merge_links(kept, other, now=at)


def undo(merge: Merge, *, at: datetime = MORNING) -> None:
    with transaction():
        found = merges.find_merge_to_undo(merge.merge_id, now=at)
        merges.undo_merge(found, MergeUndoer.GUARDIAN, now=at)


def children(account_id: AccountId) -> set[UUID]:
    db.session.rollback()
    return {child.child_id for child in families.children_of(account_id)}


def link_of(account_id: AccountId, child_id: ChildId) -> Link:
    db.session.rollback()
    return db.session.scalars(
        select(Link)
        .where(Link.account_id == account_id, Link.child_id == child_id)
        .execution_options(populate_existing=True)
    ).one()


def end(account_id: AccountId, child_id: ChildId, state: LinkState, by: LinkEnder, at: datetime) -> None:
    with transaction():
        link = db.session.scalars(
            select(Link).where(Link.account_id == account_id, Link.child_id == child_id)
        ).one()
        link.state, link.ended_by, link.ended_at = state, by, at


def test_links_move_and_an_undo_gives_each_back_as_it_was(kept: AccountId, other: AccountId) -> None:
    lea, enzo = make_child(given_name="Léa"), make_child(given_name="Enzo", school_uai=OTHER_SCHOOL)
    make_link(kept, lea)
    link_id = make_link(other, enzo, relationship="mère").id

    merge = do_merge(kept, other)

    assert children(kept) == {lea, enzo}
    assert children(other) == set()
    assert link_of(kept, enzo).id == link_id
    assert link_of(kept, enzo).relationship == "mère"

    undo(merge)

    assert children(kept) == {lea}
    assert children(other) == {enzo}
    assert link_of(other, enzo).merge_id is None


def test_pc_12_a_child_linked_to_both_accounts_is_there_once(kept: AccountId, other: AccountId) -> None:
    shared = make_child()
    make_link(kept, shared)
    make_link(other, shared)

    merge = do_merge(kept, other)

    assert [child.child_id for child in families.children_of(kept)] == [shared]
    assert link_of(other, shared).state is LinkState.MERGED

    undo(merge)

    assert children(kept) == children(other) == {shared}


def test_a_frozen_link_moves_frozen_and_stays_so_after_an_undo(kept: AccountId, other: AccountId) -> None:
    child = make_child()
    make_link(other, child, state=LinkState.FROZEN, ended_at=LONG_AGO, ended_by=LinkEnder.SCHOOL_HEAD)

    merge = do_merge(kept, other)
    assert link_of(kept, child).state is LinkState.FROZEN

    undo(merge)
    assert link_of(other, child).state is LinkState.FROZEN


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED])
@pytest.mark.parametrize("is_on_both", [True, False])
def test_what_a_head_ended_after_the_merge_stays_ended_after_the_undo(
    kept: AccountId, other: AccountId, state: LinkState, *, is_on_both: bool
) -> None:
    child = make_child()
    make_link(other, child)
    if is_on_both:
        make_link(kept, child)
    merge = do_merge(kept, other)
    end(kept, child, state, LinkEnder.SCHOOL_HEAD, MORNING + timedelta(days=1))

    undo(merge, at=MORNING + timedelta(days=2))

    assert children(kept) == children(other) == set()
    assert link_of(other, child).state is state


def test_attaching_revives_no_link_that_a_person_ended(kept: AccountId, other: AccountId) -> None:
    frozen, detached = make_child(), make_child(given_name="Zoé")
    make_link(kept, frozen, state=LinkState.FROZEN, ended_by=LinkEnder.GUARDIAN)
    make_link(kept, detached, state=LinkState.DETACHED, ended_by=LinkEnder.SCHOOL_HEAD)
    make_link(other, frozen)
    make_link(other, detached)

    do_merge(kept, other)

    assert children(kept) == set()


def test_a_freeze_on_either_account_holds_for_the_one_that_remains(kept: AccountId, other: AccountId) -> None:
    child = make_child()
    make_link(kept, child)
    make_link(other, child, state=LinkState.FROZEN, ended_at=LONG_AGO, ended_by=LinkEnder.SCHOOL_HEAD)

    merge = do_merge(kept, other)
    assert link_of(kept, child).state is LinkState.FROZEN

    undo(merge)
    assert link_of(kept, child).state is LinkState.FROZEN
    assert link_of(other, child).state is LinkState.FROZEN


def test_a_link_that_only_a_roster_ended_gives_way_and_ends_again_with_the_undo(
    kept: AccountId, other: AccountId
) -> None:
    child = make_child(school_uai=OTHER_SCHOOL)
    make_link(
        kept,
        child,
        state=LinkState.DETACHED,
        ended_by=LinkEnder.ROSTER,
        ended_at=LONG_AGO,
        school_uai="0990001N",
    )
    make_link(other, child)

    merge = do_merge(kept, other)
    assert children(kept) == {child}
    assert link_of(kept, child).school_uai == OTHER_SCHOOL

    undo(merge)
    assert children(kept) == set()
    assert children(other) == {child}
    assert (link_of(kept, child).ended_by, link_of(kept, child).school_uai) == (LinkEnder.ROSTER, "0990001N")


def test_an_undo_works_on_the_thirtieth_day_to_its_last_second_and_not_on_the_next(
    kept: AccountId, other: AccountId
) -> None:
    make_link(other, make_child())
    merge = do_merge(kept, other)
    last_second = datetime(2026, 12, 23, 22, 59, 59, tzinfo=UTC)  # of the day, in France

    with pytest.raises(MergeNotUndone):
        undo(merge, at=last_second + timedelta(seconds=1))
    with pytest.raises(MergeNotUndone):
        undo(merge, at=MORNING + timedelta(days=31))
    undo(merge, at=last_second)

    assert children(kept) == set()


def test_a_merge_is_undone_once(kept: AccountId, other: AccountId) -> None:
    merge = do_merge(kept, other)
    undo(merge)

    with pytest.raises(MergeNotUndone):
        undo(merge)


def test_a_merge_of_another_account_is_not_found(kept: AccountId, other: AccountId) -> None:
    merge = do_merge(kept, other)

    with pytest.raises(MergeNotUndone):
        merges.find_merge_to_undo(merge.merge_id, kept=make_account(), now=MORNING)


def test_merges_that_met_the_same_child_are_undone_in_their_reverse_order(
    kept: AccountId, other: AccountId
) -> None:
    third, child = make_account(identifier="c.third"), make_child()
    make_link(other, child)
    make_link(third, child)
    first = do_merge(kept, other)
    second = do_merge(kept, third, at=MORNING + timedelta(hours=1))

    with pytest.raises(NewerMergeFirst):
        undo(first, at=MORNING + timedelta(hours=2))
    undo(second, at=MORNING + timedelta(hours=2))
    undo(first, at=MORNING + timedelta(hours=2))

    assert (children(kept), children(other), children(third)) == (set(), {child}, {child})


def test_merges_that_have_no_child_in_common_are_undone_in_any_order(
    kept: AccountId, other: AccountId
) -> None:
    third, lea, enzo = make_account(identifier="c.third"), make_child(), make_child(given_name="Enzo")
    make_link(other, lea)
    make_link(third, enzo)
    first = do_merge(kept, other)
    do_merge(kept, third, at=MORNING + timedelta(hours=1))

    undo(first, at=MORNING + timedelta(hours=2))

    assert (children(kept), children(other)) == ({enzo}, {lea})


def test_an_account_merged_with_what_it_had_taken_itself_gives_all_back(
    kept: AccountId, other: AccountId
) -> None:
    third, child = make_account(identifier="c.third"), make_child()
    make_link(third, child)
    inner = do_merge(other, third)
    outer = do_merge(kept, other, at=MORNING + timedelta(hours=1))

    assert children(kept) == {child}
    assert merges.kept_identifier(third) == merges.kept_identifier(other) == "c.kept"
    with pytest.raises(NewerMergeFirst):
        undo(inner, at=MORNING + timedelta(hours=2))
    undo(outer, at=MORNING + timedelta(hours=2))
    assert children(other) == {child}
    assert merges.kept_identifier(third) == "c.other"
    undo(inner, at=MORNING + timedelta(hours=2))
    assert children(third) == {child}
    assert merges.kept_identifier(third) is None


def test_the_page_learns_which_account_was_closed_and_which_children_came(
    kept: AccountId, other: AccountId
) -> None:
    make_link(other, make_child(given_name="Zoé"))
    make_link(other, make_child(given_name="Léa"))
    merge = do_merge(kept, other)

    (standing,) = merges.standing_merges(kept)

    assert (standing.merge_id, standing.identifier, standing.given_names) == (
        merge.merge_id,
        "c.other",
        ("Léa", "Zoé"),
    )
    assert [link.merged_at for link in families.own_links(kept)] == [MORNING, MORNING]
    assert families.own_links(other) == ()
