"""OpenID Connect Front-Channel Logout 1.0, and what the signed-out page tells."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.logout_receiver import Receiver
from tests.protocol.test_backchannel_logout import deliver, give
from tests.relying_party import ISSUER, POST_LOGOUT_URI, RelyingParty
from tests.web import form_values

FRONT = "https://livret.example/deconnexion/canal-avant?from=compte"


def frames_of(page: str) -> list[str]:
    return [unescape(url) for url in re.findall(r'<iframe src="([^"]+)"', page)]


def second_service(party: RelyingParty, **values: Any) -> RelyingParty:
    """Another service, in the same browser."""
    other = RelyingParty(party.app, party.clock, "cantine", "https://cantine.example/retour").register(
        name="Cantine",
        redirect_uris=("https://cantine.example/retour",),
        post_logout_redirect_uris=(),
        **values,
    )
    other.browser = party.browser
    return other


def leave(party: RelyingParty, id_token: str, **parameters: str) -> Any:
    return party.browser.get("/oauth/end_session", query_string={"id_token_hint": id_token, **parameters})


def test_each_client_of_the_session_gets_a_frame(party: RelyingParty, parent: object):
    """oidc L8: `iss` and `sid`, what the address held is kept."""
    give(party, frontchannel_logout_uri=FRONT)
    other = second_service(party)
    give(other, frontchannel_logout_uri="https://cantine.example/sortie")
    id_token = party.tokens()["id_token"]
    other.tokens()

    response = leave(party, id_token)

    sid = party.read_id_token(id_token)["sid"]
    asked = {"iss": [ISSUER], "sid": [sid]}
    cantine, livret = frames_of(response.text)
    assert parse_qs(urlsplit(livret).query) == {"from": ["compte"], **asked}
    assert parse_qs(urlsplit(cantine).query) == asked
    assert livret.startswith("https://livret.example/deconnexion/canal-avant?")
    policy = response.headers["Content-Security-Policy"]
    assert "frame-src https://cantine.example https://livret.example" in policy


def test_then_the_browser_goes_back_to_the_service(party: RelyingParty, parent: object):
    """By script when all have loaded, by refresh without script, by a link in any case."""
    give(party, frontchannel_logout_uri=FRONT)
    id_token = party.tokens()["id_token"]

    response = leave(party, id_token, post_logout_redirect_uri=POST_LOGOUT_URI, state='a"b')

    back = POST_LOGOUT_URI + "?state=a%22b"
    assert response.status_code == 200
    assert f'<noscript><meta http-equiv="refresh" content="0;url={back}"></noscript>' in response.text
    assert re.search(rf'<a [^>]*href="{re.escape(back)}" data-leave', response.text)
    assert "error=login_required" in party.authorize(prompt="none").location


def test_without_such_a_client_nobody_waits(party: RelyingParty, parent: object):
    response = leave(party, party.tokens()["id_token"], post_logout_redirect_uri=POST_LOGOUT_URI)

    assert (response.status_code, response.location) == (303, POST_LOGOUT_URI)


def test_the_persons_own_button_loads_the_frames_too(party: RelyingParty, parent: object):
    give(party, frontchannel_logout_uri=FRONT)
    party.tokens()

    page = sign_out_by_button(party)

    assert len(frames_of(page)) == 1


def test_a_client_without_tokens_gets_no_frame(party: RelyingParty, parent: object):
    give(party, frontchannel_logout_uri=FRONT)
    other = second_service(party)
    party.authorization_code()

    assert frames_of(leave(other, other.tokens()["id_token"]).text) == []


def test_what_stays_open_is_named(party: RelyingParty, parent: object, receiver: Receiver):
    """What the back channel reaches closes by itself; a service that nothing reaches is the person's to close."""
    give(party, backchannel_logout_uri=receiver.url)
    other = second_service(party, client_uri="https://cantine.example/")
    party.tokens()
    other.tokens()

    page = sign_out_by_button(party)

    assert "Ce service se ferme aussi" in page
    assert "<li>Livret scolaire</li>" in page
    assert "Ce service reste ouvert" in page
    assert '<li><a href="https://cantine.example/">Cantine</a></li>' in page
    assert "ne répond" not in page


def test_a_service_known_not_to_answer_is_named(party: RelyingParty, parent: Any, receiver: Receiver):
    give(party, backchannel_logout_uri=receiver.url)
    receiver.status = 503
    leave(party, party.tokens()["id_token"])
    deliver(party)
    party.sign_in(parent)
    party.tokens()

    page = sign_out_by_button(party)

    assert "Ce service ne répond pas" in page
    assert "se ferme aussi" not in page


def test_the_names_are_not_told_for_ever(party: RelyingParty, parent: object):
    party.tokens()
    assert "Livret scolaire" in sign_out_by_button(party)

    party.clock.advance(minutes=11)

    assert "Livret scolaire" not in party.browser.get("/deconnexion").text


def test_another_browser_is_told_nothing(party: RelyingParty, parent: object):
    party.tokens()
    sign_out_by_button(party)

    assert "Livret scolaire" not in RelyingParty(party.app, party.clock).browser.get("/deconnexion").text


def sign_out_by_button(party: RelyingParty) -> str:
    asked = party.browser.get("/deconnexion")
    answer = party.browser.post("/deconnexion", data=form_values(asked.text, action="/deconnexion"))
    return str(party.browser.get(answer.location).text)


@pytest.mark.parametrize("has_front", [False, True])
def test_the_page_is_that_of_somebody_signed_out(party: RelyingParty, parent: object, has_front: bool):
    give(party, frontchannel_logout_uri=FRONT if has_front else None)

    page = leave(party, party.tokens()["id_token"]).text

    assert 'id="signed-out"' in page
    assert 'action="/deconnexion"' not in page
