"""oidc.md 3, row P13: OpenID Connect Back-Channel Logout 1.0, at `/deconnexion/canal-arriere`."""

from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, sign_in
from tests.protocol.relying_party.sessions import is_signed_in, living_sessions_of

ADDRESS = "/deconnexion/canal-arriere"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def send(app: Flask, logout_token: str | None) -> TestResponse:
    """As the provider does: from a program without cookies."""
    form = {} if logout_token is None else {"logout_token": logout_token}
    return browser_at(app, LIVRET_URL).post(ADDRESS, data=form)


def test_p13_a_good_logout_token_ends_the_session_at_once(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """P13, LO-15: the answer is 200 exactly, kept by nobody; the saved cookie is worth nothing."""
    sign_in(browser, provider)

    answer = send(app, provider.logout_token())

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert not is_signed_in(browser)
    assert living_sessions_of(app) == 0


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "JWT", None])
def test_p13_the_type_may_be_that_of_older_providers(
    app: Flask, browser: Browser, provider: FakeProvider, typ: str | None
):
    """P13: `typ` may be `JWT`; Back-Channel Logout 2.4 only recommends one."""
    sign_in(browser, provider)

    assert send(app, provider.logout_token(header={"typ": typ})).status_code == 200
    assert living_sessions_of(app) == 0


@pytest.mark.parametrize("named", [{"sub": None}, {"sid": None}, {}])
def test_p13_a_session_is_named_by_sid_by_sub_or_by_both(
    app: Flask, browser: Browser, provider: FakeProvider, named: dict[str, Any]
):
    sign_in(browser, provider)

    assert send(app, provider.logout_token(**named)).status_code == 200
    assert living_sessions_of(app) == 0


@pytest.mark.parametrize(
    "other", [{"sid": "sid-9"}, {"sub": "guardian-9", "sid": None}, {"sub": "guardian-9"}]
)
def test_p13_an_unknown_session_is_a_success_that_ends_nothing(
    app: Flask, browser: Browser, provider: FakeProvider, other: dict[str, Any]
):
    """P13: 200, for the provider has nothing to try again. Both names must be of one session."""
    sign_in(browser, provider)

    assert send(app, provider.logout_token(**other)).status_code == 200
    assert is_signed_in(browser)


def test_lo_07_sub_alone_ends_every_session_of_that_person_and_sid_exactly_one(
    app: Flask, provider: FakeProvider
):
    """P13, LO-07."""
    browsers = [browser_at(app, LIVRET_URL) for _ in range(4)]
    for number, one in enumerate(browsers[:3]):
        provider.claims = {"sid": f"sid-{number}"}
        sign_in(one, provider)
    provider.claims = {"sub": "guardian-2", "sid": "sid-3"}
    sign_in(browsers[3], provider)

    send(app, provider.logout_token(sub=None, sid="sid-1"))
    assert [is_signed_in(one) for one in browsers] == [True, False, True, True]

    send(app, provider.logout_token(sid=None))
    assert [is_signed_in(one) for one in browsers] == [False, False, False, True]


