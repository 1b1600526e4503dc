"""OpenID Connect Core 6, RFC 9101: signed requests count alone; others are refused, and nothing is fetched unasked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared.fetching import GuardedFetcher
from tests.conftest import FrozenClock
from tests.https_server import HOST, HttpsServer, answer, make_certificate, running_https_server
from tests.relying_party import (
    ISSUER,
    REDIRECT_URI,
    RelyingParty,
    answer_of,
    is_sent_to_sign_in,
    make_parent,
    stays_on_our_page,
)

KEY = RSAKey.generate_key(2048, {"kid": "rp-rsa", "use": "sig"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "rp-ec", "use": "sig"})
FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "rp-rsa", "use": "sig"})
JWKS = {"keys": [KEY.as_dict(private=False), EC_KEY.as_dict(private=False)]}
OBJECT_TYPE = "application/oauth-authz-req+jwt"
REQUEST_PATH = "/request.jwt#a-version"


@pytest.fixture
def signer(idp_app: Flask, clock: FrozenClock, signing_key: None) -> RelyingParty:
    """A client that registered keys, somebody signed in."""
    return new_signer(idp_app, clock)


def new_signer(app: Flask, clock: FrozenClock, **values: Any) -> RelyingParty:
    party = RelyingParty(app, clock, client_id="signer").register(
        token_endpoint_auth_method="private_key_jwt", jwks=JWKS, **values
    )
    with app.app_context():
        party.sign_in(make_parent())
    return party


def signed(
    party: RelyingParty, *, key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A good request object unless changed; a change to None leaves a claim out."""
    claims = party.request(**({"iss": party.client_id, "aud": ISSUER} | changes))
    whole = {"alg": "RS256", "kid": key.kid} | (header or {})
    return jwt.encode(whole, claims, key, algorithms=[whole["alg"]])


def outer(party: RelyingParty, **changes: Any) -> dict[str, str]:
    """What OpenID Connect wants beside the object."""
    return {"client_id": party.client_id, "response_type": "code", "scope": "openid"} | changes


def ask(party: RelyingParty, **parameters: Any) -> Any:
    return party.browser.get("/oauth/authorize", query_string=parameters)


class TestSigned:
    @pytest.mark.parametrize(
        ("key", "algorithm"),
        [(KEY, "RS256"), (KEY, "PS256"), (EC_KEY, "ES256")],
        ids=["RS256", "PS256", "ES256"],
    )
    def test_it_is_honoured(self, signer: RelyingParty, key: Any, algorithm: str):
        """oidc A15."""
        request = signed(signer, key=key, header={"alg": algorithm})

        assert answer_of(ask(signer, **outer(signer, request=request)))["state"] == "an opaque state"

    def test_its_parameters_alone_count(self, signer: RelyingParty):
        """oidc A15, RFC 9101 6.3: of redirect URI, state, nonce, scope, prompt."""
        request = signed(signer, state="inside", nonce="inside", scope="openid profile", prompt="none")
        around = outer(
            signer,
            request=request,
            redirect_uri="https://evil.test/",
            state="outside",
            nonce="outside",
            scope="openid email",
            response_mode="form_post",
            prompt="login",
        )

        response = ask(signer, **around)

        assert response.location.startswith(REDIRECT_URI + "?")
        assert answer_of(response)["state"] == "inside"

    def test_what_it_leaves_out_is_not_taken_from_beside_it(self, signer: RelyingParty):
        request = signed(signer, state=None, code_challenge=None, code_challenge_method=None)
        beside = signer.request(request=request)

        answered = answer_of(ask(signer, **beside))

        assert answered["error"] == "invalid_request"
        assert "state" not in answered

    def test_numbers_and_claims_are_of_their_own_types(self, signer: RelyingParty):
        request = signed(signer, max_age=0, claims={"id_token": {"email": None}})

        response = ask(signer, **outer(signer, request=request))

        assert is_sent_to_sign_in(response)

    def test_what_it_asks_survives_the_sign_in_page(self, signer: RelyingParty):
        asked = ask(signer, **outer(signer, request=signed(signer, prompt="login", state="inside")))
        assert is_sent_to_sign_in(asked)
        signer.clock.advance(seconds=5)
        with signer.app.app_context():
            signer.sign_in(make_parent())

        back = signer.browser.get(asked.location.replace("/connexion?", "/oauth/authorize/resume?"))

        assert answer_of(back)["state"] == "inside"

    def test_it_need_not_name_the_client_again_and_an_empty_value_is_none(self, signer: RelyingParty):
        """RFC 6749 3.1: and the request that a page carries names it all the same."""
        request = signed(signer, client_id=None, prompt="login", max_age="", state="inside")

        asked = ask(signer, **outer(signer, request=request))
        cancelled = signer.browser.get(asked.location.replace("/connexion?", "/oauth/authorize/cancel?"))

        assert answer_of(cancelled)["error"] == "access_denied"
        assert answer_of(cancelled)["state"] == "inside"

    def test_by_post_too(self, signer: RelyingParty):
        response = signer.browser.post(
            "/oauth/authorize", data=outer(signer, request=signed(signer, state="inside"))
        )

        assert answer_of(signer.browser.get(response.location))["state"] == "inside"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": None, "aud": None},
            {"aud": [ISSUER, "https://other.test"]},
            {"exp": "later"},
            {"iat": "now", "nbf": "now", "jti": "x"},
        ],
    )
    def test_the_claims_about_it_may_be_left_out(self, signer: RelyingParty, changes: dict[str, Any]):
        """oidc A16: no `exp` there."""
        instants = {"now": int(signer.clock.now.timestamp()), "later": int(signer.clock.now.timestamp()) + 60}
        changes = {
            name: instants.get(value, value) if isinstance(value, str) else value
            for name, value in changes.items()
        }

        answered = answer_of(ask(signer, **outer(signer, request=signed(signer, **changes))))

        assert "code" in answered


