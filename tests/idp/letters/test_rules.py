from datetime import UTC, date, datetime

import pytest

from idp.accounts.rules import AccountState
from idp.letters.rules import (
    LetterKind,
    Selection,
    SkipReason,
    french_date,
    page_data,
    plan_printing,
    plan_reissue,
)
from tests.idp.letters.conftest import UAI, pupil, recipient

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
END = datetime(2027, 2, 21, 8, tzinfo=UTC)


def test_a_first_letter_begins_issue_1():
    plan = plan_printing([recipient()], expires_at=END, now=NOW)

    assert [(page.kind, page.issue_number, page.expires_at) for page in plan.pages] == [
        (LetterKind.ISSUED, 1, END)
    ]


def test_a_letter_in_force_keeps_its_number_and_its_end():
    earlier_end = datetime(2026, 12, 1, tzinfo=UTC)
    notified = recipient(state=AccountState.NOTIFIED, issue_number=3, expires_at=earlier_end)

    plan = plan_printing([notified], expires_at=END, now=NOW)

    assert [(page.kind, page.issue_number, page.expires_at) for page in plan.pages] == [
        (LetterKind.REPRINTED, 3, earlier_end)
    ]


@pytest.mark.parametrize("state", [AccountState.ACTIVATING, AccountState.ACTIVE])
def test_whoever_chose_a_password_gets_a_page_without_one(state: AccountState):
    holder = recipient(state=state, has_password=True, issue_number=1)

    plan = plan_printing([holder], expires_at=END, now=NOW)

    assert [(page.kind, page.issue_number) for page in plan.pages] == [(LetterKind.UNCHANGED, None)]


@pytest.mark.parametrize("state", [AccountState.ACTIVATING, AccountState.ACTIVE])
def test_a_letter_issued_anew_is_printed_again_whatever_the_account_was(state: AccountState):
    renewed = recipient(state=state, issue_number=2, expires_at=END)

    plan = plan_printing([renewed], expires_at=END, now=NOW)

    assert [(page.kind, page.issue_number) for page in plan.pages] == [(LetterKind.REPRINTED, 2)]
    assert page_data(plan.pages[0], "ABCDEFGH")["is_renewal"] == (state is AccountState.ACTIVE)


@pytest.mark.parametrize("issue_number", [None, 2])
def test_an_account_whose_password_was_ended_gets_no_page_before_a_letter_is_issued_anew(issue_number):
    frozen = recipient(state=AccountState.ACTIVE, issue_number=issue_number)

    plan = plan_printing([frozen], expires_at=END, now=NOW)

    assert (plan.pages, [one.reason for one in plan.skipped]) == ((), [SkipReason.EXPIRED])


@pytest.mark.parametrize(
    ("state", "reason"),
    [(AccountState.DISABLED, SkipReason.DISABLED), (AccountState.MERGED, SkipReason.MERGED)],
)
def test_a_closed_account_gets_no_page(state: AccountState, reason: SkipReason):
    plan = plan_printing([recipient(state=state)], expires_at=END, now=NOW)

    assert (plan.pages, [one.reason for one in plan.skipped]) == ((), [reason])


def test_an_expired_letter_is_not_printed_again():
    expired = recipient(state=AccountState.NOTIFIED, issue_number=1, expires_at=NOW)

    plan = plan_printing([expired], expires_at=END, now=NOW)

    assert (plan.pages, [one.reason for one in plan.skipped]) == ((), [SkipReason.EXPIRED])


def test_reissuing_moves_the_number():
    notified = recipient(state=AccountState.NOTIFIED, issue_number=1, expires_at=NOW)

    plan = plan_reissue([notified, recipient(identifier="p.autre")], named=(), expires_at=END)

    assert [page.issue_number for page in plan.pages] == [2, 1]


def test_reissuing_ends_a_chosen_password_only_where_the_account_is_named():
    holders = [
        recipient(identifier=name, state=AccountState.ACTIVE, has_password=True, issue_number=1)
        for name in ("c.dherbomez", "p.autre")
    ]

    plan = plan_reissue(holders, named={"p.autre"}, expires_at=END)

    assert [(page.recipient.identifier, page.kind) for page in plan.pages] == [
        ("p.autre", LetterKind.RENEWED)
    ]
    assert [(one.identifier, one.reason) for one in plan.skipped] == [("c.dherbomez", SkipReason.ACTIVE)]


def test_letters_are_in_the_order_of_classes_then_of_children():
    families = [
        recipient(pupil("Zoé", class_label="CE1-CE2", level="CE2"), identifier="second.class"),
        recipient(pupil("Anna", class_label="Sans niveau", level=""), identifier="last"),
        recipient(pupil("Élie", class_label="CP A", level="CP"), identifier="cp.elie"),
        recipient(pupil("Adam", class_label="CP A", level="CP"), identifier="cp.adam"),
        recipient(
            pupil("Adam", class_label="CE1-CE2", level="CE1", family_name="ABRIC"), identifier="second.first"
        ),
    ]

    plan = plan_printing(families, expires_at=END, now=NOW)

    assert [page.recipient.identifier for page in plan.pages] == [
        "cp.adam",
        "cp.elie",
        "second.first",
        "second.class",
        "last",
    ]


def test_a_letter_is_filed_under_the_youngest_child():
    elder = pupil("Aya", birth_date=date(2015, 1, 1), class_label="CM2")
    younger = pupil("Noé", birth_date=date(2019, 1, 1), class_label="CP A")

    family = recipient(elder, younger)

    assert family.youngest is younger
    assert Selection(UAI, class_labels=frozenset({"cp a"})).takes(family)
    assert not Selection(UAI, class_labels=frozenset({"cm2"})).takes(family)


def test_ac_14_a_page_holds_no_birth_date_and_no_ine():
    page = plan_printing([recipient()], expires_at=END, now=NOW).pages[0]

    data = page_data(page, "K7QM2XWP")

    assert set(data) == {
        "guardian",
        "class_label",
        "identifier",
        "password",
        "valid_until",
        "is_renewal",
        "replaces_older",
        "children",
    }
    assert data["password"] == "K7QM 2XWP"
    assert data["children"] == [{"name": "Léa D’HERBOMEZ", "class_label": "CE2 B"}]


def test_a_class_label_that_tells_of_a_disability_is_not_printed():
    page = plan_printing([recipient(pupil(class_label="ULIS école"))], expires_at=END, now=NOW).pages[0]

    data = page_data(page, "K7QM2XWP")

    assert (data["class_label"], data["children"][0]["class_label"]) == ("CE2", "CE2")


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (END, "21 février 2027"),
        (datetime(2027, 2, 28, 23, 30, tzinfo=UTC), "1er mars 2027"),
        (datetime(2026, 8, 15, 23, 30, tzinfo=UTC), "16 août 2026"),
    ],
)
def test_a_date_is_that_of_france(instant: datetime, expected: str):
    assert french_date(instant) == expected
