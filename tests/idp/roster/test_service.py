from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from idp.accounts import service as accounts
from idp.accounts.models import Account, AccountState, GivenIdentifier
from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import birth_dates, dormancy, merges
from idp.families import service as families
from idp.families.models import Child, Guardian, Link, LinkEnder, LinkState, School
from idp.messaging.models import OutboxMessage
from idp.roster import service
from idp.roster.extraction import ExtractionRefused
from idp.roster.service import MassDeparture, RosterImport, RosterOrder
from tests.conftest import empty_tables
from tests.idp.roster.files import GuardianLine, PupilLine, guardians_file, pupils_file

pytestmark = pytest.mark.usefixtures("idp_context")

HERE, ELSEWHERE = "0990001N", "0750001U"
LEA = PupilLine("Léa", "DUPONT", ine="123456789AB", sex="F")
MAEL = PupilLine("Maël", ine="0123456789C", usage_name="DUPONT N’GUYEN", born="2017-11-02")
ENZO = PupilLine("Enzo", "DUPONT", born="30/06/2019", level="CP", class_label="CP A", class_id="123457")
CELINE = GuardianLine([LEA, ENZO], "Céline", "DUPONT", email="c@famille.example", mobile="06 39 98 00 01")
JEAN = GuardianLine([LEA, ENZO], "Jean", "DUPONT", title="M.")
PAUL = GuardianLine([MAEL], "Paul", "N’GUYEN", title="M.", street="3 bd du Lac")
PUPILS = (LEA, MAEL, ENZO)
GUARDIANS = (CELINE, JEAN, PAUL)


def bring(
    now: datetime,
    pupils: tuple[PupilLine, ...] = PUPILS,
    guardians: tuple[GuardianLine, ...] = GUARDIANS,
    *,
    school: str = HERE,
    **options: Any,
) -> RosterImport:
    order = RosterOrder(school, pupils_file(*pupils), guardians_file(*guardians), **options)
    return service.import_roster(order, mass_departure_percent=40, now=now)


