import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from idp.accounts.rules import AccountState
from idp.audit.models import AuditEntry
from idp.cli import idp
from idp.db import db
from tests.conftest import FrozenClock
from tests.factories import LETTER_LIFE
from tests.idp.letters.conftest import UAI, AddChild, AddGuardian, issued, state_of


class Run:
    """Runs `idp` on the test's application."""

    def __init__(self, app: Flask) -> None:
        self._runner = app.test_cli_runner()

    def __call__(self, *arguments: object) -> Result:
        return self._runner.invoke(idp, [str(argument) for argument in arguments])


def test_printing_counts_the_pages(add_guardian: AddGuardian, run: Run, destination: Path):
    add_guardian()
    add_guardian("k.benali", state=AccountState.ACTIVE, password_hash="a hash")

    result = run("letters", "print", "--school", UAI, "-o", destination, "--format", "json")

    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["pages"], report["letters"]) == (2, {"issued": 1, "unchanged": 1})
    assert destination.read_bytes().startswith(b"%PDF")


def test_a_class_is_chosen_by_its_label_in_any_case(
    add_guardian: AddGuardian, add_child: AddChild, run: Run, destination: Path
):
    wanted = add_guardian(children=[add_child(class_label="CE2 B")])
    other = add_guardian("k.benali", children=[add_child(class_label="CP A")])

    result = run("letters", "print", "--school", UAI, "--class", "ce2 b", "-o", destination)

    assert result.exit_code == 0
    assert (state_of(wanted), state_of(other)) == (AccountState.NOTIFIED, AccountState.CREATED)


def test_expired_letters_are_named_and_the_command_says_partly_done(
    add_guardian: AddGuardian, run: Run, destination: Path, clock: FrozenClock
):
    add_guardian()
    run("letters", "print", "--school", UAI, "-o", destination)
    clock.advance(seconds=LETTER_LIFE.total_seconds())

    result = run("letters", "print", "--school", UAI, "-o", destination)

    assert (result.exit_code, "skipped c.dherbomez: expired" in result.stderr) == (5, True)


@pytest.mark.parametrize("flags", [[], ["--apply"]])
def test_reissuing_acts_with_apply_alone(
    add_guardian: AddGuardian, run: Run, destination: Path, flags: list[str]
):
    account_id = add_guardian()
    run("letters", "print", "--school", UAI, "-o", destination)
    destination.unlink()

    result = run("letters", "reissue", "--school", UAI, "-o", destination, *flags)

    assert result.exit_code == 0
    assert issued(account_id).issue_number == (2 if flags else 1)
    assert destination.exists() == bool(flags)


def test_a_whole_school_issued_anew_keeps_the_passwords_that_parents_chose(
    add_guardian: AddGuardian, run: Run, destination: Path
):
    add_guardian()
    add_guardian("k.benali", state=AccountState.ACTIVE, password_hash="a hash")

    whole = run("letters", "reissue", "--school", UAI, "-o", destination, "--apply")
    named = run("letters", "reissue", "--school", UAI, "--identifier", "k.benali", "-o", destination)

    assert (whole.exit_code, named.exit_code) == (0, 0)
    assert "issued          1" in whole.stdout
    assert "skipped k.benali: active" in whole.stderr
    assert "renewed         1" in named.stdout


@pytest.mark.parametrize("command", [["print"], ["reissue", "--apply"]])
def test_re_11_staff_see_no_password_and_the_journal_tells_of_the_letter(
    add_guardian: AddGuardian, run: Run, destination: Path, command: list[str]
):
    """Where a guardian is helped by staff, the paper alone says the new password."""
    account_id = add_guardian()

    result = run("letters", *command, "--school", UAI, "-o", destination)

    assert result.exit_code == 0
    assert issued(account_id).provisional_password not in result.output.replace(" ", "")
    told = db.session.scalars(select(AuditEntry.name).where(AuditEntry.account_id == account_id)).all()
    assert "letters:account:printed" in told


@pytest.fixture
def run(idp_context: Flask) -> Run:
    return Run(idp_context)
