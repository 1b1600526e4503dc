"""OpenID Connect Back-Channel Logout 1.0: the provider tells each client what ended."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from idp.accounts import service as accounts
from idp.accounts.rules import AccountId, AccountState
from idp.cli import idp
from idp.db import db, transaction
from idp.messaging.rules import DeliveryState
from idp.oidc import clients, consents, logout
from idp.oidc.logout import LogoutOutbox
from idp.oidc.logout_tokens import EVENT, FIRST_WAIT, GIVE_UP_AFTER, LEASE, REFUSALS_BORNE
from idp.oidc.models import Client, LogoutDelivery
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from tests.logout_receiver import Receiver
from tests.relying_party import ISSUER, POST_LOGOUT_URI, RelyingParty, make_parent
from tests.web import form_values


@pytest.fixture
def told(idp_app: Flask, party: RelyingParty, receiver: Receiver) -> RelyingParty:
    """The party, registered with a back-channel address."""
    give_address(party, receiver.url)
    return party


def give(party: RelyingParty, **members: str | None) -> None:
    """Change members of its registration."""
    with party.app.app_context(), transaction():
        db.session.execute(update(Client).where(Client.client_id == party.client_id).values(**members))
    party.app.extensions["oidc"].clients.forget()


def give_address(party: RelyingParty, url: str | None) -> None:
    give(party, backchannel_logout_uri=url)


def deliver(party: RelyingParty, outbox: LogoutOutbox | None = None) -> list[DeliveryState]:
    """What one pass of the worker did."""
    outbox = outbox or LogoutOutbox()
    with party.app.app_context():
        return list(iter(lambda: outbox.deliver_next(now=party.clock.now), None))


def rows(party: RelyingParty) -> list[LogoutDelivery]:
    with party.app.app_context():
        return list(db.session.scalars(select(LogoutDelivery)))


def published_keys(party: RelyingParty) -> KeySet:
    return KeySet.import_key_set(json.loads(party.browser.get("/oauth/jwks").text))


def sign_out(party: RelyingParty, id_token: str) -> None:
    party.browser.get("/oauth/end_session", query_string={"id_token_hint": id_token})


def test_the_logout_token(told: RelyingParty, parent: object, receiver: Receiver):
    """oidc L7, clause 2.4: every claim it must have, none that it must not."""
    id_token = told.tokens()["id_token"]
    known = told.read_id_token(id_token)
    sign_out(told, id_token)

    assert deliver(told) == [DeliveryState.SENT]

    [request] = receiver.requests
    assert (request["method"], request["type"]) == ("POST", "application/x-www-form-urlencoded")
    assert (list(request["form"]), request["query"]) == (["logout_token"], b"")
    token = jwt.decode(receiver.tokens[0], published_keys(told), algorithms=["RS256"])
    assert set(token.header) == {"alg", "kid", "typ"}
    assert (token.header["alg"], token.header["typ"]) == ("RS256", "logout+jwt")
    claims = dict(token.claims)
    assert len(claims.pop("jti")) >= 22
    seconds = int(told.clock.now.timestamp())
    assert claims == {
        "iss": ISSUER, "aud": "livret", "sub": known["sub"], "sid": known["sid"],
        "iat": seconds, "exp": seconds + 120, "events": {EVENT: {}},
    }  # fmt: skip


def test_a_delivered_end_is_not_sent_again(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    outbox = LogoutOutbox()

    deliver(told, outbox)
    told.clock.advance(seconds=5)

    assert deliver(told, outbox) == deliver(told) == []
    assert len(receiver.requests) == 1


def end_by_the_page(party: RelyingParty, _account: AccountId, _session: Any) -> None:
    page = party.browser.get("/deconnexion")
    party.browser.post("/deconnexion", data=form_values(page.text, action="/deconnexion"))


def end_by_a_password(party: RelyingParty, account_id: AccountId, _session: Any) -> None:
    with party.app.app_context(), transaction():
        sessions.end_all_sessions(account_id, SessionEndReason.PASSWORD_CHOSEN, now=party.clock.now)


def end_by_disabling(party: RelyingParty, account_id: AccountId, _session: Any) -> None:
    with party.app.app_context(), transaction():
        accounts.change_state(
            account_id, from_states={AccountState.ACTIVE}, to=AccountState.DISABLED, now=party.clock.now
        )
        sessions.end_all_sessions(account_id, SessionEndReason.ACCOUNT_DISABLED, now=party.clock.now)


def end_from_elsewhere(party: RelyingParty, _account: AccountId, session: Any) -> None:
    with party.app.app_context(), transaction():
        sessions.end_session(session.id, now=party.clock.now)


@pytest.mark.parametrize("end", [end_by_the_page, end_by_a_password, end_by_disabling, end_from_elsewhere])
def test_a_session_is_told_wherever_it_ended(
    told: RelyingParty, receiver: Receiver, end: Callable[[RelyingParty, AccountId, Any], None]
):
    """The one who ends it writes `ended_at`; who knows the clients reads it."""
    with told.app.app_context():
        account_id = make_parent()
    session = told.sign_in(account_id)
    told.tokens()

    end(told, account_id, session)

    assert deliver(told) == [DeliveryState.SENT]


def withdraw(party: RelyingParty, account_id: AccountId) -> None:
    with party.app.app_context():
        [one] = consents.services_of(account_id)
        consents.withdraw(account_id, one.consent_id, now=party.clock.now)
        consents.withdraw(account_id, one.consent_id, now=party.clock.now)


def test_a_withdrawn_access_ends_the_service_s_own_sessions(
    told: RelyingParty, parent: AccountId, receiver: Receiver
):
    """design « ended means ended »: the person stays signed in here, and is signed out there; each time anew."""
    first = told.read_id_token(told.tokens()["id_token"])
    told.clock.advance(seconds=1)
    withdraw(told, parent)

    assert deliver(told) == [DeliveryState.SENT]
    claims = jwt.decode(receiver.tokens[0], published_keys(told), algorithms=["RS256"]).claims
    assert (claims["sub"], claims["sid"]) == (first["sub"], first["sid"])

    told.clock.advance(seconds=1)
    again = told.tokens()["id_token"]
    told.clock.advance(seconds=1)
    withdraw(told, parent)
    assert deliver(told) == [DeliveryState.SENT]
    told.tokens()
    told.clock.advance(seconds=1)
    sign_out(told, again)
    assert deliver(told) == [DeliveryState.SENT]
    assert len(set(receiver.tokens)) == 3


def test_a_withdrawn_access_is_told_to_that_service_about_that_person_alone(
    told: RelyingParty, parent: AccountId, receiver: Receiver
):
    other = RelyingParty(told.app, told.clock, client_id="other").register(
        backchannel_logout_uri=f"{receiver.url}/other"
    )
    other.browser = told.browser
    other.agree(parent)
    told.tokens()
    other.tokens()
    with told.app.app_context():
        somebody = make_parent()
    elsewhere = RelyingParty(told.app, told.clock, secret=told.secret)
    elsewhere.sign_in(somebody)
    elsewhere.tokens()

    with told.app.app_context():
        [one] = [one for one in consents.services_of(parent) if one.client_id == told.client_id]
        consents.withdraw(parent, one.consent_id, now=told.clock.now)

    assert deliver(told) == [DeliveryState.SENT]
    assert [row.client_id for row in rows(told)] == [told.client_id]


def test_running_out_of_time_is_not_signing_out(told: RelyingParty, parent: object, receiver: Receiver):
    told.tokens()
    told.clock.advance(hours=9)

    assert deliver(told) == []
    assert receiver.requests == []


def test_only_clients_that_got_tokens_in_the_session_are_told(
    told: RelyingParty, parent: object, receiver: Receiver
):
    other = RelyingParty(told.app, told.clock, client_id="other").register()
    give_address(other, receiver.url)
    other.browser = told.browser
    id_token = told.tokens()["id_token"]
    other.authorization_code()  # never redeemed

    sign_out(told, id_token)

    assert deliver(told) == [DeliveryState.SENT]
    assert [row.client_id for row in rows(told)] == ["livret"]


def test_each_client_is_told_under_its_own_subject(told: RelyingParty, parent: object, receiver: Receiver):
    other = RelyingParty(told.app, told.clock, client_id="other", redirect_uri="https://autre.example/retour")
    other.register(redirect_uris=("https://autre.example/retour",))
    give_address(other, receiver.url)
    other.browser = told.browser
    id_tokens = [told.tokens()["id_token"], other.tokens()["id_token"]]

    sign_out(told, id_tokens[0])
    deliver(told)

    claims = [
        jwt.decode(token, published_keys(told), algorithms=["RS256"]).claims for token in receiver.tokens
    ]
    expected = {(known["aud"], known["sub"]) for known in map(told.read_id_token, id_tokens)}
    assert {(one["aud"], one["sub"]) for one in claims} == expected
    assert len({one["sub"] for one in claims}) == 2
    assert len({one["sid"] for one in claims}) == 1


def test_a_client_without_an_address_is_not_told(party: RelyingParty, parent: object):
    sign_out(party, party.tokens()["id_token"])

    assert deliver(party) == []
    assert rows(party) == []


def test_a_disabled_client_is_not_told(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    outbox = LogoutOutbox()
    with told.app.app_context():
        logout.note_ended_sessions(since=told.clock.now, now=told.clock.now)
        clients.disable_client("livret", now=told.clock.now)

    assert deliver(told, outbox) == [DeliveryState.FAILED]
    assert receiver.requests == []


@pytest.mark.parametrize("status", [200, 204])
def test_both_ways_to_say_yes_are_taken(told: RelyingParty, parent: object, receiver: Receiver, status: int):
    """Clause 2.8."""
    sign_out(told, told.tokens()["id_token"])
    receiver.status = status

    assert deliver(told) == [DeliveryState.SENT]


@pytest.mark.parametrize("status", [201, 302, 400, 404, 500, 503])
def test_any_other_answer_is_tried_again_with_a_new_token(
    told: RelyingParty, parent: object, receiver: Receiver, status: int
):
    sign_out(told, told.tokens()["id_token"])
    receiver.status = status
    outbox = LogoutOutbox()

    assert deliver(told, outbox) == [DeliveryState.WAITING]
    assert deliver(told, outbox) == []
    receiver.status = 200
    told.clock.advance(seconds=FIRST_WAIT.total_seconds())
    assert deliver(told, outbox) == [DeliveryState.SENT]

    claims = [
        jwt.decode(token, published_keys(told), algorithms=["RS256"]).claims for token in receiver.tokens
    ]
    assert len({one["jti"] for one in claims}) == 2
    assert claims[1]["iat"] > claims[0]["iat"]


def test_a_client_that_keeps_refusing_is_given_up(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    receiver.status = 400
    outbox, outcomes = LogoutOutbox(), []

    for _ in range(REFUSALS_BORNE):
        outcomes += deliver(told, outbox)
        told.clock.advance(minutes=10)

    assert outcomes == [DeliveryState.WAITING] * (REFUSALS_BORNE - 1) + [DeliveryState.FAILED]
    assert deliver(told, outbox) == []
    assert (rows(told)[0].failure, rows(told)[0].failed_at is not None) == ("refused with status 400", True)


def test_lo_16_a_service_that_does_not_answer_changes_nothing_for_the_person(
    told: RelyingParty, parent: object, receiver: Receiver
):
    """The session has ended; the end goes on being delivered, for a day."""
    id_token = told.tokens()["id_token"]
    with socket.create_server(("localhost", 0)) as deaf:
        give_address(told, f"http://localhost:{deaf.getsockname()[1]}/")
        response = told.browser.get(
            "/oauth/end_session",
            query_string={"id_token_hint": id_token, "post_logout_redirect_uri": POST_LOGOUT_URI},
        )
        assert (response.status_code, response.location) == (303, POST_LOGOUT_URI)
        assert "error=login_required" in told.authorize(prompt="none").location
        outbox = LogoutOutbox()
        assert deliver(told, outbox) == [DeliveryState.WAITING]
        assert rows(told)[0].failure == "too slow"
    give_address(told, receiver.url)
    told.clock.advance(seconds=FIRST_WAIT.total_seconds())

    assert deliver(told, outbox) == [DeliveryState.SENT]


def test_a_day_without_an_answer_is_the_end_of_it(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    receiver.status = 500
    outbox = LogoutOutbox()
    deliver(told, outbox)
    told.clock.now += GIVE_UP_AFTER

    assert deliver(told, outbox) == [DeliveryState.FAILED]
    told.clock.advance(days=1)
    assert deliver(told) == []


def test_a_service_that_is_away_is_asked_once_at_a_time(told: RelyingParty, receiver: Receiver):
    """Many ends that wait for it do not keep other services waiting."""
    with told.app.app_context():
        account_id = make_parent()
    for _ in range(3):
        told.sign_in(account_id)
        told.tokens()
    with told.app.app_context(), transaction():
        sessions.end_all_sessions(account_id, SessionEndReason.PASSWORD_CHOSEN, now=told.clock.now)
    receiver.status = 503
    outbox = LogoutOutbox()

    assert deliver(told, outbox) == [DeliveryState.WAITING]
    told.clock.advance(seconds=FIRST_WAIT.total_seconds())
    assert deliver(told, outbox) == [DeliveryState.WAITING]
    receiver.status = 200
    told.clock.advance(seconds=2 * FIRST_WAIT.total_seconds())
    assert deliver(told, outbox) == [DeliveryState.SENT] * 3


def test_of_two_workers_one_delivers(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    barrier = Barrier(4)

    def work(_: int) -> list[DeliveryState]:
        barrier.wait()
        return deliver(told)

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for done in pool.map(work, range(4)) for outcome in done]

    assert outcomes == [DeliveryState.SENT]
    assert len(receiver.requests) == len(rows(told)) == 1


def test_a_worker_that_died_leaves_a_lease_that_runs_out(
    told: RelyingParty, parent: object, receiver: Receiver
):
    sign_out(told, told.tokens()["id_token"])
    with told.app.app_context():
        logout.note_ended_sessions(since=told.clock.now, now=told.clock.now)
        logout._claim(told.clock.now)

    assert deliver(told) == []
    told.clock.now += LEASE
    assert deliver(told) == [DeliveryState.SENT]


def test_what_ended_while_no_worker_ran_is_told_when_one_starts(
    told: RelyingParty, parent: object, receiver: Receiver
):
    sign_out(told, told.tokens()["id_token"])
    told.clock.advance(hours=20)

    assert deliver(told) == [DeliveryState.SENT]


def test_an_end_committed_late_is_still_read(told: RelyingParty, parent: object, receiver: Receiver):
    """A slow transaction writes an instant that the worker has read past already."""
    id_token, began = told.tokens()["id_token"], told.clock.now
    outbox = LogoutOutbox()
    told.clock.advance(minutes=5)
    deliver(told, outbox)
    ended_since(told, began)
    assert id_token

    assert deliver(told, outbox) == [DeliveryState.SENT]


def ended_since(party: RelyingParty, instant: datetime) -> None:
    with party.app.app_context(), transaction():
        session_id = db.session.scalar(select(db.metadata.tables["account_sessions"].c.id))
        assert session_id is not None
        sessions.end_session(session_id, now=instant)


def test_an_address_inside_the_network_is_never_called(
    told: RelyingParty, parent: object, receiver: Receiver
):
    """security 2.15: through the guard, as every address that a client registers."""
    from shared.fetching import GuardedFetcher

    told.app.extensions["fetcher"] = GuardedFetcher(frozenset())
    sign_out(told, told.tokens()["id_token"])

    assert deliver(told) == [DeliveryState.WAITING]
    assert receiver.requests == []


def test_a_logout_token_passes_for_nothing_else(told: RelyingParty, parent: object, receiver: Receiver):
    """LO-03: neither as a hint nor as an access token."""
    sign_out(told, told.tokens()["id_token"])
    deliver(told)
    with told.app.app_context():
        account_id = make_parent()
    told.sign_in(account_id)
    [token] = receiver.tokens

    hinted = told.browser.get("/oauth/end_session", query_string={"id_token_hint": token})

    assert hinted.status_code == 400
    assert told.userinfo(token).status_code == 401
    assert "code=" in told.authorize(prompt="none").location


def test_no_log_line_holds_a_logout_token(
    told: RelyingParty, parent: object, receiver: Receiver, capsys: pytest.CaptureFixture[str]
):
    sign_out(told, told.tokens()["id_token"])
    receiver.status = 500
    deliver(told)

    assert receiver.tokens[0] not in "".join(capsys.readouterr())
    assert jws.extract_compact(receiver.tokens[0].encode()).headers()["typ"] == "logout+jwt"


def test_operators_see_how_it_goes(told: RelyingParty, parent: object, receiver: Receiver):
    sign_out(told, told.tokens()["id_token"])
    receiver.status = 503
    deliver(told)
    runner = told.app.test_cli_runner()

    result = runner.invoke(idp, ["clients", "logouts", "--format", "json"])
    table = runner.invoke(idp, ["clients", "logouts"])

    assert json.loads(result.stdout)["clients"] == [
        {"client_id": "livret", "waiting": 1, "delivered": 0, "failed": 0, "last_delivered_at": None, "last_failure": "status 503"}
    ]  # fmt: skip
    assert table.stdout.splitlines()[1].split() == ["livret", "1", "0", "0", "-", "status", "503"]
