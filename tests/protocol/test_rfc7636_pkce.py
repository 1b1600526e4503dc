"""RFC 7636 as RFC 9700 2.1.1 narrows it: a challenge, S256, and the verifier that made it."""

import pytest
from flask import Flask

from tests.conftest import FrozenClock
from tests.relying_party import VERIFIER, RelyingParty, answer_of, s256


@pytest.fixture
def free(idp_app: Flask, clock: FrozenClock, signing_key: None, parent: object) -> RelyingParty:
    """A client that is registered to go without PKCE, the parent signed in."""
    party = RelyingParty(idp_app, clock, client_id="free").register(require_pkce=False)
    party.sign_in(parent)  # type: ignore[arg-type]
    return party


def test_pk_01_a_missing_challenge_is_refused(party: RelyingParty, parent: object):
    answer = answer_of(party.authorize(code_challenge=None, code_challenge_method=None))

    assert answer["error"] == "invalid_request"
    assert "code" not in answer


@pytest.mark.parametrize("method", [None, "plain", "s256", "S512", "none", " S256"])
@pytest.mark.parametrize("client", ["party", "free"])
def test_pk_02_any_method_but_s256_is_refused(
    party: RelyingParty, free: RelyingParty, parent: object, client: str, method: str | None
):
    asking = party if client == "party" else free

    assert answer_of(asking.authorize(code_challenge_method=method))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "x",
        s256(VERIFIER)[:-1],
        s256(VERIFIER) + "A",
        s256(VERIFIER)[:-1] + "=",
        "~" * 43,
        "+/" * 21 + "a",
    ],
)
@pytest.mark.parametrize("client", ["party", "free"])
def test_a_challenge_that_no_sha256_makes_is_refused(
    party: RelyingParty, free: RelyingParty, parent: object, client: str, challenge: str
):
    asking = party if client == "party" else free

    assert answer_of(asking.authorize(code_challenge=challenge))["error"] == "invalid_request"


@pytest.mark.parametrize("client", ["party", "free"])
def test_pk_04_a_missing_verifier_is_refused(
    party: RelyingParty, free: RelyingParty, parent: object, client: str
):
    """PK-04, PK-12: a challenge that was sent is always enforced."""
    asking = party if client == "party" else free

    response = asking.redeem(asking.authorization_code(), code_verifier=None)

    assert (response.status_code, response.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "verifier",
    ["", "null", "undefined", "a", "a" * 42, "a" * 129, "a" * 43, VERIFIER + " ", VERIFIER + "é", VERIFIER[:-1] + "+",
     VERIFIER + "\n", VERIFIER + "\0", s256(VERIFIER), VERIFIER.upper()],
)  # fmt: skip
@pytest.mark.parametrize("client", ["party", "free"])
def test_pk_05_a_wrong_verifier_is_refused(
    party: RelyingParty, free: RelyingParty, parent: object, client: str, verifier: str
):
    asking = party if client == "party" else free

    response = asking.redeem(asking.authorization_code(), code_verifier=verifier)

    assert response.status_code == 400
    assert response.json["error"] in {"invalid_grant", "invalid_request"}
    assert "access_token" not in response.json


def test_pk_05_an_array_of_verifiers_is_refused(party: RelyingParty, parent: object):
    code = party.authorization_code()

    assert party.redeem(code, code_verifier=[VERIFIER, VERIFIER]).json["error"] == "invalid_request"
    assert (
        party.redeem(code, **{"code_verifier": None, "code_verifier[]": VERIFIER}).json["error"]
        == "invalid_grant"
    )


def test_pk_06_a_verifier_without_a_challenge_is_refused(free: RelyingParty):
    code = free.authorization_code(code_challenge=None, code_challenge_method=None)

    response = free.redeem(code)

    assert (response.status_code, response.json["error"]) == (400, "invalid_grant")


def test_pk_11_tries_on_one_code_are_bounded_and_tell_nothing(party: RelyingParty, parent: object):
    """Three wrong verifiers end a code (documented in idp/oidc/service.py)."""
    code = party.authorization_code()
    wrong = [party.redeem(code, code_verifier="a" * 43 + str(number)) for number in range(3)]

    right = party.redeem(code)

    assert {(response.status_code, response.text) for response in (*wrong, right)} == {(400, right.text)}
    assert right.json["error"] == "invalid_grant"


def test_pk_11_a_mistake_or_two_leave_the_code(party: RelyingParty, parent: object):
    code = party.authorization_code()
    for number in range(2):
        assert party.redeem(code, code_verifier="a" * 43 + str(number)).json["error"] == "invalid_grant"

    assert party.redeem(code).status_code == 200


def test_pk_12_pkce_is_required_of_confidential_clients_too(party: RelyingParty, free: RelyingParty):
    assert answer_of(party.authorize(code_challenge=None, code_challenge_method=None, prompt="none"))["error"]
    code = free.authorization_code(code_challenge=None, code_challenge_method=None)

    assert free.redeem(code, code_verifier=None).status_code == 200
    metadata = free.browser.get("/.well-known/openid-configuration").json
    assert metadata["code_challenge_methods_supported"] == ["S256"]
