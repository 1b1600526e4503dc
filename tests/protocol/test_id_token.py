"""OpenID Connect Core 2, 8.1: what the ID token states, and how it is signed."""

import base64
import hashlib
import json
from datetime import date

import pytest
from flask import Flask
from joserfc import jws

from idp.accounts.rules import AccountId
from idp.families.models import LinkState
from tests.conftest import FrozenClock
from tests.factories import make_child, make_link
from tests.relying_party import ALL_SCOPES, ISSUER, RelyingParty, answer_of, make_parent


@pytest.fixture
def child(party: RelyingParty, parent: object) -> object:
    """A child of the signed-in parent."""
    with party.app.app_context():
        child_id = make_child(ine="0123456789A", birth_date=date(2017, 3, 14))
        make_link(parent, child_id, relationship="mère")  # type: ignore[arg-type]
        return child_id


def test_the_claims(party: RelyingParty, parent: object):
    """oidc I1."""
    now = int(party.clock.now.timestamp())
    opened = party.sign_in(parent)  # type: ignore[arg-type]

    claims = party.read_id_token(party.tokens(nonce="n-0S6_WzA2Mj ~")["id_token"])

    assert claims["iss"] == ISSUER
    assert claims["aud"] == party.client_id
    assert claims["nonce"] == "n-0S6_WzA2Mj ~"
    assert claims["sid"] == opened.sid
    assert (claims["iat"], claims["exp"], claims["auth_time"]) == (now, now + 600, now)
    assert len(claims["sub"]) == 43


def test_without_a_nonce_there_is_none(party: RelyingParty, parent: object):
    assert "nonce" not in party.read_id_token(party.tokens(nonce=None)["id_token"])


def test_the_header_names_the_published_key(party: RelyingParty, parent: object):
    """oidc I2, I3, I5."""
    header = jws.extract_compact(party.tokens()["id_token"].encode()).headers()
    published = json.loads(party.browser.get("/oauth/jwks").text)["keys"]

    assert header["alg"] == "RS256"
    assert header["kid"] in {key["kid"] for key in published}
    assert not [member for key in published for member in key if member in {"d", "p", "q", "dp", "dq", "qi"}]


@pytest.mark.parametrize(
    ("algorithm", "hash_name"), [("RS256", "sha256"), ("ES256", "sha256"), ("Ed25519", "sha512")]
)
def test_the_client_chooses_the_algorithm(
    idp_app: Flask, clock: FrozenClock, party: RelyingParty, parent: AccountId, algorithm: str, hash_name: str
):
    """oidc I3, Core 3.1.3.6: `at_hash` by the hash of the signature's algorithm, its left half."""
    chooser = RelyingParty(idp_app, clock, client_id="chooser").register(
        id_token_signed_response_alg=algorithm
    )
    chooser.sign_in(parent)

    tokens = chooser.tokens()

    header = jws.extract_compact(tokens["id_token"].encode()).headers()
    whole = hashlib.new(hash_name, tokens["access_token"].encode()).digest()
    left_half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    published = {key["kid"]: key["alg"] for key in json.loads(party.browser.get("/oauth/jwks").text)["keys"]}
    assert (header["alg"], published[header["kid"]]) == (algorithm, algorithm)
    assert chooser.read_id_token(tokens["id_token"])["at_hash"] == left_half
    assert "code" in answer_of(chooser.authorize(prompt="none", id_token_hint=tokens["id_token"]))


def test_how_the_person_signed_in(party: RelyingParty, parent: object):
    """oidc I1, I4: `acr` and `amr`, `sid`; no `azp`, the audience being this client alone."""
    claims = party.read_id_token(party.tokens()["id_token"])

    assert claims["amr"] == ["pwd"]
    assert (
        claims["acr"] in party.browser.get("/.well-known/openid-configuration").json["acr_values_supported"]
    )
    assert "azp" not in claims


