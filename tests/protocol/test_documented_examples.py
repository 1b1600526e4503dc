"""Every example of docs/relying-parties.md has the members and types of a real answer."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jws import extract_compact

from idp.oidc.logout import LogoutOutbox
from tests.conftest import browser_at
from tests.factories import make_child, make_link
from tests.logout_receiver import Receiver
from tests.protocol.test_registration import Registrar, invite
from tests.protocol.test_rfc7662_introspection import introspect
from tests.relying_party import ALL_SCOPES, ISSUER, REFRESHING, RelyingParty

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "relying-parties.md"
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
SCOPE = "openid profile email children"
OFFLINE = "openid profile offline_access"


def token_response(party: RelyingParty) -> dict[str, Any]:
    return party.tokens(scope=SCOPE)


def id_token_header(party: RelyingParty) -> dict[str, Any]:
    return extract_compact(token_response(party)["id_token"].encode()).headers()


def id_token(party: RelyingParty) -> dict[str, Any]:
    return party.read_id_token(token_response(party)["id_token"])


def userinfo(party: RelyingParty) -> dict[str, Any]:
    return dict(party.userinfo(token_response(party)["access_token"]).get_json())


def children(party: RelyingParty) -> list[dict[str, Any]]:
    return list(party.read_id_token(party.tokens(scope=ALL_SCOPES)["id_token"])["children"])


def jwks(party: RelyingParty) -> dict[str, Any]:
    """Ordered as in the document: the order means nothing."""
    keys = browser_at(party.app, ISSUER).get("/oauth/jwks").get_json()["keys"]
    return {"keys": sorted(keys, key=lambda key: str(key["alg"]), reverse=True)}


def error(party: RelyingParty) -> dict[str, Any]:
    return dict(party.redeem("no-code-of-ours").get_json())


def registration_request(party: RelyingParty) -> dict[str, Any]:
    """What the next one sends, so every member of it is one that is taken."""
    return dict(json.loads(EXAMPLES["registration_request"]))


def registration_response(party: RelyingParty) -> dict[str, Any]:
    registrar = Registrar(party.app, party.clock, invite(party.app, party.clock))
    response = registrar.post(registration_request(party))
    assert response.status_code == 201, response.text
    return dict(response.get_json())


def offline(party: RelyingParty) -> RelyingParty:
    """Another service in the same browser, with offline access and signed access tokens."""
    other = RelyingParty(party.app, party.clock, client_id="offline")
    other.register(scope=f"{ALL_SCOPES} offline_access", grant_types=REFRESHING, access_token_format="jwt")
    other.browser = party.browser
    return other


def access_token(party: RelyingParty) -> dict[str, Any]:
    return party.read_id_token(offline(party).tokens(scope=OFFLINE)["access_token"])


def introspection(party: RelyingParty) -> dict[str, Any]:
    other = offline(party)
    return dict(introspect(other, other.tokens(scope=OFFLINE)["access_token"]).get_json())


ANSWERS: dict[str, Callable[[RelyingParty], Any]] = {
    "token_response": token_response,
    "id_token_header": id_token_header,
    "id_token": id_token,
    "userinfo": userinfo,
    "children": children,
    "jwks": jwks,
    "error": error,
    "access_token": access_token,
    "introspection": introspection,
    "registration_request": registration_request,
    "registration_response": registration_response,
}


def test_every_example_is_compared():
    assert EXAMPLES.keys() == {*ANSWERS, "logout_token"}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_is_like_the_real_thing(party: RelyingParty, parent: object, child: object, name: str):
    answer = ANSWERS[name](party)

    assert shape_of(json.loads(EXAMPLES[name])) == shape_of(answer)


def test_the_example_of_a_logout_token(party: RelyingParty, parent: object, receiver: Receiver):
    told = RelyingParty(party.app, party.clock, client_id="told")
    told.register(backchannel_logout_uri=receiver.url)
    told.browser = party.browser
    party.browser.get("/oauth/end_session", query_string={"id_token_hint": told.tokens()["id_token"]})
    with party.app.app_context():
        LogoutOutbox().deliver_next(now=party.clock.now)

    claims = party.read_id_token(receiver.tokens[0])

    assert shape_of(json.loads(EXAMPLES["logout_token"])) == shape_of(claims)


def test_the_example_of_an_error_is_that_error(party: RelyingParty):
    assert json.loads(EXAMPLES["error"]) == error(party)


def shape_of(value: Any) -> Any:
    """Names and types, without values."""
    if isinstance(value, dict):
        return {name: shape_of(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape_of(member) for member in value]
    return type(value).__name__


@pytest.fixture
def child(party: RelyingParty, parent: Any) -> None:
    with party.app.app_context():
        make_link(parent, make_child(ine="0123456789A"), relationship="mère")
