"""The pages of signing in, against a provider that answers over real HTTP and forges when told."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select
from werkzeug import Response
from werkzeug.test import TestResponse

from livret_service.db import db
from livret_service.sign_in.models import GuardianSession, SignInAttempt
from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import (
    LEA,
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    come_back,
    json_response,
    leave,
    sent_to_provider,
    sign_in,
)
from tests.web import form_values

SESSION = "__Host-livret_session"
TRANSACTION = "__Host-livret_transaction"
PAGE = "/pages-de-test"


def sessions_of(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(GuardianSession)) or 0


def living_sessions_of(app: Flask) -> int:
    living = select(func.count()).select_from(GuardianSession).where(GuardianSession.ended_at.is_(None))
    with app.app_context():
        return db.session.scalar(living) or 0


def assert_nobody_signed_in(app: Flask, browser: Browser, answer: TestResponse, status: int = 400) -> None:
    assert answer.status_code == status
    assert 'class="button button-primary" href="/connexion' in answer.text
    assert kept_cookie(browser, SESSION) is None
    assert sessions_of(app) == 0


def kept_cookie(browser: Browser, name: str) -> str | None:
    cookie = browser.get_cookie(name, domain="livret.example")
    return cookie.value if cookie else None


def plant_cookie(browser: Browser, name: str, value: str) -> None:
    browser.set_cookie(name, value, domain="livret.example", secure=True)


def cookie_set(answer: TestResponse, name: str) -> str:
    lines = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(name + "=")]
    assert len(lines) == 1, lines
    return lines[0]


# -- the good way -----------------------------------------------------------------------------------------------


def test_signing_in_comes_back_to_the_page_that_was_asked_for(browser: Browser, provider: FakeProvider):
    sent_away = browser.get(f"{PAGE}/3?vue=tout")
    assert sent_away.headers["Location"] == "/connexion?target_link_uri=%2Fpages-de-test%2F3%3Fvue%3Dtout"

    answer = come_back(browser, sent_to_provider(browser.get(sent_away.headers["Location"])), provider)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}/3?vue=tout")
    assert browser.get(f"{PAGE}/3").text == "guardian-1: Léa, Noé"


def test_the_request_asks_for_what_the_service_needs_and_no_more(browser: Browser):
    """oidc.md 3, P5: always `state`, `nonce` and PKCE."""
    asked = leave(browser).parameters

    assert asked.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid children children.ine"
    assert asked["redirect_uri"] == f"{LIVRET_URL}/retour"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == len(asked["nonce"]) == len(asked["state"]) == 43


def test_the_token_request_proves_the_client_and_the_verifier(browser: Browser, provider: FakeProvider):
    """oidc.md 3, P5: `client_secret_basic` with urlencoded id and secret."""
    sent = leave(browser)

    come_back(browser, sent, provider)

    request = provider.token_requests[0]
    assert request.authorization is not None
    # Urlencoded before base64 (RFC 6749 2.3.1): an issued secret may hold `%`, `+` and `:`.
    assert request.authorization.password == "a+secret+with+%25%2C+%2B+and+%3A"
    digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == sent.parameters["code_challenge"]
    assert request.form["redirect_uri"] == f"{LIVRET_URL}/retour"
    assert "client_secret" not in request.form


def test_a_stranger_sees_what_the_service_is_and_both_ways_in(browser: Browser, provider: FakeProvider):
    page = browser.get("/").text

    assert 'href="/connexion"' in page
    assert f'href="{provider.issuer}/activation"' in page
    assert "Se déconnecter" not in page


def test_the_home_page_leads_a_reader_on(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)

    assert browser.get("/").headers["Location"] == "/livrets"


# -- attempts: state, browser, tabs -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [None, "", "unknown", "é" * 40, "x" * 5000])
def test_rp_01_an_answer_without_our_state_is_refused_before_any_call(
    app: Flask, browser: Browser, provider: FakeProvider, state: str | None
):
    sent = leave(browser)

    answer = come_back(browser, sent, provider, state=state)

    assert_nobody_signed_in(app, browser, answer)
    assert provider.count("/token") == 0


def test_rp_01_a_state_serves_once(app: Flask, browser: Browser, provider: FakeProvider):
    sent = leave(browser)
    leave(browser)  # another tab, so that the transaction cookie stays
    come_back(browser, sent, provider)

    again = come_back(browser, sent, provider)

    assert again.status_code == 400
    assert provider.count("/token") == 1
    assert sessions_of(app) == 1


def test_rp_01_a_repeated_state_counts_as_none(app: Flask, browser: Browser, provider: FakeProvider):
    sent = leave(browser)

    query = f"state={sent.state}&state={sent.state}&code={sent.parameters['nonce']}&iss={provider.issuer}"
    answer = browser.get(f"/retour?{query}")

    assert_nobody_signed_in(app, browser, answer)
    assert provider.count("/token") == 0


@pytest.mark.parametrize("beyond", [600, 601, 86400])
def test_rp_01_an_attempt_ends_after_ten_minutes(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, beyond: int
):
    sent = leave(browser)
    clock.advance(seconds=beyond)

    assert_nobody_signed_in(app, browser, come_back(browser, sent, provider))
    assert provider.count("/token") == 0


def test_co_08_rp_06_an_answer_meant_for_another_browser_signs_nobody_in(
    app: Flask, browser: Browser, provider: FakeProvider
):
    attacker = browser_at(app, LIVRET_URL)
    sent = leave(attacker)

    without_any_attempt = come_back(browser, sent, provider)
    leave(browser)
    with_one_of_its_own = come_back(browser, sent, provider)

    assert_nobody_signed_in(app, browser, without_any_attempt)
    assert_nobody_signed_in(app, browser, with_one_of_its_own)
    assert provider.count("/token") == 0


def test_co_08_a_code_of_another_attempt_fails_on_its_nonce(
    app: Flask, browser: Browser, provider: FakeProvider
):
    attacker = leave(browser_at(app, LIVRET_URL))
    sent = leave(browser)

    answer = come_back(browser, sent, provider, code=attacker.parameters["nonce"])

    assert_nobody_signed_in(app, browser, answer)


def test_rp_12_two_tabs_finish_in_reverse_order_each_on_its_page(browser: Browser, provider: FakeProvider):
    first, second = leave(browser, f"{PAGE}/1"), leave(browser, f"{PAGE}/2")

    answers = [come_back(browser, second, provider), come_back(browser, first, provider)]

    assert [answer.headers["Location"] for answer in answers] == [f"{PAGE}/2", f"{PAGE}/1"]
    assert browser.get(PAGE).text == "guardian-1: Léa, Noé"
    assert kept_cookie(browser, TRANSACTION) is None


def test_rp_14_the_transaction_cookie_is_of_this_host_and_short(browser: Browser):
    given = cookie_set(browser.get("/connexion"), TRANSACTION)

    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"):
        assert attribute in given
    assert "Domain" not in given


def test_rp_14_the_transaction_cookie_goes_with_the_last_attempt(browser: Browser, provider: FakeProvider):
    answer = sign_in(browser, provider)

    assert "Max-Age=0" in cookie_set(answer, TRANSACTION)
    assert kept_cookie(browser, TRANSACTION) is None


def test_pending_attempts_of_one_browser_are_bounded(app: Flask, browser: Browser, clock: FrozenClock):
    for _ in range(13):
        leave(browser)
        clock.advance(seconds=1)

    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SignInAttempt)) == 10


def test_expired_attempts_are_forgotten(app: Flask, browser: Browser, clock: FrozenClock):
    leave(browser)
    clock.advance(minutes=11)

    leave(browser_at(app, LIVRET_URL))

    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SignInAttempt)) == 1


# -- the answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("issuer", [None, "", "https://evil.example", "{issuer}/", "{ISSUER}"])
def test_rp_04_an_answer_of_another_issuer_is_refused_before_the_token_request(
    app: Flask, browser: Browser, provider: FakeProvider, issuer: str | None
):
    given = issuer and issuer.format(issuer=provider.issuer, ISSUER=provider.issuer.upper())

    answer = come_back(browser, leave(browser), provider, iss=given)

    assert_nobody_signed_in(app, browser, answer)
    assert provider.count("/token") == 0


def test_an_issuer_that_discovery_does_not_promise_may_be_absent_but_not_wrong(
    app: Flask, browser: Browser, provider: FakeProvider
):
    provider.metadata = {"authorization_response_iss_parameter_supported": None}

    assert come_back(browser, leave(browser), provider, iss="https://evil.example").status_code == 400
    assert come_back(browser, leave(browser), provider, iss=None).status_code == 303


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 200, "Vous avez annulé"),
        ("login_required", 200, "Votre session est terminée"),
        ("temporarily_unavailable", 503, "Le service de connexion ne répond pas"),
        ("invalid_scope", 400, "Ce n’est pas de votre fait"),
        ("<svg onload=alert(1)>", 400, "Ce n’est pas de votre fait"),
    ],
)
def test_an_error_is_told_in_words_of_ours_with_one_way_on(
    app: Flask, browser: Browser, provider: FakeProvider, error: str, status: int, words: str
):
    sent = leave(browser, PAGE)

    answer = come_back(browser, sent, provider, code=None, error=error, error_description="<b>canary</b>")

    assert_nobody_signed_in(app, browser, answer, status)
    assert words in answer.text
    assert 'href="/connexion?target_link_uri=%2Fpages-de-test"' in answer.text
    assert "canary" not in answer.text
    assert "<svg onload" not in answer.text


def test_an_error_is_believed_only_with_state_and_issuer(
    app: Flask, browser: Browser, provider: FakeProvider
):
    sent = leave(browser)

    without_state = come_back(browser, sent, provider, state=None, code=None, error="access_denied")
    of_another = come_back(
        browser, sent, provider, iss="https://evil.example", code=None, error="access_denied"
    )

    for answer in (without_state, of_another):
        assert answer.status_code == 400
        assert "Vous avez annulé" not in answer.text


@pytest.mark.parametrize("authorization_code", [None, "", "c" * 2049])
def test_an_answer_without_a_usable_code_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, authorization_code: str | None
):
    answer = come_back(browser, leave(browser), provider, code=authorization_code)

    assert_nobody_signed_in(app, browser, answer)
    assert provider.count("/token") == 0


def test_co_15_neither_code_nor_state_stays_in_the_address(browser: Browser, provider: FakeProvider):
    sent = leave(browser, PAGE)

    answer = come_back(browser, sent, provider)

    assert answer.status_code == 303
    assert answer.headers["Location"] == PAGE
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store, private"


def test_co_14_no_secret_of_a_sign_in_reaches_the_log(
    new_relying_party: NewRelyingParty, provider: FakeProvider, caplog: pytest.LogCaptureFixture, capfd: Any
):
    app = new_relying_party(log_level="DEBUG")
    with caplog.at_level(logging.DEBUG):
        browser = browser_at(app, LIVRET_URL)
        sent = leave(browser, PAGE)
        come_back(browser, sent, provider)
        come_back(browser, sent, provider)
        cookies = [kept_cookie(browser, SESSION)]
    written = caplog.text + "".join(capfd.readouterr())

    secrets = [sent.state, sent.parameters["nonce"], provider.access_token, "D’Orgeval"]
    secrets += [provider.token_requests[0].form["code_verifier"], *(cookie for cookie in cookies if cookie)]
    assert "request" in written
    for secret in secrets:
        assert secret not in written


# -- the token answer -------------------------------------------------------------------------------------------

TOKEN_ANSWERS: dict[str, Callable[[dict[str, Any]], Response]] = {
    "error with 200": lambda _body: json_response({"error": "invalid_grant"}),
    "error with 400": lambda _body: json_response({"error": "invalid_grant"}, 400),
    "error that is no string": lambda body: json_response(body | {"error": {"a": 1}}),
    "HTML": lambda _body: Response("<html>", mimetype="text/html"),
    "array": lambda body: json_response([body]),
    "null": lambda _body: json_response(None),
    "empty": lambda _body: Response(""),
    "no id_token": lambda body: json_response({k: v for k, v in body.items() if k != "id_token"}),
    "id_token null": lambda body: json_response(body | {"id_token": None}),
    "id_token a number": lambda body: json_response(body | {"id_token": 5}),
    "no access_token": lambda body: json_response({k: v for k, v in body.items() if k != "access_token"}),
    "wrong token_type": lambda body: json_response(body | {"token_type": "mac"}),
    "no token_type": lambda body: json_response({k: v for k, v in body.items() if k != "token_type"}),
    "token_type a list": lambda body: json_response(body | {"token_type": ["Bearer"]}),
    "expires_in nonsense": lambda body: json_response(body | {"id_token": "x", "expires_in": {"a": 1}}),
    "redirect": lambda _body: Response(status=307, headers={"Location": "/elsewhere"}),
    "huge": lambda body: json_response(body | {"padding": "x" * 300_000}),
    "deep": lambda _body: Response("[" * 100_000, mimetype="application/json"),
    "server error": lambda _body: Response(status=500),
}


@pytest.mark.parametrize("case", TOKEN_ANSWERS)
def test_rp_11_a_broken_token_answer_fails_closed(
    app: Flask, browser: Browser, provider: FakeProvider, case: str
):
    provider.token_response = TOKEN_ANSWERS[case]

    answer = come_back(browser, leave(browser), provider)

    assert answer.status_code in (400, 503)
    assert_nobody_signed_in(app, browser, answer, answer.status_code)
    assert provider.count("/elsewhere") == 0


# -- the ID token -----------------------------------------------------------------------------------------------


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(alg: str) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return f"{b64(json.dumps(header | {'alg': alg}).encode())}.{b64(json.dumps(claims).encode())}."

    return sign


def signed_by(key: Any, **header: Any) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    def sign(honest: dict[str, Any], claims: dict[str, Any]) -> str:
        whole = {name: value for name, value in (honest | header).items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[whole["alg"]], strict_check_header=False)
        registry.max_header_length = 10_000
        return jwt.encode(whole, claims, key, registry=registry)

    return sign


def refuse(app: Flask, browser: Browser, provider: FakeProvider) -> None:
    answer = come_back(browser, leave(browser), provider)
    assert provider.count("/token") == 1
    assert_nobody_signed_in(app, browser, answer)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", " none", ""])
def test_jw_01_an_unsigned_token_is_refused(app: Flask, browser: Browser, provider: FakeProvider, alg: str):
    """oidc.md 3, P2, P7 `idtoken-sig-none`."""
    provider.sign = unsigned(alg)

    refuse(app, browser, provider)


@pytest.mark.parametrize(
    "form",
    [
        "pem",
        "pem without newline",
        "jwk",
        "jwk with kid",
        "der",
        "pkcs1 pem",
        "pkcs1 der",
        "modulus",
        "empty",
    ],
)
def test_jw_02_the_public_key_is_no_hmac_secret(
    app: Flask, browser: Browser, provider: FakeProvider, form: str
):
    pem = provider.key.as_pem(private=False)
    jwk = json.dumps(provider.key.as_dict(private=False)).encode()
    material = {
        "pem": pem,
        "pem without newline": pem.rstrip(),
        "jwk": jwk,
        "jwk with kid": json.dumps(provider.public_jwks()["keys"][0]).encode(),
        "der": provider.key.as_der(private=False),
        "pkcs1 pem": pkcs1(provider.key, Encoding.PEM),
        "pkcs1 der": pkcs1(provider.key, Encoding.DER),
        "modulus": base64.urlsafe_b64decode(f"{provider.key.as_dict(private=False)['n']}=="),
        "empty": b"",
    }[form]
    provider.sign = hmac_signed(material)

    refuse(app, browser, provider)


def pkcs1(key: RSAKey, encoding: Encoding) -> bytes:
    public: Any = key.public_key
    return bytes(public.public_bytes(encoding, PublicFormat.PKCS1))


def hmac_signed(material: bytes) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{b64(json.dumps(header | {'alg': 'HS256'}).encode())}.{b64(json.dumps(claims).encode())}"
        return f"{signed}.{b64(hmac.digest(material, signed.encode(), hashlib.sha256))}"

    return sign


@pytest.mark.parametrize("alg", ["PS256", "RS384", "RS512"])
def test_jw_05_another_algorithm_of_the_same_key_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, provider_key: RSAKey, alg: str
):
    """oidc.md 3, P2: an unexpected alg."""
    provider.metadata = {"id_token_signing_alg_values_supported": ["RS256", alg]}
    provider.sign = signed_by(provider_key, alg=alg)

    refuse(app, browser, provider)


def test_jw_05_an_algorithm_that_another_published_key_has_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider
):
    key = ECKey.generate_key("P-256")
    provider.jwks = provider.public_jwks()
    provider.jwks["keys"].append(key.as_dict(private=False) | {"kid": "ec"})
    provider.sign = signed_by(key, alg="ES256", kid="ec")

    refuse(app, browser, provider)


def test_jw_06_an_embedded_key_is_ignored(
    app: Flask, browser: Browser, provider: FakeProvider, other_key: RSAKey
):
    """oidc.md 3, P2 `invalid-sig-rs256`."""
    jwk = {"kty": "RSA", "e": "AQAB", "n": other_key.as_dict(private=False)["n"]}
    provider.sign = signed_by(other_key, jwk=jwk)

    refuse(app, browser, provider)


def test_jw_06_an_embedded_key_is_ignored_even_when_short(
    app: Flask, browser: Browser, provider: FakeProvider, other_key: RSAKey
):
    provider.sign = signed_by(other_key, kid=None, jwk={"kty": "RSA", "e": "AQAB"})

    refuse(app, browser, provider)


@pytest.mark.parametrize("name", ["jku", "x5u", "x5c"])
def test_jw_07_an_address_in_the_header_is_never_fetched(
    app: Flask, browser: Browser, provider: FakeProvider, other_key: RSAKey, name: str
):
    address = provider.issuer + "/attacker"
    provider.sign = signed_by(other_key, **{name: [address] if name == "x5c" else address})

    refuse(app, browser, provider)
    assert "/attacker" not in provider.asked


@pytest.mark.parametrize("signer", ["first", "second"])
def test_jw_09_without_kid_several_keys_are_not_tried_in_turn(
    app: Flask, browser: Browser, provider: FakeProvider, provider_key: RSAKey, other_key: RSAKey, signer: str
):
    provider.jwks = {"keys": [jwk_of(provider_key, "k-1"), jwk_of(other_key, "k-2")]}
    provider.sign = signed_by(provider_key if signer == "first" else other_key, kid=None)

    refuse(app, browser, provider)


def test_jw_09_without_kid_the_only_fitting_key_verifies(browser: Browser, provider: FakeProvider):
    """oidc.md 3, P3 `kid-absent-single-jwks`."""
    provider.jwks = provider.public_jwks()
    provider.jwks["keys"].append(ECKey.generate_key("P-256").as_dict(private=False))
    provider.header = {"kid": None}

    assert sign_in(browser, provider).status_code == 303


def jwk_of(key: RSAKey, kid: str) -> dict[str, Any]:
    return key.as_dict(private=False) | {"kid": kid, "use": "sig"}


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}]
)
def test_jw_11_no_critical_extension_is_understood(
    app: Flask, browser: Browser, provider: FakeProvider, provider_key: RSAKey, header: dict[str, Any]
):
    provider.sign = crit_signed(provider_key, header)

    refuse(app, browser, provider)


def crit_signed(key: RSAKey, more: dict[str, Any]) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """An honest signature over a header that joserfc itself would not write."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{b64(json.dumps(header | more).encode())}.{b64(json.dumps(claims).encode())}"
        private: Any = key.private_key
        return f"{signed}.{b64(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    return sign


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", 5, None])
def test_another_kind_of_token_is_no_id_token(
    app: Flask, browser: Browser, provider: FakeProvider, provider_key: RSAKey, typ: Any
):
    provider.sign = crit_signed(provider_key, {"typ": typ})

    refuse(app, browser, provider)


