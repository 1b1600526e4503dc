"""A link frozen, restored or detached, and what the school is told of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Link, LinkState
from idp.families.rules import LinkEnder, SchoolTaskKind
from idp.families.service import LinkNotFound, UnknownSchool, UnknownTask
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import RenderedMail
from tests.factories import SCHOOL_UAI, make_account, make_child, make_link, make_school

pytestmark = pytest.mark.usefixtures("idp_context")

OTHER_UAI = "0750001U"


def test_a_reported_link_is_frozen_alone_and_the_school_is_told_once(now: datetime) -> None:
    account_id, lea = make_account(), make_child(given_name="Léa")
    reported, other = make_link(account_id, make_child()), make_link(account_id, lea)

    with transaction():
        reference = families.dispute_link(account_id, reported.id, now=now)

    assert [child.given_name for child in families.children_of(account_id)] == ["Léa"]
    assert states(reported, other) == [(LinkState.FROZEN, LinkEnder.GUARDIAN), (LinkState.ACTIVE, None)]
    (task,) = families.open_tasks(SCHOOL_UAI)
    assert (task.reference, task.kind) == (reference, SchoolTaskKind.LINK_REPORTED)
    assert (task.guardian_name, task.child_name) == ("Céline L’HÉNORET", "Maël N’GUYEN")
    assert [mail.to for mail in mails()] == ["direction@ecole.example"]
    assert events() == ["family:link:frozen", "family:school:told"]


def test_the_mail_to_the_school_names_nobody(now: datetime) -> None:
    account_id = make_account(identifier="c.lhenoret")
    link = make_link(account_id, make_child())

    reference = told(account_id, link.id, now=now)

    (mail,) = mails()
    assert f"\n{reference}\n" in mail.text
    assert "Une demande est à traiter, celle-ci." in mail.text
    for personal in ("Maël", "GUYEN", "Céline", "NORET", "CE2", "c.lhenoret"):
        assert personal not in mail.text + mail.html + mail.subject


def test_the_mail_says_how_much_waits(now: datetime) -> None:
    for _ in range(2):
        account_id = make_account()
        told(account_id, make_link(account_id, make_child()).id, now=now)

    assert "2 demandes sont à traiter" in mails()[-1].text


def test_a_school_without_an_address_has_its_task_all_the_same(now: datetime) -> None:
    make_school(OTHER_UAI, email="")
    account_id = make_account(school_uai=OTHER_UAI)

    told(account_id, make_link(account_id, make_child(school_uai=OTHER_UAI)).id, now=now)

    assert len(families.open_tasks(OTHER_UAI)) == 1
    assert mails() == []


def test_the_same_thing_told_twice_is_one_task_until_it_is_settled(now: datetime) -> None:
    account_id = make_account()

    first = told(account_id, kind=SchoolTaskKind.BIRTH_DATE_BLOCKED, now=now)
    again = told(account_id, kind=SchoolTaskKind.BIRTH_DATE_BLOCKED, now=now)
    with transaction():
        families.settle_task(SCHOOL_UAI, first, now=now)
    later = told(account_id, kind=SchoolTaskKind.BIRTH_DATE_BLOCKED, now=now)

    assert first == again != later
    assert len(mails()) == 2


def test_without_a_child_named_every_school_of_the_account_is_told(now: datetime) -> None:
    account_id = make_account()
    make_link(account_id, make_child())
    make_link(account_id, make_child(school_uai=OTHER_UAI))

    reference = told(account_id, kind=SchoolTaskKind.ACCOUNTS_MERGED, now=now)

    for uai in (SCHOOL_UAI, OTHER_UAI):
        (task,) = families.open_tasks(uai)
        assert (task.reference, task.child_name) == (reference, "")


def test_without_an_active_link_the_guardians_school_is_told(now: datetime) -> None:
    account_id = make_account()

    told(account_id, kind=SchoolTaskKind.MAIL_RETURNED, now=now)

    assert len(families.open_tasks(SCHOOL_UAI)) == 1


def test_two_references_have_nothing_in_common(now: datetime) -> None:
    references = [told(make_account(), kind=SchoolTaskKind.MAIL_RETURNED, now=now) for _ in range(20)]

    assert len(set(references)) == 20


@pytest.mark.parametrize("act", [families.freeze_link, families.dispute_link, families.detach_link])
def test_nobody_acts_on_the_link_of_another_account(act: Callable[..., Any], now: datetime) -> None:
    link, other = make_link(make_account(), make_child()), make_account()
    by = {"by": LinkEnder.GUARDIAN} if act is families.freeze_link else {}

    with pytest.raises(LinkNotFound), transaction():
        act(other, link.id, now=now, **by)

    assert states(link) == [(LinkState.ACTIVE, None)]


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED, LinkState.MERGED])
def test_only_an_active_link_is_frozen(state: LinkState, now: datetime) -> None:
    account_id = make_account()
    link = make_link(account_id, make_child(), state=state)

    with pytest.raises(LinkNotFound), transaction():
        families.dispute_link(account_id, link.id, now=now)

    assert families.open_tasks(SCHOOL_UAI) == ()


def test_the_school_gives_a_frozen_link_back_and_its_task_is_settled(now: datetime) -> None:
    account_id = make_account()
    link = make_link(account_id, make_child())
    with transaction():
        families.dispute_link(account_id, link.id, now=now)

    with transaction():
        families.restore_link(account_id, link.id, now=now)

    assert states(link) == [(LinkState.ACTIVE, None)]
    assert link.ended_at is None
    assert families.open_tasks(SCHOOL_UAI) == ()
    assert events()[-2:] == ["family:link:restored", "family:school_task:settled"]


def test_the_school_ends_a_frozen_link_for_good(now: datetime) -> None:
    account_id = make_account()
    link = make_link(account_id, make_child())
    with transaction():
        families.dispute_link(account_id, link.id, now=now)

    with transaction():
        families.detach_link(account_id, link.id, now=now)

    assert states(link) == [(LinkState.DETACHED, LinkEnder.SCHOOL_HEAD)]
    assert families.open_tasks(SCHOOL_UAI) == ()


@pytest.mark.parametrize("state", [LinkState.ACTIVE, LinkState.MERGED])
def test_what_is_not_ended_or_was_merged_is_not_restored(state: LinkState, now: datetime) -> None:
    account_id = make_account()
    link = make_link(account_id, make_child(), state=state)

    with pytest.raises(LinkNotFound), transaction():
        families.restore_link(account_id, link.id, now=now)


def test_a_link_is_found_by_its_own_account_alone() -> None:
    account_id = make_account()
    link = make_link(account_id, make_child())

    found = families.find_link(account_id, link.id)

    assert found is not None
    assert (found.given_name, found.state) == ("Maël", LinkState.ACTIVE)
    assert families.find_link(make_account(), link.id) is None


def test_an_account_has_all_its_links_but_merged_ones() -> None:
    account_id = make_account()
    kept = [
        make_link(account_id, make_child(), state=state) for state in (LinkState.FROZEN, LinkState.ACTIVE)
    ]
    make_link(account_id, make_child(), state=LinkState.MERGED)

    assert {link.link_id for link in families.links_of(account_id)} == {link.id for link in kept}


def test_a_school_sees_its_own_tasks_alone_and_settles_them_alone(now: datetime) -> None:
    make_school(OTHER_UAI)
    reference = told(make_account(), kind=SchoolTaskKind.MAIL_RETURNED, now=now)

    assert families.open_tasks(OTHER_UAI) == ()
    with pytest.raises(UnknownTask), transaction():
        families.settle_task(OTHER_UAI, reference, now=now)
    with pytest.raises(UnknownSchool):
        families.open_tasks("0990002P")


def told(
    account_id: AccountId,
    link_id: UUID | None = None,
    *,
    kind: SchoolTaskKind = SchoolTaskKind.LINK_REPORTED,
    now: datetime,
) -> str:
    with transaction():
        return families.tell_school(kind, account_id=account_id, link_id=link_id, now=now)


def states(*links: Link) -> list[tuple[LinkState, LinkEnder | None]]:
    db.session.expire_all()
    return [(link.state, link.ended_by) for link in links]


def mails() -> list[RenderedMail]:
    rows = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
    return [messaging._open(row) for row in rows]


def events() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.name).order_by(AuditEntry.id)))
