"""ADR 0004: the request that a page carries is verified at each step, not at the first alone (OR-05, OR-09)."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from idp.accounts.rules import AccountId
from idp.passwords import service as passwords
from idp.sign_in import service as carried_requests
from idp.sign_in.rules import CarriedRequest
from tests.relying_party import RelyingParty, answer_of, make_parent, stays_on_our_page
from tests.web import form_values, submit

PASSWORD = "Marmotte42"
EVIL = "https://evil.test/retour"


@pytest.fixture
def guardian(idp_app: Flask, party: RelyingParty) -> AccountId:
    """An active parent, signed in nowhere, who agreed long ago."""
    with idp_app.app_context():
        hashed = passwords.hash_password(PASSWORD)
        account_id = make_parent(identifier="c.lhenoret", password_hash=hashed)
    party.agree(account_id)
    return account_id


def demande_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["demande"][0]


def forged(party: RelyingParty, demande: str) -> Iterator[str]:
    """What an attacker may put in its place: one byte changed, resealed by nobody, of another provider."""
    place = len(demande) // 2
    yield demande[:place] + ("A" if demande[place] != "A" else "B") + demande[place + 1 :]
    yield demande[:-1]
    yield demande + "&"
    yield demande.partition(".")[0]
    with party.app.app_context():
        yield carried_requests.seal_demande(
            CarriedRequest(
                parameters=party.request(redirect_uri=EVIL),
                client_id=party.client_id,
                client_name="x",
                client_home=EVIL,
                made_at=party.clock.now,
            )
        )


def test_or_05_after_a_failed_sign_in_and_a_second_authentication_it_is_the_same_request(
    party: RelyingParty, guardian: AccountId
):
    address = party.authorize().location
    wrong = {"identifier": "c.lhenoret", "password": "Marmotte43"}

    refused = submit(party.browser, address, wrong)
    assert refused.status_code == 422
    done = party.browser.post(
        address, data=form_values(refused.text, action="/connexion") | wrong | {"password": PASSWORD}
    )
    first = party.browser.get(done.location)
    party.clock.advance(seconds=1)
    again = party.authorize(prompt="login").location
    second = party.browser.get(submit(party.browser, again, wrong | {"password": PASSWORD}).location)

    for answer in (first, second):
        assert answer.location.startswith(party.redirect_uri + "?")
        assert "code" in answer_of(answer)


def test_or_05_a_changed_request_is_refused_at_every_step(party: RelyingParty, guardian: AccountId):
    """Also when what came before it was good: each page verifies what it is given."""
    good = party.authorize().location
    couple = {"identifier": "c.lhenoret", "password": PASSWORD}
    *changed, resealed = forged(party, demande_of(good))

    for demande in changed:
        query = {"demande": demande}
        posted = party.browser.post(
            "/connexion", query_string=query, data=form_values(party.browser.get(good).text) | couple
        )
        assert posted.status_code == 400
        assert "Location" not in posted.headers
    done = submit(party.browser, good, couple)
    assert "code" in answer_of(party.browser.get(done.location))
    for demande in (*changed, resealed):
        for step in ("/oauth/authorize/resume", "/oauth/authorize/cancel", "/autorisation"):
            assert stays_on_our_page(party.browser.get(step, query_string={"demande": demande})), step


def test_or_09_a_parameter_added_beside_it_changes_nothing(party: RelyingParty, guardian: AccountId):
    address = party.authorize(state="ours").location
    added = f"{address}&redirect_uri={EVIL}&state=theirs&client_id=other&scope=openid+profile"

    done = submit(
        party.browser, added, {"identifier": "c.lhenoret", "password": PASSWORD, "redirect_uri": EVIL}
    )

    answer = party.browser.get(f"{done.location}&redirect_uri={EVIL}&state=theirs")
    assert answer.location.startswith(party.redirect_uri + "?")
    assert answer_of(answer)["state"] == "ours"


def test_or_09_past_its_hour_it_offers_to_begin_again_and_leads_nowhere(
    party: RelyingParty, guardian: AccountId
):
    address = party.authorize().location
    party.clock.advance(hours=1)

    done = submit(party.browser, address, {"identifier": "c.lhenoret", "password": PASSWORD})
    answer = party.browser.get(done.location)

    assert answer.status_code == 400
    assert 'id="request-expired"' in answer.text
