"""OpenID Connect Core 3.1.2.1: `ui_locales` decides at first in which language the pages speak."""

import pytest

from tests.conftest import browser_at
from tests.relying_party import ISSUER, RelyingParty
from tests.web import submit


def language_of(page: str) -> str:
    return page.partition('<html lang="')[2].partition('"')[0]


def shown(party: RelyingParty, **changes: object) -> str:
    """The language of the page that the browser is sent to, the request carried."""
    return language_of(party.browser.get(party.authorize(**changes).location).text)


@pytest.mark.parametrize(
    ("ui_locales", "language"),
    [("en", "en"), ("en-GB fr", "en"), ("de EN-us", "en"), ("fr-CA en", "fr"), ("de", "fr"), ("", "fr")],
)
def test_the_first_language_that_we_speak_is_taken(party: RelyingParty, ui_locales: str, language: str):
    assert shown(party, ui_locales=ui_locales) == language


def test_it_stays_through_a_refused_form(party: RelyingParty):
    address = party.authorize(ui_locales="en").location

    refused = submit(party.browser, address, {"identifier": "", "password": ""})

    assert (refused.status_code, language_of(refused.text)) == (422, "en")


def test_the_consent_page_speaks_it_too(party: RelyingParty, parent: object):
    party.clock.advance(seconds=1)

    assert shown(party, ui_locales="en", prompt="consent") == "en"


def test_a_language_chosen_by_the_person_goes_before(party: RelyingParty):
    address = party.authorize(ui_locales="en").location

    assert language_of(party.browser.get(f"{address}&lang=fr").text) == "fr"
    assert language_of(party.browser.get(address).text) == "fr"


def test_the_error_page_speaks_it(party: RelyingParty):
    answer = party.authorize(ui_locales="en", redirect_uri="https://evil.test/")

    assert language_of(answer.text) == "en"


def test_a_request_that_is_not_ours_asks_for_nothing(party: RelyingParty):
    changed = party.authorize(ui_locales="en").location[:-1] + "_"

    answer = browser_at(party.app, ISSUER).get(changed)

    assert (answer.status_code, language_of(answer.text)) == (400, "fr")


def test_past_its_hour_it_still_speaks_it(party: RelyingParty):
    address = party.authorize(ui_locales="en").location
    party.clock.advance(hours=2)

    assert language_of(party.browser.get(address).text) == "en"