@pytest.mark.parametrize(
    "token",
    [
        "." * 10_000,
        "." * 200_000,
        "a" * 200_000 + ".e30.e30",
        "e30.e30." + "a" * 200_000,
        "",
        "a",
        "a.b",
        "..",
        "[.[.[",
    ],
)
def test_jw_15_oversized_and_shapeless_tokens_are_refused(
    app: Flask, browser: Browser, provider: FakeProvider, token: str
):
    provider.forge = lambda _honest: token

    refuse(app, browser, provider)


@pytest.mark.parametrize("which", ["header", "payload", "signature", "dots"])
def test_jw_15_a_token_of_500_megabytes_is_not_even_read(
    app: Flask, browser: Browser, provider: FakeProvider, which: str
):
    """The answer is dropped at 256 KiB: neither memory nor time grows with what is sent."""
    sent = [0]
    before = {"header": b"", "payload": b"e30.", "signature": b"e30.e30.", "dots": b""}[which]

    def chunks() -> Iterator[bytes]:
        yield b'{"access_token": "a", "token_type": "Bearer", "id_token": "' + before
        for _ in range(500):
            sent[0] += 1
            yield (b"." if which == "dots" else b"a") * 1_000_000

    provider.token_response = lambda _body: Response(chunks(), mimetype="application/json")

    answer = come_back(browser, leave(browser), provider)

    assert_nobody_signed_in(app, browser, answer, 503)
    assert sent[0] < 20


