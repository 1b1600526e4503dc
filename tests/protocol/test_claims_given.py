"""OpenID Connect Core 5.4 and 8.1: what is not asked for is not given, and nobody can join what two services know."""

import pytest
from flask import Flask
from sqlalchemy import update

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families.models import Guardian
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
    "address": ({"address"}, set()),
    "children": ({"children"}, CHILD),
    "children children.ine": ({"children"}, CHILD | {"ine"}),
    "children children.birthdate": ({"children"}, CHILD | {"birthdate"}),
    "children.ine": (set(), set()),
    "children.birthdate": (set(), set()),
}


def live_at(account_id: AccountId, postal_address: str) -> None:
    with transaction():
        db.session.execute(
            update(Guardian).where(Guardian.account_id == account_id).values(postal_address=postal_address)
        )


@pytest.fixture
def family(idp_app: Flask, party: RelyingParty, clock: FrozenClock) -> AccountId:
    """A parent with every channel confirmed and one child with every member, signed in."""
    with idp_app.app_context():
        parent = make_parent(phone="+33639980001", phone_confirmed_at=clock.now)
        child = make_child(ine="123456789AB", level="CE2")
        make_link(parent, child, relationship="mère")
        live_at(parent, "12 B RUE DE L’ÉCOLE\n57000 METZ\nFRANCE")
    party.sign_in(parent)
    return parent


@pytest.mark.parametrize("scope", GOLDEN)
def test_at_13_each_scope_gives_its_claims_and_no_other(party: RelyingParty, family: AccountId, scope: str):
    """oidc U5, I4: nothing that is not asked for."""
    userinfo_claims, child_members = GOLDEN[scope]

    tokens = party.tokens(scope=f"openid {scope}".strip())
    userinfo = party.userinfo(tokens["access_token"]).json
    id_token = party.read_id_token(tokens["id_token"])

    assert set(userinfo) == {"sub"} | userinfo_claims
    assert set(id_token) <= PROTOCOL | (userinfo_claims & {"children"})
    for claims in (userinfo, id_token):
        assert [set(child) for child in claims.get("children", [])] == [child_members] * bool(child_members)


def test_at_13_a_service_is_given_only_what_it_is_registered_for(
    party: RelyingParty, family: AccountId, clock: FrozenClock
):
    modest = RelyingParty(party.app, clock, client_id="modest").register(scope="openid profile children")
    modest.sign_in(family)

    tokens = modest.tokens(
        scope="openid profile email phone address children children.ine children.birthdate"
    )
    userinfo = modest.userinfo(tokens["access_token"]).json

    assert set(userinfo) == {"sub", "children"} | GOLDEN["profile"][0]
    for claims in (userinfo, modest.read_id_token(tokens["id_token"])):
        assert [set(child) for child in claims["children"]] == [CHILD]


@pytest.mark.parametrize(
    ("postal_address", "claim"),
    [
        (
            "12 B RUE DE L’ÉCOLE\n57000 METZ\nFRANCE",
            {
                "formatted": "12 B RUE DE L’ÉCOLE\n57000 METZ\nFRANCE",
                "street_address": "12 B RUE DE L’ÉCOLE",
                "postal_code": "57000",
                "locality": "METZ",
                "country": "FRANCE",
            },
        ),
        (
            "LIEU-DIT LE PONT\n57000 METZ",
            {
                "formatted": "LIEU-DIT LE PONT\n57000 METZ",
                "street_address": "LIEU-DIT LE PONT",
                "postal_code": "57000",
                "locality": "METZ",
            },
        ),
        ("RUE HAUTE\nBELGIQUE", {"formatted": "RUE HAUTE\nBELGIQUE", "street_address": "RUE HAUTE"}),
        ("", None),
    ],
)
def test_the_address_is_the_one_that_the_school_writes_to(
    party: RelyingParty, family: AccountId, postal_address: str, claim: dict[str, str] | None
):
    """Core 5.1.1: the parts that can be told apart; no claim where the school knows none."""
    with party.app.app_context():
        live_at(family, postal_address)

    asked = party.tokens(scope="openid address")["access_token"]
    by_name = party.tokens(claims='{"userinfo": {"address": null}}')["access_token"]

    assert party.userinfo(asked).json.get("address") == claim
    assert party.userinfo(by_name).json.get("address") == claim


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
