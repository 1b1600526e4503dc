"""Answers held for a moment, without a browser."""

from flask import Flask

from livret_service.sign_in import answers
from livret_service.sign_in.browser import EXTENSION
from livret_service.sign_in.checks import AttemptUnknown
from tests.conftest import Browser, FrozenClock
from tests.livret_service.conftest import FakeProvider, leave
from tests.livret_service.sign_in.racing import race


def test_of_twenty_who_bring_one_handle_one_gets_the_answer(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sent = leave(browser)
    party = app.extensions[EXTENSION]
    asked = {"state": sent.state, "code": "c", "unknown": "left out"}
    with app.app_context():
        handle = answers.hold_answer(party, asked, now=clock.now)

    got = race(app, lambda: answers.take_answer(party, handle, now=clock.now), refused=AttemptUnknown)

    assert got == [{"state": sent.state, "code": "c"}]
