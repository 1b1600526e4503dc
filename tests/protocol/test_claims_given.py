"""OpenID Connect Core 5.4 and 8.1: what is not asked for is not given, and nobody can join what two services know."""

import pytest
from flask import Flask

from idp.accounts.rules import AccountId
from tests.conftest import FrozenClock
from tests.factories import make_child, make_link
from tests.relying_party import RelyingParty, make_parent

PROTOCOL = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "acr", "amr"}
CHILD = {"sub", "given_name", "family_name", "level", "school", "relationship"}
# By scope beside `openid`: members of userinfo beside `sub`, then members of each child.
GOLDEN: dict[str, tuple[set[str], set[str]]] = {
    "": (set(), set()),
    "profile": ({"name", "given_name", "family_name", "updated_at"}, set()),
    "email": ({"email", "email_verified"}, set()),
    "phone": ({"phone_number", "phone_number_verified"}, set()),
    "children": ({"children"}, CHILD),
    "children children.ine": ({"children"}, CHILD | {"ine"}),
    "children children.birthdate": ({"children"}, CHILD | {"birthdate"}),
    "children.ine": (set(), set()),
    "children.birthdate": (set(), set()),
}


@pytest.fixture
def family(idp_app: Flask, party: RelyingParty, clock: FrozenClock) -> AccountId:
    """A parent with every channel confirmed and one child with every member, signed in."""
    with idp_app.app_context():
        parent = make_parent(phone="+33639980001", phone_confirmed_at=clock.now)
        child = make_child(ine="123456789AB", level="CE2")
        make_link(parent, child, relationship="mère")
    party.sign_in(parent)
    return parent


@pytest.mark.parametrize("scope", GOLDEN)
def test_at_13_each_scope_gives_its_claims_and_no_other(party: RelyingParty, family: AccountId, scope: str):
    userinfo_claims, child_members = GOLDEN[scope]

    tokens = party.tokens(scope=f"openid {scope}".strip())
    userinfo = party.userinfo(tokens["access_token"]).json
    id_token = party.read_id_token(tokens["id_token"])

    assert set(userinfo) == {"sub"} | userinfo_claims
    assert set(id_token) <= PROTOCOL | (userinfo_claims & {"children"})
    for claims in (userinfo, id_token):
        assert [set(child) for child in claims.get("children", [])] == [child_members] * bool(child_members)


def test_at_13_without_children_the_claim_is_an_empty_list(party: RelyingParty, parent: AccountId):
    tokens = party.tokens(scope="openid children children.ine children.birthdate")

    assert party.read_id_token(tokens["id_token"])["children"] == []
    assert party.userinfo(tokens["access_token"]).json["children"] == []


def test_at_11_services_cannot_join_what_they_know(
    idp_app: Flask, party: RelyingParty, family: AccountId, clock: FrozenClock
):
    """Another sector sees other subjects, of the guardian and of the child."""
    uri = "https://cantine.example/retour"
    other = RelyingParty(idp_app, clock, client_id="cantine", redirect_uri=uri).register()
    other.browser = party.browser
    scope = "openid children"

    ours, theirs = (one.read_id_token(one.tokens(scope=scope)["id_token"]) for one in (party, other))

    assert ours["sub"] != theirs["sub"]
    assert ours["children"][0]["sub"] != theirs["children"][0]["sub"]


def test_at_11_a_child_is_the_same_for_both_guardians_and_never_its_number(
    idp_app: Flask, party: RelyingParty, clock: FrozenClock
):
    with idp_app.app_context():
        first, second = make_parent(), make_parent(given_name="Jean")
        child = make_child(ine="123456789AB")
        make_link(first, child)
        make_link(second, child)

    subjects = []
    for guardian in (first, second):
        party.sign_in(guardian)
        claims = party.read_id_token(party.tokens(scope="openid children")["id_token"])
        subjects.append((claims["sub"], claims["children"][0]["sub"]))

    (first_sub, first_child), (second_sub, second_child) = subjects
    assert first_sub != second_sub
    assert first_child == second_child
    assert not {str(child), child.hex, "123456789AB", str(first), first.hex} & {first_child, first_sub}
