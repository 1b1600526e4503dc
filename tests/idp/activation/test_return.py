"""From a service, through activation, back to that service."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.idp.activation.conftest import CHOSEN_PASSWORD, form_filled
from tests.idp.activation.test_views import correct, send_again


@pytest.fixture
def from_service(parent, browser, authorization_address):
    """The parent came from the livret service and sent the activation form."""
    to_sign_in = browser.get(authorization_address)
    signed_in = browser.sign_in(parent.identifier, parent.provisional_password, to_sign_in.location)
    assert signed_in.location.startswith("/activation?demande=")
    assert "Livret scolaire" in browser.get(signed_in.location).text
    sent = browser.fill(signed_in.location, form_filled(), action="/activation")
    assert sent.location.startswith("/activation/message-envoye?demande=")
    return parent


def test_in_the_same_browser_the_request_is_answered(from_service, browser, mailed_address):
    done = browser.sign_in(from_service.identifier, CHOSEN_PASSWORD, mailed_address())

    assert done.location.startswith("/oauth/authorize/resume?demande=")
    to_consent = browser.get(done.location).location
    assert to_consent.startswith("/autorisation?demande=")
    agreed = browser.fill(to_consent, {"decision": "allow"}, action="/autorisation")
    back = urlsplit(browser.get(agreed.location).location)
    assert (back.netloc, back.path) == ("livret.example", "/retour")
    assert parse_qs(back.query)["state"] == ["an-opaque-state"]
    assert "code" in parse_qs(back.query)


def test_on_another_device_the_service_begins_a_new_request(from_service, new_browser, mailed_address):
    phone = new_browser()

    done = phone.sign_in(from_service.identifier, CHOSEN_PASSWORD, mailed_address())

    assert done.location.startswith("/oauth/authorize/restart?demande=")
    assert phone.get(done.location).location.startswith("https://livret.example/connexion?iss=")


def test_after_the_requests_hour_the_service_begins_a_new_one(from_service, browser, mailed_address, clock):
    clock.advance(hours=2)

    done = browser.sign_in(from_service.identifier, CHOSEN_PASSWORD, mailed_address())

    assert browser.get(done.location).location.startswith("https://livret.example/connexion?iss=")


@pytest.mark.parametrize("renew", [send_again, lambda browser: correct(browser, "celine@exemple.org")])
def test_a_newer_message_still_leads_back(from_service, browser, mailed_address, clock, renew):
    clock.advance(seconds=61)
    renew(browser)

    done = browser.sign_in(from_service.identifier, CHOSEN_PASSWORD, mailed_address())

    assert done.location.startswith("/oauth/authorize/resume?demande=")


def test_the_mailed_pages_form_may_end_at_the_service(from_service, browser, mailed_address):
    policy = browser.get(mailed_address()).headers["Content-Security-Policy"]

    assert "form-action 'self' https://livret.example" in policy


def test_the_waiting_page_names_the_service(from_service, browser, authorization_address):
    again = browser.get(authorization_address)

    assert again.location.startswith("/activation/message-envoye?demande=")
    assert "Livret scolaire" in browser.get(again.location).text


def test_a_changed_request_is_refused(parent, browser):
    assert browser.get("/activation?demande=abc.def").status_code == 400
