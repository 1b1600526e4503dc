"""The one place that reads the time. Everything else takes `now`, aware and in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from flask import Flask, current_app, g

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def init_clock(app: Flask, clock: Clock) -> None:
    """Give the application its clock; tests give one that stands still."""
    app.extensions["clock"] = clock


def app_now() -> datetime:
    """The application's clock, read again at each call: for commands and workers."""
    return cast("Clock", current_app.extensions["clock"])()


def request_now() -> datetime:
    """The instant of this request: read once, so that one request has one time."""
    if "now" not in g:
        g.now = app_now()
    return cast("datetime", g.now)
