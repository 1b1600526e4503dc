"""Activation cut off in the middle: at every statement, all or nothing is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from idp.accounts.models import Account, AccountState
from idp.activation import service
from idp.activation.rules import ActivationChoice
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.messaging.models import OutboxMessage
from idp.one_time_codes.models import OneTimeCode
from idp.passwords.models import ProvisionalPassword
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith
from idp.throttling import service as throttling
from idp.throttling.rules import birth_date_budgets, sign_in_budgets
from tests.idp.activation.conftest import BIRTH_DATE, CHOSEN_PASSWORD, EMAIL, Parent

CHOICE = ActivationChoice(EMAIL, CHOSEN_PASSWORD, BIRTH_DATE)
MOST_STATEMENTS = 80


class PowerCut(Exception):
    """The process ends here."""


@contextmanager
def power_cut_at(number: int) -> Iterator[None]:
    """Fails at the statement of this number, counted from 1."""
    seen = 0

    def count(*_args: object) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise PowerCut

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
        db.session.rollback()


def cut_everywhere(act: Callable[[], object], check_nothing_done: Callable[[], None]) -> int:
    """Run `act` with a cut at the first statement, the second, and so on until it succeeds."""
    for number in range(1, MOST_STATEMENTS):
        try:
            with power_cut_at(number):
                act()
        except PowerCut:
            check_nothing_done()
        else:
            return number
    raise AssertionError("more statements than expected")


@pytest.fixture
def letter_session(parent: Parent, idp_app: Flask, now: datetime) -> Iterator[CurrentSession]:
    """The session of who signed in with the letter."""
    with idp_app.app_context():
        yield open_session(parent, OpenedWith.PROVISIONAL, issue_number=1, now=now)


def test_a_form_cut_at_any_statement_leaves_nothing_half_done(letter_session, parent, now):
    def act() -> None:
        with transaction():
            throttling.forget(*birth_date_budgets(parent.account_id, 1))
        service.start_activation(letter_session, CHOICE, demande=None, now=now)

    def check_nothing_done() -> None:
        account = db.session.get_one(Account, parent.account_id, populate_existing=True)
        assert (account.state, account.pending_email, account.password_hash) == (
            AccountState.NOTIFIED,
            None,
            None,
        )
        assert db.session.scalar(select(ProvisionalPassword.consumed_at)) is None
        assert count_of(OutboxMessage) == count_of(OneTimeCode) == 0
        db.session.rollback()

    statements = cut_everywhere(act, check_nothing_done)

    assert statements > 12
    account = db.session.get_one(Account, parent.account_id, populate_existing=True)
    assert (account.state, account.pending_email) == (AccountState.ACTIVATING, EMAIL)
    assert count_of(OutboxMessage) == count_of(OneTimeCode) == 1


def test_a_confirmation_cut_at_any_statement_leaves_nothing_half_done(
    activating, mailed_address, idp_app, now
):
    code = mailed_address().partition("code=")[2]
    context = idp_app.app_context()
    context.push()

    def act() -> None:
        with transaction():
            throttling.forget(*sign_in_budgets(activating.identifier, "198.51.100.0/24"))
        service.sign_in_at_address(
            (activating.identifier, CHOSEN_PASSWORD),
            code,
            network="198.51.100.0/24",
            user_agent="",
            browser_secret=None,
            now=now,
        )

    def check_nothing_done() -> None:
        account = db.session.get_one(Account, activating.account_id, populate_existing=True)
        assert (account.state, account.email) == (AccountState.ACTIVATING, None)
        assert db.session.scalar(select(OneTimeCode.consumed_at)) is None
        db.session.rollback()

    statements = cut_everywhere(act, check_nothing_done)

    assert statements > 10
    account = db.session.get_one(Account, activating.account_id, populate_existing=True)
    assert (account.state, account.email) == (AccountState.ACTIVE, EMAIL)
    db.session.rollback()
    context.pop()


def test_an_activated_account_has_its_journal(activating, idp_app):
    with idp_app.app_context():
        names = db.session.scalars(
            select(AuditEntry.name).where(AuditEntry.account_id == activating.account_id)
        )

        assert "activation:form:accepted" in set(names)


def open_session(
    parent: Parent, opened_with: OpenedWith, *, issue_number: int | None, now: datetime
) -> CurrentSession:
    with transaction():
        opened = sessions.open_session(parent.account_id, opened_with, issue_number=issue_number, now=now)
    found = sessions.find_session(opened.session_id, now=now)
    db.session.rollback()
    assert found is not None
    return found


def count_of(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0
