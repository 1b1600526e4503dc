"""G19: a web process killed between any two statements of activation by phone leaves the old state or the new one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit.models import AuditEntry
from idp.db import db
from idp.messaging.models import OutboxMessage
from idp.one_time_codes.models import CodeChallenge
from tests.conftest import Browser as Web
from tests.conftest import browser_at
from tests.idp.phone_activation.conftest import CODE, LAST, NEW_PASSWORD, START, TYPED
from tests.killing import NEVER, UNHARMED, Ended, post_until_killed
from tests.web import form_values

STEPS = ("asking", "code", "last step")


@pytest.mark.parametrize("step", STEPS)
def test_g19_a_kill_anywhere_leaves_nothing_half_done(
    idp_app: Flask, new_parent: Callable[..., AccountId], sent_code: Callable[[], str], step: str
) -> None:
    unharmed = go_through(idp_app, new_parent, sent_code, step, NEVER, "+33639980100")

    for point in range(1, unharmed + 1):
        go_through(idp_app, new_parent, sent_code, step, point, f"+336399802{point:02d}")

    assert unharmed >= 5


def go_through(
    app: Flask,
    new_parent: Callable[..., AccountId],
    sent_code: Callable[[], str],
    killed_step: str,
    point: int,
    phone: str,
) -> int:
    """One parent, killed at one point of one step, then again to the end. Returns the points of that step."""
    account_id, browser = new_parent(phone=phone), browser_at(app, "https://compte.example")
    browser.environ_base["REMOTE_ADDR"] = f"198.51.{max(point, 0)}.7"  # a network has its own cap on SMS
    points = 0

    def do(step: str, address: str, form: Callable[[], dict[str, str]]) -> None:
        nonlocal points
        ended = send(app, browser, address, form(), point if step == killed_step else UNHARMED)
        if step == killed_step:
            assert ended.is_killed == (point != NEVER)
            points = ended.points
        check_whole(app, account_id)
        if ended.is_killed:
            again(app, browser, address, form)

    do("asking", START, lambda: TYPED | {"phone": f"0{phone[3:]}"})
    do("code", CODE, lambda: {"one_time_code": sent_code()})
    do("last step", LAST, lambda: last_step(browser))
    check_end(app, account_id)
    return points


def send(app: Flask, browser: Web, address: str, form: dict[str, str], before: int) -> Ended:
    page = browser.get(address)
    assert page.status_code == 200, (address, page.location)
    values = form_values(page.text, action=address) | form
    ended = post_until_killed(app, browser, address, values, before=before)
    assert ended.is_killed or ended.answer[0] == 303, (address, before, ended)
    return ended


def again(app: Flask, browser: Web, address: str, form: Callable[[], dict[str, str]]) -> None:
    """What a person does: opens the page again, and fills it in again unless it was done after all."""
    if browser.get(address).status_code != 200:
        return
    if address == START:
        # The pace of what was counted before the kill.
        app.extensions["clock"].advance(seconds=30)
    send(app, browser, address, form(), UNHARMED)


def last_step(browser: Web) -> dict[str, str]:
    found = re.search(r'name="birth_day_([0-9a-f]{32})"', browser.get(LAST).text)
    assert found is not None
    key = found[1]
    dates = {f"birth_day_{key}": "14", f"birth_month_{key}": "3", f"birth_year_{key}": "2017"}
    return dates | {"new_password": NEW_PASSWORD, "new_password_confirmation": NEW_PASSWORD}


def check_whole(app: Flask, account_id: AccountId) -> None:
    """All of it or nothing: state, password, number, proof, journal; and each challenge has its code's message."""
    with app.app_context():
        account = db.session.get_one(Account, account_id)
        done = {
            account.state is AccountState.ACTIVE,
            account.password_hash is not None,
            account.phone is not None,
            account.phone_confirmed_at is not None,
            count(
                CodeChallenge,
                CodeChallenge.account_id == account_id,
                CodeChallenge.completed_at.is_not(None),
            )
            >= 1,
            journal(account_id) == 1,
        }
        challenges = count(CodeChallenge, CodeChallenge.account_id == account_id)
        assert count(OutboxMessage, OutboxMessage.account_id == account_id) == challenges
    assert len(done) == 1


def check_end(app: Flask, account_id: AccountId) -> None:
    with app.app_context():
        assert db.session.get_one(Account, account_id).state is AccountState.ACTIVE
        assert journal(account_id) == 1


def journal(account_id: AccountId) -> int:
    named = AuditEntry.name == "phone_activation:account:activated"
    return count(AuditEntry, named, AuditEntry.account_id == account_id)


def count(model: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0
