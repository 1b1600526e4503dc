"""`idp links`: what an operator does for a school, and that the account's holder is told."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Child, Link, LinkState
from idp.link_disputes.cli import links
from idp.messaging.models import OutboxMessage
from tests.factories import LONG_AGO, make_account, make_child, make_link, make_school


def run(idp_app: Flask, *arguments: str) -> Result:
    return idp_app.test_cli_runner().invoke(links, arguments)


@pytest.mark.parametrize("act", ["freeze", "restore", "detach"])
def test_the_holder_of_the_account_is_told_by_mail_and_nobody_else(idp_app: Flask, act: str) -> None:
    with idp_app.app_context():
        confirmed: dict[str, Any] = {"email": "celine@exemple.fr", "email_confirmed_at": LONG_AGO}
        other: dict[str, Any] = {"email": "autre@exemple.fr", "email_confirmed_at": LONG_AGO}
        account_id, child_id = make_account(**confirmed), make_child()
        make_link(make_account(**other), child_id)
        state = LinkState.FROZEN if act == "restore" else LinkState.ACTIVE
        link_id = make_link(account_id, child_id, state=state).id

    assert run(idp_app, act, str(link_id), "--apply").exit_code == 0

    with idp_app.app_context():
        told = db.session.execute(select(OutboxMessage.account_id, OutboxMessage.template)).all()
        assert [tuple(row) for row in told] == [(account_id, "notices/children_changed")]


@pytest.mark.parametrize(("act", "state"), [("restore", LinkState.ACTIVE), ("detach", LinkState.DETACHED)])
def test_a_frozen_link_is_restored_or_ended_for_the_school(
    idp_app: Flask, reported: UUID, act: str, state: LinkState
) -> None:
    link_id = reported

    planned = run(idp_app, act, str(link_id))
    assert (planned.exit_code, state_of(idp_app, link_id)) == (0, LinkState.FROZEN)
    assert f"{act}" in planned.stdout
    assert "Maël N’GUYEN" in planned.stdout

    assert run(idp_app, act, str(link_id), "--apply").exit_code == 0
    assert state_of(idp_app, link_id) is state
    assert run(idp_app, act, str(link_id), "--apply").exit_code == 2


def test_a_school_freezes_a_link_too(idp_app: Flask, school: str) -> None:
    with idp_app.app_context():
        link_id = make_link(make_account(identifier="c.dupont2"), make_child()).id

    assert run(idp_app, "freeze", str(link_id), "--apply").exit_code == 0
    listed = json.loads(run(idp_app, "list", " C.Dupont2 ", "--format", "json").stdout)

    assert [(link["state"], link["ended_by"]) for link in listed["links"]] == [("frozen", "school_head")]


def test_a_link_that_is_not_known_is_a_usage_error(idp_app: Flask) -> None:
    assert run(idp_app, "freeze", str(uuid4())).exit_code == 2
    assert run(idp_app, "freeze", "c.dupont").exit_code == 2


def test_a_birth_date_is_corrected_with_apply_alone(idp_app: Flask) -> None:
    with idp_app.app_context():
        child_id = make_child()
        link_id = str(make_link(make_account(identifier="c.dupont2"), child_id).id)

    planned = run(idp_app, "correct-birth-date", link_id, "2017-04-13")
    assert (planned.exit_code, birth_date_of(idp_app, child_id)) == (0, date(2017, 3, 14))
    assert "c.dupont2 - Maël N’GUYEN" in planned.stdout

    assert run(idp_app, "correct-birth-date", link_id, "2017-04-13", "--apply").exit_code == 0
    assert birth_date_of(idp_app, child_id) == date(2017, 4, 13)


@pytest.mark.parametrize("typed", ["13/04/2017", "2017-02-30", "1917-04-13", "2100-01-01"])
def test_no_pupil_is_born_then(idp_app: Flask, typed: str) -> None:
    assert run(idp_app, "correct-birth-date", str(uuid4()), typed).exit_code == 2


def birth_date_of(app: Flask, child_id: UUID) -> date:
    with app.app_context():
        return db.session.get_one(Child, child_id).birth_date


def state_of(app: Flask, link_id: UUID) -> LinkState:
    with app.app_context():
        return db.session.get_one(Link, link_id).state


@pytest.fixture
def reported(idp_app: Flask, now: datetime) -> UUID:
    """A link that its guardian reported."""
    with idp_app.app_context():
        account_id = make_account(identifier="c.lhenoret")
        link_id = make_link(account_id, make_child()).id
        with transaction():
            families.dispute_link(account_id, link_id, now=now)
        return link_id


@pytest.fixture
def school(idp_app: Flask) -> str:
    with idp_app.app_context():
        return make_school()
