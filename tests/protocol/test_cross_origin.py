"""What a single-page service may read from its own origin, and what nobody may."""

import pytest

from tests.conftest import browser_at
from tests.relying_party import ISSUER, RelyingParty

ORIGIN = {"Origin": "https://application.example"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/oauth/jwks"),
        ("POST", "/oauth/token"),
        ("OPTIONS", "/oauth/token"),
        ("GET", "/oauth/userinfo"),
        ("POST", "/oauth/userinfo"),
        ("OPTIONS", "/oauth/userinfo"),
    ],
)
def test_any_origin_may_read_what_looks_at_no_cookie(party: RelyingParty, path: str, method: str):
    """TE-21: answers, refusals included, are open to any origin, never with credentials."""
    response = browser_at(party.app, ISSUER).open(path, method=method, headers=ORIGIN)

    assert response.status_code != 405
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Set-Cookie" not in response.headers


def test_the_bearer_header_passes_the_preflight(party: RelyingParty):
    """Fetch Standard 4.8: `Authorization` is never covered by a wildcard."""
    asked = ORIGIN | {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }

    response = browser_at(party.app, ISSUER).options("/oauth/userinfo", headers=asked)

    assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "path", ["/oauth/authorize", "/oauth/end_session", "/connexion", "/", "/dev/erreurs"]
)
def test_pages_are_read_by_no_other_origin(party: RelyingParty, path: str):
    """AZ-44: no CORS header at all."""
    response = browser_at(party.app, ISSUER).get(path, headers=ORIGIN)

    assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]
