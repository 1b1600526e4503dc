"""RFC 6749 2.3, 3.2, OpenID Connect Core 9, RFC 7523 3: who may redeem, and by which one proof."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from idp.app import create_app
from idp.db import db
from shared.fetching import GuardedFetcher
from tests.conftest import FrozenClock, browser_at
from tests.https_server import (
    HOST,
    Behaviour,
    HttpsServer,
    answer,
    make_certificate,
    running_https_server,
)
from tests.relying_party import ISSUER, REDIRECT_URI, VERIFIER, RelyingParty, basic

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
FOREIGN_KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"})


class Asserting(RelyingParty):
    """A client that signs what it says."""

    def assertion(self, key: Any = KEY, alg: str = "RS256", header: Any = None, **changes: Any) -> str:
        now = int(self.clock.now.timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "exp": now + 60,
            "iat": now,
            "jti": f"jti-{id(changes)}-{next(NUMBERS)}",
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode({"alg": alg, "kid": key.kid, **(header or {})}, claims, key, [alg])

    def redeem_with(self, assertion: str, code: str | None = None, **changes: Any) -> Any:
        proof = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
        return browser_at(self.app, ISSUER).post("/oauth/token", data=form(code or "x", **proof | changes))


def to_base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def counter():
    number = 0
    while True:
        number += 1
        yield number


NUMBERS = counter()


def form(code: str, **changes: Any) -> dict[str, Any]:
    values = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


@pytest.fixture
def client_of(
    idp_app: Flask, clock: FrozenClock, signing_key: None, parent: Any
) -> Callable[[str], RelyingParty]:
    """Registers a client that proves itself by one method, the parent signed in."""

    def register(method: str) -> RelyingParty:
        jwks = {"keys": [KEY.as_dict(private=False), EC_KEY.as_dict(private=False)]}
        kind = Asserting if method == "private_key_jwt" else RelyingParty
        party = kind(idp_app, clock, client_id=f"by-{method}")
        party.register(token_endpoint_auth_method=method, jwks=jwks if kind is Asserting else None)
        party.sign_in(parent)
        return party

    return register


def post(
    party: RelyingParty, data: dict[str, Any], headers: dict[str, str] | None = None, **kwargs: Any
) -> Any:
    return browser_at(party.app, ISSUER).post("/oauth/token", data=data, headers=headers or {}, **kwargs)


def is_not_authenticated(response: Any) -> bool:
    return (response.status_code, response.json["error"]) == (401, "invalid_client")


class TestOneMethod:
    def test_client_secret_basic(self, client_of):
        party = client_of("client_secret_basic")

        assert party.redeem(party.authorization_code()).status_code == 200

    def test_client_secret_post(self, client_of):
        """oidc T4."""
        party = client_of("client_secret_post")
        data = form(party.authorization_code(), client_id=party.client_id, client_secret=party.secret)

        assert post(party, data).status_code == 200

    def test_a_public_client_proves_nothing_but_its_verifier(self, client_of):
        party = client_of("none")

        assert party.secret is None
        assert party.redeem(party.authorization_code()).status_code == 200

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
    def test_te_05_a_confidential_client_must_prove_itself(self, client_of, method: str):
        party = client_of(method)

        response = post(party, form(party.authorization_code(), client_id=party.client_id))

        assert is_not_authenticated(response)

    def test_te_03_only_the_registered_method_counts(self, client_of):
        by_basic, by_post = client_of("client_secret_basic"), client_of("client_secret_post")
        data = form("x", client_id=by_basic.client_id, client_secret=by_basic.secret)

        assert is_not_authenticated(post(by_basic, data))
        assert is_not_authenticated(post(by_post, form("x"), basic(by_post.client_id, by_post.secret)))

    @pytest.mark.parametrize("secret", ["", "x", "é", "x" * 5000, "' OR 1=1 --"])
    def test_a_wrong_secret_is_refused_with_a_challenge(self, client_of, secret: str):
        party = client_of("client_secret_basic")

        response = post(party, form("x"), basic(party.client_id, secret))

        assert is_not_authenticated(response)
        assert response.headers["WWW-Authenticate"].startswith("Basic ")

    def test_unknown_and_known_clients_get_one_answer(self, client_of):
        party = client_of("client_secret_basic")

        known = post(party, form("x"), basic(party.client_id, "wrong"))
        unknown = post(party, form("x"), basic("nobody", "wrong"))

        assert (known.status_code, known.data, list(known.headers)) == (
            unknown.status_code,
            unknown.data,
            list(unknown.headers),
        )

    @pytest.mark.parametrize(
        "authorization",
        ["Basic", "Basic ", "Basic !!!", "Basic /w==", "Basic //8=", "Basic YQ==", "Basic \u00e9", "Bearer x", "x",
         "Basic OnNlY3JldA==", "Digest username=x", "Basic " + "A" * 5000],
    )  # fmt: skip
    def test_a_hostile_header_is_refused(self, client_of, authorization: str):
        party = client_of("client_secret_basic")

        assert is_not_authenticated(post(party, form("x"), {"Authorization": authorization}))

    def test_te_01_two_methods_at_once_are_refused(self, client_of):
        party = client_of("client_secret_basic")
        header = basic(party.client_id, party.secret)
        code = party.authorization_code()

        for extra in ({"client_secret": "x"}, {"client_secret": party.secret}, {"client_assertion": "x"}):
            response = post(party, form(code, client_id=party.client_id, **extra), header)
            assert (response.status_code, response.json["error"]) == (400, "invalid_request")
        assert post(party, form(code), header).status_code == 200

    def test_a_header_beside_a_public_client_id_is_refused(self, client_of):
        party = client_of("none")
        code = party.authorization_code()

        response = post(party, form(code, client_id=party.client_id), basic(party.client_id, "x"))

        assert is_not_authenticated(response)

    def test_a_public_client_with_a_secret_is_refused(self, client_of):
        party = client_of("none")

        assert is_not_authenticated(post(party, form("x", client_id=party.client_id, client_secret="x")))

    def test_the_client_id_of_the_body_must_be_the_one_that_was_proved(self, client_of):
        party = client_of("client_secret_basic")
        code = party.authorization_code()

        assert is_not_authenticated(
            post(party, form(code, client_id="another"), basic(party.client_id, party.secret))
        )

    def test_nothing_counts_in_the_query_string(self, client_of):
        """RFC 6749 3.2; the code would stand in access logs."""
        party = client_of("client_secret_basic")
        code, header = party.authorization_code(), basic(party.client_id, party.secret)

        for query in ({"code": code}, {"client_id": party.client_id}, {"x": "1"}):
            response = post(party, form(code), header, query_string=query)
            assert (response.status_code, response.json["error"]) == (400, "invalid_request")
        assert post(party, form(code), header).status_code == 200

    @pytest.mark.parametrize(
        "name", ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "unknown"]
    )
    def test_te_19_a_parameter_sent_twice_is_refused(self, client_of, name: str):
        party = client_of("client_secret_basic")
        data = form(party.authorization_code()) | {name: ["x", "x"]}

        response = post(party, data, basic(party.client_id, party.secret))

        assert (response.status_code, response.json["error"]) == (400, "invalid_request")

    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain", ""])
    def test_only_a_form_counts(self, client_of, content_type: str):
        party = client_of("client_secret_basic")

        response = post(party, "{}", basic(party.client_id, party.secret), content_type=content_type)  # type: ignore[arg-type]

        assert (response.status_code, response.json["error"]) == (400, "invalid_request")

    def test_te_18_a_good_request_in_parts_is_refused(self, client_of):
        party = client_of("client_secret_basic")
        data, header = form(party.authorization_code()), basic(party.client_id, party.secret)

        response = post(party, data, header, content_type="multipart/form-data")

        assert (response.status_code, response.json["error"]) == (400, "invalid_request")
        assert post(party, data, header).status_code == 200

    def test_get_is_not_a_method(self, client_of):
        assert client_of("none").browser.get("/oauth/token").status_code == 405


class TestRotation:
    def test_te_11_a_new_secret_works_at_once_and_the_older_one_a_while(self, client_of):
        from datetime import timedelta

        from idp.oidc import clients

        party = client_of("client_secret_basic")
        older = party.secret
        assert party.redeem(party.authorization_code()).status_code == 200  # its record is held now
        with party.app.app_context():
            newer = clients.rotate_secret(party.client_id, overlap=timedelta(minutes=10), now=party.clock.now)

        assert party.redeem(party.authorization_code(), secret=newer).status_code == 200
        assert party.redeem(party.authorization_code(), secret=older).status_code == 200
        party.clock.advance(minutes=11)
        party.app.extensions["oidc"].clients.forget()
        assert is_not_authenticated(party.redeem("x", secret=older))
        assert party.redeem(party.authorization_code(), secret=newer).status_code == 200


class TestPrivateKeyJwt:
    @pytest.mark.parametrize("audience", [ISSUER, ISSUER + "/oauth/token"])
    @pytest.mark.parametrize(("key", "alg"), [(KEY, "RS256"), (KEY, "PS256"), (EC_KEY, "ES256")])
    def test_a_good_assertion(self, client_of, audience: str, key: Any, alg: str):
        """oidc T5, T6."""
        party = client_of("private_key_jwt")

        response = party.redeem_with(party.assertion(key, alg, aud=audience), party.authorization_code())

        assert response.status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "another"},
            {"iss": None},
            {"sub": "another"},
            {"sub": None},
            {"sub": 1},
            {"sub": ["by-private_key_jwt"]},
            {"sub": "nobody", "iss": "nobody"},
            {"sub": "\0", "iss": "\0"},
            {"aud": None},
            {"aud": "https://evil.test"},
            {"aud": ISSUER + "/"},
            {"aud": ISSUER + "/oauth/userinfo"},
            {"aud": [ISSUER]},
            {"aud": [ISSUER, "https://evil.test"]},
            {"aud": {"x": 1}},
            {"exp": None},
            {"exp": "soon"},
            {"exp": True},
            {"exp": 1e300},
            {"exp": -1},
            {"jti": None},
            {"jti": ""},
            {"jti": 1},
            {"jti": "x" * 256},
            {"iat": "now"},
            {"nbf": "now"},
        ],
    )
    def test_te_12_te_13_a_claim_that_does_not_hold_is_refused(self, client_of, changes: dict[str, Any]):
        party = client_of("private_key_jwt")

        assert is_not_authenticated(party.redeem_with(party.assertion(**changes)))

    @pytest.mark.parametrize(
        ("moments", "is_accepted"),
        [
            ({"iat": 8, "exp": 60}, True),
            ({"nbf": 8}, True),
            ({"iat": 60, "exp": 120}, False),
            ({"nbf": 60}, False),
            ({"exp": -11}, False),
            ({"exp": 301}, False),
            ({"iat": -300, "exp": 10}, False),
            ({"iat": None, "exp": 301}, False),
            ({"iat": None, "exp": 299}, True),
        ],
    )
    def test_te_13_the_moments_of_an_assertion(self, client_of, moments: dict[str, Any], is_accepted: bool):
        """FAPI 2.0 5.3.2.1: seconds from now."""
        party = client_of("private_key_jwt")
        now = int(party.clock.now.timestamp())
        code = party.authorization_code()
        instants = {name: None if value is None else now + value for name, value in moments.items()}

        response = party.redeem_with(party.assertion(**instants), code)

        assert response.status_code == (200 if is_accepted else 401)

    def test_a_foreign_signature_is_refused(self, client_of):
        party = client_of("private_key_jwt")

        assert is_not_authenticated(party.redeem_with(party.assertion(FOREIGN_KEY)))

    @pytest.mark.parametrize(
        "assertion", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é", ".", "..", "a" * 9000, "null"]
    )
    def test_what_is_no_assertion_is_refused(self, client_of, assertion: str):
        party = client_of("private_key_jwt")

        assert party.redeem_with(assertion).status_code in {400, 401}

    def test_the_public_key_is_not_a_shared_secret(self, client_of):
        """The classic confusion of RS256 and HS256; and a secret of the client's own."""
        party = client_of("private_key_jwt")
        for octets in (KEY.as_pem(private=False), KEY.as_der(private=False), b"x" * 32):
            signed, _, _ = party.assertion(header={"alg": "RS256"}).rpartition(".")
            header, _, payload = signed.partition(".")
            forged = to_base64(b'{"alg":"HS256","kid":"k1"}') + "." + payload
            mac = to_base64(hmac.digest(octets, forged.encode(), "sha256"))
            assert header
            assert is_not_authenticated(party.redeem_with(f"{forged}.{mac}"))

    def test_a_claim_that_is_no_text_of_utf8_is_refused(self, client_of):
        """JSON may escape half a surrogate pair, which no digest takes."""
        party = client_of("private_key_jwt")
        now = int(party.clock.now.timestamp())
        claims = {
            "iss": party.client_id,
            "sub": party.client_id,
            "aud": ISSUER,
            "exp": now + 60,
            "jti": "\ud800",
        }
        forged = jws.serialize_compact({"alg": "RS256", "kid": "k1"}, json.dumps(claims), KEY)

        assert is_not_authenticated(party.redeem_with(forged))

    @pytest.mark.parametrize("name", ["jwk", "jku", "x5u"])
    def test_a_key_that_the_assertion_brings_is_ignored(self, client_of, name: str):
        party = client_of("private_key_jwt")
        brought = FOREIGN_KEY.as_dict(private=False) if name == "jwk" else "https://canary.test/keys"

        assert is_not_authenticated(party.redeem_with(party.assertion(FOREIGN_KEY, header={name: brought})))

    def test_te_14_an_assertion_counts_once(self, client_of):
        party = client_of("private_key_jwt")
        assertion = party.assertion(jti="once")

        assert party.redeem_with(assertion, party.authorization_code()).status_code == 200
        assert is_not_authenticated(party.redeem_with(assertion, party.authorization_code()))
        assert is_not_authenticated(
            party.redeem_with(party.assertion(jti="once"), party.authorization_code())
        )

    def test_te_14_nor_twice_at_two_workers(self, client_of):
        party = client_of("private_key_jwt")
        assertion = party.assertion(jti="once", exp=int(party.clock.now.timestamp()) + 60)
        other_worker = create_app(party.app.extensions["settings"], clock=party.clock)
        there = Asserting(other_worker, party.clock, client_id=party.client_id)

        first = party.redeem_with(assertion, party.authorization_code())
        # Within the tolerance after its end too.
        for seconds in (0, 65):
            party.clock.advance(seconds=seconds)
            assert is_not_authenticated(there.redeem_with(assertion, party.authorization_code()))
        with other_worker.app_context():
            db.session.remove()
            db.engine.dispose()

        assert first.status_code == 200

    def test_one_clients_jti_is_not_anothers(self, idp_app, clock, client_of):
        party = client_of("private_key_jwt")
        other = Asserting(idp_app, clock, client_id="other")
        other.register(
            token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY.as_dict(private=False)]}
        )

        assert party.redeem_with(party.assertion(jti="same"), party.authorization_code()).status_code == 200
        assert other.redeem_with(other.assertion(jti="same")).json["error"] == "invalid_grant"

    def test_te_14_of_many_parallel_uses_of_one_assertion_one_passes(self, client_of):
        from concurrent.futures import ThreadPoolExecutor

        party = client_of("private_key_jwt")
        assertion, codes = party.assertion(jti="raced"), [party.authorization_code() for _ in range(8)]

        with ThreadPoolExecutor(8) as pool:
            responses = list(pool.map(lambda code: party.redeem_with(assertion, code), codes))

        assert sorted(response.status_code for response in responses) == [200] + [401] * 7

    def test_a_client_id_beside_it_must_be_the_same(self, client_of):
        party = client_of("private_key_jwt")

        assert is_not_authenticated(party.redeem_with(party.assertion(), client_id="another"))
        assert is_not_authenticated(party.redeem_with(party.assertion(), client_assertion_type="x"))


