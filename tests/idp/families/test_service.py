from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import event

from idp.accounts.models import AccountState
from idp.accounts.rules import AccountId
from idp.db import db
from idp.families import service as families
from idp.families.models import LinkState
from idp.families.rules import SchoolContact
from tests.factories import make_account, make_child, make_link, make_school

pytestmark = pytest.mark.usefixtures("idp_context")


def test_an_account_sees_the_children_of_its_active_links() -> None:
    account_id = make_account()
    child_id = make_child(ine="123456789AB", usage_name="LE GOFF")
    make_link(account_id, child_id, relationship="mère")

    (child,) = families.children_of(account_id)

    assert (child.child_id, child.given_name, child.family_name) == (child_id, "Maël", "LE GOFF")
    assert (child.level, child.school_uai, child.school_name) == ("CE2", "0990001N", "École du Lac")
    assert (child.relationship, child.birth_date, child.ine) == ("mère", date(2017, 3, 14), "123456789AB")


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED, LinkState.MERGED])
def test_a_link_that_is_not_active_shows_no_child(state: LinkState) -> None:
    account_id = make_account()
    make_link(account_id, make_child(), state=state)

    assert families.children_of(account_id) == ()
    assert families.named_child(account_id) is None


def test_pc_10_each_of_two_separated_guardians_sees_the_child_and_nothing_of_the_other() -> None:
    mother, father = make_account(), make_account(given_name="Gaëtan", family_name="D’ARC")
    shared, only_hers, only_his = make_child(), make_child(given_name="Zoé"), make_child(given_name="Noë")
    for account_id, child_id in [(mother, shared), (father, shared), (mother, only_hers), (father, only_his)]:
        make_link(account_id, child_id, relationship=str(account_id))

    hers, his = families.children_of(mother), families.children_of(father)

    assert {child.child_id for child in hers} == {shared, only_hers}
    assert {child.child_id for child in his} == {shared, only_his}
    assert str(father) not in repr(hers)
    assert str(mother) not in repr(his)
    assert "Gaëtan" not in repr(hers)


def test_the_children_are_read_in_one_statement() -> None:
    account_id = make_account()
    for given_name in ("Léa", "Enzo", "Maël"):
        make_link(account_id, make_child(given_name=given_name))
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    children = families.children_of(account_id)
    event.remove(db.engine, "before_cursor_execute", note)

    assert len(children) == 3
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1


def test_a_child_who_left_keeps_its_last_school_and_level(now: datetime) -> None:
    account_id = make_account()
    make_link(account_id, make_child(left_at=now))

    (child,) = families.children_of(account_id)

    assert (child.school_uai, child.level) == ("0990001N", "CE2")


def test_the_named_child_is_the_youngest_still_linked() -> None:
    account_id = make_account()
    make_link(account_id, make_child(given_name="Aînée", birth_date=date(2016, 2, 29)))
    make_link(account_id, make_child(given_name="Benoît", birth_date=date(2018, 5, 2)))
    make_link(account_id, make_child(given_name="Chloé", birth_date=date(2020, 1, 1)), state=LinkState.FROZEN)

    assert _named(account_id) == "Benoît"


def test_the_named_child_of_twins_is_always_the_same_one() -> None:
    account_id = make_account()
    make_link(account_id, make_child(given_name="Zoé"))
    make_link(account_id, make_child(given_name="Ana"))

    assert _named(account_id) == "Ana"


def test_the_next_child_is_named_when_the_youngest_has_left(now: datetime) -> None:
    account_id = make_account()
    make_link(account_id, make_child(given_name="Aînée", birth_date=date(2016, 2, 29)))
    make_link(account_id, make_child(given_name="Benoît", birth_date=date(2018, 5, 2), left_at=now))

    assert _named(account_id) == "Aînée"


def test_the_birth_date_asked_is_the_named_childs() -> None:
    account_id = make_account()
    make_link(account_id, make_child(birth_date=date(2016, 2, 29)))
    make_link(account_id, make_child(birth_date=date(2018, 5, 2)))

    families.verify_birth_date(account_id, date(2018, 5, 2))
    with pytest.raises(families.BirthDateMismatch):
        families.verify_birth_date(account_id, date(2016, 2, 29))


def test_no_birth_date_is_right_without_an_active_link() -> None:
    account_id = make_account()
    make_link(account_id, make_child(), state=LinkState.FROZEN)
    make_link(make_account(), make_child(given_name="Zoé"))

    with pytest.raises(families.NoLinkedChild):
        families.verify_birth_date(account_id, date(2017, 3, 14))


def test_a_parent_is_sent_to_the_school_of_the_named_child() -> None:
    account_id = make_account()
    elsewhere = make_school("0750001U", name="École de l’Île", phone="", email="")
    make_link(account_id, make_child(birth_date=date(2016, 2, 29), school_uai=elsewhere))
    make_link(account_id, make_child(birth_date=date(2018, 5, 2)))

    assert families.school_contact(account_id) == SchoolContact(
        "0990001N", "École du Lac", "03 53 01 00 00", "direction@ecole.example"
    )


def test_a_parent_whose_links_all_ended_still_has_a_school_to_turn_to() -> None:
    account_id = make_account()
    make_link(account_id, make_child(), state=LinkState.DETACHED)

    contact = families.school_contact(account_id)

    assert contact is not None
    assert contact.uai == "0990001N"


def test_an_account_that_was_never_linked_has_no_school() -> None:
    assert families.school_contact(make_account(state=AccountState.ACTIVE)) is None


def test_a_schools_contact_is_changed_field_by_field() -> None:
    make_school()

    families.set_contact("0990001N", {"phone": "03 53 01 00 99"})

    assert families.find_school("0990001N") == SchoolContact(
        "0990001N", "École du Lac", "03 53 01 00 99", "direction@ecole.example"
    )


def test_an_unknown_school_has_no_contact_to_change() -> None:
    with pytest.raises(families.UnknownSchool):
        families.set_contact("0990001N", {"phone": "03 53 01 00 99"})
    assert families.find_school("0990001N") is None


def _named(account_id: AccountId) -> str:
    child = families.named_child(account_id)
    assert child is not None
    return child.given_name
