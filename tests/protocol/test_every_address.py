"""Every address of the provider: no request, however mangled, gets a 5xx or leads elsewhere, whoever sends it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from hypothesis import given

from idp.accounts.rules import AccountId, AccountState
from idp.sessions.rules import OpenedWith
from tests.conftest import Browser, FrozenClock, browser_at
from tests.factories import make_account, make_child, make_link
from tests.hostile import (
    ONE_APPLICATION,
    Attempt,
    addresses_of,
    attempts,
    everywhere,
    fields_of,
    names_read,
    send,
)
from tests.relying_party import ISSUER, POST_LOGOUT_URI, REDIRECT_URI, RelyingParty, make_parent
from tests.signing_in import sign_in_as

pytestmark = pytest.mark.hostile

GENUINE = ("{demande}", "{identifier}", "{id_token}", "{access_token}", "{refresh_token}", "{link_id}")
STANDINGS: tuple[tuple[AccountState, OpenedWith] | None, ...] = (
    None,
    (AccountState.NOTIFIED, OpenedWith.PROVISIONAL),
    (AccountState.ACTIVATING, OpenedWith.CHOSEN),
    (AccountState.ACTIVE, OpenedWith.CHOSEN),
    (AccountState.ACTIVE, OpenedWith.CHOSEN),
)
OURS = (f"{ISSUER}/", REDIRECT_URI, POST_LOGOUT_URI)


def is_an_answer(response: Any) -> bool:
    """No fault of ours, and no way to a place that is neither ours nor the client's."""
    location = response.headers.get("Location", "/")
    is_own_path = location.startswith("/") and not location.startswith(("//", "/\\"))
    return response.status_code < 500 and (is_own_path or location.startswith(OURS))


@pytest.mark.parametrize("address", addresses_of("idp"))
@ONE_APPLICATION
@given(attempt=attempts(fields_of("idp"), standings=len(STANDINGS), genuine=GENUINE))
def test_no_request_to_an_address_gets_a_5xx(
    address: str,
    attempt: Attempt,
    idp_app: Flask,
    people: list[AccountId],
    genuine: Mapping[str, str],
    clock: FrozenClock,
):
    browser = browser_of(attempt.standing, idp_app, people, clock)

    for asked, answer in send(idp_app, browser, address, attempt, genuine):
        assert is_an_answer(answer), (answer.status_code, answer.headers.get("Location"), asked)


@pytest.mark.parametrize("address", addresses_of("idp"))
def test_in_01_in_04_in_05_in_07_in_09_no_strange_value_gets_a_5xx(
    address: str, idp_app: Flask, people: list[AccountId], genuine: Mapping[str, str], clock: FrozenClock
):
    # The last one stands where the one before does.
    for attempt in everywhere(names_read("idp"), genuine["demande"], standings=len(STANDINGS) - 1):
        browser = browser_of(attempt.standing, idp_app, people, clock)

        for asked, answer in send(idp_app, browser, address, attempt, genuine):
            assert is_an_answer(answer), (answer.status_code, answer.headers.get("Location"), asked[:2000])


def browser_of(place: int, app: Flask, people: list[AccountId], clock: FrozenClock) -> Browser:
    """A browser of one of STANDINGS, with a session of its own if it has one."""
    browser, standing = browser_at(app, ISSUER), STANDINGS[place]
    if standing is not None:
        sign_in_as(app, browser, people[place], opened_with=standing[1], now=clock.now)
    return browser


@pytest.fixture
def genuine(offline_party: RelyingParty, people: list[AccountId], idp_app: Flask) -> dict[str, str]:
    """Values that the provider gave out itself, by the names of GENUINE."""
    tokens = offline_party.tokens(scope="openid offline_access children")
    asked = browser_at(idp_app, ISSUER).get("/oauth/authorize", query_string=offline_party.request())
    with idp_app.app_context():
        link_id = str(make_link(people[-1], make_child()).id)
    return {
        "demande": parse_qs(urlsplit(asked.location).query)["demande"][0],
        "identifier": f"hostile.{len(STANDINGS) - 1}",
        "link_id": link_id,
        **{name: tokens[name] for name in ("id_token", "access_token", "refresh_token")},
    }


@pytest.fixture
def people(idp_app: Flask, monkeypatch: pytest.MonkeyPatch, sms_on: None) -> list[AccountId]:
    """Who sends, one for each of STANDINGS, each with a child.

    Form tokens are off and SMS on: what they guard is reached, and every form is shown.
    """
    monkeypatch.setitem(idp_app.config, "WTF_CSRF_ENABLED", False)
    with idp_app.app_context():
        accounts = [_person(place, standing) for place, standing in enumerate(STANDINGS)]
        for account_id in accounts:
            make_link(account_id, make_child())
    return accounts


def _person(place: int, standing: tuple[AccountState, OpenedWith] | None) -> AccountId:
    state = standing[0] if standing else AccountState.CREATED
    address = f"hostile.{place}@exemple.example"
    if state == AccountState.ACTIVE:
        return make_parent(identifier=f"hostile.{place}", email=address)
    return make_account(
        identifier=f"hostile.{place}",
        state=state,
        pending_email=address if state == AccountState.ACTIVATING else None,
    )
