from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from idp.accounts.rules import AccountId, Person
from idp.families.rules import ChildId, LinkState
from idp.roster.matching import (
    Known,
    KnownChild,
    KnownGuardian,
    KnownLink,
    MatchedPupils,
    find_families,
    match_guardians,
    match_pupils,
)
from idp.roster.rules import ChildDetails, ChildReference, GuardianDetails, GuardianRow, Pupil, Roster

HERE, ELSEWHERE = "0990001N", "0750001U"
MAEL = ChildDetails("N’GUYEN", "", "Maël", date(2017, 3, 14), "M", None, "CE2", "CE2 B", "123456")
WITH_INE = replace(MAEL, ine="123456789AB")
CELINE = GuardianDetails(Person("L’HÉNORET", "Céline"))


def child(details: ChildDetails, number: int = 1, *, school: str = HERE) -> KnownChild:
    return KnownChild(ChildId(UUID(int=number)), details, school, has_left=False)


def guardian(
    details: GuardianDetails = CELINE, number: int = 101, *, school: str = HERE, **values
) -> KnownGuardian:
    return KnownGuardian(AccountId(UUID(int=number)), details, school, **values)


def link(of: KnownGuardian, to: KnownChild, state: LinkState = LinkState.ACTIVE) -> KnownLink:
    return KnownLink(of.account_id, to.child_id, state, None, HERE)


def row(line: int, *children: ChildDetails, details: GuardianDetails = CELINE) -> GuardianRow:
    references = tuple(ChildReference(14 + 4 * index, each.class_key) for index, each in enumerate(children))
    return GuardianRow(line, details, references)


def roster(pupils: list[Pupil], *guardians: GuardianRow, preschool=()) -> Roster:
    return Roster(pupils, preschool, guardians, ())


class TestPupils:
    def match(self, details: ChildDetails, *known: KnownChild) -> MatchedPupils:
        return match_pupils([Pupil(2, details)], known, HERE)

    def test_the_same_ine_is_the_same_child_in_any_school(self) -> None:
        known = child(WITH_INE, school=ELSEWHERE)

        assert self.match(replace(WITH_INE, class_label="CM1"), known).known == {2: known}

    @pytest.mark.parametrize("corrected", [{"given_name": "Maëlle"}, {"birth_date": date(2017, 4, 14)}])
    def test_a_name_or_a_date_may_be_corrected_under_the_same_ine(self, corrected: dict[str, object]) -> None:
        assert self.match(replace(WITH_INE, **corrected), child(WITH_INE)).known  # type: ignore[arg-type]

    def test_another_child_under_the_same_ine_is_undecided(self) -> None:
        stranger = replace(WITH_INE, given_name="Zoé", birth_date=date(2019, 1, 1))

        matched = self.match(stranger, child(WITH_INE, school=ELSEWHERE))

        assert matched.known == {}
        assert list(matched.undecided) == [2]

    def test_without_an_ine_names_and_birth_date_tell_in_this_school(self) -> None:
        typed = replace(MAEL, family_name="n'guyen", given_name="MAEL")

        assert self.match(typed, child(MAEL)).known
        assert self.match(typed, child(MAEL, school=ELSEWHERE)).new
        assert self.match(replace(typed, birth_date=date(2017, 3, 15)), child(MAEL)).new

    def test_an_ine_that_comes_later_or_goes_is_the_same_child(self) -> None:
        assert self.match(WITH_INE, child(MAEL)).known
        assert self.match(MAEL, child(WITH_INE)).known

    def test_two_ines_are_two_children(self) -> None:
        assert self.match(replace(MAEL, ine="123456789CD"), child(WITH_INE)).new

    def test_one_of_two_known_namesakes_is_undecided(self) -> None:
        matched = self.match(MAEL, child(WITH_INE), child(replace(MAEL, ine="123456789CD"), 2))

        assert len(matched.undecided[2]) == 2

    def test_a_child_matched_by_its_ine_is_not_matched_again_by_name(self) -> None:
        renamed = replace(WITH_INE, given_name="Maëlle")

        matched = match_pupils([Pupil(2, renamed), Pupil(3, MAEL)], [child(WITH_INE)], HERE)

        assert list(matched.known) == [2]
        assert [pupil.line for pupil in matched.new] == [3]


