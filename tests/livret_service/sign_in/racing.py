"""Many callers at once, each with its own connection."""

import threading
from collections.abc import Callable
from typing import TypeVar

from flask import Flask

from livret_service.db import db

CALLERS = 20
_Got = TypeVar("_Got")


def race(app: Flask, act: Callable[[], _Got], *, refused: type[Exception]) -> list[_Got]:
    """What those callers got who were not refused."""
    barrier = threading.Barrier(CALLERS)
    got: list[_Got] = []

    def call() -> None:
        with app.app_context():
            barrier.wait()
            try:
                got.append(act())
            except refused:
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got
