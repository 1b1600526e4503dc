"""OpenID Connect RP-Initiated Logout 1.0."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from idp.accounts.rules import AccountId
from idp.app import create_app
from idp.db import db
from idp.signing_keys import service as signing_keys
from tests.relying_party import (
    ISSUER,
    POST_LOGOUT_URI,
    RelyingParty,
    answer_of,
    make_parent,
    stays_on_our_page,
)
from tests.web import form_values

FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "k1"})


def end(party: RelyingParty, method: str = "get", **parameters: Any) -> Any:
    where = "query_string" if method == "get" else "data"
    return getattr(party.browser, method)("/oauth/end_session", **{where: parameters})


def is_signed_in(party: RelyingParty) -> bool:
    return "code" in answer_of(party.authorize(prompt="none"))


@pytest.fixture
def hint(party: RelyingParty, parent: object) -> str:
    """An ID token of the session in the party's browser."""
    return str(party.tokens()["id_token"])


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("state", [None, "x y&z=é".encode().hex(), "a b+c%20", "x" * 128])
def test_a_good_request_signs_out_and_returns(party: RelyingParty, hint: str, method: str, state: str | None):
    """oidc L1, L2: nothing but the state comes back."""
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": POST_LOGOUT_URI}

    response = end(party, method, **parameters, **({"state": state} if state else {}))

    assert response.status_code == 303
    assert response.location.partition("?")[0] == POST_LOGOUT_URI
    assert (answer_of(response) if state else {}) == ({"state": state} if state else {})
    assert not is_signed_in(party)


def test_lo_15_nothing_saved_works_after_it(party: RelyingParty, parent: AccountId):
    """The cookie put back, here and at another worker; the pages that were shown are kept by no cache."""
    saved = party.sign_in(parent).session_id
    id_token = party.tokens()["id_token"]
    shown = party.browser.get("/compte")

    end(party, id_token_hint=id_token)

    assert "no-store" in shown.headers["Cache-Control"]
    assert party.browser.get_cookie("__Host-idp_session", domain="compte.example") is None
    other_worker = create_app(party.app.extensions["settings"], clock=party.clock)
    for app in (party.app, other_worker):
        again = RelyingParty(app, party.clock)
        again.browser.set_cookie("__Host-idp_session", saved, domain="compte.example", secure=True)
        assert not is_signed_in(again)
        assert again.browser.get("/compte").location.startswith("/connexion")
    with other_worker.app_context():
        db.session.remove()
        db.engine.dispose()


def test_lo_15_a_saved_refresh_token_is_worth_nothing_after_it(offline_party: RelyingParty):
    tokens = offline_party.tokens(scope="openid offline_access")
    saved = offline_party.refresh(tokens["refresh_token"]).json["refresh_token"]

    end(offline_party, id_token_hint=tokens["id_token"])

    answer = offline_party.refresh(saved)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_its_tokens_end_with_it(party: RelyingParty, parent: object):
    tokens, code = party.tokens(), party.authorization_code()

    end(party, id_token_hint=tokens["id_token"])

    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.redeem(code).json["error"] == "invalid_grant"


def test_a_hint_without_an_address_shows_that_all_is_closed(party: RelyingParty, hint: str):
    """oidc L6."""
    response = end(party, id_token_hint=hint)

    assert response.status_code == 200
    assert 'id="signed-out"' in response.text
    assert not is_signed_in(party)


def test_lo_11_an_expired_hint_is_still_a_hint(party: RelyingParty, hint: str):
    party.clock.advance(minutes=25)

    assert end(party, id_token_hint=hint, post_logout_redirect_uri=POST_LOGOUT_URI).status_code == 303
    assert not is_signed_in(party)


def test_a_genuine_hint_ends_its_session_without_a_cookie(party: RelyingParty, hint: str):
    elsewhere = RelyingParty(party.app, party.clock)

    assert end(elsewhere, id_token_hint=hint, post_logout_redirect_uri=POST_LOGOUT_URI).status_code == 303
    assert not is_signed_in(party)


def test_the_hint_of_an_earlier_session_ends_the_present_one_of_the_same_person(
    party: RelyingParty, parent: Any, hint: str
):
    party.clock.advance(minutes=1)
    party.sign_in(parent)

    end(party, id_token_hint=hint)

    assert not is_signed_in(party)


def test_another_persons_session_lives_on(party: RelyingParty, hint: str):
    with party.app.app_context():
        other = make_parent()
    party.sign_in(other)

    end(party, id_token_hint=hint)

    assert is_signed_in(party)


