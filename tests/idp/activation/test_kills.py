"""G19: a web process or a worker killed between any two statements of activation leaves the old state or the new one.

Each round kills one process at one point; then the parent does what parents do, again and to the end.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import Account, AccountState
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging import service as messaging
from idp.messaging.mail import init_mail
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import LEASE
from idp.one_time_codes.models import OneTimeCode
from idp.passwords.models import ProvisionalPassword
from tests.conftest import Browser, FrozenClock, browser_at
from tests.idp.activation.conftest import CHOSEN_PASSWORD, EMAIL, Parent, form_filled
from tests.idp.messaging.conftest import MailServer
from tests.killing import NEVER, UNHARMED, Ended, every_point, post_until_killed, run_until_killed
from tests.web import form_values

STEPS = ("form", "delivery", "signing_in_at_the_link")


@dataclass
class Round:
    """One parent on the way from the letter to the active account; `killed_at` one point of one step."""

    app: Flask
    clock: FrozenClock
    mail_server: MailServer
    parent: Parent
    step: str
    point: int
    browser: Browser = field(init=False)
    points: int = 0

    def __post_init__(self) -> None:
        self.browser = browser_at(self.app, "https://compte.example")

    def run(self) -> None:
        self.sign_in("/connexion", self.parent.provisional_password)
        self.do("form", self.send_form)
        self.check_form()
        while self.browser.get("/activation").status_code == 200:
            self.send_form(UNHARMED)
        self.do("delivery", self.deliver)
        self.clock.advance(seconds=LEASE.total_seconds())
        while self.deliver(UNHARMED).answer:
            pass
        address = self.mailed_address()
        self.do("signing_in_at_the_link", lambda point: self.sign_in_at(address, point))
        self.check_confirmation()
        if self.account().state is not AccountState.ACTIVE:
            self.sign_in_at(address, UNHARMED)
        self.check_end()

    def do(self, step: str, act: Callable[[int], Ended]) -> None:
        ended = act(self.point if step == self.step else UNHARMED)
        if step == self.step:
            assert ended.is_killed == (self.point != NEVER)
            self.points = ended.points

    def sign_in(self, address: str, password: str, before: int = UNHARMED) -> Ended:
        page = self.browser.get(address)
        form = form_values(page.text, action=address.partition("?")[0])
        couple = {"identifier": self.parent.identifier, "password": password}
        ended = post_until_killed(self.app, self.browser, address, form | couple, before=before)
        assert ended.is_killed or ended.answer[0] == 303
        return ended

    def sign_in_at(self, address: str, before: int) -> Ended:
        # On another device: nothing but the link and the password.
        self.browser = browser_at(self.app, "https://compte.example")
        return self.sign_in(address, CHOSEN_PASSWORD, before)

    def send_form(self, before: int) -> Ended:
        page = self.browser.get("/activation")
        form = form_values(page.text, action="/activation") | form_filled()
        ended = post_until_killed(self.app, self.browser, "/activation", form, before=before)
        assert ended.is_killed or ended.answer[0] == 303, ended
        return ended

    def deliver(self, before: int) -> Ended:
        def act() -> Any:
            with self.app.app_context():
                return messaging.deliver_next(now=self.clock.now)

        return run_until_killed(self.app, act, before=before)

    def mailed_address(self) -> str:
        received = self.mail_server.postman.taken[-1].get_body(("plain",))
        found = re.search(r"https://compte\.example(/activation/adresse\?code=\S+)", received.get_content())
        assert found is not None
        return found[1]

    def account(self) -> Account:
        with self.app.app_context():
            found = db.session.get_one(Account, self.parent.account_id)
            db.session.expunge(found)
            return found

    def count(self, model: Any, *where: Any) -> int:
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0

    def check_form(self) -> None:
        """All of it or nothing: state, password, letter, code, mail, journal."""
        account, of_account = self.account(), self.parent.account_id
        after = {
            account.state is AccountState.ACTIVATING,
            account.password_hash is not None,
            account.pending_email == EMAIL,
            self.count(
                ProvisionalPassword,
                ProvisionalPassword.account_id == of_account,
                ProvisionalPassword.consumed_at.is_not(None),
            )
            == 1,
            self.count(OneTimeCode, OneTimeCode.account_id == of_account) == 1,
            self.count(OutboxMessage, OutboxMessage.account_id == of_account) == 1,
            self.journal("activation:form:accepted") == 1,
        }
        assert len(after) == 1, f"half done: killed before point {self.point} of {self.step}"
        assert after == {True} or self.step == "form", "acknowledged, and lost"

    def check_confirmation(self) -> None:
        account, of_account = self.account(), self.parent.account_id
        after = {
            account.state is AccountState.ACTIVE,
            account.email == EMAIL,
            account.email_confirmed_at is not None,
            account.pending_email is None,
            self.count(
                OneTimeCode, OneTimeCode.account_id == of_account, OneTimeCode.consumed_at.is_not(None)
            )
            == 1,
            self.journal("activation:account:activated") == 1,
        }
        assert len(after) == 1, f"half done: killed before point {self.point} of {self.step}"
        assert after == {True} or self.step == "signing_in_at_the_link", "acknowledged, and lost"

    def check_end(self) -> None:
        """Active, once; the mail left, under one name, twice at most and only when its worker died."""
        account = self.account()
        assert (account.state, account.email) == (AccountState.ACTIVE, EMAIL)
        assert self.journal("activation:account:activated") == 1
        assert self.journal("activation:form:accepted") == 1
        names = [mail["Message-ID"] for mail in self.mail_server.postman.taken]
        assert len(set(names)) == 1
        assert len(names) == 1 or (self.step == "delivery" and len(names) == 2)
        assert self.count(OutboxMessage, OutboxMessage.sent_at.is_(None)) == 0

    def journal(self, name: str) -> int:
        return self.count(
            AuditEntry, AuditEntry.name == name, AuditEntry.account_id == self.parent.account_id
        )


NewRound = Callable[[str, int], Round]


@pytest.mark.parametrize("step", STEPS)
def test_g19_a_kill_anywhere_in_activation_leaves_nothing_half_done(new_round: NewRound, step: str) -> None:
    unharmed = new_round(step, NEVER)
    unharmed.run()

    for point in every_point(unharmed.points):
        new_round(step, point).run()

    assert unharmed.points >= 5


@pytest.fixture
def new_round(
    idp_app: Flask,
    clock: FrozenClock,
    new_parent: Callable[..., Parent],
    start_server: Callable[..., MailServer],
) -> Iterator[NewRound]:
    server = start_server()
    before = idp_app.extensions["settings"]
    settings = before.model_copy(update={"mail_host": "127.0.0.1", "mail_port": server.port})
    idp_app.extensions["settings"] = settings
    init_mail(idp_app, settings)

    def new(step: str, point: int) -> Round:
        server.postman.taken.clear()
        return Round(idp_app, clock, server, new_parent(), step, point)

    yield new
    idp_app.extensions["settings"] = before
    init_mail(idp_app, before)
