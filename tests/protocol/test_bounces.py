"""A service that sends the browser back twice as soon as it was answered is stopped, and the person told why."""

from typing import Any

import pytest
from lxml import html
from werkzeug.http import parse_cookie

from idp.accounts.rules import AccountId
from tests.relying_party import RelyingParty, answer_of, is_sent_to_sign_in

BROWSER = {"Sec-Fetch-Mode": "navigate"}


def arrive(party: RelyingParty, **changes: Any) -> Any:
    return party.browser.get("/oauth/authorize", query_string=party.request(**changes), headers=BROWSER)


def is_stopped(response: Any) -> bool:
    return response.status_code == 200 and 'id="bounced"' in response.text


@pytest.fixture
def circling(party: RelyingParty, parent: AccountId) -> RelyingParty:
    """A service that has sent the browser back once already."""
    for _ in range(2):
        assert "code" in answer_of(arrive(party))
        party.clock.advance(seconds=4)
    return party


def test_the_second_return_is_stopped_by_a_page_that_helps(circling: RelyingParty):
    page = arrive(circling)

    assert is_stopped(page)
    assert "Votre connexion a réussi, mais Livret scolaire vous a renvoyé ici" in page.text
    assert "Référence" in page.text
    again = html.fromstring(page.text).xpath("//a[starts-with(@href, '/oauth/authorize/resume')]/@href")
    assert "code" in answer_of(circling.browser.get(again[0], headers=BROWSER))


def test_after_it_the_circle_is_forgotten(circling: RelyingParty):
    assert is_stopped(arrive(circling))

    assert "code" in answer_of(arrive(circling))


def test_the_service_s_contact_is_named(party: RelyingParty, parent: AccountId):
    other = RelyingParty(party.app, party.clock, client_id="other")
    other.register(contacts=("aide@service.example",))
    other.sign_in(parent)
    for _ in range(2):
        arrive(other)

    assert "aide@service.example" in arrive(other).text


def test_who_comes_back_later_is_answered(circling: RelyingParty):
    circling.clock.advance(seconds=2)

    assert "code" in answer_of(arrive(circling))


def test_a_silent_request_is_never_answered_by_a_page(circling: RelyingParty):
    for _ in range(4):
        assert "code" in answer_of(arrive(circling, prompt="none"))
    assert is_stopped(arrive(circling))


def test_a_program_is_nobody_who_waits(party: RelyingParty, parent: AccountId):
    for _ in range(4):
        answer = party.authorize()
        assert "code" in answer_of(answer)
        assert "__Host-idp_answered" not in str(answer.headers.getlist("Set-Cookie"))


def test_who_must_sign_in_again_is_asked(circling: RelyingParty):
    assert is_sent_to_sign_in(arrive(circling, prompt="login"))


def test_the_cookie_is_of_this_host_short_and_names_nobody(party: RelyingParty, parent: AccountId):
    [cookie] = [one for one in arrive(party).headers.getlist("Set-Cookie") if "idp_answered" in one]

    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=5"} <= set(cookie.split("; "))
    assert "livret" not in parse_cookie(cookie)["__Host-idp_answered"]


@pytest.mark.parametrize("kept", ["9.9999999999.0000000000000000", "x", "1"])
def test_a_cookie_that_somebody_made_up_stops_nobody(party: RelyingParty, parent: AccountId, kept: str):
    party.browser.set_cookie("__Host-idp_answered", kept, domain="compte.example", secure=True)

    assert "code" in answer_of(arrive(party))