class TestFamilies:
    def test_children_are_joined_on_names_and_class_without_case_or_accents(self) -> None:
        typed = replace(MAEL, family_name="N'GUYEN", given_name="MAEL", class_label="ce2 b")

        (family,) = find_families(roster([Pupil(5, MAEL)], row(2, typed)))

        assert family.certain == {5}

    def test_two_pupils_of_the_same_names_and_class_are_a_doubt(self) -> None:
        twins_by_name = [Pupil(5, MAEL), Pupil(6, replace(MAEL, birth_date=date(2017, 9, 9)))]

        (family,) = find_families(roster(twins_by_name, row(2, MAEL)))

        assert family.certain == frozenset()
        assert [(doubt.line, doubt.column, doubt.pupils) for doubt in family.doubts] == [(2, 14, (5, 6))]

    def test_a_namesake_in_preschool_of_the_same_class_is_a_doubt(self) -> None:
        (family,) = find_families(roster([Pupil(5, MAEL)], row(2, MAEL), preschool=[MAEL.class_key]))

        assert family.certain == frozenset()
        assert family.doubts

    def test_rows_of_one_name_with_a_common_child_are_one_guardian(self) -> None:
        lea = replace(MAEL, given_name="Léa")
        complete = replace(CELINE, email="c@famille.example")

        (family,) = find_families(
            roster([Pupil(5, MAEL), Pupil(6, lea)], row(2, MAEL), row(3, MAEL, lea, details=complete))
        )

        assert (family.line, family.other_lines, family.certain) == (2, (3,), frozenset({5, 6}))
        assert family.details.email == "c@famille.example"

    def test_rows_of_one_name_are_joined_through_a_third(self) -> None:
        lea, zoe = replace(MAEL, given_name="Léa"), replace(MAEL, given_name="Zoé")
        pupils = [Pupil(5, MAEL), Pupil(6, lea), Pupil(7, zoe)]
        by_phone = replace(CELINE, phone="+33639980001")

        families = find_families(
            roster(pupils, row(2, MAEL), row(3, lea, details=by_phone), row(4, MAEL, zoe, details=by_phone))
        )

        assert [(family.line, family.certain) for family in families] == [(2, frozenset({5, 6, 7}))]

    def test_rows_of_one_name_and_nothing_in_common_are_two_guardians(self) -> None:
        lea = replace(MAEL, given_name="Léa")

        assert len(find_families(roster([Pupil(5, MAEL), Pupil(6, lea)], row(2, MAEL), row(3, lea)))) == 2

    def test_rows_of_two_names_and_one_address_are_two_guardians(self) -> None:
        home = replace(CELINE, address="1 rue du Lac\n21000 DIJON")
        father = replace(home, person=Person("L’HÉNORET", "Gaëtan"))

        assert (
            len(
                find_families(
                    roster([Pupil(5, MAEL)], row(2, MAEL, details=home), row(3, MAEL, details=father))
                )
            )
            == 2
        )


class TestGuardians:
    def match(self, known: Known, *rows: GuardianRow, pupils: tuple[ChildDetails, ...] = (WITH_INE,)):
        lines = [Pupil(5 + index, details) for index, details in enumerate(pupils)]
        matched = match_pupils(lines, known.children, HERE)
        return match_guardians(find_families(roster(lines, *rows)), matched, known, HERE)

    def test_same_names_and_a_common_child_are_the_same_guardian_even_from_another_school(self) -> None:
        mael, celine = child(WITH_INE, school=ELSEWHERE), guardian(school=ELSEWHERE)

        matched = self.match(Known([mael], [celine], [link(celine, mael)]), row(2, WITH_INE))

        assert [found for _, found in matched.known] == [celine]

    @pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED])
    def test_a_suspended_link_still_tells_who_the_guardian_is(self, state: LinkState) -> None:
        mael, celine = child(WITH_INE), guardian()

        assert self.match(Known([mael], [celine], [link(celine, mael, state)]), row(2, WITH_INE)).known

    def test_another_given_name_is_another_guardian(self) -> None:
        mael, celine = child(WITH_INE), guardian()
        other = replace(CELINE, person=Person("L’HÉNORET", "Céleste"))

        assert self.match(Known([mael], [celine], [link(celine, mael)]), row(2, WITH_INE, details=other)).new

    def test_same_names_and_mobile_are_the_same_guardian_in_this_school_only(self) -> None:
        reached = replace(CELINE, phone="+33639980001")

        assert self.match(Known([], [guardian(reached)]), row(2, WITH_INE, details=reached)).known
        assert self.match(
            Known([], [guardian(reached, school=ELSEWHERE)]), row(2, WITH_INE, details=reached)
        ).new

    def test_same_names_alone_are_nobody_known(self) -> None:
        assert self.match(Known([], [guardian()]), row(2, WITH_INE)).new

    def test_several_candidates_are_undecided(self) -> None:
        mael, one, other = child(WITH_INE), guardian(), guardian(number=102)
        known = Known([mael], [one, other], [link(one, mael), link(other, mael)])

        matched = self.match(known, row(2, WITH_INE))

        assert [(family.line, candidates) for family, candidates in matched.undecided] == [(2, (one, other))]

    def test_an_address_decides_between_namesakes_of_one_child(self) -> None:
        home = replace(CELINE, address="1 rue du Lac\n21000 DIJON")
        mael, one, other = child(WITH_INE), guardian(home), guardian(number=102)
        known = Known([mael], [one, other], [link(one, mael), link(other, mael)])

        assert [found for _, found in self.match(known, row(2, WITH_INE, details=home)).known] == [one]

    def test_a_merged_account_is_nobodys_any_more(self) -> None:
        mael, merged, kept = child(WITH_INE), guardian(is_merged=True), guardian(number=102)
        known = Known([mael], [merged, kept], [link(merged, mael, LinkState.MERGED), link(kept, mael)])

        assert [found for _, found in self.match(known, row(2, WITH_INE)).known] == [kept]

    def test_two_rows_of_one_known_guardian_are_read_as_one(self) -> None:
        lea = replace(MAEL, given_name="Léa", ine="123456789CD")
        mael, other, celine = child(WITH_INE), child(lea, 2), guardian()
        known = Known([mael, other], [celine], [link(celine, mael), link(celine, other)])

        matched = self.match(known, row(2, WITH_INE), row(3, lea), pupils=(WITH_INE, lea))

        assert [(family.line, family.other_lines, found) for family, found in matched.known] == [
            (2, (3,), celine)
        ]
