"""Processes that end themselves with SIGKILL before one of their statements: what remains is what others find.

A child is forked, so that it has the application as a worker has it after its fork, and its own connections. It
counts the points at which it touches the database (each statement, each commit, and its last act: answering), and
dies at the one it is told. Nothing of it is cleaned up: no rollback, no closed connection, no farewell.
"""

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import Engine, event

from idp.db import db
from tests.conftest import Browser

UNHARMED, NEVER = -1, 0
"""In this process, as other tests do; in a child that lives, to count its points."""

KILLS_A_POINT = int(os.environ.get("KILLS_A_POINT", "1"))
"""The benchmarks' long profile kills more often at each point than `make test` does."""


def every_point(count: int) -> Iterator[int]:
    """The points from 1 to `count`, each as often as is asked for."""
    for _ in range(KILLS_A_POINT):
        yield from range(1, count + 1)


@dataclass(frozen=True)
class Ended:
    """How a child ended. `points`: at how many it touched the database, when it lived; `answer`: what it returned."""

    is_killed: bool
    points: int = 0
    answer: Any = None


def run_until_killed(app: Flask, act: Callable[[], Any], *, before: int = NEVER) -> Ended:
    """Run `act` in a child that dies before its point number `before` (from 1); NEVER: it lives and is counted.

    UNHARMED: no child, nothing counted. What `act` returns must survive pickling. No application context may be pushed: its connection would be shared.
    """
    if before == UNHARMED:
        return Ended(is_killed=False, answer=act())
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
        engine = db.engine
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(engine, act, before, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return Ended(is_killed=True)
    ended = pickle.loads(written)
    assert isinstance(ended, Ended), ended
    return ended


def _live(engine: Engine, act: Callable[[], Any], before: int, writing: int) -> None:
    """The child's whole life; never returns."""
    points = 0

    def pass_point(*_event: object) -> None:
        nonlocal points
        points += 1
        if points == before:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        event.listen(engine, "before_cursor_execute", pass_point)
        event.listen(engine, "commit", pass_point)
        answer = act()
        pass_point()  # all is done, nobody has been told
        told: object = Ended(is_killed=False, points=points, answer=answer)
    except BaseException:  # noqa: BLE001 - the parent is told, and fails
        told = traceback.format_exc()
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump(told, pipe)
    os._exit(0)


def post_until_killed(
    app: Flask, browser: Browser, address: str, form: dict[str, str], *, before: int = NEVER
) -> Ended:
    """Send a form to a web process that dies at a point. `answer`: status and Location; cookies reach the browser."""
    if before == UNHARMED:
        unharmed = browser.post(address, data=form)
        return Ended(is_killed=False, answer=(unharmed.status_code, unharmed.location))

    def post() -> tuple[int, str | None, list[str]]:
        answer = browser.post(address, data=form)
        return answer.status_code, answer.location, answer.headers.getlist("Set-Cookie")

    ended = run_until_killed(app, post, before=before)
    if ended.is_killed:
        return ended
    status, location, cookies = ended.answer
    for cookie in cookies:
        for name, morsel in SimpleCookie(cookie).items():
            host = urlsplit(browser.origin).hostname or ""
            browser.set_cookie(name, morsel.value, domain=host, secure=bool(morsel["secure"]))
    return Ended(is_killed=False, points=ended.points, answer=(status, location))