def test_auth_time_is_the_sign_ins_not_the_codes(party: RelyingParty, parent: object):
    signed_in = int(party.clock.now.timestamp())
    party.clock.advance(minutes=20)

    assert party.read_id_token(party.tokens()["id_token"])["auth_time"] == signed_in


def test_the_subject_is_one_for_ever_at_one_sector_and_another_elsewhere(
    party: RelyingParty, parent: object, idp_app: Flask, clock: FrozenClock
):
    """Core 8.1."""
    neighbour = RelyingParty(idp_app, clock, client_id="neighbour").register()
    elsewhere = RelyingParty(
        idp_app, clock, client_id="elsewhere", redirect_uri="https://x.example/cb"
    ).register()
    for other in (neighbour, elsewhere):
        other.sign_in(parent)  # type: ignore[arg-type]

    subjects = [
        each.read_id_token(each.tokens()["id_token"])["sub"] for each in (party, party, neighbour, elsewhere)
    ]

    assert subjects[0] == subjects[1] == subjects[2]
    assert subjects[3] != subjects[0]


def test_standard_claims_go_to_userinfo_only_and_children_to_both(
    party: RelyingParty, parent: object, child: object
):
    tokens = party.tokens(scope=ALL_SCOPES)
    claims, answer = party.read_id_token(tokens["id_token"]), party.userinfo(tokens["access_token"]).json

    assert not {"name", "given_name", "family_name", "email", "updated_at"} & claims.keys()
    assert claims["children"] == answer["children"]
    assert claims["children"][0] | {"sub": ""} == {
        "sub": "",
        "given_name": "Maël",
        "family_name": "N’GUYEN",
        "level": "CE2",
        "school": {"uai": "0990001N", "name": "École du Lac"},
        "relationship": "mère",
        "ine": "0123456789A",
        "birthdate": "2017-03-14",
    }


@pytest.mark.parametrize(
    ("scope", "members"),
    [
        ("openid children", set()),
        ("openid children children.ine", {"ine"}),
        ("openid children children.birthdate", {"birthdate"}),
    ],
)
def test_a_member_needs_its_scope(
    party: RelyingParty, parent: object, child: object, scope: str, members: set[str]
):
    tokens = party.tokens(scope=scope)

    for claims in (party.read_id_token(tokens["id_token"]), party.userinfo(tokens["access_token"]).json):
        assert {"ine", "birthdate"} & claims["children"][0].keys() == members


def test_no_child_is_an_empty_array_and_no_scope_no_claim(party: RelyingParty, parent: object):
    assert party.read_id_token(party.tokens(scope="openid children")["id_token"])["children"] == []
    assert "children" not in party.read_id_token(party.tokens(scope="openid children.ine")["id_token"])


def test_a_child_has_one_identifier_for_both_parents_at_one_sector(
    party: RelyingParty, parent: object, child: object
):
    with party.app.app_context():
        other = make_parent()
        make_link(other, child)  # type: ignore[arg-type]
    first = party.read_id_token(party.tokens(scope="openid children")["id_token"])
    party.sign_in(other)

    second = party.read_id_token(party.tokens(scope="openid children")["id_token"])

    assert first["sub"] != second["sub"]
    assert first["children"][0]["sub"] == second["children"][0]["sub"]
    assert first["children"][0]["sub"] not in {first["sub"], second["sub"]}


@pytest.mark.parametrize("state", [state for state in LinkState if state is not LinkState.ACTIVE])
def test_only_an_active_link_reaches_a_claim_and_userinfo_forgets_at_once(
    party: RelyingParty, parent: object, child: object, state: LinkState
):
    from sqlalchemy import update

    from idp.db import db, transaction
    from idp.families.models import Link

    tokens = party.tokens(scope="openid children")
    with party.app.app_context(), transaction():
        db.session.execute(update(Link).values(state=state))

    assert party.userinfo(tokens["access_token"]).json["children"] == []
    assert party.read_id_token(party.tokens(scope="openid children")["id_token"])["children"] == []
