"""Whatever is sent, an answer of the protocol comes back: never a 5xx, never a redirect elsewhere, never a code."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import browser_at
from tests.protocol.test_registration import invite
from tests.relying_party import ISSUER, REDIRECT_URI, RelyingParty

pytestmark = pytest.mark.hostile

NAMES = st.sampled_from(
    ["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
     "prompt", "max_age", "response_mode", "id_token_hint", "request", "request_uri", "claims", "grant_type", "code",
     "code_verifier", "client_secret", "client_assertion", "client_assertion_type", "access_token", "demande",
     "post_logout_redirect_uri", "é", ""]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["livret", REDIRECT_URI, "code", "openid", "S256", "authorization_code", "none", "login", "0",
                     "\0", "'", '"', "\\", "\r\n", "%", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "[1]", "{}", "\ud83d\ude00"]),
)  # fmt: skip
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=12)
HEADERS = st.sampled_from(
    [{}, {"Authorization": "Basic x"}, {"Authorization": "Basic /w=="}, {"Authorization": "Bearer x"},
     {"Authorization": "\u00e9"}, {"Cookie": "__Host-idp_session=x"}, {"Content-Type": "application/json"}]
)  # fmt: skip
ONE_APPLICATION = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    # The application is the same for each example: nothing that is refused changes it.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def is_an_answer(response: Any) -> bool:
    location = response.headers.get("Location", "/")
    return response.status_code < 500 and location.startswith(("/", REDIRECT_URI)) and "code=" not in location


def as_text(pairs: list[tuple[str, str]]) -> Any:
    from urllib.parse import urlencode

    return urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in pairs])


@ONE_APPLICATION
@given(pairs=PAIRS, headers=HEADERS)
def test_the_authorization_endpoint(
    party: RelyingParty, pairs: list[tuple[str, str]], headers: dict[str, str]
):
    browser = browser_at(party.app, ISSUER)

    assert is_an_answer(browser.get("/oauth/authorize", query_string=as_text(pairs), headers=headers))
    assert is_an_answer(
        browser.post(
            "/oauth/authorize",
            data=as_text(pairs),
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )
    )


@ONE_APPLICATION
@given(changes=st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_authorization_endpoint_with_a_nearly_good_request(
    party: RelyingParty, parent: object, changes: dict[str, str]
):
    browser = browser_at(party.app, ISSUER)

    assert is_an_answer(
        browser.get("/oauth/authorize", query_string=as_text([*(party.request() | changes).items()]))
    )


@ONE_APPLICATION
@given(pairs=PAIRS, headers=HEADERS, raw=st.binary(max_size=60))
def test_the_token_endpoint(
    party: RelyingParty, pairs: list[tuple[str, str]], headers: dict[str, str], raw: bytes
):
    browser = browser_at(party.app, ISSUER)
    form = "application/x-www-form-urlencoded"

    for body in (as_text(pairs), as_text([("grant_type", "authorization_code"), ("code", "x"), *pairs]), raw):
        response = browser.post("/oauth/token", data=body, headers={"Content-Type": form} | headers)
        assert response.status_code in {400, 401}
        answer = response.get_json()
        assert set(answer) == {"error", "error_description", "error_uri"}
        assert not set(answer["error_description"]) & set('"\\\r\n\t')


@ONE_APPLICATION
@given(pairs=PAIRS, headers=HEADERS, token=st.text(max_size=60))
def test_userinfo(party: RelyingParty, pairs: list[tuple[str, str]], headers: dict[str, str], token: str):
    browser = browser_at(party.app, ISSUER)
    form = "application/x-www-form-urlencoded"

    for response in (
        browser.post("/oauth/userinfo", data=as_text(pairs), headers={"Content-Type": form} | headers),
        browser.post("/oauth/userinfo", data=as_text([("access_token", token)]), content_type=form),
        browser.get("/oauth/userinfo", query_string=as_text(pairs), headers=headers),
    ):
        assert response.status_code in {400, 401}


@ONE_APPLICATION
@given(pairs=PAIRS, headers=HEADERS)
def test_the_carried_request_and_sign_out(
    party: RelyingParty, pairs: list[tuple[str, str]], headers: dict[str, str]
):
    browser = browser_at(party.app, ISSUER)

    for way in ("authorize/resume", "authorize/restart", "authorize/cancel", "end_session"):
        assert is_an_answer(browser.get(f"/oauth/{way}", query_string=as_text(pairs), headers=headers))


ENDPOINTS_BY_POST = ("revoke", "introspect", "register")
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=40)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(
    st.sampled_from(
        ["redirect_uris", "client_name", "jwks", "jwks_uri", "grant_types", "response_types", "scope", "contacts",
         "subject_type", "sector_identifier_uri", "default_max_age", "require_auth_time", "logo_uri", "application_type",
         "token_endpoint_auth_method", "id_token_signed_response_alg", "request_uris", "post_logout_redirect_uris",
         "backchannel_logout_uri", "initiate_login_uri", "client_id", ""]
    ),
    JSON_VALUES,
    max_size=8,
)  # fmt: skip


@ONE_APPLICATION
@given(pairs=PAIRS, headers=HEADERS, raw=st.binary(max_size=60))
def test_revocation_introspection_and_registration(
    party: RelyingParty, pairs: list[tuple[str, str]], headers: dict[str, str], raw: bytes
):
    browser = browser_at(party.app, ISSUER)
    form = "application/x-www-form-urlencoded"

    for name in ENDPOINTS_BY_POST:
        for body in (as_text(pairs), raw):
            response = browser.post(f"/oauth/{name}", data=body, headers={"Content-Type": form} | headers)
            assert 400 <= response.status_code < 500


@ONE_APPLICATION
@given(metadata=METADATA | JSON_VALUES)
def test_registration_with_any_json(party: RelyingParty, metadata: Any):
    """An invited service may say what it likes: it is registered, or refused in the standard's words."""
    browser = browser_at(party.app, ISSUER)
    invitation = invite(party.app, party.clock, uses=1)

    response = browser.post(
        "/oauth/register", json=metadata, headers={"Authorization": f"Bearer {invitation}"}
    )

    assert response.status_code in {201, 400, 401, 429}, response.text
    assert response.status_code == 201 or "error" in (response.json or {})


@ONE_APPLICATION
@given(metadata=METADATA | JSON_VALUES)
def test_registration_management_with_any_json(party: RelyingParty, metadata: Any):
    """A registered service may ask any change of itself: it is made, or refused in the standard's words."""
    browser = browser_at(party.app, ISSUER)
    registered = browser.post(
        "/oauth/register",
        json={"redirect_uris": [REDIRECT_URI]},
        headers={"Authorization": f"Bearer {invite(party.app, party.clock, uses=1)}"},
    ).json
    path = registered["registration_client_uri"].removeprefix(ISSUER)
    bearer = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    own = metadata | {"client_id": registered["client_id"]} if isinstance(metadata, dict) else metadata

    for document in (metadata, own):
        response = browser.put(path, json=document, headers=bearer)
        assert response.status_code in {200, 400, 401, 429}, response.text
        assert response.status_code == 200 or "error" in (response.json or {})