@pytest.mark.parametrize(
    "address",
    [POST_LOGOUT_URI + "?x=1", POST_LOGOUT_URI + "/", POST_LOGOUT_URI + "#", POST_LOGOUT_URI.upper(), "https://evil.test/",
     "javascript:alert(1)", "https://livret.example/retour", "/", "x",
     "https://livret.example@evil.test/deconnexion/retour", "https://u@livret.example/deconnexion/retour",
     "http://livret.example/deconnexion/retour", "https://livret.example:443/deconnexion/retour",
     "https://livret.example.evil.test/deconnexion/retour", "//livret.example/deconnexion/retour",
     "https://livret.example/deconnexion/./retour", "https://livret.example/deconnexion/%72etour",
     "https://livret.example/deconnexion/retour%00", "https://livret.example\\@evil.test/deconnexion/retour",
     "https://livret.ex\N{CYRILLIC SMALL LETTER A}mple/deconnexion/retour", POST_LOGOUT_URI + "\n", " " + POST_LOGOUT_URI],
)  # fmt: skip
def test_lo_13_an_unregistered_address_is_told_and_nothing_ends(party: RelyingParty, hint: str, address: str):
    """oidc L3."""
    response = end(party, id_token_hint=hint, post_logout_redirect_uri=address)

    assert stays_on_our_page(response)
    assert is_signed_in(party)


def test_another_clients_address_is_not_ones_own(party: RelyingParty, hint: str):
    other = RelyingParty(party.app, party.clock, client_id="other")
    other.register(post_logout_redirect_uris=("https://livret.example/autre",))

    assert stays_on_our_page(
        end(party, id_token_hint=hint, post_logout_redirect_uri="https://livret.example/autre")
    )
    assert stays_on_our_page(end(party, id_token_hint=hint, client_id="other"))
    assert is_signed_in(party)


@pytest.mark.parametrize("kind", ["none", "foreign", "other_issuer", "other_type", "no_sid", "text"])
def test_lo_11_a_hint_that_is_not_an_id_token_of_ours_ends_nothing(party: RelyingParty, hint: str, kind: str):
    """oidc L4."""
    claims = party.read_id_token(hint)
    with party.app.app_context():
        ours = signing_keys.active_key()
    without_sid = {name: value for name, value in claims.items() if name != "sid"}
    forged = {
        "none": "eyJhbGciOiJub25lIn0." + hint.split(".")[1] + ".",
        "foreign": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, FOREIGN_KEY),
        "other_issuer": jwt.encode(
            {"alg": "RS256", "kid": ours.kid}, claims | {"iss": "https://evil.test"}, ours
        ),
        "other_type": jwt.encode({"alg": "RS256", "kid": ours.kid, "typ": "logout+jwt"}, claims, ours),
        "no_sid": jwt.encode({"alg": "RS256", "kid": ours.kid}, without_sid, ours),
        "text": "x",
    }[kind]

    response = end(party, id_token_hint=forged, post_logout_redirect_uri=POST_LOGOUT_URI)

    assert stays_on_our_page(response)
    assert is_signed_in(party)


@pytest.mark.parametrize(
    "parameters", [{}, {"state": "x"}, {"post_logout_redirect_uri": POST_LOGOUT_URI, "client_id": "livret"}]
)
def test_lo_10_without_a_hint_the_person_is_asked_first(
    party: RelyingParty, parent: object, parameters: dict[str, str]
):
    """oidc L5, L6: nothing ends by itself, nothing is redirected."""
    response = end(party, **parameters)

    assert response.status_code == 200
    assert 'id="signed-out"' not in response.text
    assert is_signed_in(party)
    confirmed = party.browser.post("/deconnexion", data=form_values(response.text, action="/deconnexion"))
    assert 'id="signed-out"' in party.browser.get(confirmed.location).text
    assert not is_signed_in(party)


def test_another_sites_post_without_a_hint_asks_too(party: RelyingParty, parent: object):
    """Our `Lax` cookie does not come with it: to say then that all is closed would be a lie."""
    without_cookies = RelyingParty(party.app, party.clock).browser.post(
        "/oauth/end_session", data={"state": "x"}
    )

    assert (without_cookies.status_code, without_cookies.location) == (303, "/oauth/end_session")
    assert 'id="signed-out"' not in party.browser.get(without_cookies.location).text
    assert is_signed_in(party)


def test_another_sites_post_with_a_hint_signs_out_and_returns(party: RelyingParty, hint: str):
    without_cookies = RelyingParty(party.app, party.clock)
    response = without_cookies.browser.post(
        "/oauth/end_session",
        data={"id_token_hint": hint, "post_logout_redirect_uri": POST_LOGOUT_URI},
        headers={"Origin": "https://livret.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert (response.status_code, response.location) == (303, POST_LOGOUT_URI)
    assert not is_signed_in(party)


def test_with_nobody_signed_in_there_is_nothing_to_ask(party: RelyingParty):
    response = end(party, post_logout_redirect_uri=POST_LOGOUT_URI)

    assert response.status_code == 200
    assert 'id="signed-out"' in response.text


def test_parameters_sent_twice_are_refused(party: RelyingParty, hint: str):
    response = party.browser.get(f"/oauth/end_session?id_token_hint={hint}&state=a&state=b")

    assert stays_on_our_page(response)
    assert is_signed_in(party)


def test_no_address_of_ours_is_made_from_the_request(party: RelyingParty, hint: str):
    """HH-04."""
    response = party.browser.get(
        "/oauth/end_session", query_string={"id_token_hint": hint}, headers={"X-Forwarded-Host": "evil.test"}
    )

    assert "evil.test" not in response.text
    assert ISSUER