FORGERIES: dict[str, Callable[[str], str]] = {
    "signature stripped": lambda token: token.rpartition(".")[0] + ".",
    "no signature": lambda token: token.rpartition(".")[0],
    "signature of another": lambda token: token.rpartition(".")[0] + "." + b64(b"x" * 256),
    "trailing bytes in the payload": lambda token: swap_payload(token, lambda payload: payload + b"x"),
    "another payload": lambda token: swap_payload(
        token, lambda payload: payload.replace(b"guardian-1", b"guardian-2")
    ),
    "padding": lambda token: token + "==",
    "newline": lambda token: token.replace(".", ".\n", 1),
    "space": lambda token: " " + token,
    "non-canonical": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    "fourth segment": lambda token: token + ".e30",
    "plus and slash": lambda token: token.replace("-", "+").replace("_", "/") + "+",
}


@pytest.mark.parametrize("case", FORGERIES)
def test_jw_16_a_token_altered_in_any_byte_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, case: str
):
    """oidc.md 3, P2 `invalid-sig-rs256`."""
    provider.forge = FORGERIES[case]

    refuse(app, browser, provider)


def swap_payload(token: str, change: Callable[[bytes], bytes]) -> str:
    header, payload, signature = token.split(".")
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return f"{header}.{b64(change(decoded))}.{signature}"


