"""oidc.md 3, rows P1, P3 and P9, and JWKS and discovery under attack, seen from a browser."""

import datetime as dt
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from livret_service.sign_in.logout_checks import LogoutTokenRefused
from tests.conftest import Browser, FrozenClock, browser_at
from tests.livret_service.conftest import LIVRET_URL, FakeProvider, NewRelyingParty, come_back, leave, sign_in
from tests.livret_service.sign_in.test_views import b64
from tests.protocol.relying_party.sessions import is_signed_in, sessions_of


@pytest.mark.parametrize("issuer", ["{issuer}/", "https://evil.example", None])
def test_p1_jk_01_another_issuer_starts_no_sign_in_and_is_told_to_the_operator(
    browser: Browser, provider: FakeProvider, issuer: str | None, caplog: pytest.LogCaptureFixture
):
    """P1, JK-01: nothing more is called, the person gets a page with a way on."""
    provider.metadata = {"issuer": issuer and issuer.format(issuer=provider.issuer)}

    answer = browser.get("/connexion")

    assert answer.status_code == 503
    assert "ne répond pas" in answer.text
    assert provider.asked == ["/.well-known/openid-configuration"]
    assert "issuer mismatch" in caplog.text


def test_p9_webfinger_is_asked_before_discovery(new_relying_party: NewRelyingParty, provider: FakeProvider):
    """P9: for an account and for an address."""
    host = provider.issuer.removeprefix("http://")
    for resource in (f"acct:celine@{host}", f"{provider.issuer}/celine"):
        provider.asked.clear()
        browser = browser_at(new_relying_party(webfinger_resource=resource), LIVRET_URL)

        assert sign_in(browser, provider).status_code == 303
        assert provider.asked[:2] == ["/.well-known/webfinger", "/.well-known/openid-configuration"]
        asked = next(one for one in provider.requests[::-1] if one.path == "/.well-known/webfinger")
        assert asked.args["resource"] == resource
        assert asked.args["rel"] == "http://openid.net/specs/connect/1.0/issuer"


def test_p9_webfinger_that_names_another_issuer_starts_no_sign_in(
    new_relying_party: NewRelyingParty, provider: FakeProvider
):
    provider.webfinger = {
        "links": [{"rel": "http://openid.net/specs/connect/1.0/issuer", "href": "https://evil.example"}]
    }
    resource = f"{provider.issuer}/celine"
    browser = browser_at(new_relying_party(webfinger_resource=resource), LIVRET_URL)

    assert browser.get("/connexion").status_code == 503
    assert provider.asked == ["/.well-known/webfinger"]


def test_p9_webfinger_is_off_by_default(browser: Browser, provider: FakeProvider):
    sign_in(browser, provider)

    assert "/.well-known/webfinger" not in provider.asked


# -- transport ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["self-signed", "expired"])
def secure_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HTTPServer]:
    """A server over TLS, with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ends = dt.datetime(2100 if request.param == "self-signed" else 2020, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2019, 1, 1))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with HTTPServer(ssl_context=context) as server:
        yield server


def test_jk_02_a_provider_whose_certificate_nobody_vouches_for_is_refused(
    new_relying_party: NewRelyingParty, secure_server: HTTPServer, provider: FakeProvider
):
    """JK-02: whatever it would answer."""
    issuer = secure_server.url_for("").rstrip("/")
    document = provider.configuration() | {"issuer": issuer}
    secure_server.expect_request("/.well-known/openid-configuration").respond_with_json(document)
    browser = browser_at(new_relying_party(issuer=issuer), LIVRET_URL)

    assert browser.get("/connexion").status_code == 503
    assert secure_server.log == []


@pytest.mark.parametrize(
    "endpoint", ["jwks_uri", "token_endpoint", "authorization_endpoint", "userinfo_endpoint"]
)
def test_jk_02_an_endpoint_over_plain_http_is_refused(
    browser: Browser, provider: FakeProvider, endpoint: str
):
    provider.metadata = {endpoint: "http://provider.example/x"}

    assert browser.get("/connexion").status_code == 503


# -- keys --------------------------------------------------------------------------------------------------------


def test_p3_a_rotation_between_two_sign_ins_is_not_noticed(
    browser: Browser, provider: FakeProvider, other_key: RSAKey
):
    """P3 `signing-key-rotation`, `-just-before-signing`: each unknown `kid` is looked for by itself."""
    sign_in(browser, provider)
    for kid in ("k-2", "k-3"):
        provider.key, provider.kid = other_key, kid

        assert come_back(browser, leave(browser, iss=provider.issuer), provider).status_code == 303


def test_jk_06_a_flood_of_unknown_kids_is_bounded(app: Flask, browser: Browser, provider: FakeProvider):
    """JK-06: over 1,000 tokens, twenty fetches a minute and worker at most."""
    sign_in(browser, provider)
    client = app.extensions["relying_party"].provider
    for number in range(1000):
        header = {"alg": "RS256", "typ": "logout+jwt", "kid": f"forged-{number}"}
        with pytest.raises(LogoutTokenRefused):
            client.verify_logout_token(f"{b64(json.dumps(header).encode())}.e30.e30")

    assert provider.count("/jwks") == 21


def test_jk_07_an_hour_without_the_provider_s_keys_stops_nobody_who_had_them(
    browser: Browser, provider: FakeProvider, clock: FrozenClock
):
    """JK-07, warm cache: the JWKS alone is down."""
    sign_in(browser, provider)
    honest = provider.answer
    provider.server.clear()

    def without_keys(request: Request) -> Response:
        return Response(status=503) if request.path == "/jwks" else honest(request)

    provider.server.expect_request(re.compile(".*")).respond_with_handler(without_keys)
    for _ in range(6):
        clock.advance(minutes=10)
        sign_in(browser, provider)
        assert is_signed_in(browser)


def test_jk_07_with_a_cold_cache_there_is_a_clear_page(app: Flask, browser: Browser, provider: FakeProvider):
    provider.jwks = {"keys": []}
    provider.metadata = {"jwks_uri": provider.issuer + "/absent"}

    answer = sign_in(browser, provider)

    assert answer.status_code == 503
    assert "ne répond pas" in answer.text
    assert "Réessayer" in answer.text
    assert sessions_of(app) == 0


def test_jk_08_a_key_that_left_the_set_is_refused_within_ten_minutes(
    app: Flask, browser: Browser, provider: FakeProvider, clock: FrozenClock, other_key: RSAKey
):
    """JK-08, JW-10: the stated age of the cache."""
    sign_in(browser, provider)
    provider.jwks = {"keys": [other_key.as_dict(private=False) | {"kid": "k-2"}]}
    clock.advance(minutes=10)

    answer = come_back(browser, leave(browser, iss=provider.issuer), provider)

    assert answer.status_code == 400
    assert sessions_of(app) == 1