class TestRefused:
    @pytest.mark.parametrize(
        "request_object",
        [
            "x",
            "a.b.c",
            "eyJhbGciOiJub25lIn0.e30.",
            "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9.",
            "é".encode().hex(),
            "." * 100,
        ],
    )
    def test_az_37_unsigned_or_no_object_at_all(self, signer: RelyingParty, request_object: str):
        """oidc A15: never ignored."""
        response = ask(signer, **signer.request(request=request_object))

        assert answer_of(response)["error"] == "invalid_request_object"
        assert answer_of(response)["state"] == "an opaque state"

    def test_az_37_a_foreign_one(self, signer: RelyingParty):
        request = signed(signer, key=FOREIGN_KEY)

        assert answer_of(ask(signer, **signer.request(request=request)))["error"] == "invalid_request_object"

    def test_az_37_one_signed_with_a_secret(self, signer: RelyingParty):
        from joserfc.jwk import OctKey

        secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
        request = signed(signer, key=secret, header={"alg": "HS256", "kid": "rp-rsa"})

        assert answer_of(ask(signer, **signer.request(request=request)))["error"] == "invalid_request_object"

    def test_another_algorithm_than_the_registered_one(
        self, idp_app: Flask, clock: FrozenClock, signing_key: None
    ):
        signer = new_signer(idp_app, clock, request_object_signing_alg="ES256")

        answered = answer_of(ask(signer, **signer.request(request=signed(signer))))

        assert answered["error"] == "invalid_request_object"

    def test_az_37_of_a_client_without_keys(self, party: RelyingParty, parent: object):
        answered = answer_of(party.authorize(request=signed(party)))

        assert answered["error"] == "request_not_supported"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "other"},
            {"aud": "https://other.test"},
            {"aud": []},
            {"aud": 7},
            {"client_id": "other"},
            {"sub": "signer"},
            {"exp": -3600},
            {"exp": "soon"},
            {"exp": True},
            {"nbf": 3600},
            {"iat": 3600},
            {"request": "x"},
            {"request_uri": "https://canary.test/"},
            {"state": ["a"]},
            {"state": True},
            {"state": "é"},
            {"nonce": "x" * 3000},
            {"max_age": 1.5},
        ],
        ids=str,
    )
    def test_one_that_is_not_this_clients_for_us_now(self, signer: RelyingParty, changes: dict[str, Any]):
        now = int(signer.clock.now.timestamp())
        moved: dict[str, Any] = {
            name: now + value
            if name in {"exp", "nbf", "iat"} and isinstance(value, int) and not isinstance(value, bool)
            else value
            for name, value in changes.items()
        }

        answered = answer_of(ask(signer, **signer.request(request=signed(signer, **moved))))

        assert answered["error"] == "invalid_request_object"

    @pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "secevent+jwt"])
    def test_a_token_made_for_another_use(self, signer: RelyingParty, kind: str):
        request = signed(signer, header={"typ": kind})

        assert answer_of(ask(signer, **signer.request(request=request)))["error"] == "invalid_request_object"

    @pytest.mark.parametrize("redirect_uri", [None, "https://evil.test/", "javascript:alert(1)"])
    def test_a_refused_one_is_told_to_nobody_elses_address(
        self, signer: RelyingParty, redirect_uri: str | None
    ):
        """OR-01: the address beside the object is checked before anything is sent there."""
        response = ask(signer, **signer.request(request="x", redirect_uri=redirect_uri))

        assert stays_on_our_page(response)

    @pytest.mark.parametrize("redirect_uri", [None, "https://evil.test/", REDIRECT_URI + "/"])
    def test_an_unregistered_address_inside_stays_on_our_page(
        self, signer: RelyingParty, redirect_uri: str | None
    ):
        """oidc A8, A9."""
        request = signed(signer, redirect_uri=redirect_uri)

        assert stays_on_our_page(ask(signer, **signer.request(request=request)))

    def test_both_at_once(self, signer: RelyingParty):
        both = signer.request(request=signed(signer), request_uri="https://signer.test/r")

        assert answer_of(ask(signer, **both))["error"] == "invalid_request"