def test_lo_06_a_token_that_comes_again_ends_no_new_session(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """P13 « keep `jti` », LO-06: the answer may have been lost, so it is no fault; but nothing more ends."""
    sign_in(browser, provider)
    logout_token = provider.logout_token()
    send(app, logout_token)
    sign_in(browser, provider)

    answer = send(app, logout_token)

    assert answer.status_code == 200
    assert is_signed_in(browser)


def test_lo_06_a_jti_is_kept_as_long_as_its_token_is_believed(
    app: Flask, provider: FakeProvider, clock: FrozenClock
):
    """To the end of the leeway after `exp`: then the token is refused for itself."""
    logout_token = provider.logout_token()
    send(app, logout_token)
    for _ in range(3):
        clock.advance(seconds=49)
        again = browser_at(app, LIVRET_URL)
        sign_in(again, provider)
        send(app, provider.logout_token(sub="guardian-9"))  # another one: what is too old is forgotten

        assert send(app, logout_token).status_code == 200
        assert is_signed_in(again)
    clock.advance(seconds=4)

    assert send(app, logout_token).status_code == 400


def test_lo_07_a_renewal_under_way_does_not_revive_the_session(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    from tests.livret_service.conftest import come_back, sent_to_provider

    sign_in(browser, provider)
    clock.advance(minutes=2)
    sent = sent_to_provider(browser.get(browser.get("/pages-de-test").headers["Location"]))
    send(app, provider.logout_token())

    come_back(browser, sent, provider)

    assert living_sessions_of(app) == 0


MINUTE = 60
FORGED: list[tuple[str, dict[str, Any]]] = [
    ("JW-19 other", {"iss": "https://evil.example"}),
    ("JW-19 slash", {"iss": "{issuer}/"}),
    ("JW-19 upper case", {"iss": "{ISSUER}"}),
    ("JW-19 array", {"iss": ["{issuer}"]}),
    ("JW-19 missing", {"iss": None}),
    ("JW-20 other client", {"aud": "other"}),
    ("JW-20 extra", {"aud": ["livret", "other"]}),
    ("JW-20 empty", {"aud": []}),
    ("JW-20 missing", {"aud": None}),
    ("JW-20 object", {"aud": {"livret": True}}),
    ("LO-01 no events", {"events": None}),
    ("LO-01 wrong member", {"events": {"http://schemas.openid.net/event/other": {}}}),
    ("LO-01 member a string", {"events": {EVENT: ""}}),
    ("LO-01 member an array", {"events": {EVENT: []}}),
    ("LO-01 member true", {"events": {EVENT: True}}),
    ("LO-01 member null", {"events": {EVENT: None}}),
    ("LO-01 array", {"events": [EVENT]}),
    ("LO-01 string", {"events": EVENT}),
    ("LO-03 nonce", {"nonce": "n"}),
    ("LO-03 nonce empty", {"nonce": ""}),
    ("LO-05 iat missing", {"iat": None}),
    ("LO-05 iat text", {"iat": "now"}),
    ("LO-05 iat old", {"iat": "now-151", "exp": "now-31"}),
    ("LO-05 iat old, exp good", {"iat": "now-151", "exp": "now-29"}),
    ("LO-05 iat to come", {"iat": "now+31", "exp": "now+60"}),
    ("LO-05 jti missing", {"jti": None}),
    ("LO-05 jti empty", {"jti": ""}),
    ("LO-05 jti number", {"jti": 7}),
    ("LO-05 jti long", {"jti": "j" * 256}),
    ("LO-05 exp missing", {"exp": None}),
    ("LO-05 exp passed", {"exp": "now-30", "iat": "now-100"}),
    ("LO-05 exp beyond two minutes", {"exp": "now+121"}),
    ("LO-05 exp text", {"exp": "soon"}),
    ("LO-05 exp true", {"exp": True}),
    ("JW-22 nbf to come", {"nbf": "now+61"}),
    ("nobody", {"sub": None, "sid": None}),
    ("sub empty", {"sub": ""}),
    ("sub number", {"sub": 7}),
    ("sub array", {"sub": ["guardian-1"]}),
    ("sid empty", {"sid": ""}),
    ("sid object", {"sid": {}}),
    ("sid long", {"sid": "s" * 256}),
]


@pytest.mark.parametrize("forged", [claims for _name, claims in FORGED], ids=[name for name, _ in FORGED])
def test_lo_01_lo_05_a_well_signed_token_with_a_wrong_claim_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, forged: dict[str, Any]
):
    """P13: wrong `iss`, `aud`, event, no event, `nonce`: 400, and the session goes on."""
    sign_in(browser, provider)
    claims = {name: worked_out(value, provider, clock) for name, value in forged.items()}

    answer = send(app, provider.logout_token(**claims))

    assert_refused(answer, browser)


def worked_out(value: Any, provider: FakeProvider, clock: FrozenClock) -> Any:
    if isinstance(value, list):
        return [worked_out(item, provider, clock) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith(("now-", "now+")):
        return int(clock.now.timestamp()) + int(value.removeprefix("now"))
    return value.format(issuer=provider.issuer, ISSUER=provider.issuer.upper())


def assert_refused(answer: TestResponse, browser: Browser) -> None:
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["error"] == "invalid_request"
    assert is_signed_in(browser)


@pytest.mark.parametrize("typ", ["at+jwt", "id_token+jwt", "oauth-authz-req+jwt", "", 5, ["logout+jwt"]])
def test_lo_03_another_kind_of_token_is_no_logout_token(
    app: Flask, browser: Browser, provider: FakeProvider, typ: Any
):
    """LO-03: our provider's own signature, and everything right but the kind."""
    sign_in(browser, provider)

    assert_refused(send(app, raw_signed(provider, {"typ": typ})), browser)


def raw_signed(provider: FakeProvider, more: dict[str, Any]) -> str:
    """An honest signature over a header that joserfc itself would not write."""
    import json

    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    from tests.livret_service.sign_in.test_views import b64

    payload = provider.logout_token().split(".")[1]
    header = {"alg": "RS256", "kid": provider.kid, "typ": "logout+jwt"} | more
    signed = f"{b64(json.dumps(header).encode())}.{payload}"
    private: Any = provider.key.private_key
    return f"{signed}.{b64(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def test_lo_03_an_id_token_is_no_logout_token(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)

    assert_refused(send(app, provider.id_token("nonce")), browser)


def test_lo_03_a_type_changed_after_signing_breaks_the_signature(
    app: Flask, browser: Browser, provider: FakeProvider
):
    from tests.livret_service.sign_in.test_views import b64

    sign_in(browser, provider)
    _, payload, signature = provider.logout_token().split(".")
    header = b64(b'{"alg":"RS256","kid":"k-1","typ":"JWT"}')

    assert_refused(send(app, f"{header}.{payload}.{signature}"), browser)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", " none", ""])
def test_jw_01_an_unsigned_logout_token_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, alg: str
):
    """P13: alg `none`."""
    from tests.livret_service.sign_in.test_views import b64

    sign_in(browser, provider)
    header = b64(b'{"alg":"%s","typ":"logout+jwt"}' % alg.encode())
    payload = provider.logout_token().split(".")[1]

    assert_refused(send(app, f"{header}.{payload}."), browser)


def test_jw_05_only_the_pinned_algorithm_signs_logout_tokens(
    app: Flask, browser: Browser, provider: FakeProvider, provider_key: RSAKey
):
    """P13: wrong alg, though the key and discovery would have it."""
    sign_in(browser, provider)
    elliptic = ECKey.generate_key("P-256")
    provider.jwks = provider.public_jwks()
    provider.jwks["keys"].append(elliptic.as_dict(private=False) | {"kid": "ec"})
    del provider.jwks["keys"][0]["alg"]

    for forged in (
        provider.logout_token(header={"alg": "PS256"}),
        provider.logout_token(key=elliptic, header={"alg": "ES256", "kid": "ec"}),
    ):
        assert_refused(send(app, forged), browser)


def test_jw_06_a_logout_token_signed_by_a_stranger_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, other_key: RSAKey
):
    sign_in(browser, provider)
    jwk = {"kty": "RSA", "e": "AQAB", "n": other_key.as_dict(private=False)["n"]}

    for header in ({}, {"kid": None}, {"jwk": jwk}, {"jku": provider.issuer + "/attacker"}):
        assert_refused(send(app, provider.logout_token(key=other_key, header=header)), browser)
    assert "/attacker" not in provider.asked


