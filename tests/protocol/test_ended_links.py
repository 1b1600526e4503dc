"""A link that ended while tokens live: design « ended means ended », at the provider."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import update

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Link
from idp.families.rules import LinkState
from tests.factories import make_child, make_link
from tests.relying_party import RelyingParty

ENDED = [LinkState.FROZEN, LinkState.DETACHED, LinkState.MERGED]
SCOPE = "openid children children.ine"


@pytest.fixture
def linked(idp_app: Flask, parent: AccountId) -> AccountId:
    """The signed-in parent has one child."""
    with idp_app.app_context():
        make_link(parent, make_child(given_name="Léa", ine="123456789AB"))
    return parent


def end_links(app: Flask, account_id: AccountId, state: LinkState, now: datetime) -> None:
    with app.app_context(), transaction():
        db.session.execute(
            update(Link).where(Link.account_id == account_id).values(state=state, ended_at=now)
        )


@pytest.mark.parametrize("state", ENDED)
def test_pc_07_a_link_ended_before_redemption_reaches_no_id_token(
    idp_app: Flask, party: RelyingParty, linked: AccountId, state: LinkState
):
    authorization_code = party.authorization_code(scope=SCOPE)
    end_links(idp_app, linked, state, party.clock.now)

    answer = party.redeem(authorization_code).json

    assert party.read_id_token(answer["id_token"])["children"] == []
    assert party.userinfo(answer["access_token"]).json["children"] == []


@pytest.mark.parametrize("state", ENDED)
def test_pc_07_a_link_ended_while_an_access_token_lives_is_gone_from_userinfo(
    idp_app: Flask, party: RelyingParty, linked: AccountId, state: LinkState
):
    tokens = party.tokens(scope=SCOPE)
    assert [child["given_name"] for child in party.userinfo(tokens["access_token"]).json["children"]] == [
        "Léa"
    ]

    end_links(idp_app, linked, state, party.clock.now)

    assert party.userinfo(tokens["access_token"]).json["children"] == []


def test_pc_07_a_link_that_its_guardian_reports_is_gone_at_once(
    idp_app: Flask, party: RelyingParty, linked: AccountId
):
    authorization_code, tokens = party.authorization_code(scope=SCOPE), party.tokens(scope=SCOPE)

    with idp_app.app_context(), transaction():
        (link,) = families.links_of(linked)
        families.dispute_link(linked, link.link_id, now=party.clock.now)

    assert party.read_id_token(party.redeem(authorization_code).json["id_token"])["children"] == []
    assert party.userinfo(tokens["access_token"]).json["children"] == []
