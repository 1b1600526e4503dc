"""OpenID Connect Discovery 3, 4, RFC 7517: the documents, and that they say the truth."""

import json
from typing import Any

import pytest

from idp.oidc.provider_request import ProviderRequest
from tests.relying_party import ALL_SCOPES, ISSUER, RelyingParty, answer_of

CONFIGURATION = "/.well-known/openid-configuration"


@pytest.fixture
def metadata(party: RelyingParty) -> dict[str, Any]:
    return dict(json.loads(party.browser.get(CONFIGURATION).text))


def test_the_document(party: RelyingParty, metadata: dict[str, Any]):
    """oidc M1 to M5."""
    response = party.browser.get(CONFIGURATION)

    assert response.mimetype == "application/json"
    assert metadata["issuer"] == ISSUER
    assert metadata["subject_types_supported"] == ["pairwise"]
    assert metadata["request_uri_parameter_supported"] is True
    assert "none" not in metadata["request_object_signing_alg_values_supported"]
    assert "RS256" in metadata["request_object_signing_alg_values_supported"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert all(
        str(value).startswith(ISSUER + "/") for name, value in metadata.items() if name.endswith("_endpoint")
    )


def test_every_endpoint_named_is_there(party: RelyingParty, metadata: dict[str, Any]):
    for name, address in metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            path = str(address).removeprefix(ISSUER)
            assert party.browser.get(path).status_code not in {404, 500}, name


def test_every_scope_named_is_granted(offline_party: RelyingParty, metadata: dict[str, list[str]]):
    asked = " ".join(metadata["scopes_supported"])

    assert offline_party.tokens(scope=asked)["scope"] == asked


def test_every_claim_given_is_named(party: RelyingParty, parent: object, metadata: dict[str, list[str]]):
    tokens = party.tokens(scope=ALL_SCOPES)
    claims, answer = party.read_id_token(tokens["id_token"]), party.userinfo(tokens["access_token"]).json
    given = {*claims, *answer} - {"at_hash"}

    assert given <= set(metadata["claims_supported"])


def test_every_response_mode_named_is_honoured(
    party: RelyingParty, parent: object, metadata: dict[str, list[str]]
):
    for mode in metadata["response_modes_supported"]:
        assert party.authorize(response_mode=mode).status_code in {200, 303}


def test_every_prompt_named_is_understood(party: RelyingParty, metadata: dict[str, list[str]]):
    for prompt in metadata["prompt_values_supported"]:
        response = party.authorize(prompt=prompt)
        if response.location.startswith("https://"):
            assert answer_of(response)["error"] == "login_required"


def test_every_acr_named_is_reached_when_it_is_essential(
    party: RelyingParty, parent: object, metadata: dict[str, list[str]]
):
    for acr in metadata["acr_values_supported"]:
        claims = json.dumps({"id_token": {"acr": {"essential": True, "value": acr}}})

        assert party.read_id_token(party.tokens(claims=claims)["id_token"])["acr"] == acr


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_of_the_protocol_redirects_to_its_right_spelling(party: RelyingParty, method: str):
    """RFC 9110 15.4.9: a 308 would send a body again, to an address that nobody registered."""
    metadata = party.browser.get("/.well-known/openid-configuration").json
    paths = [
        value.removeprefix(ISSUER)
        for name, value in metadata.items()
        if name.endswith(("_endpoint", "jwks_uri", "_iframe"))
    ]

    for path in ("/.well-known/openid-configuration", *paths):
        for spelling in (f"{path}/", f"/{path}", "//".join(path.rsplit("/", 1)), path.upper()):
            answer = party.browser.open(ISSUER + spelling, method=method)
            assert answer.status_code in {404, 405}, spelling


@pytest.mark.parametrize("path", [CONFIGURATION, "/oauth/jwks"])
def test_a_known_document_is_not_sent_again(party: RelyingParty, path: str):
    first = party.browser.get(path)

    again = party.browser.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"].startswith("public, max-age=")
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_the_keys_have_distinct_names_and_one_use(party: RelyingParty):
    keys = json.loads(party.browser.get("/oauth/jwks").text)["keys"]

    assert keys
    assert len({key["kid"] for key in keys}) == len(keys)
    assert {(key["kty"], key["use"], key["alg"]) for key in keys} == {
        ("RSA", "sig", "RS256"),
        ("EC", "sig", "ES256"),
    }


def test_nothing_is_read_from_the_query_string_at_the_token_endpoint():
    request = ProviderRequest("POST", ISSUER + "/oauth/token?code=x", {}, {"code": "y"})

    assert (request.args, request.form) == ({}, {"code": "y"})