def links() -> set[tuple[str, str, str]]:
    rows = db.session.execute(
        select(Account.identifier, Child.given_name, Link.state)
        .join_from(Link, Account)
        .join(Child, Child.id == Link.child_id)
    )
    return {(row[0], row[1], row[2].value) for row in rows}


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that an import may touch."""
    tables = (School, Account, GivenIdentifier, Guardian, Child, Link, AuditEntry)
    return {
        table.__tablename__: sorted(
            (tuple(row) for row in db.session.execute(select(table.__table__))), key=repr
        )
        for table in tables
    }


def test_a_first_import_makes_children_accounts_and_links(now: datetime) -> None:
    bring(now, school_name="École du Lac")

    assert links() == {
        ("c.dupont", "Léa", "active"),
        ("c.dupont", "Enzo", "active"),
        ("j.dupont", "Léa", "active"),
        ("j.dupont", "Enzo", "active"),
        ("p.nguyen", "Maël", "active"),
    }
    assert db.session.get_one(School, HERE).name == "École du Lac"


def test_what_is_kept_of_a_child(now: datetime) -> None:
    bring(now)

    child = db.session.scalars(select(Child).where(Child.ine == "0123456789C")).one()
    assert (child.family_name, child.usage_name, child.birth_date) == (
        "N’GUYEN",
        "DUPONT N’GUYEN",
        date(2017, 11, 2),
    )
    assert (child.level, child.class_label, child.class_id, child.school_uai) == (
        "CE2",
        "CE2 B",
        "123456",
        HERE,
    )
    assert db.session.scalars(select(Child).where(Child.given_name == "Enzo")).one().ine is None


def test_what_is_kept_of_a_guardian(now: datetime) -> None:
    bring(now)

    account = db.session.scalars(select(Account).where(Account.identifier == "c.dupont")).one()
    guardian = db.session.get_one(Guardian, account.id)
    assert (account.title, account.state, account.email, account.phone) == (
        "MME",
        AccountState.CREATED,
        None,
        None,
    )
    assert (guardian.roster_email, guardian.roster_phone) == ("c@famille.example", "+33639980001")


def test_a_school_without_a_name_is_called_by_its_uai(now: datetime) -> None:
    bring(now)

    contact = families.find_school(HERE)
    assert contact is not None
    assert contact.name == f"École {HERE}"


def test_the_contact_of_a_known_school_is_left_as_it_is(now: datetime) -> None:
    bring(now, school_name="École du Lac")
    families.set_contact(HERE, {"phone": "03 53 01 00 00"})

    bring(now, school_name="Autre nom")

    contact = families.find_school(HERE)
    assert contact is not None
    assert (contact.name, contact.phone) == ("École du Lac", "03 53 01 00 00")


def test_im_15_the_same_files_again_change_nothing(now: datetime) -> None:
    bring(now)
    before = everything()

    again = bring(now + timedelta(days=1))

    assert again.plan.writes == 0
    assert everything() == before


def test_a_dry_run_writes_nothing_and_plans_the_same(now: datetime) -> None:
    before = everything()

    dry = bring(now, is_dry_run=True)

    assert everything() == before
    assert dry.identifiers == {}
    assert dry.plan == bring(now).plan


def test_im_03_a_bad_line_refuses_both_files_and_writes_nothing(now: datetime) -> None:
    with pytest.raises(ExtractionRefused):
        bring(now, (LEA, MAEL, ENZO, PupilLine("Zoé", born="31/02/2017")))

    assert db.session.scalar(select(School.uai)) is None
    assert links() == set()


def test_im_16_nothing_is_written_for_a_school_that_does_not_exist(now: datetime) -> None:
    with pytest.raises(ExtractionRefused):
        bring(now, school="0990001A")

    assert db.session.scalar(select(School.uai)) is None


def test_an_error_halfway_leaves_nothing(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything()

    def fail(_done: int, _total: int) -> None:
        if db.session.scalar(select(Guardian.account_id).limit(1)):
            raise ZeroDivisionError

    order = RosterOrder(HERE, pupils_file(*PUPILS), guardians_file(*GUARDIANS))
    with pytest.raises(ZeroDivisionError):
        service.import_roster(order, mass_departure_percent=40, now=now, advance=fail)

    assert everything() == before


def test_a_changed_file_updates(now: datetime) -> None:
    bring(now)
    renamed = replace(LEA, class_label="CM1", level="CM1", family_name="DUPOND")

    done = bring(
        now,
        (renamed, MAEL, ENZO),
        (
            replace(CELINE, children=[renamed, ENZO], usage_name="LE GOFF"),
            replace(JEAN, children=[renamed, ENZO]),
            PAUL,
        ),
    )

    child = db.session.scalars(select(Child).where(Child.ine == LEA.ine)).one()
    account = db.session.scalars(select(Account).where(Account.identifier == "c.dupont")).one()
    assert (child.family_name, child.class_label, child.level) == ("DUPOND", "CM1", "CM1")
    assert account.usage_name == "LE GOFF"
    assert done.plan.writes == 2


def test_an_ine_that_comes_later_is_added_to_the_same_child(now: datetime) -> None:
    bring(now)
    with_ine = replace(ENZO, ine="1234A56789B")

    bring(
        now,
        (LEA, MAEL, with_ine),
        (replace(CELINE, children=[LEA, with_ine]), replace(JEAN, children=[LEA, with_ine]), PAUL),
    )

    enzos = db.session.scalars(select(Child).where(Child.given_name == "Enzo")).all()
    assert [child.ine for child in enzos] == ["1234A56789B"]


def test_a_renamed_class_makes_no_new_child(now: datetime) -> None:
    bring(now)
    pupils = tuple(replace(pupil, class_label=f"{pupil.class_label} bis") for pupil in PUPILS)
    children = {pupil.given_name: pupil for pupil in pupils}
    guardians = tuple(
        replace(line, children=[children[child.given_name] for child in line.children]) for line in GUARDIANS
    )

    done = bring(now, pupils, guardians)

    assert (len(done.plan.changed_children), done.plan.writes) == (3, 3)


def test_an_absent_child_has_left_and_its_guardians_keep_their_links(now: datetime) -> None:
    bring(now)

    bring(now, (LEA, ENZO), (CELINE, JEAN))

    gone = db.session.scalars(select(Child).where(Child.given_name == "Maël")).one()
    assert (gone.left_at, gone.school_uai, gone.level) == (now, HERE, "CE2")
    assert ("p.nguyen", "Maël", "active") in links()


def test_a_child_who_left_comes_back(now: datetime) -> None:
    bring(now)
    bring(now, (LEA, ENZO), (CELINE, JEAN))

    bring(now)

    assert db.session.scalars(select(Child.left_at)).all() == [None, None, None]


def test_a_guardian_absent_with_the_child_present_is_detached_by_the_roster(now: datetime) -> None:
    bring(now)

    bring(now, PUPILS, (CELINE, PAUL))

    ended = db.session.scalars(select(Link).where(Link.state == LinkState.DETACHED)).all()
    assert [(link.ended_by, link.ended_at) for link in ended] == [(LinkEnder.ROSTER, now)] * 2
    assert ("c.dupont", "Léa", "active") in links()


def test_a_guardian_left_out_by_mistake_comes_back_to_the_same_account(now: datetime) -> None:
    bring(now)
    bring(now, PUPILS, (CELINE, PAUL))

    bring(now)

    assert {state for _, _, state in links()} == {"active"}
    assert len(links()) == 5
    assert db.session.scalars(select(Link.ended_by)).all() == [None] * 5


@pytest.mark.parametrize("ender", [LinkEnder.SCHOOL_HEAD, LinkEnder.GUARDIAN])
@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED])
def test_an_import_after_a_freeze_revives_nothing(now: datetime, state: LinkState, ender: LinkEnder) -> None:
    bring(now)
    with transaction() as session:
        session.execute(update(Link).values(state=state, ended_by=ender, ended_at=now))
    before = everything()

    done = bring(now + timedelta(days=1))

    assert everything() == before
    assert done.plan.suspended_links == 5


def test_an_import_after_a_guardians_dispute_leaves_that_link_frozen_and_the_others_alone(
    now: datetime,
) -> None:
    bring(now)
    celine = db.session.scalars(select(Account).where(Account.identifier == "c.dupont")).one()
    lea = next(link for link in families.links_of(AccountId(celine.id)) if link.given_name == "Léa")
    with transaction():
        families.dispute_link(AccountId(celine.id), lea.link_id, now=now)

    bring(now + timedelta(days=1))

    assert ("c.dupont", "Léa", "frozen") in links()
    assert sum(state == "active" for _, _, state in links()) == 4


def test_im_03_half_a_file_is_stopped_and_writes_nothing(now: datetime) -> None:
    bring(now)
    before = everything()

    with pytest.raises(MassDeparture) as stopped:
        bring(now, (MAEL,), (PAUL,))

    assert stopped.value.exit_code == 3
    assert len(stopped.value.reasons) == 2
    assert everything() == before


def test_a_dry_run_tells_what_the_guard_would_say(now: datetime) -> None:
    bring(now)

    assert len(bring(now, (MAEL,), (PAUL,), is_dry_run=True).objections) == 2


def test_a_departure_that_is_allowed_takes_place(now: datetime) -> None:
    bring(now)

    bring(now, (MAEL,), (PAUL,), allows_departures=True)

    assert len(db.session.scalars(select(Child).where(Child.left_at.is_(None))).all()) == 1


def test_pc_10_separated_parents_get_an_account_each_and_see_nothing_of_the_other(now: datetime) -> None:
    mother = GuardianLine([MAEL], "Ana", "D’ARC", email="ana@famille.example", mobile="0639980003")

    bring(now, (MAEL,), (mother, PAUL))

    ana, paul = (
        db.session.scalars(select(Account).where(Account.identifier == identifier)).one()
        for identifier in ("a.darc", "p.nguyen")
    )
    seen_by_paul = repr(families.children_of(AccountId(paul.id)))
    assert [child.given_name for child in families.children_of(AccountId(ana.id))] == ["Maël"]
    assert not any(word in seen_by_paul for word in ("Ana", "D’ARC", "ana@", "639980003", str(ana.id)))


def test_pc_12_a_child_named_twice_has_one_link(now: datetime) -> None:
    bring(now, (MAEL,), (replace(PAUL, children=[MAEL, MAEL]), PAUL))

    assert links() == {("p.nguyen", "Maël", "active")}


def test_three_guardians_and_an_institution_of_one_child(now: datetime) -> None:
    others = [GuardianLine([MAEL], name, "D’ARC", title="M.") for name in ("Ana", "Éva")]
    institution = GuardianLine([MAEL], "", "FOYER DE L’ÎLE", title="")

    bring(now, (MAEL,), (*others, institution, PAUL))

    assert {identifier for identifier, _, _ in links()} == {"a.darc", "e.darc", "x.foyerdelile", "p.nguyen"}


def test_twins_and_a_multi_level_class(now: datetime) -> None:
    twins = (replace(ENZO, given_name="Ana"), replace(ENZO, given_name="Éva", level="CE1"))

    bring(now, twins, (replace(CELINE, children=twins),))

    assert {child for _, child, _ in links()} == {"Ana", "Éva"}


def test_homonyms_of_one_class_are_imported_and_left_to_the_head(now: datetime) -> None:
    namesake = replace(MAEL, ine="1234A56789B", born="01/02/2017")

    done = bring(now, (MAEL, namesake), (PAUL,))

    assert len(done.plan.notices) == 1
    assert links() == set()
    assert len(db.session.scalars(select(Child)).all()) == 2


def test_im_01_names_like_formulas_are_stored_as_text(now: datetime) -> None:
    child = PupilLine("@SUM(A1)", "=HYPERLINK(1)")

    bring(now, (child,), (GuardianLine([child], "-2+3", "+CMD|A0"),))

    assert links() == {("x.cmda", "@SUM(A1)", "active")}
    assert db.session.scalars(select(Child.family_name)).one() == "=HYPERLINK(1)"


def test_a_child_in_two_schools_at_once_is_one_child_with_one_account_a_guardian(now: datetime) -> None:
    bring(now)

    for school in (ELSEWHERE, HERE, ELSEWHERE):
        bring(now, (MAEL,), (PAUL,), school=school, allows_departures=True)

    assert [identifier for identifier, child, _ in links() if child == "Maël"] == ["p.nguyen"]
    assert len(db.session.scalars(select(Child).where(Child.ine == MAEL.ine)).all()) == 1


def test_a_guardian_known_from_the_former_school_only_keeps_the_link_and_is_told(now: datetime) -> None:
    bring(now)
    mother = GuardianLine([MAEL], "Ana", "D’ARC")

    done = bring(now, (MAEL,), (mother,), school=ELSEWHERE)

    assert ("p.nguyen", "Maël", "active") in links()
    assert ("a.darc", "Maël", "active") in links()
    assert [(notice.file, notice.line) for notice in done.plan.notices] == [("pupils.csv", 2)]


def test_a_school_takes_no_child_of_another_by_a_wrong_ine(now: datetime) -> None:
    bring(now)
    before = links()
    stranger = PupilLine("Noë", "ÉTRANGER", ine=MAEL.ine, born="05/05/2018")

    bring(now, (stranger,), (), school=ELSEWHERE)

    assert links() == before
    assert db.session.scalars(select(Child.given_name).where(Child.ine == MAEL.ine)).one() == "Maël"


def test_two_imports_of_one_school_at_once_make_its_rows_once(idp_app: Flask, now: datetime) -> None:
    start = Barrier(3)

    def run() -> int:
        with idp_app.app_context():
            start.wait()
            return bring(now).plan.writes

    with ThreadPoolExecutor(3) as pool:
        writes = sorted(future.result() for future in [pool.submit(run) for _ in range(3)])

    assert writes == [0, 0, 11]
    assert len(links()) == 5


def test_the_journal_tells_how_many_and_never_who(now: datetime) -> None:
    bring(now)

    (entry,) = db.session.scalars(select(AuditEntry)).all()
    assert entry.name == "roster:school:imported"
    assert entry.details == {
        "new_children": 3,
        "leaving_children": 0,
        "new_guardians": 3,
        "detached_links": 0,
    }


def test_progress_ends_at_the_number_of_rows_written(now: datetime) -> None:
    seen: list[tuple[int, int]] = []
    order = RosterOrder(HERE, pupils_file(*PUPILS), guardians_file(*GUARDIANS))

    service.import_roster(
        order, mass_departure_percent=40, now=now, advance=lambda done, total: seen.append((done, total))
    )

    assert seen[-1] == (11, 11)


Files = tuple[tuple[PupilLine, ...], tuple[GuardianLine, ...]]
GIVEN_NAMES = st.sampled_from(["Léa", "Maël", "lea", "Ana", "Noë"])
FAMILY_NAMES = st.sampled_from(["DUPONT", "L’HÉNORET", "D'ARC"])


@st.composite
def rosters(draw: st.DrawFn) -> Files:
    pupils = tuple(
        PupilLine(
            draw(GIVEN_NAMES),
            draw(FAMILY_NAMES),
            born=f"2017-01-{number + 1:02d}",
            ine=draw(st.sampled_from(["", f"{number:09d}AB"])),
            class_label=draw(st.sampled_from(["CE2 A", "CE2 B"])),
            level=draw(st.sampled_from(["CE2", "GS", ""])),
        )
        for number in range(draw(st.integers(1, 5)))
    )
    guardians = st.builds(
        GuardianLine,
        st.lists(st.sampled_from(pupils), max_size=3),
        GIVEN_NAMES,
        FAMILY_NAMES,
        street=st.sampled_from(["", "1 rue du Lac", "2 rue du Lac"]),
        mobile=st.sampled_from(["", "0639980001", "0639980002"]),
    )
    return pupils, tuple(draw(st.lists(guardians, max_size=5)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=rosters(), second=rosters())
def test_whatever_the_files_say_importing_them_twice_is_importing_them_once(
    idp_app: Flask, now: datetime, first: Files, second: Files
) -> None:
    empty_tables(idp_app, db)

    for pupils, guardians in (first, second):
        bring(now, pupils, guardians, allows_departures=True)
        once = everything()
        again = bring(now + timedelta(days=1), pupils, guardians)
        assert again.plan.writes == 0
        assert everything() == once


def test_who_loses_or_regains_a_child_is_told_once_and_nobody_else(now: datetime) -> None:
    bring(now)
    with transaction():
        confirmed = {"email": Account.identifier + "@exemple.fr", "email_confirmed_at": now}
        db.session.execute(update(Account).values(**confirmed))
    jean = db.session.scalars(select(Account.id).where(Account.identifier == "j.dupont")).one()

    for guardians in ((CELINE, PAUL), (CELINE, PAUL), GUARDIANS):
        bring(now, guardians=guardians, allows_departures=True)

    told = db.session.execute(select(OutboxMessage.account_id, OutboxMessage.template)).all()
    assert [tuple(row) for row in told] == [(jean, "notices/children_changed")] * 2


def attach(kept: str, other: str, now: datetime) -> None:
    """What a person does at `/compte/enfants/rattacher`."""
    ids = {row[0]: row[1] for row in db.session.execute(select(Account.identifier, Account.id))}
    with transaction():
        merges.merge_links(AccountId(ids[kept]), AccountId(ids[other]), now=now)
        states = set(AccountState)
        accounts.change_state(AccountId(ids[other]), from_states=states, to=AccountState.MERGED, now=now)


@pytest.mark.parametrize(("family_name", "usage_name"), [("DUPONT", ""), ("LE GOFF", "DUPONT")])
def test_who_attached_another_account_is_found_under_both_names_and_gets_no_third_one(
    now: datetime, family_name: str, usage_name: str
) -> None:
    here = GuardianLine([LEA], "Céline", "DUPONT", mobile="06 39 98 00 01")
    there = GuardianLine([MAEL], "Céline", family_name, usage_name=usage_name, mobile="06 39 98 00 09")
    bring(now, (LEA,), (here,))
    bring(now, (MAEL,), (there,), school=ELSEWHERE)
    attach("c.dupont", "c.dupont2", now)

    again = bring(now, (MAEL, ENZO), (replace(there, children=[MAEL, ENZO]),), school=ELSEWHERE)

    assert (again.plan.new_guardians, again.plan.detached_links) == ([], [])
    assert links() == {
        ("c.dupont", "Léa", "active"),
        ("c.dupont", "Maël", "active"),
        ("c.dupont", "Enzo", "active"),
    }
    kept = db.session.scalars(select(Account).where(Account.identifier == "c.dupont")).one()
    assert (kept.family_name, kept.usage_name) == ("DUPONT", "")
    repeated = bring(now, (MAEL, ENZO), (replace(there, children=[MAEL, ENZO]),), school=ELSEWHERE)
    assert repeated.plan.writes == 0


def test_ch_09_whose_account_was_closed_gets_another_one_with_another_identifier(now: datetime) -> None:
    bring(now)
    closed = accounts.find_by_identifier("c.dupont")
    assert closed is not None
    with transaction():
        accounts.change_state(
            closed.account_id, from_states=set(AccountState), to=AccountState.ACTIVE, now=now
        )
        assert accounts.close_account(closed.account_id, now=now)
        families.leave_all_links(closed.account_id, now=now)

    bring(now + timedelta(days=1))
    after = links()
    bring(now + timedelta(days=2))

    assert {link for link in after if link[0] == "c.dupont"} == {
        ("c.dupont", "Léa", "detached"),
        ("c.dupont", "Enzo", "detached"),
    }
    assert {link for link in after if link[0] == "c.dupont2"} == {
        ("c.dupont2", "Léa", "active"),
        ("c.dupont2", "Enzo", "active"),
    }
    assert links() == after


LEA_CORRECTED = "2018-04-13"


def correct(given_name: str, birth_date: str, now: datetime) -> None:
    link_id = db.session.scalars(
        select(Link.id).join(Child, Child.id == Link.child_id).where(Child.given_name == given_name)
    ).first()
    assert link_id is not None
    birth_dates.correct_birth_date(link_id, date.fromisoformat(birth_date), now=now)


def dates_of(given_name: str) -> list[tuple[date, date | None]]:
    rows = db.session.execute(
        select(Child.birth_date, Child.roster_birth_date).where(Child.given_name == given_name)
    )
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("given_name", ["Léa", "Enzo"], ids=["with INE", "without INE"])
def test_a_roster_that_repeats_a_corrected_birth_date_changes_nothing_and_says_so(
    now: datetime, given_name: str
) -> None:
    bring(now)
    (before,) = dates_of(given_name)
    correct(given_name, LEA_CORRECTED, now)

    done = bring(now)

    assert dates_of(given_name) == [(date.fromisoformat(LEA_CORRECTED), before[0])]
    assert (done.plan.writes, len(links())) == (0, 5)
    assert [notice.reason for notice in done.plan.notices if "the school corrected" in notice.reason] == [
        "another birth date than the one that the school corrected: that one is kept"
    ]


@pytest.mark.parametrize("one", [LEA, ENZO], ids=["with INE", "without INE"])
def test_a_roster_that_agrees_with_the_correction_ends_it(now: datetime, one: PupilLine) -> None:
    bring(now)
    correct(one.given_name, LEA_CORRECTED, now)
    agreed = tuple(replace(pupil, born=LEA_CORRECTED) if pupil is one else pupil for pupil in PUPILS)

    done = bring(now, agreed)

    assert dates_of(one.given_name) == [(date.fromisoformat(LEA_CORRECTED), None)]
    assert not any("the school corrected" in notice.reason for notice in done.plan.notices)
    assert bring(now, agreed).plan.writes == 0
    later = replace(one, born="2018-05-01")
    if one.ine:
        bring(now, tuple(later if pupil is one else pupil for pupil in PUPILS))
        assert dates_of(one.given_name) == [(date(2018, 5, 1), None)]


def test_a_third_birth_date_is_noted_and_the_correction_stands(now: datetime) -> None:
    bring(now)
    correct("Léa", LEA_CORRECTED, now)
    third = (replace(LEA, born="2018-05-01", level="CM1"), MAEL, ENZO)

    done = bring(now, third)

    assert dates_of("Léa") == [(date.fromisoformat(LEA_CORRECTED), date(2018, 5, 1))]
    assert db.session.scalars(select(Child.level).where(Child.given_name == "Léa")).one() == "CM1"
    assert any("the school corrected" in notice.reason for notice in done.plan.notices)


def test_a_child_who_comes_back_gives_a_dormant_account_back(now: datetime) -> None:
    bring(now)
    bring(now + timedelta(days=1), (LEA, ENZO, MAEL), (CELINE, PAUL), allows_departures=True)
    later = now + timedelta(days=400)
    with transaction():
        assert dormancy.disable_dormant(10, now=later) == 1

    bring(later)

    jean = db.session.scalars(select(Account).where(Account.identifier == "j.dupont")).one()
    assert (jean.state, jean.previous_state, jean.unlinked_at) == (AccountState.CREATED, None, None)
    assert ("j.dupont", "Léa", "active") in links()
