"""Use cases without a browser: races, purge."""

import threading

from flask import Flask
from sqlalchemy import func, select

from livret_service.db import db, transaction
from livret_service.sign_in import service
from livret_service.sign_in.checks import AttemptUnknown
from livret_service.sign_in.models import GuardianSession, SignInAttempt
from livret_service.sign_in.rules import ATTEMPT_LIFE
from livret_service.sign_in.service import Waste
from shared.secrets import digest
from tests.conftest import FrozenClock, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, leave, sign_in

CALLERS = 20


def test_of_twenty_answers_at_once_one_takes_the_attempt(app: Flask, clock: FrozenClock):
    with app.app_context(), transaction() as session:
        session.add(
            SignInAttempt(
                state_digest=digest("state"),
                browser_digest=digest("browser"),
                target="/livrets",
                asked_at=clock.now,
                expires_at=clock.now + ATTEMPT_LIFE,
            )
        )
    barrier, taken = threading.Barrier(CALLERS), []

    def take() -> None:
        with app.app_context():
            barrier.wait()
            try:
                taken.append(service.take_attempt("state", "browser", now=clock.now))
            except AttemptUnknown:
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=take) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 1


def test_purge_deletes_what_nobody_needs_any_more(app: Flask, provider: FakeProvider, clock: FrozenClock):
    sign_in(browser_at(app, LIVRET_URL), provider)
    leave(browser_at(app, LIVRET_URL))
    with app.app_context():
        assert service.purge(now=clock.now) == Waste(0, 0, 0)
        later = clock.advance(days=1, minutes=30)

        assert service.find_waste(now=later) == Waste(2, 1, 0)
        assert service.purge(now=later) == Waste(2, 1, 0)

        for table in (SignInAttempt, GuardianSession):
            assert db.session.scalar(select(func.count()).select_from(table)) == 0
