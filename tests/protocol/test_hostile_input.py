"""Whatever is sent, an answer of the protocol comes back: never a 5xx, never a redirect elsewhere, never a code."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import browser_at
from tests.relying_party import ISSUER, REDIRECT_URI, RelyingParty

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
