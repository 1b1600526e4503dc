"""Every refusal of the protocol has one entry: what the client is told, what the page shows, what is documented."""

import re
from html import unescape

import pytest
from flask import Flask

from idp.errors import oauth_refusals
from tests.conftest import browser_at
from tests.relying_party import ISSUER, RelyingParty, answer_of

TELLABLE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
CODE = re.compile(r"[a-z0-9_]+")
CONSTANT = re.compile(r"[a-z_]*")


@pytest.fixture
def dictionary(party: RelyingParty) -> str:
    response = browser_at(party.app, ISSUER).get("/dev/erreurs")
    assert response.status_code == 200
    return str(response.text)


def test_no_two_refusals_share_a_code(idp_app: Flask):
    codes = [refusal.error_code for refusal in oauth_refusals()]

    assert codes
    assert len(set(codes)) == len(codes)


def test_every_refusal_can_be_told(idp_app: Flask):
    """RFC 6749 5.2: the sets of characters; a hint is a fixed text, the docstring names the rule."""
    untold = [
        refusal
        for refusal in oauth_refusals()
        if not (CODE.fullmatch(refusal.error_code) and CONSTANT.fullmatch(refusal.error))
        or not TELLABLE.fullmatch(refusal.hint)
        or bool(refusal.hint) != bool(refusal.error)
        or not refusal.__doc__
    ]

    assert untold == []


def test_the_page_explains_each(dictionary: str):
    for refusal in oauth_refusals():
        assert dictionary.count(f'id="{refusal.error_code}"') == 1, refusal.error_code
        assert refusal.hint in unescape(dictionary)


def test_the_error_page_leads_to_the_entry(party: RelyingParty, dictionary: str):
    """An anchor in the documentation."""
    page = party.authorize(redirect_uri="https://livret.example/ailleurs").text

    (link,) = re.findall(rf'href="{ISSUER}/dev/erreurs#([a-z_]+)"', page)
    assert link == "redirect_uri_mismatch"
    assert f'id="{link}"' in dictionary


def test_every_answer_leads_to_the_entry(party: RelyingParty, dictionary: str):
    """RFC 6749 4.1.2.1, 5.2, RFC 6750 3: `error_uri`, in a redirect, in JSON, in a challenge."""
    program = browser_at(party.app, ISSUER)
    redirected = answer_of(party.authorize(prompt="none"))["error_uri"]
    in_json = program.post("/oauth/token", data={"grant_type": "password"}).json["error_uri"]
    challenged = program.get("/oauth/userinfo", headers={"Authorization": "Bearer none-of-ours"})

    anchors = {uri.partition("#")[2] for uri in (redirected, in_json, challenged.json["error_uri"])}
    assert anchors == {"login_required", "grant_type_unsupported", "bearer_refused"}
    assert f'error_uri="{ISSUER}/dev/erreurs#bearer_refused"' in challenged.headers["WWW-Authenticate"]
    assert all(f'id="{anchor}"' in dictionary for anchor in anchors)