@pytest.mark.parametrize("logout_token", [None, "", "a", "a.b", "..", "e30.e30.e30", "." * 10_000, "é.é.é"])
def test_jw_16_what_is_no_token_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, logout_token: str | None
):
    sign_in(browser, provider)

    assert_refused(send(app, logout_token), browser)


def test_a_repeated_logout_token_counts_as_none(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    logout_token = provider.logout_token()

    answer = browser_at(app, LIVRET_URL).post(ADDRESS, data={"logout_token": [logout_token, logout_token]})

    assert_refused(answer, browser)


def test_jw_15_a_body_beyond_the_limit_is_not_read(app: Flask):
    assert send(app, "a" * 1_000_000).status_code == 413


def test_lo_09_only_posts_are_taken_with_or_without_cookies_and_form_tokens(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """LO-09."""
    sign_in(browser, provider)
    query = {"logout_token": provider.logout_token()}

    assert browser.get(ADDRESS, query_string=query).status_code == 405
    assert browser_at(app, LIVRET_URL).post(ADDRESS, query_string=query).status_code == 400
    assert is_signed_in(browser)
    with_cookies = browser.post(
        ADDRESS,
        data={"logout_token": provider.logout_token(), "csrf_token": "wrong"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert with_cookies.status_code == 200
    assert "Set-Cookie" not in with_cookies.headers


def test_without_the_provider_s_keys_it_may_try_again(app: Flask, provider: FakeProvider):
    provider.is_down = True

    answer = send(app, provider.logout_token())

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["Cache-Control"] == "no-store"
