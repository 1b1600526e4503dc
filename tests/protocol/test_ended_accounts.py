"""An account that is closed or disabled, a password that changes: ended means ended on every path (design 4.5)."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask

from idp.accounts import service as accounts
from idp.accounts.rules import AccountId, AccountState
from idp.db import transaction
from idp.my_account import closing, devices
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession
from tests.both_services import BothServices, running_services, services
from tests.factories import make_child, make_link
from tests.relying_party import RelyingParty, answer_of, is_sent_to_sign_in, make_parent

__all__ = ["running_services", "services"]

OFFLINE = "openid offline_access"
End = Callable[[CurrentSession, datetime], None]


def close(session: CurrentSession, now: datetime) -> None:
    assert closing.close(session, now=now)


def disable(session: CurrentSession, now: datetime) -> None:
    with transaction():
        assert accounts.change_state(
            session.account_id, from_states={AccountState.ACTIVE}, to=AccountState.DISABLED, now=now
        )


def sign_this_device_out(session: CurrentSession, now: datetime) -> None:
    """What a person does from another device."""
    other = sessions_open_elsewhere(session, now)
    assert devices.close_other_devices(other, now=now) >= 1


ENDS: list[End] = [close, disable, sign_this_device_out]


@pytest.mark.parametrize("end", ENDS)
def test_ch_09_ch_10_se_08_every_path_is_closed_at_once(
    idp_app: Flask, offline_party: RelyingParty, parent: AccountId, end: End
):
    party = offline_party
    tokens = party.tokens(scope=OFFLINE)
    pending = party.authorization_code(scope=OFFLINE)
    assert party.userinfo(tokens["access_token"]).status_code == 200

    with idp_app.app_context():
        end(session_of(party), party.clock.now)

    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert party.redeem(pending).json["error"] == "invalid_grant"
    assert answer_of(party.authorize(prompt="none"))["error"] == "login_required"
    assert is_sent_to_sign_in(party.authorize())


def test_ch_10_a_disabled_account_reads_no_livret_after_a_minute(services: BothServices):
    with services.idp.app_context():
        account_id = make_parent()
        make_link(account_id, make_child(given_name="Léa", ine="123456789AB"))
    person = services.person(account_id)
    assert "Léa" in person.read("/livrets").text

    with services.idp.app_context(), transaction():
        accounts.change_state(
            account_id, from_states={AccountState.ACTIVE}, to=AccountState.DISABLED, now=services.clock.now
        )
    services.clock.advance(seconds=60)

    assert "Léa" not in person.read("/livrets").text
    assert person.reading.get("/livrets").status_code == 303


def session_of(party: RelyingParty) -> CurrentSession:
    cookie = party.browser.get_cookie("__Host-idp_session", domain="compte.example")
    assert cookie is not None
    session = sessions.find_session(cookie.value, now=party.clock.now)
    assert session is not None
    return session


def sessions_open_elsewhere(session: CurrentSession, now: datetime) -> CurrentSession:
    with transaction():
        opened = sessions.open_session(session.account_id, session.opened_with, now=now)
    other = sessions.find_session(opened.session_id, now=now)
    assert other is not None
    return other
