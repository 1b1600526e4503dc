"""`idp accounts undo-merge`: the school gives an account back."""

from click.testing import Result
from flask import Flask

from idp.accounts.models import AccountState
from idp.attachment.cli import UndoRefused, accounts
from tests.idp.attachment.conftest import attach


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(accounts, ["undo-merge", *arguments])


def test_the_plan_is_printed_and_nothing_is_done(idp_app, parent, browser, used, state_of):
    attach(browser, used)

    result = run(idp_app, used.identifier.upper())

    assert result.exit_code == 0
    assert f"give back  {used.identifier}  from {parent.identifier}" in result.stdout
    assert "until 2026-12-23; 1 children" in result.stdout
    assert "Nothing done" in result.stderr
    assert state_of(used.account_id) is AccountState.MERGED


def test_applied_the_account_is_as_it_was_and_its_person_is_told(
    idp_app, browser, used, state_of, children_of, mailbox, journal
):
    attach(browser, used)

    assert run(idp_app, used.identifier, "--apply").exit_code == 0

    assert state_of(used.account_id) is AccountState.ACTIVE
    assert children_of(used.account_id) == {used.child_id}
    assert "les enfants de votre compte ont changé" in mailbox()[-1].subject
    assert "attachment:account:revived" in journal(used)


def test_an_account_that_stands_on_its_own_is_refused(idp_app, used):
    assert run(idp_app, used.identifier, "--apply").exit_code == 2
    assert run(idp_app, "nobody", "--apply").exit_code == 2


def test_after_thirty_days_it_is_refused_with_the_exit_code_of_a_guard(idp_app, browser, used, clock):
    attach(browser, used)
    clock.advance(days=31)

    result = run(idp_app, used.identifier, "--apply")

    assert isinstance(result.exception, UndoRefused)
    assert result.exception.exit_code == 3