MINUTE = 60
FORGED_CLAIMS: list[tuple[str, dict[str, Any]]] = [
    ("JW-19 other", {"iss": "https://evil.example"}),
    ("JW-19 slash", {"iss": "{issuer}/"}),
    ("JW-19 upper case", {"iss": "{ISSUER}"}),
    ("JW-19 array", {"iss": ["{issuer}"]}),
    ("JW-19 missing", {"iss": None}),
    ("JW-20 other client", {"aud": "other"}),
    ("JW-20 extra", {"aud": ["livret", "other"]}),
    ("JW-20 extra with azp", {"aud": ["other"], "azp": "livret"}),
    ("JW-20 empty", {"aud": []}),
    ("JW-20 missing", {"aud": None}),
    ("JW-20 object", {"aud": {"livret": True}}),
    ("azp of another", {"azp": "other"}),
    ("JW-22 exp passed", {"exp": "now-31"}),
    ("JW-22 exp at the limit", {"exp": "now-30"}),
    ("JW-22 exp missing", {"exp": None}),
    ("JW-22 exp text", {"exp": "2099"}),
    ("JW-22 exp true", {"exp": True}),
    ("JW-22 exp infinite", {"exp": float("inf")}),
    ("JW-22 iat of two hours ago", {"iat": "now-7200"}),
    ("JW-22 iat to come", {"iat": "now+61"}),
    ("JW-22 iat missing", {"iat": None}),
    ("JW-22 nbf to come", {"nbf": "now+61"}),
    ("JW-22 nbf text", {"nbf": "soon"}),
    ("JW-24 nonce missing", {"nonce": None}),
    ("JW-24 nonce of another", {"nonce": "x" * 43}),
    ("JW-24 nonce waived", {"nonce": None, "nonce_supported": False}),
    ("JW-24 nonce array", {"nonce": ["x"]}),
    ("JW-25 at_hash wrong", {"at_hash": "x" * 22}),
    ("JW-25 at_hash empty", {"at_hash": ""}),
    ("JW-25 at_hash number", {"at_hash": 7}),
    ("auth_time text", {"auth_time": "yesterday"}),
    ("auth_time to come", {"auth_time": "now+61"}),
    ("sub missing", {"sub": None}),
    ("sub empty", {"sub": ""}),
    ("sub long", {"sub": "s" * 256}),
    ("sub number", {"sub": 7}),
    ("sid object", {"sid": {}}),
    ("sid long", {"sid": "s" * 256}),
]


