"""OpenID Connect Core 5.5, 5.5.1: claims asked one by one, and how sure the sign-in must be."""

import json
from datetime import date
from typing import Any

import pytest

from idp.accounts.rules import AccountId
from idp.oidc.authentication import PASSWORD
from tests.factories import make_child, make_link
from tests.relying_party import RelyingParty, answer_of, is_sent_to_sign_in, make_parent


def asking(**places: Any) -> str:
    return json.dumps(places)


def test_a_claim_of_userinfo_is_in_userinfo_alone(party: RelyingParty, parent: object):
    """oidc A14: `userinfo.name` essential."""
    tokens = party.tokens(claims=asking(userinfo={"name": {"essential": True}}))

    assert party.userinfo(tokens["access_token"]).json.keys() == {"sub", "name"}
    assert "name" not in party.read_id_token(tokens["id_token"])


def test_a_claim_of_the_id_token_is_in_the_id_token_alone(party: RelyingParty, parent: object):
    tokens = party.tokens(claims=asking(id_token={"email": None, "given_name": {"essential": True}}))

    claims = party.read_id_token(tokens["id_token"])
    assert (claims["email"], claims["given_name"]) == ("celine@exemple.example", "Céline")
    assert "email_verified" not in claims
    assert party.userinfo(tokens["access_token"]).json.keys() == {"sub"}


def test_claims_add_to_the_scopes(party: RelyingParty, parent: object):
    tokens = party.tokens(scope="openid email", claims=asking(userinfo={"given_name": None}))

    assert party.userinfo(tokens["access_token"]).json.keys() == {
        "sub",
        "email",
        "email_verified",
        "given_name",
    }


def test_children_by_name_and_no_member_without_its_scope(party: RelyingParty, parent: AccountId):
    with party.app.app_context():
        make_link(parent, make_child(ine="0123456789A", birth_date=date(2017, 3, 14)))

    tokens = party.tokens(claims=asking(userinfo={"children": None}, id_token={"children": None}))

    for claims in (party.read_id_token(tokens["id_token"]), party.userinfo(tokens["access_token"]).json):
        (child,) = claims["children"]
        assert child["given_name"] == "Maël"
        assert not {"ine", "birthdate"} & child.keys()


def test_az_35_a_claim_beyond_the_registered_scopes_is_not_given(idp_app, clock, signing_key, parent):
    party = RelyingParty(idp_app, clock, client_id="small").register(scope="openid profile")
    party.sign_in(parent)

    tokens = party.tokens(claims=asking(userinfo={"email": {"essential": True}, "children": None}))

    assert party.userinfo(tokens["access_token"]).json.keys() == {"sub"}


def test_unknown_claims_and_languages_are_ignored(party: RelyingParty, parent: object):
    """oidc A12."""
    wishes = {"website": {"essential": True}, "name#en": None, "http://x.example/y": {"value": 1}}

    tokens = party.tokens(claims=asking(userinfo=wishes, other={"x": 1}))

    assert party.userinfo(tokens["access_token"]).json.keys() == {"sub"}


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        "null",
        "1",
        '"userinfo"',
        "{",
        '{"userinfo": []}',
        '{"id_token": "name"}',
        '{"userinfo": {"name": "yes"}}',
        '{"userinfo": {"name": {"essential": "true"}}}',
        '{"userinfo": {"name": {"values": "x"}}}',
        "[" * 2000,
        '{"a":' * 400,
        json.dumps({"userinfo": {f"c{number}": None for number in range(51)}}),
    ],
)
def test_a_malformed_claims_parameter_is_told_to_the_client(party: RelyingParty, parent: object, claims: str):
    assert answer_of(party.authorize(claims=claims))["error"] == "invalid_request"


class TestSubject:
    def test_the_person_named_is_answered_for(self, party: RelyingParty, parent: object):
        """Core 5.5.1."""
        subject = party.read_id_token(party.tokens()["id_token"])["sub"]

        for wish in ({"value": subject}, {"values": ["x", subject], "essential": True}):
            assert "code" in answer_of(party.authorize(prompt="none", claims=asking(id_token={"sub": wish})))

    def test_nobody_else_is(self, party: RelyingParty, parent: AccountId):
        claims = asking(id_token={"sub": {"value": "somebody"}})

        assert answer_of(party.authorize(prompt="none", claims=claims))["error"] == "login_required"
        asked = party.authorize(claims=claims)
        assert is_sent_to_sign_in(asked)
        party.clock.advance(seconds=5)
        party.sign_in(parent)
        resume = asked.location.replace("/connexion?", "/oauth/authorize/resume?")
        assert answer_of(party.browser.get(resume))["error"] == "login_required"

    def test_a_hint_that_names_another_than_the_claim_leaves_nobody(
        self, party: RelyingParty, parent: AccountId
    ):
        hint = party.tokens()["id_token"]
        with party.app.app_context():
            party.sign_in(other := make_parent())
        theirs = party.read_id_token(party.tokens()["id_token"])["sub"]

        for account_id in (parent, other):
            party.sign_in(account_id)
            answer = party.authorize(
                prompt="none", id_token_hint=hint, claims=asking(id_token={"sub": {"value": theirs}})
            )
            assert answer_of(answer)["error"] == "login_required"


class TestAcr:
    @pytest.mark.parametrize("acr_values", ["1 2", PASSWORD, f"x {PASSWORD}"])
    def test_a_wish_binds_nobody_and_the_token_says_what_was_reached(
        self, party: RelyingParty, parent: object, acr_values: str
    ):
        """oidc A13."""
        claims = party.read_id_token(party.tokens(acr_values=acr_values)["id_token"])

        assert claims["acr"] == PASSWORD
        assert claims["amr"] == ["pwd"]

    def test_an_essential_one_that_no_sign_in_reaches_is_an_error(self, party: RelyingParty):
        """oidc A14, Core 5.5.1.1: told before anybody signs in for nothing."""
        claims = asking(id_token={"acr": {"essential": True, "values": ["urn:mfa", "2"]}})

        assert answer_of(party.authorize(claims=claims))["error"] == "unmet_authentication_requirements"

    @pytest.mark.parametrize(
        "wish",
        [
            None,
            {"essential": True},
            {"values": ["urn:mfa"]},
            {"essential": True, "values": ["urn:mfa", PASSWORD]},
            {"essential": True, "value": PASSWORD},
        ],
    )
    def test_any_other_wish_is_satisfied(
        self, party: RelyingParty, parent: object, wish: dict[str, Any] | None
    ):
        tokens = party.tokens(claims=asking(id_token={"acr": wish, "auth_time": {"essential": True}}))

        assert party.read_id_token(tokens["id_token"])["acr"] == PASSWORD