class TestJwksUri:
    """OpenID Connect Core 9, oidc T5: the keys are behind an address of the client's."""

    @pytest.fixture
    def server(
        self, idp_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[HttpsServer]:
        certificate = make_certificate(tmp_path)
        fetcher = GuardedFetcher(
            frozenset({HOST}), ca_file=certificate, resolve=lambda _host, _port: ["127.0.0.1"]
        )
        monkeypatch.setitem(idp_app.extensions, "fetcher", fetcher)
        with running_https_server(certificate) as server:
            yield server
        idp_app.extensions["oidc"].client_keys.forget()

    @pytest.fixture
    def asserting(
        self, idp_app: Flask, clock: FrozenClock, signing_key: None, parent: Any, server: HttpsServer
    ) -> "Asserting":
        party = Asserting(idp_app, clock, client_id="by-address")
        party.register(token_endpoint_auth_method="private_key_jwt", jwks_uri=server.url + "/keys")
        party.sign_in(parent)
        return party

    def serve(self, server: HttpsServer, *keys: Any) -> None:
        document = {"keys": [key.as_dict(private=False) for key in keys]}
        server.behaviour = answer(json.dumps(document).encode())

    @pytest.mark.parametrize(("key", "alg"), [(KEY, "RS256"), (KEY, "PS256"), (EC_KEY, "ES256")])
    def test_a_good_assertion(self, asserting: "Asserting", server: HttpsServer, key: Any, alg: str):
        self.serve(server, KEY, EC_KEY)

        responses = [
            asserting.redeem_with(asserting.assertion(key, alg), asserting.authorization_code())
            for _ in range(2)
        ]

        assert [response.status_code for response in responses] == [200, 200]
        assert len(server.requests) == 1

    def test_a_new_key_works_at_once(self, asserting: "Asserting", server: HttpsServer):
        self.serve(server, KEY)
        assert asserting.redeem_with(asserting.assertion(), asserting.authorization_code()).status_code == 200
        self.serve(server, EC_KEY)

        response = asserting.redeem_with(asserting.assertion(EC_KEY, "ES256"), asserting.authorization_code())

        assert response.status_code == 200
        assert is_not_authenticated(asserting.redeem_with(asserting.assertion()))

    def test_a_foreign_key_of_the_same_name_is_refused(self, asserting: "Asserting", server: HttpsServer):
        self.serve(server, KEY)

        assert is_not_authenticated(asserting.redeem_with(asserting.assertion(FOREIGN_KEY)))

    @pytest.mark.parametrize(
        "behaviour",
        [
            answer(b"not a key set"),
            answer(b"{}", status="500 Broken"),
            answer(b"", status="302 Found", headers="Location: http://127.0.0.1/keys\r\n"),
            answer(b"x" * 70_000),
        ],
    )
    def test_what_cannot_be_fetched_proves_nothing(
        self, asserting: "Asserting", server: HttpsServer, behaviour: Behaviour
    ):
        server.behaviour = behaviour

        assert is_not_authenticated(asserting.redeem_with(asserting.assertion()))

    def test_an_address_inside_is_not_asked(self, asserting: "Asserting", server: HttpsServer):
        """The guard holds here too: without the exemption nothing is connected."""
        inside = GuardedFetcher(frozenset(), resolve=lambda _host, _port: ["127.0.0.1"])
        asserting.app.extensions["fetcher"] = inside
        self.serve(server, KEY)

        assert is_not_authenticated(asserting.redeem_with(asserting.assertion()))
        assert server.requests == []

    def test_only_the_algorithm_that_was_registered_counts(
        self, idp_app: Flask, clock: FrozenClock, parent: Any, server: HttpsServer
    ):
        party = Asserting(idp_app, clock, client_id="strict")
        party.register(
            token_endpoint_auth_method="private_key_jwt",
            jwks_uri=server.url + "/strict",
            token_endpoint_auth_signing_alg="PS256",
        )
        party.sign_in(parent)
        self.serve(server, KEY)

        assert is_not_authenticated(party.redeem_with(party.assertion()))
        good = party.redeem_with(party.assertion(KEY, "PS256"), party.authorization_code())
        assert good.status_code == 200