@pytest.mark.parametrize(
    "forged", [claims for _name, claims in FORGED_CLAIMS], ids=[name for name, _ in FORGED_CLAIMS]
)
def test_jw_19_to_25_a_well_signed_token_with_a_wrong_claim_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, forged: dict[str, Any]
):
    """oidc.md 3, P2: `iss`, `aud`, `sub`, `iat`, `exp`, `nonce` wrong or missing: nothing more is called, no session."""
    provider.claims = {name: worked_out(value, provider, clock) for name, value in forged.items()}

    refuse(app, browser, provider)


def worked_out(value: Any, provider: FakeProvider, clock: FrozenClock) -> Any:
    if isinstance(value, list):
        return [worked_out(item, provider, clock) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("now"):
        return int(clock.now.timestamp()) + int(value.removeprefix("now"))
    return value.format(issuer=provider.issuer, ISSUER=provider.issuer.upper())


ACCEPTED_CLAIMS: list[dict[str, Any]] = [
    {"iat": "now+10", "nbf": "now+10"},
    {"exp": "now-29"},
    {"aud": ["livret"]},
    {"azp": "livret"},
    {"auth_time": None, "at_hash": None, "sid": None},
    {"sub": "s" * 255},
]


@pytest.mark.parametrize("claims", ACCEPTED_CLAIMS)
def test_jw_22_clocks_may_differ_a_little_and_optional_claims_be_absent(
    browser: Browser, provider: FakeProvider, clock: FrozenClock, claims: dict[str, Any]
):
    provider.claims = {name: worked_out(value, provider, clock) for name, value in claims.items()}

    assert sign_in(browser, provider).status_code == 303


def test_jw_26_a_sign_in_older_than_asked_for_is_asked_again(
    new_relying_party: NewRelyingParty, provider: FakeProvider, clock: FrozenClock
):
    app = new_relying_party(max_age_seconds=600)
    browser = browser_at(app, LIVRET_URL)
    for auth_time in (None, int(clock.now.timestamp()) - 631):
        provider.claims = {"auth_time": auth_time}
        sent = leave(browser)

        answer = come_back(browser, sent, provider)

        assert sent.parameters["max_age"] == "600"
        assert_nobody_signed_in(app, browser, answer)
        assert "Votre connexion est trop ancienne" in answer.text
    provider.claims = {"auth_time": int(clock.now.timestamp()) - 600}
    assert come_back(browser, leave(browser), provider).status_code == 303


# -- the children -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "children", [None, {}, "Léa", [1], [LEA, LEA], [LEA | {"sub": ""}], [LEA | {"school": None}]]
)
def test_without_a_usable_children_claim_there_is_no_session_but_a_page(
    app: Flask, browser: Browser, provider: FakeProvider, children: Any
):
    provider.claims = {"children": children}

    answer = come_back(browser, leave(browser), provider)

    assert_nobody_signed_in(app, browser, answer, 403)
    assert "n’ont pas été transmis" in answer.text


