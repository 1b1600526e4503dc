"""What tests of the relying party look at: how many sessions there are, and whether a browser is signed in."""

from flask import Flask
from sqlalchemy import func, select

from livret_service.db import db
from livret_service.sign_in.models import GuardianSession
from tests.conftest import Browser

PAGE = "/pages-de-test"


def sessions_of(app: Flask) -> int:
    """Every session ever opened."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(GuardianSession)) or 0


def living_sessions_of(app: Flask) -> int:
    """Sessions that were not ended."""
    living = select(func.count()).select_from(GuardianSession).where(GuardianSession.ended_at.is_(None))
    with app.app_context():
        return db.session.scalar(living) or 0


def is_signed_in(browser: Browser) -> bool:
    """Whether a page of somebody's children opens."""
    return browser.get(PAGE).status_code == 200
