from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask, Response, redirect

from idp.accounts.rules import AccountState
from idp.app import create_app
from idp.db import db, transaction
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from idp.sessions.views import (
    activation_session_required,
    active_account_required,
    clear_session_cookie,
    current_session,
    full_session,
    next_address,
    set_session_cookie,
)
from idp.settings import Settings
from tests.conftest import Browser, FrozenClock, idp_settings_values
from tests.factories import make_account
from tests.signing_in import sign_in_as

SignedIn = Callable[[AccountState, OpenedWith], Callable[[Callable[[], object]], object]]
ACTIVATING = [
    (AccountState.NOTIFIED, OpenedWith.PROVISIONAL, "/activation"),
    (AccountState.ACTIVATING, OpenedWith.PROVISIONAL, "/activation"),
    (AccountState.ACTIVE, OpenedWith.PROVISIONAL, "/activation"),
    (AccountState.ACTIVATING, OpenedWith.CHOSEN, "/activation/message-envoye"),
]


@pytest.mark.parametrize(("state", "opened_with", "address"), ACTIVATING)
def test_a_session_that_still_activates_goes_on_there(
    idp_app: Flask, state: AccountState, opened_with: OpenedWith, address: str
) -> None:
    with idp_app.test_request_context(base_url="https://compte.example"):
        assert next_address(state, opened_with) == address
        assert next_address(state, opened_with, demande="d") == f"{address}?demande=d"


def test_a_full_session_goes_to_the_waiting_service_or_the_account(idp_app: Flask) -> None:
    with idp_app.test_request_context(base_url="https://compte.example"):
        active = (AccountState.ACTIVE, OpenedWith.CHOSEN)
        assert next_address(*active) == "/compte"
        assert next_address(*active, demande="d") == "/oauth/authorize/resume?demande=d"


def test_ac_04_an_account_page_shows_an_activating_session_its_way(
    idp_app: Flask, signed_in: SignedIn
) -> None:
    page = active_account_required(lambda: "page")

    for state, opened_with, address in ACTIVATING:
        answer = signed_in(state, opened_with)(page)
        assert isinstance(answer, Response)
        assert (answer.status_code, answer.location) == (303, address)
    assert signed_in(AccountState.ACTIVE, OpenedWith.CHOSEN)(page) == "page"


def test_an_activation_page_shows_a_full_session_its_way(idp_app: Flask, signed_in: SignedIn) -> None:
    page = activation_session_required(lambda: "page")

    for state, opened_with, _address in ACTIVATING:
        assert signed_in(state, opened_with)(page) == "page"
    answer = signed_in(AccountState.ACTIVE, OpenedWith.CHOSEN)(page)
    assert isinstance(answer, Response)
    assert answer.location == "/compte"


@pytest.mark.parametrize("guard", [active_account_required, activation_session_required])
def test_without_a_session_a_guarded_page_leads_to_sign_in_with_its_request(
    idp_app: Flask, guard: Callable[[Callable[[], str]], Callable[[], object]]
) -> None:
    with idp_app.test_request_context("/compte?demande=d", base_url="https://compte.example"):
        answer = guard(lambda: "page")()

    assert isinstance(answer, Response)
    assert (answer.status_code, answer.location) == (303, "/connexion?demande=d")


def test_an_activating_session_is_no_full_session(
    signed_in: SignedIn,
) -> None:
    for state, opened_with, _address in ACTIVATING:
        assert signed_in(state, opened_with)(full_session) is None
    assert signed_in(AccountState.ACTIVE, OpenedWith.CHOSEN)(full_session) is not None


def test_the_session_is_read_once_a_request(idp_app: Flask, signed_in: SignedIn) -> None:
    def is_same_object() -> bool:
        return current_session() is not None and current_session() is current_session()

    assert signed_in(AccountState.ACTIVE, OpenedWith.CHOSEN)(is_same_object) is True


def test_se_03_on_plain_http_the_cookie_goes_without_prefix_and_secure(
    new_database_url: Callable[[str], str], clock: FrozenClock, now: datetime
) -> None:
    values = idp_settings_values(new_database_url("plain_http")) | {"issuer": "http://localhost:8000"}
    app = create_app(Settings.load(**values), clock=clock)
    with app.test_request_context(base_url="http://localhost:8000"):
        db.create_all()
        account_id = make_account(state=AccountState.ACTIVE)
        with transaction():
            opened = sessions.open_session(account_id, OpenedWith.CHOSEN, now=now)
        response = redirect("/")
        set_session_cookie(response, opened)
        cleared = redirect("/")
        clear_session_cookie(cleared)
        db.session.remove()
        db.engine.dispose()

    assert (
        response.headers["Set-Cookie"] == f"idp_session={opened.session_id}; HttpOnly; Path=/; SameSite=Lax"
    )
    assert cleared.headers["Set-Cookie"].startswith("idp_session=; ")


@pytest.fixture
def signed_in(idp_app: Flask, now: datetime) -> SignedIn:
    """Calls something in a request of somebody whose session is of this kind."""

    def of_kind(state: AccountState, opened_with: OpenedWith) -> Callable[[Callable[[], object]], object]:
        def call(view: Callable[[], object]) -> object:
            with idp_app.app_context():
                account_id = make_account(state=state)
                with transaction():
                    opened = sessions.open_session(account_id, opened_with, now=now)
            cookie = {"Cookie": f"__Host-idp_session={opened.session_id}"}
            with idp_app.test_request_context(base_url="https://compte.example", headers=cookie):
                return view()

        return call

    return of_kind


class TestIdleEnd:
    """The page knows when its session ends by itself, and how to make it go on."""

    def test_a_page_of_a_session_says_when_it_ends(
        self, idp_app: Flask, idp_client: Browser, clock: FrozenClock
    ):
        with idp_app.app_context():
            account_id = make_account(state=AccountState.ACTIVE)
        assert "<dialog" not in idp_client.get("/aide").text

        sign_in_as(idp_app, idp_client, account_id, now=clock.now)

        page = idp_client.get("/compte/mot-de-passe").text
        # A minute less than the half hour: what was last seen is written once a minute.
        assert 'data-idle-seconds="1740" data-stay="/compte"' in page
        assert (
            '<noscript><p class="hint">Vous avez 29 minutes pour remplir cette page.</p></noscript>' in page
        )

    def test_asking_for_what_the_page_names_makes_the_session_go_on(
        self, idp_app: Flask, idp_client: Browser, clock: FrozenClock
    ):
        with idp_app.app_context():
            account_id = make_account(state=AccountState.ACTIVE)
        sign_in_as(idp_app, idp_client, account_id, now=clock.now)

        for _ in range(3):
            clock.advance(minutes=27)
            assert idp_client.head("/compte").status_code == 200
        clock.advance(minutes=31)
        assert idp_client.head("/compte").status_code == 303