class TestReference:
    @pytest.mark.parametrize(
        "address", ["https://canary.test/r.jwt", "http://127.0.0.1:1/", "urn:x", "file:///etc/passwd"]
    )
    def test_az_37_of_a_client_that_registered_none(self, signer: RelyingParty, address: str):
        # The suite's guard on sockets fails the test should anything be fetched.
        response = ask(signer, **signer.request(request_uri=address))

        assert answer_of(response)["error"] == "request_uri_not_supported"

    def test_a_registered_one_is_honoured(self, referrer: RelyingParty, server: HttpsServer):
        """oidc A16: RS256, no `exp`; fetched without its fragment, which is not verified."""
        server.behaviour = answer(signed(referrer, state="inside").encode(), content_type=OBJECT_TYPE)

        answered = answer_of(ask(referrer, **outer(referrer, request_uri=server.url + REQUEST_PATH)))

        assert answered["state"] == "inside"
        assert server.requests[0].startswith(b"GET /request.jwt HTTP/1.1\r\n")

    def test_both_media_types(self, referrer: RelyingParty, server: HttpsServer):
        server.behaviour = answer(signed(referrer).encode(), content_type="application/jwt")

        assert "code" in answer_of(ask(referrer, **outer(referrer, request_uri=server.url + REQUEST_PATH)))

    @pytest.mark.parametrize(
        "ending", ["/request.jwt", "/request.jwt#other", "/other#a-version", "/request.jwt?x=1#a-version"]
    )
    def test_az_37_any_other_is_not_fetched(self, referrer: RelyingParty, server: HttpsServer, ending: str):
        answered = answer_of(ask(referrer, **referrer.request(request_uri=server.url + ending)))

        assert answered["error"] == "invalid_request_uri"
        assert server.requests == []

    @pytest.mark.parametrize(
        "behaviour",
        [
            answer(b"", content_type=OBJECT_TYPE, status="404 Not Found"),
            answer(
                b"", content_type=OBJECT_TYPE, status="302 Found", headers="Location: https://evil.test/\r\n"
            ),
            answer(b"<html>", content_type="text/html"),
            answer("é".encode(), content_type=OBJECT_TYPE),
            lambda peer: None,
        ],
    )
    def test_nothing_usable_there(self, referrer: RelyingParty, server: HttpsServer, behaviour: Any):
        server.behaviour = behaviour

        answered = answer_of(ask(referrer, **referrer.request(request_uri=server.url + REQUEST_PATH)))

        assert answered["error"] == "invalid_request_uri"

    def test_an_unsigned_one_there(self, referrer: RelyingParty, server: HttpsServer):
        server.behaviour = answer(b"eyJhbGciOiJub25lIn0.e30.", content_type=OBJECT_TYPE)

        answered = answer_of(ask(referrer, **referrer.request(request_uri=server.url + REQUEST_PATH)))

        assert answered["error"] == "invalid_request_object"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: Path) -> Iterator[HttpsServer]:
    with running_https_server(certificate) as running:
        yield running


@pytest.fixture
def referrer(
    idp_app: Flask,
    clock: FrozenClock,
    signing_key: None,
    server: HttpsServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> RelyingParty:
    """A client that keeps its request objects on the server, of which the provider knows name and certificate."""
    fetcher = GuardedFetcher(frozenset({HOST}), ca_file=certificate, resolve=lambda host, port: ["127.0.0.1"])
    monkeypatch.setitem(idp_app.extensions, "fetcher", fetcher)
    return new_signer(idp_app, clock, request_uris=(server.url + REQUEST_PATH,))


def test_a_person_who_is_not_the_one_the_object_names_is_not_answered_for(signer: RelyingParty):
    claims = {"id_token": {"sub": {"value": "somebody"}}}

    answered = answer_of(ask(signer, **outer(signer, request=signed(signer, prompt="none", claims=claims))))

    assert answered["error"] == "login_required"
