"""G19: a web process killed between any two statements of recovery leaves the old state or the new one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging.models import OutboxMessage
from idp.one_time_codes.models import CodeChallenge, NumericCode
from idp.sessions.models import AccountSession
from tests.conftest import Browser, FrozenClock, browser_at, empty_tables
from tests.idp.recovery.conftest import NEW_PASSWORD, Holder
from tests.killing import NEVER, UNHARMED, Ended, every_point, post_until_killed
from tests.signing_in import sign_in_as
from tests.web import form_values

START, CODE, REPLACE = "/mot-de-passe-perdu", "/mot-de-passe-perdu/code", "/mot-de-passe-perdu/nouveau"
RECOVERY_DONE = "notices/recovery_done"


@dataclass
class Round:
    """One person who lost a password; `step` is the address of the form that dies at `point`."""

    app: Flask
    browser: Browser
    holder: Holder
    sent_code: Callable[[], str]
    old_hash: str | None
    step: str
    point: int
    points: int = 0

    def run(self) -> None:
        self.send(START, {"identifier": self.holder.identifier, "channel": "email"})
        self.check("begun", self.begun())
        if self.step == START and self.point != NEVER:
            # Nobody answered: the person asks once more. A message that was promised meanwhile stays promised.
            self.send(START, {"identifier": self.holder.identifier, "channel": "email"}, UNHARMED)
        numeric_code = self.sent_code()
        self.send(CODE, {"one_time_code": numeric_code})
        self.check("proven", self.proven())
        if self.browser.get(REPLACE).status_code != 200:
            self.send(CODE, {"one_time_code": numeric_code}, UNHARMED)
        self.send(REPLACE, chosen())
        self.check("replaced", self.replaced())
        if False in self.replaced():
            self.send(REPLACE, chosen(), UNHARMED)
        assert self.replaced() == {True}
        assert (
            self.count(OutboxMessage, OutboxMessage.template == RECOVERY_DONE, self.is_ours(OutboxMessage))
            == 1
        )
        assert self.journal("recovery:password:replaced") == 1

    def send(self, address: str, values: dict[str, str], before: int | None = None) -> None:
        is_the_step = address == self.step and before is None
        page = self.browser.get(address)
        form = form_values(page.text, action=address) | values
        ended: Ended = post_until_killed(
            self.app, self.browser, address, form, before=self.point if is_the_step else UNHARMED
        )
        assert ended.is_killed or ended.answer[0] == 303, (address, ended)
        if is_the_step:
            assert ended.is_killed == (self.point != NEVER)
            self.points = ended.points

    def check(self, name: str, after: set[bool]) -> None:
        assert len(after) == 1, f"half {name}: killed before point {self.point} of {self.step}"
        died_here = {"begun": START, "proven": CODE, "replaced": REPLACE}[name] == self.step
        assert after == {True} or (died_here and self.point != NEVER), "acknowledged, and lost"

    def begun(self) -> set[bool]:
        return {
            self.count(CodeChallenge, self.is_ours(CodeChallenge)) == 1,
            self.count(NumericCode) == 1,
            self.count(OutboxMessage, self.is_ours(OutboxMessage)) == 1,
            self.journal("recovery:password:asked") == 1,
        }

    def proven(self) -> set[bool]:
        return {self.count(CodeChallenge, CodeChallenge.proven_at.is_not(None)) == 1}

    def replaced(self) -> set[bool]:
        with self.app.app_context():
            password_hash = db.session.get_one(Account, self.holder.account_id).password_hash
        return {
            password_hash != self.old_hash,
            self.count(AccountSession, AccountSession.ended_at.is_(None)) == 0,
            self.count(CodeChallenge, CodeChallenge.completed_at.is_not(None)) >= 1,
            self.count(OutboxMessage, OutboxMessage.template == RECOVERY_DONE) == 1,
            self.journal("recovery:password:replaced") == 1,
        }

    def is_ours(self, model: Any) -> Any:
        return model.account_id == self.holder.account_id

    def count(self, model: Any, *where: Any) -> int:
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0

    def journal(self, name: str) -> int:
        return self.count(AuditEntry, AuditEntry.name == name)


NewRound = Callable[[str, int], Round]


@pytest.mark.parametrize("step", [START, CODE, REPLACE])
def test_g19_a_kill_anywhere_in_recovery_leaves_nothing_half_done(new_round: NewRound, step: str) -> None:
    unharmed = new_round(step, NEVER)
    unharmed.run()

    for point in every_point(unharmed.points):
        new_round(step, point).run()

    assert unharmed.points >= 5


def chosen() -> dict[str, str]:
    return {"new_password": NEW_PASSWORD, "new_password_confirmation": NEW_PASSWORD}


@pytest.fixture
def new_round(
    idp_app: Flask,
    clock: FrozenClock,
    new_holder: Callable[..., Holder],
    account_of: Callable[[Holder], Account],
    sent_code: Callable[[], str],
) -> NewRound:
    """On a database without the rounds before; the person is signed in elsewhere."""

    def new(step: str, point: int) -> Round:
        empty_tables(idp_app, db)
        holder = new_holder()
        sign_in_as(idp_app, browser_at(idp_app, "https://compte.example"), holder.account_id, now=clock.now)
        browser = browser_at(idp_app, "https://compte.example")
        return Round(idp_app, browser, holder, sent_code, account_of(holder).password_hash, step, point)

    return new
