"""RC-15: a database that gives a transaction up (deadlock, serialization failure, busy) changes nothing, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from idp.db import db
from tests.idp.activation.conftest import Browser, Parent, form_filled

MOST_STATEMENTS = 60


@contextmanager
def conflict_at(app: Flask, point: int) -> Iterator[list[str]]:
    """The database refuses the writing statement number `point`; yields those that were asked for."""
    asked: list[str] = []

    def refuse(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            asked.append(statement)
            if len(asked) == point:
                raise OperationalError(statement, {}, Exception("deadlock detected"))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


def rows(app: Flask) -> dict[str, list[Any]]:
    """Everything stored but what is counted before anything is evaluated."""
    with app.app_context():
        return {
            table.name: list(db.session.execute(table.select()))
            for table in db.metadata.sorted_tables
            if table.name not in {"throttle_counters", "paces"}
        }


def test_rc_15_a_conflict_at_any_write_of_the_activation_form_is_a_clean_retry(
    idp_app: Flask, browser: Browser, parent: Parent
):
    browser.sign_in(parent.identifier, parent.provisional_password)
    before, point = rows(idp_app), 1

    while True:
        with conflict_at(idp_app, point) as asked:
            answer = browser.fill("/activation", form_filled(), action="/activation")
        if len(asked) < point:
            break
        assert answer.status_code == 503, asked[-1]
        assert answer.headers["Retry-After"]
        assert rows(idp_app) == before, asked[-1]
        point += 1
        assert point < MOST_STATEMENTS

    assert answer.status_code == 303
    assert point > 5


@pytest.mark.parametrize("point", [1, 2])
def test_rc_15_a_conflict_while_signing_in_signs_nobody_in(
    idp_app: Flask, browser: Browser, parent: Parent, point: int
):
    before = rows(idp_app)

    with conflict_at(idp_app, point):
        answer = browser.sign_in(parent.identifier, parent.provisional_password)

    assert answer.status_code == 503
    assert rows(idp_app) == before
    assert browser.sign_in(parent.identifier, parent.provisional_password).status_code == 303
