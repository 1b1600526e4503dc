"""design 7: how many statements each hot path may run, over HTTP, with its client held in memory."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from idp.db import db
from idp.families.models import Link
from tests.factories import make_child, make_link
from tests.protocol.test_rfc7662_introspection import introspect
from tests.relying_party import RelyingParty

CHILDREN = "openid profile children offline_access"
BEGINNINGS = ("BEGIN", "SET LOCAL", "PRAGMA")


@pytest.fixture
def party(offline_party: RelyingParty, parent: Any) -> RelyingParty:
    """A client whose records this worker holds: it has signed a parent of one child in once."""
    with offline_party.app.app_context():
        link = make_link(parent, make_child())
    assert isinstance(link, Link)
    offline_party.tokens(scope=CHILDREN)
    return offline_party


def statements_of(party: RelyingParty, act: Callable[[], Any]) -> int:
    """How many statements `act` runs, those that open a transaction apart."""
    seen: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if not statement.startswith(BEGINNINGS):
            seen.append(statement)

    with party.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        response = act()
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert response.status_code in {200, 303}, response.text
    return len(seen)


def test_authorize_with_a_session(party: RelyingParty):
    """The session; the code."""
    assert statements_of(party, lambda: party.authorize(scope=CHILDREN)) <= 2


def test_token(party: RelyingParty):
    """The code, the family, the access token, the children."""
    code, lean = party.authorization_code(scope=CHILDREN), party.authorization_code()

    assert statements_of(party, lambda: party.redeem(code)) <= 4
    assert statements_of(party, lambda: party.redeem(lean)) <= 2


def test_refresh(party: RelyingParty):
    """The rotation, what it supersedes, the access token, the children."""
    refresh_token = party.tokens(scope=CHILDREN)["refresh_token"]

    assert statements_of(party, lambda: party.refresh(refresh_token)) <= 4


def test_userinfo(party: RelyingParty):
    """The token with its person; the children."""
    tokens, lean = party.tokens(scope=CHILDREN), party.tokens(scope="openid profile")

    assert statements_of(party, lambda: party.userinfo(tokens["access_token"])) <= 2
    assert statements_of(party, lambda: party.userinfo(lean["access_token"])) <= 1


def test_introspection(party: RelyingParty):
    tokens = party.tokens(scope=CHILDREN)

    assert statements_of(party, lambda: introspect(party, tokens["access_token"])) <= 1
    assert statements_of(party, lambda: introspect(party, tokens["refresh_token"])) <= 2


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth/jwks"])
def test_documents_are_bytes_made_once(party: RelyingParty, path: str):
    party.browser.get(path)

    assert statements_of(party, lambda: party.browser.get(path)) == 0