def test_a_guardian_of_no_child_is_signed_in_all_the_same(browser: Browser, provider: FakeProvider):
    provider.claims = {"children": []}

    sign_in(browser, provider)

    assert browser.get(PAGE).text == "guardian-1: "


# -- the session ------------------------------------------------------------------------------------------------


def test_rp_09_se_01_a_session_id_set_before_signing_in_is_worth_nothing_after(
    app: Flask, browser: Browser, provider: FakeProvider
):
    plant_cookie(browser, SESSION, "planted")

    sign_in(browser, provider)

    kept = kept_cookie(browser, SESSION)
    assert kept is not None
    assert kept != "planted"
    assert len(kept) == 43


def test_rp_09_signing_in_again_kills_the_old_id(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    old = kept_cookie(browser, SESSION)
    assert old is not None

    come_back(browser, leave(browser, iss=provider.issuer), provider)

    thief = browser_at(app, LIVRET_URL)
    plant_cookie(thief, SESSION, old)
    assert thief.get(PAGE).status_code == 303
    assert browser.get(PAGE).status_code == 200
    assert living_sessions_of(app) == 1


def test_se_03_the_session_cookie_is_of_this_host_alone(browser: Browser, provider: FakeProvider):
    given = cookie_set(sign_in(browser, provider), SESSION)

    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in given
    assert "Domain" not in given


def test_se_03_on_loopback_the_cookies_lose_only_prefix_and_secure(
    new_relying_party: NewRelyingParty, provider: FakeProvider
):
    browser = browser_at(new_relying_party(public_url="http://localhost:8001"), "http://localhost:8001")

    answer = sign_in(browser, provider)

    given = cookie_set(answer, "livret_session")
    assert "Secure" not in given
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given


def test_se_04_a_changed_cookie_is_nobody(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    cookie = kept_cookie(browser, SESSION)
    assert cookie is not None
    for value in (cookie[:-1] + "~", cookie + "x", "", "é", "x" * 3000):
        plant_cookie(browser, SESSION, value)

        assert browser.get(PAGE).status_code == 303


def test_only_digests_and_sealed_tokens_are_stored(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    cookie = kept_cookie(browser, SESSION)
    with app.app_context():
        row = db.session.scalars(select(GuardianSession)).one()
        stored = repr(list(vars(row).values()))

    assert cookie is not None
    assert cookie not in stored
    assert provider.access_token not in stored
    assert b"eyJ" not in row.sealed_id_token


@pytest.mark.parametrize(("minutes", "is_over"), [(29, False), (30, True)])
def test_se_06_a_session_without_renewal_ends(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, minutes: int, is_over: bool
):
    sign_in(browser, provider)
    clock.advance(minutes=minutes)
    provider.is_down = True

    answer = browser.get(browser.get(PAGE).headers["Location"])

    assert answer.status_code == (503 if is_over else 303)


def test_se_06_a_session_ends_after_eight_hours_however_often_renewed(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    for _ in range(24):
        clock.advance(minutes=20)
        sent = sent_to_provider(browser.get(browser.get(PAGE).headers["Location"]))
        assert come_back(browser, sent, provider).status_code == 303

    assert "prompt" not in sent.parameters  # the last one was a new sign-in: the session was over


@pytest.mark.parametrize("is_verified", [True, "true", 1, "false", None])
def test_jw_27_a_mail_address_links_nobody_however_verified(
    app: Flask, browser: Browser, provider: FakeProvider, is_verified: Any
):
    """Two persons with one address stay two, whatever `email_verified` says."""
    mail = {"email": "meme@exemple.fr", "email_verified": is_verified}
    provider.claims = mail
    sign_in(browser, provider)
    provider.claims = mail | {"sub": "guardian-2", "children": []}
    other = browser_at(app, LIVRET_URL)
    sign_in(other, provider)

    assert browser.get(PAGE).text == "guardian-1: Léa, Noé"
    assert other.get(PAGE).text == "guardian-2: "


def test_rp_16_the_person_is_issuer_and_subject(app: Flask, browser: Browser, provider: FakeProvider):
    provider.claims = {"email": "meme@exemple.fr"}
    sign_in(browser, provider)
    provider.claims = {"email": "meme@exemple.fr", "sub": "guardian-2", "children": []}

    come_back(browser, leave(browser, iss=provider.issuer), provider)

    assert browser.get(PAGE).text == "guardian-2: "
    assert living_sessions_of(app) == 1


def test_se_11_a_session_of_another_issuer_is_nobody(
    app: Flask, browser: Browser, provider: FakeProvider, new_relying_party: NewRelyingParty
):
    sign_in(browser, provider)
    cookie = kept_cookie(browser, SESSION)
    moved = new_relying_party(issuer="https://other.example")
    elsewhere = browser_at(moved, LIVRET_URL)
    assert cookie is not None
    plant_cookie(elsewhere, SESSION, cookie)

    assert elsewhere.get(PAGE).status_code == 303


# -- renewal ----------------------------------------------------------------------------------------------------


def renew(browser: Browser, address: str = PAGE) -> Any:
    """Ask for a page with a stale session, and follow to the provider."""
    away = browser.get(address)
    assert away.status_code == 303
    return sent_to_provider(browser.get(away.headers["Location"]))


def test_pc_25_rp_18_after_a_minute_the_provider_is_asked_silently_and_its_new_claim_decides(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    clock.advance(seconds=59)
    assert browser.get(PAGE).text == "guardian-1: Léa, Noé"
    clock.advance(seconds=1)
    provider.claims = {"children": [LEA]}

    sent = renew(browser, f"{PAGE}/lea")
    answer = come_back(browser, sent, provider)

    assert sent.parameters["prompt"] == "none"
    assert answer.headers["Location"] == f"{PAGE}/lea"
    assert browser.get(f"{PAGE}/lea").text == "guardian-1: Léa"


def test_a_renewal_keeps_the_session_id_and_shows_the_page_at_once(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    before = kept_cookie(browser, SESSION)
    clock.advance(minutes=2)

    come_back(browser, renew(browser), provider)

    assert kept_cookie(browser, SESSION) == before
    assert browser.get(PAGE).status_code == 200


@pytest.mark.parametrize(
    "error", ["login_required", "interaction_required", "consent_required", "access_denied"]
)
def test_rp_18_a_provider_that_no_longer_knows_the_person_ends_the_session(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, error: str
):
    sign_in(browser, provider)
    clock.advance(minutes=2)

    answer = come_back(browser, renew(browser), provider, code=None, error=error)

    assert answer.status_code == 200
    assert 'href="/connexion?target_link_uri=%2Fpages-de-test"' in answer.text
    assert living_sessions_of(app) == 0
    assert "prompt" not in leave(browser, PAGE).parameters


def test_pc_25_an_error_made_up_by_the_browser_buys_no_time(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    clock.advance(minutes=2)

    come_back(browser, renew(browser), provider, code=None, error="temporarily_unavailable")

    assert browser.get(PAGE).status_code == 303


def test_while_the_provider_is_down_a_session_goes_on_up_to_its_bound(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    provider.is_down = True
    for _ in range(14):
        clock.advance(minutes=2)
        away = browser.get(PAGE)
        assert browser.get(away.headers["Location"]).headers["Location"] == PAGE
        assert browser.get(PAGE).text == "guardian-1: Léa, Noé"
    clock.advance(minutes=2)

    answer = browser.get(browser.get(PAGE).headers["Location"])

    assert answer.status_code == 503
    assert "ne répond pas" in answer.text


def test_once_the_provider_is_back_its_word_counts_within_seconds(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    provider.is_down = True
    clock.advance(minutes=2)
    browser.get(browser.get(PAGE).headers["Location"])
    assert browser.get(PAGE).status_code == 200
    provider.is_down = False
    clock.advance(seconds=10)

    assert renew(browser).parameters["prompt"] == "none"


def test_a_renewal_never_revives_a_session_signed_out_meanwhile(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    clock.advance(minutes=2)
    sent = renew(browser)
    post_sign_out(browser)

    answer = come_back(browser, sent, provider)

    assert "Votre session est terminée" in answer.text
    assert living_sessions_of(app) == 0


def test_se_11_a_renewal_that_answers_for_another_person_ends_the_session(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    clock.advance(minutes=2)
    provider.claims = {"sub": "guardian-2"}

    answer = come_back(browser, renew(browser), provider)

    assert "Vous avez changé de compte" in answer.text
    assert living_sessions_of(app) == 0


def test_a_post_with_a_stale_session_is_not_carried_out(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    token = form_values(browser.get("/deconnexion").text)["csrf_token"]
    clock.advance(minutes=2)

    answer = browser.post(PAGE, data={"csrf_token": token})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/connexion")


# -- started by someone else ------------------------------------------------------------------------------------


def test_rp_17_a_third_party_starts_for_the_configured_issuer_only(browser: Browser, provider: FakeProvider):
    """oidc.md 3, P16."""
    for issuer in ("https://evil.example", provider.issuer + "/", ""):
        answer = browser.get("/connexion", query_string={"iss": issuer, "target_link_uri": PAGE})

        assert answer.status_code == 400
        assert "Ce lien ne peut pas être suivi" in answer.text
    assert (
        leave(browser, PAGE, iss=provider.issuer, login_hint="c.dupont").parameters["login_hint"]
        == "c.dupont"
    )


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil", "javascript:alert(1)", "livrets", "/a\tb",
     "https://livret.example.evil.example/", "https://livret.example@evil.example/", "/" + "a" * 1000, "/é"],
)  # fmt: skip
def test_rp_17_a_target_outside_this_service_is_refused(app: Flask, browser: Browser, target: str):
    answer = browser.get("/connexion", query_string={"target_link_uri": target})

    assert answer.status_code == 400
    assert target not in answer.text


@pytest.mark.parametrize(
    ("target", "path"),
    [(f"{LIVRET_URL}/livrets/x", "/livrets/x"), ("/livrets?a=b", "/livrets?a=b"), ("/connexion", "/livrets"),
     ("/deconnexion/retour", "/livrets"), ("/", "/livrets"), ("/retour?state=x", "/livrets")],
)  # fmt: skip
def test_rp_17_a_target_of_this_service_is_kept_but_for_sign_in_itself(
    browser: Browser, provider: FakeProvider, target: str, path: str
):
    assert sign_in(browser, provider, target).headers["Location"] == path


def test_a_third_party_may_start_by_post(browser: Browser, provider: FakeProvider):
    answer = browser.post("/connexion", data={"iss": provider.issuer, "target_link_uri": PAGE})

    assert sent_to_provider(answer).parameters["client_id"] == "livret"


def test_a_start_from_elsewhere_asks_the_provider_who_it_is_now(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)

    sent = leave(browser, iss=provider.issuer)

    assert "prompt" not in sent.parameters


# -- signing out ------------------------------------------------------------------------------------------------


def post_sign_out(browser: Browser) -> TestResponse:
    page = browser.get("/deconnexion")
    return browser.post("/deconnexion", data=form_values(page.text, action="/deconnexion"))


def test_signing_out_ends_the_session_here_then_at_the_provider(
    app: Flask, browser: Browser, provider: FakeProvider
):
    """oidc.md 3, P14."""
    sign_in(browser, provider)

    answer = post_sign_out(browser)

    assert answer.status_code == 200
    assert f'action="{provider.issuer}/end_session"' in answer.text
    asked = form_values(answer.text)
    assert asked["post_logout_redirect_uri"] == f"{LIVRET_URL}/deconnexion/retour"
    assert jwt.decode(asked["id_token_hint"], provider.key).claims["sid"] == "sid-1"
    assert living_sessions_of(app) == 0
    assert browser.get(PAGE).status_code == 303
    assert "ici et dans votre Compte École" in browser.get(f"/deconnexion/retour?state={asked['state']}").text


@pytest.mark.parametrize(
    "state", ["", "?state=", "?state=wrong", "?state=a.b", "?state=%FF%C3%A9", "?state=a&state=b"]
)
def test_coming_back_from_sign_out_with_a_wrong_state_shows_the_same_page(browser: Browser, state: str):
    """oidc.md 3, P14: never a 500."""
    answer = browser.get(f"/deconnexion/retour{state}")

    assert answer.status_code == 200
    assert 'id="signed-out"' in answer.text
    assert "Votre session est fermée dans ce service" in answer.text


def test_with_a_silent_provider_the_session_ends_here_and_the_page_says_so(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    sign_in(browser, provider)
    provider.is_down = True
    clock.advance(seconds=20)

    answer = post_sign_out(browser)

    assert living_sessions_of(app) == 0
    page = browser.get(answer.headers["Location"])
    assert "est peut-être encore ouvert" in page.text


def test_reading_the_sign_out_address_signs_nobody_out(app: Flask, browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)

    browser.get("/deconnexion")
    browser.get("/deconnexion/retour")

    assert living_sessions_of(app) == 1


def test_br_01_signing_out_needs_the_token_of_this_browser(
    app: Flask, browser: Browser, provider: FakeProvider
):
    sign_in(browser, provider)
    stranger = browser_at(app, LIVRET_URL)
    sign_in(stranger, provider)
    foreign = form_values(stranger.get("/deconnexion").text)["csrf_token"]

    for data in ({}, {"csrf_token": ""}, {"csrf_token": foreign}):
        assert browser.post("/deconnexion", data=data).status_code == 400
    own = form_values(browser.get("/deconnexion").text)["csrf_token"]
    assert browser.post(f"/deconnexion?csrf_token={own}").status_code == 400
    assert living_sessions_of(app) == 2


def test_br_01_the_form_token_is_renewed_at_sign_in(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)
    before = form_values(browser.get("/deconnexion").text)["csrf_token"]

    come_back(browser, leave(browser, iss=provider.issuer), provider)

    assert browser.post("/deconnexion", data={"csrf_token": before}).status_code == 400


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_br_05_a_cross_site_post_is_refused(
    app: Flask, browser: Browser, provider: FakeProvider, headers: dict[str, str]
):
    sign_in(browser, provider)
    values = form_values(browser.get("/deconnexion").text)

    assert browser.post("/deconnexion", data=values, headers=headers).status_code == 400
    assert living_sessions_of(app) == 1


@pytest.mark.parametrize("address", ["/", "/retour", "/deconnexion/retour", "/connexion?iss=x", "/absent"])
def test_br_08_every_page_has_its_security_headers(browser: Browser, address: str):
    headers = browser.get(address).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert int(headers["Strict-Transport-Security"].split("=")[1].split(";")[0]) >= 365 * 24 * 3600


def test_br_08_the_sign_out_button_may_end_at_the_provider_and_nowhere_else(
    browser: Browser, provider: FakeProvider
):
    sign_in(browser, provider)

    policy = browser.get("/deconnexion").headers["Content-Security-Policy"]

    assert f"form-action 'self' {provider.issuer};" in policy


# -- keys of this client ----------------------------------------------------------------------------------------


def test_the_client_publishes_its_public_key_and_proves_itself_with_it(
    new_relying_party: NewRelyingParty, provider: FakeProvider, key_file: Any, clock: FrozenClock
):
    browser = browser_at(new_relying_party(client_key_file=str(key_file)), LIVRET_URL)
    published = json.loads(browser.get("/connexion/cles").text)["keys"]

    for _ in range(2):
        come_back(browser, leave(browser, iss=provider.issuer), provider)

    assert [key.keys() & {"d", "p", "q", "dp", "dq", "qi"} for key in published] == [set()]
    tokens = [
        jwt.decode(request.form["client_assertion"], RSAKey.import_key(published[0]))
        for request in provider.token_requests
    ]
    for token in tokens:
        assert token.header["kid"] == published[0]["kid"]
        assert token.claims["iss"] == token.claims["sub"] == "livret"
        assert token.claims["aud"] == provider.issuer + "/token"
        assert token.claims["iat"] == int(clock.now.timestamp())
        assert token.claims["exp"] - token.claims["iat"] == 60
    assert tokens[0].claims["jti"] != tokens[1].claims["jti"]
    assert provider.token_requests[0].authorization is None


def test_without_a_key_the_published_set_is_empty(browser: Browser):
    assert json.loads(browser.get("/connexion/cles").text) == {"keys": []}
