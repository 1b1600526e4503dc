"""RFC 7591, RFC 7592, OpenID Connect Registration: services that register themselves."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import RSAKey
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from idp.accounts.rules import AccountId
from idp.audit.models import AuditEntry
from idp.db import db
from idp.oidc import clients, dynamic_registration
from idp.oidc.models import Client, InitialAccessToken
from idp.oidc.registration_request import DEFAULT_SCOPE, RegistrationPolicy
from idp.settings import Settings
from idp.throttling.rules import REGISTRATIONS_PER_NETWORK
from shared.fetching import GuardedFetcher
from shared.secrets import digest
from tests.conftest import FrozenClock, browser_at
from tests.https_server import HOST, HttpsServer, answer, make_certificate, running_https_server
from tests.relying_party import ISSUER, RelyingParty, stays_on_our_page

pytestmark = pytest.mark.usefixtures("signing_key")

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
REDIRECT_URI = "https://suite.example/callback"
REQUEST: dict[str, Any] = {"client_name": "Suite", "redirect_uris": [REDIRECT_URI]}
FULL: dict[str, Any] = {
    **REQUEST,
    "application_type": "web",
    "backchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://suite.example/backchannel",
    "client_uri": "https://suite.example/",
    "contacts": ["equipe@suite.example"],
    "default_acr_values": ["eidas1"],
    "default_max_age": 3600,
    "frontchannel_logout_session_required": True,
    "frontchannel_logout_uri": "https://suite.example/frontchannel",
    "grant_types": ["authorization_code", "refresh_token"],
    "id_token_signed_response_alg": "RS256",
    "initiate_login_uri": "https://suite.example/login",
    "introspection_signed_response_alg": "RS256",
    "jwks": {"keys": [KEY.as_dict(private=False)]},
    "logo_uri": "https://suite.example/logo.png",
    "policy_uri": "https://suite.example/policy",
    "post_logout_redirect_uris": ["https://suite.example/bye"],
    "request_object_signing_alg": "RS256",
    "request_uris": ["https://suite.example/request#version"],
    "require_auth_time": True,
    "response_types": ["code"],
    "scope": "openid profile",
    "software_id": "suite",
    "software_version": "5.1",
    "subject_type": "pairwise",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "RS256",
    "tos_uri": "https://suite.example/tos",
    "userinfo_signed_response_alg": "RS256",
}  # fmt: skip


class Registrar:
    """A program that registers clients at the provider, with one initial access token or none."""

    def __init__(self, app: Flask, clock: FrozenClock, initial_access_token: str | None) -> None:
        self.app = app
        self.clock = clock
        self.initial_access_token = initial_access_token
        self.program = browser_at(app, ISSUER)

    def post(self, document: Any, **options: Any) -> TestResponse:
        """Send a registration."""
        options.setdefault("headers", bearer(self.initial_access_token))
        return self.program.post("/oauth/register", json=document, **options)

    def register(self, **changes: Any) -> dict[str, Any]:
        """A registration that must succeed; a change to None leaves a member out."""
        response = self.post(
            {name: value for name, value in (REQUEST | changes).items() if value is not None}
        )
        assert response.status_code == 201, response.text
        return dict(response.json or {})

    def manage(self, method: str, registered: dict[str, Any], **options: Any) -> TestResponse:
        """A request to the client's own address, with its token unless `headers` say otherwise."""
        options.setdefault("headers", bearer(registered.get("registration_access_token")))
        path = registered["registration_client_uri"].removeprefix(ISSUER)
        return self.program.open(path, method=method, **options)

    def replace(self, registered: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A replacement that must succeed."""
        document = REQUEST | {"client_id": registered["client_id"]} | changes
        response = self.manage("PUT", registered, json=document)
        assert response.status_code == 200, response.text
        return dict(response.json or {})

    def count(self) -> int:
        """How many clients there are."""
        with self.app.app_context():
            return int(db.session.scalar(select(func.count()).select_from(Client)) or 0)


def bearer(access_token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"} if access_token else {}


def is_refused(response: TestResponse, error: str = "invalid_client_metadata") -> bool:
    """RFC 7591 3.2.2, in words that echo nothing."""
    told = response.json or {}
    description = told["error_description"]
    return (
        response.status_code == 400
        and told["error"] == error
        and description.isascii()
        and not set('"\\') & set(description)
        and "evil" not in description
        and response.headers["Cache-Control"] == "no-store"
    )


def invite(app: Flask, clock: FrozenClock, *, uses: int = 500, **policy: Any) -> str:
    with app.app_context():
        return dynamic_registration.invite(
            RegistrationPolicy(**policy), uses=uses, life=timedelta(days=1), now=clock.now
        )


@pytest.fixture
def registrar(idp_app: Flask, clock: FrozenClock) -> Registrar:
    """With an invitation to many clients, under the policy that certification needs."""
    return Registrar(idp_app, clock, invite(idp_app, clock, require_pkce=False))


@pytest.fixture
def with_settings(idp_app: Flask) -> Iterator[Callable[..., None]]:
    """Other settings for one test."""
    before: Settings = idp_app.extensions["settings"]

    def change(**values: Any) -> None:
        idp_app.extensions["settings"] = before.model_copy(update=values)

    yield change
    idp_app.extensions["settings"] = before


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def clients_server(idp_app: Flask, certificate: Path) -> Iterator[HttpsServer]:
    """The client's own server, and a provider that finds it; every fetch elsewhere is a fault of the test."""
    before = idp_app.extensions["fetcher"]
    idp_app.extensions["fetcher"] = GuardedFetcher(
        frozenset({HOST}), ca_file=certificate, resolve=lambda host, port: ["127.0.0.1"], seconds=2
    )
    with running_https_server(certificate) as server:
        yield server
    idp_app.extensions["fetcher"] = before


class TestRegistration:
    def test_success_is_told_whole(self, registrar: Registrar):
        """oidc R1, R2, R3; RFC 7591 3.2.1."""
        response = registrar.post(REQUEST)
        told = response.json

        assert response.status_code == 201
        assert response.mimetype == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert told["client_id_issued_at"] == int(registrar.clock.now.timestamp())
        assert told["registration_client_uri"] == f"{ISSUER}/oauth/register/{told['client_id']}"
        assert len(told["registration_access_token"]) == 43
        assert len(told["client_secret"]) == 43
        assert told["client_secret_expires_at"] == 0
        assert told["redirect_uris"] == [REDIRECT_URI]
        assert told["token_endpoint_auth_method"] == "client_secret_basic"
        assert told["grant_types"] == ["authorization_code"]
        assert told["response_types"] == ["code"]
        assert told["application_type"] == "web"
        assert told["id_token_signed_response_alg"] == "RS256"
        assert told["subject_type"] == "pairwise"
        assert told["scope"] == DEFAULT_SCOPE

    def test_every_member_is_kept_and_echoed(self, registrar: Registrar):
        """oidc R1, R9."""
        told = registrar.register(**FULL)

        assert {name: told[name] for name in FULL} == FULL
        read = dict(registrar.manage("GET", told).json or {})
        assert {name: read[name] for name in FULL} == FULL
        with registrar.app.app_context():
            found = clients.find_client(told["client_id"], now=registrar.clock.now)
        assert found is not None
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name in FULL
            if name != "client_name"
            for value in [getattr(found, name)]
        }
        assert kept == {name: value for name, value in FULL.items() if name != "client_name"}

    @pytest.mark.parametrize("method", ["none", "private_key_jwt"])
    def test_who_proves_itself_otherwise_has_no_secret(self, registrar: Registrar, method: str):
        """oidc R2."""
        told = registrar.register(**FULL | {"token_endpoint_auth_method": method})

        assert not {"client_secret", "client_secret_expires_at"} & told.keys()

    def test_secrets_are_kept_as_digests(self, registrar: Registrar):
        told = registrar.register()

        with registrar.app.app_context():
            client = clients.get_client(told["client_id"])
        assert client.registration_access_token_digest == digest(told["registration_access_token"])

    def test_a_client_that_registered_itself_signs_people_in(
        self, registrar: Registrar, parent: AccountId, party: RelyingParty
    ):
        """The whole flow, by what the answer told and nothing else; no PKCE, as the policy says."""
        told = registrar.register(post_logout_redirect_uris=["https://suite.example/bye"])
        own = RelyingParty(
            registrar.app, registrar.clock, told["client_id"], REDIRECT_URI, told["client_secret"]
        )
        own.browser = party.browser
        own.agree(parent)
        without_challenge = {"code_challenge": None, "code_challenge_method": None, "nonce": None}

        response = own.redeem(own.authorization_code(**without_challenge), code_verifier=None)

        assert response.status_code == 200
        assert "nonce" not in own.read_id_token(response.json["id_token"])

    def test_unknown_members_are_ignored(self, registrar: Registrar):
        """RFC 7591 2."""
        told = registrar.register(
            favourite_colour="blue", software_statement="x.y.z", client_id="mine", client_secret="chosen"
        )

        assert not {"favourite_colour", "software_statement"} & told.keys()
        assert told["client_id"] != "mine"
        assert told["client_secret"] != "chosen"

    @pytest.mark.parametrize(
        "name", ["first_party", "require_pkce", "sector_identifier", "access_token_format"]
    )
    def test_az_46_what_only_an_operator_gives_is_not_taken(self, registrar: Registrar, name: str):
        """AZ-46: no client makes itself a first-party one."""
        value: Any = {"first_party": True, "require_pkce": True}.get(name, "livret.example")
        told = registrar.register(**{name: value})

        with registrar.app.app_context():
            client = clients.get_client(told["client_id"])
        assert name not in told
        assert client.first_party is False
        assert client.require_pkce is False
        assert client.sector_identifier == "suite.example"

    def test_a_client_without_name_is_called_after_its_host(self, registrar: Registrar):
        assert registrar.register(client_name=None)["client_name"] == "suite.example"

    @pytest.mark.parametrize(
        "address",
        [
            "https://suite.example/callback#",
            "https://suite.example/callback#fragment",
            "http://suite.example/callback",
            "https://evil@suite.example/",
            "https://suite.example/callback?state=x&code=y&iss=z",
            "https://suite.example/a/../callback",
            "javascript:alert(1)",
            "com.example.evil:/callback",
            "",
        ],
    )
    def test_az_18_az_21_a_redirect_uri_that_hides_something_is_refused(
        self, registrar: Registrar, address: str
    ):
        """oidc R5; AZ-18, AZ-21."""
        assert is_refused(registrar.post(REQUEST | {"redirect_uris": [address]}), "invalid_redirect_uri")
        assert is_refused(
            registrar.post(REQUEST | {"redirect_uris": [REDIRECT_URI, address]}), "invalid_redirect_uri"
        )
        assert registrar.count() == 0

    @pytest.mark.parametrize("addresses", [None, []])
    def test_a_client_must_say_where_it_is(self, registrar: Registrar, addresses: Any):
        assert is_refused(registrar.post({"redirect_uris": addresses}), "invalid_redirect_uri")

    @pytest.mark.parametrize(
        "changes",
        [
            {"initiate_login_uri": "http://suite.example/login"},
            {"initiate_login_uri": "http://localhost/login"},
            {"id_token_signed_response_alg": "none"},
            {"id_token_signed_response_alg": "HS256"},
            {"request_object_signing_alg": "none"},
            {"userinfo_signed_response_alg": "none"},
            {"token_endpoint_auth_method": "client_secret_jwt"},
            {"token_endpoint_auth_method": "private_key_jwt"},
            {"subject_type": "public"},
            {"response_types": ["id_token"]},
            {"response_types": ["code", "token"]},
            {"grant_types": ["implicit"]},
            {"grant_types": ["authorization_code", "client_credentials"]},
            {"grant_types": ["password"]},
            {"scope": "profile"},
            {"jwks": {"keys": [KEY.as_dict(private=True)]}},
            {"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}},
            {"jwks": {"keys": [{"kty": "RSA", "n": "A" * 342, "e": "AQAB"}]}},
            {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}]}},
            {"jwks": {"keys": [{"kty": "RSA", "n": {}, "e": []}]}},
            {"jwks": {}, "jwks_uri": "https://suite.example/jwks"},
            {"jwks_uri": "https://169.254.169.254/", "jwks": {"keys": [KEY.as_dict(private=False)]}},
            {"logo_uri": "javascript:alert(1)"},
            {"id_token_encrypted_response_alg": "RSA-OAEP"},
            {"userinfo_encrypted_response_enc": "A128CBC-HS256"},
            {"request_object_encryption_alg": "RSA-OAEP"},
            {"client_name": "a\0b"},
            {"client_name": "\u202eevil"},
            {"client_name": "x" * 101},
            {"client_name": "\ud800"},
            {"client_name": ["x"]},
            {"redirect_uris": REDIRECT_URI},
            {"redirect_uris": [1]},
            {"redirect_uris": {"evil": 1}},
            {"default_max_age": "3600"},
            {"default_max_age": True},
            {"default_max_age": 10**400},
            {"default_max_age": -1},
            {"require_auth_time": "true"},
            {"jwks": []},
            {"scope": ["openid"]},
            {"contacts": "equipe@suite.example"},
        ],
    )  # fmt: skip
    def test_a_member_that_does_not_hold_is_refused(self, registrar: Registrar, changes: dict[str, Any]):
        """oidc R8 and RFC 7591 3.2.2."""
        response = registrar.post(REQUEST | changes)

        assert is_refused(
            response, "invalid_redirect_uri" if "redirect_uris" in changes else "invalid_client_metadata"
        )
        assert registrar.count() == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"[" * 60_000, b'{"client_name": NaN}',
            b'{"redirect_uris": ["https://suite.example/"], "redirect_uris": ["https://evil.example/"]}',
            b'{"default_max_age": ' + b"9" * 5000 + b"}", b'{"jwks": {"keys": ["\\ud800"]}}',
        ],
    )  # fmt: skip
    def test_what_is_no_document_is_refused(self, registrar: Registrar, body: bytes):
        response = (
            registrar.post(None, json=None)
            if body is None
            else registrar.program.post(
                "/oauth/register",
                data=body,
                content_type="application/json",
                headers=bearer(registrar.initial_access_token),
            )
        )

        assert is_refused(response)

    @pytest.mark.parametrize(
        "kind", ["application/x-www-form-urlencoded", "text/plain", "application/jwt", ""]
    )
    def test_the_document_is_json_by_its_type_too(self, registrar: Registrar, kind: str):
        response = registrar.program.post(
            "/oauth/register",
            data=json.dumps(REQUEST),
            content_type=kind,
            headers=bearer(registrar.initial_access_token),
        )

        assert is_refused(response)


class TestInvitations:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}])
    def test_ad_06_without_a_token_nobody_registers(self, registrar: Registrar, headers: dict[str, str]):
        """RFC 6750 3: no token, no word about why."""
        response = registrar.post(REQUEST, headers=headers)

        assert response.status_code == (400 if headers.get("Authorization") == "Bearer" else 401)
        assert response.headers["WWW-Authenticate"].startswith('Bearer realm="registration"')
        assert registrar.count() == 0

    @pytest.mark.parametrize("initial_access_token", ["x", "A" * 43, "é", "x y"])
    def test_ad_06_an_unknown_token_opens_nothing(self, registrar: Registrar, initial_access_token: str):
        response = registrar.post(REQUEST, headers=bearer(initial_access_token))

        assert response.status_code == 401
        assert response.json["error"] == "invalid_token"

    def test_a_token_in_the_address_does_not_count(self, registrar: Registrar):
        path = f"/oauth/register?access_token={registrar.initial_access_token}"

        assert registrar.program.post(path, json=REQUEST).status_code == 401
        assert registrar.count() == 0

    def test_ad_06_a_used_token_opens_nothing(self, idp_app: Flask, clock: FrozenClock):
        registrar = Registrar(idp_app, clock, invite(idp_app, clock, uses=1))

        assert registrar.post(REQUEST).status_code == 201
        assert registrar.post(REQUEST).status_code == 401

    def test_a_refused_registration_uses_nothing_up(self, idp_app: Flask, clock: FrozenClock):
        registrar = Registrar(idp_app, clock, invite(idp_app, clock, uses=1))

        assert registrar.post({}).status_code == 400
        assert registrar.post(REQUEST).status_code == 201

    def test_of_many_at_once_as_many_register_as_are_invited(self, idp_app: Flask, clock: FrozenClock):
        token = invite(idp_app, clock, uses=2)

        def post(_: int) -> int:
            return Registrar(idp_app, clock, token).post(REQUEST).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(post, range(8)))

        assert statuses == [201, 201] + [401] * 6
        assert Registrar(idp_app, clock, None).count() == 2

    def test_a_token_ends(self, registrar: Registrar):
        registrar.clock.advance(days=1)

        assert registrar.post(REQUEST).status_code == 401

    def test_it_is_kept_as_a_digest(self, registrar: Registrar):
        with registrar.app.app_context():
            kept = db.session.scalars(select(InitialAccessToken.digest)).one()

        assert kept == digest(registrar.initial_access_token or "")

    def test_it_says_whether_pkce_is_required(self, idp_app: Flask, clock: FrozenClock):
        """PK-12: required, unless the invitation says otherwise; of a public client always."""
        strict = Registrar(idp_app, clock, invite(idp_app, clock))
        lenient = Registrar(idp_app, clock, invite(idp_app, clock, require_pkce=False))
        made = {
            strict.register()["client_id"]: True,
            lenient.register()["client_id"]: False,
            lenient.register(token_endpoint_auth_method="none")["client_id"]: True,
        }

        with idp_app.app_context():
            assert {one: clients.get_client(one).require_pkce for one in made} == made

    @pytest.mark.parametrize(
        ("allowed", "asked", "registered"),
        [
            (DEFAULT_SCOPE, None, DEFAULT_SCOPE),
            (DEFAULT_SCOPE, "openid children children.ine", "openid"),
            (DEFAULT_SCOPE, "openid unknown", "openid"),
            ("openid children email", None, "openid email"),
            ("openid children email", "openid children", "openid children"),
        ],
    )
    def test_it_bounds_the_scopes(
        self, idp_app: Flask, clock: FrozenClock, allowed: str, asked: str | None, registered: str
    ):
        """AZ-35: never the children unless the invitation names them and the client asks."""
        registrar = Registrar(idp_app, clock, invite(idp_app, clock, scope=allowed))

        assert registrar.register(scope=asked)["scope"] == registered

    def test_it_may_give_clients_an_end(self, idp_app: Flask, clock: FrozenClock):
        registrar = Registrar(idp_app, clock, invite(idp_app, clock, client_days=7))
        told = registrar.register()

        assert told["client_secret_expires_at"] == int((clock.now + timedelta(days=7)).timestamp())
        clock.advance(days=7)
        assert registrar.manage("GET", told).status_code == 401
        registrar.app.extensions["oidc"].clients.forget()
        own = RelyingParty(idp_app, clock, told["client_id"], REDIRECT_URI)
        assert stays_on_our_page(own.authorize())


class TestWhoMayRegister:
    def test_ad_06_where_it_is_closed_nothing_is_there(
        self, registrar: Registrar, with_settings: Callable[..., None]
    ):
        told = registrar.register()
        with_settings(registration="closed")

        assert registrar.post(REQUEST).status_code == 404
        assert {registrar.manage(method, told).status_code for method in ("GET", "PUT", "DELETE")} == {404}

    def test_where_it_is_open_anybody_registers_a_modest_client(
        self, idp_app: Flask, clock: FrozenClock, with_settings: Callable[..., None]
    ):
        with_settings(registration="open")
        registrar = Registrar(idp_app, clock, None)

        told = registrar.register(scope="openid profile children")

        assert told["scope"] == "openid profile"
        with idp_app.app_context():
            client = clients.get_client(told["client_id"])
        assert client.require_pkce is True
        assert client.expires_at == clock.now + timedelta(days=30)

    def test_a_bad_token_is_refused_even_where_none_is_needed(
        self, registrar: Registrar, with_settings: Callable[..., None]
    ):
        with_settings(registration="open")

        assert registrar.post(REQUEST, headers=bearer("x" * 43)).status_code == 401

    def test_a_hundred_clients_in_minutes_are_no_abuse_thousands_are(self, registrar: Registrar):
        limit = REGISTRATIONS_PER_NETWORK.tries
        statuses = [registrar.post({}).status_code for _ in range(limit + 1)]
        refused = registrar.post(REQUEST)

        assert limit >= 100
        assert statuses == [400] * limit + [429]
        assert int(refused.headers["Retry-After"]) > 0
        registrar.clock.advance(minutes=10)
        assert registrar.post(REQUEST).status_code == 201

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_the_endpoint_takes_posts_alone(self, registrar: Registrar, method: str):
        assert registrar.program.open("/oauth/register", method=method).status_code == 405


class TestManagement:
    def test_a_client_reads_its_registration(self, registrar: Registrar):
        """oidc R4, R8: all but what is kept as a digest."""
        told = registrar.register(initiate_login_uri="https://suite.example/login")

        response = registrar.manage("GET", told)

        assert response.status_code == 200
        secrets = {"client_secret", "registration_access_token"}
        assert response.json == {name: value for name, value in told.items() if name not in secrets}

    def test_what_is_sent_replaces_all(self, registrar: Registrar):
        """RFC 7592 2.2."""
        told = registrar.register(**FULL | {"token_endpoint_auth_method": "client_secret_post"})
        changed = {"client_id": told["client_id"], "redirect_uris": ["https://suite.example/other"]}

        response = registrar.manage("PUT", told, json=changed)

        assert response.status_code == 200
        assert response.json["redirect_uris"] == ["https://suite.example/other"]
        assert not {"logo_uri", "jwks", "contacts", "backchannel_logout_uri"} & response.json.keys()
        assert response.json["client_id_issued_at"] == told["client_id_issued_at"]
        own = RelyingParty(registrar.app, registrar.clock, told["client_id"], REDIRECT_URI)
        assert stays_on_our_page(own.authorize())

    def test_a_replaced_token_is_dead(self, registrar: Registrar):
        told = registrar.register()
        changed = registrar.replace(told)

        assert changed["registration_access_token"] != told["registration_access_token"]
        assert registrar.manage("GET", told).status_code == 401
        assert registrar.manage("GET", told | changed).status_code == 200

    def test_of_many_replacements_at_once_one_counts(self, registrar: Registrar):
        told = registrar.register()
        document = REQUEST | {"client_id": told["client_id"]}

        def put(_: int) -> int:
            fresh = Registrar(registrar.app, registrar.clock, None)
            return fresh.manage("PUT", told, json=document).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(put, range(8)))

        assert statuses == [200] + [401] * 7

    def test_scopes_come_back_within_the_invitation_and_never_beyond(self, registrar: Registrar):
        told = registrar.register(scope="openid")
        document = REQUEST | {"client_id": told["client_id"], "scope": "openid profile children"}

        assert registrar.manage("PUT", told, json=document).json["scope"] == "openid profile"

    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": None},
            {"client_id": "livret"},
            {"client_secret": "chosen by the client"},
            {"client_secret": 1},
            {"registration_access_token": "x"},
            {"registration_client_uri": "https://evil.example/"},
            {"client_secret_expires_at": 0},
            {"client_id_issued_at": 0},
            {"redirect_uris": ["http://evil.example/"]},
        ],
    )
    def test_what_may_not_be_sent_back_is_refused_and_nothing_changes(
        self, registrar: Registrar, changes: dict[str, Any]
    ):
        """RFC 7592 2.2."""
        told = registrar.register()
        document = REQUEST | {"client_id": told["client_id"]} | changes

        error = "invalid_redirect_uri" if "redirect_uris" in changes else "invalid_client_metadata"
        assert is_refused(registrar.manage("PUT", told, json=document), error)
        assert registrar.manage("GET", told).json["redirect_uris"] == [REDIRECT_URI]

    def test_a_secret_follows_the_method(self, registrar: Registrar, party: RelyingParty, parent: AccountId):
        told = registrar.register()
        same = registrar.replace(told, client_secret=told["client_secret"])
        without = registrar.replace(told | same, token_endpoint_auth_method="none")
        again = registrar.replace(told | without)

        assert "client_secret" not in same
        assert "client_secret" not in without
        assert again["client_secret"] not in {None, told["client_secret"]}
        own = RelyingParty(
            registrar.app, registrar.clock, told["client_id"], REDIRECT_URI, told["client_secret"]
        )
        own.browser = party.browser
        own.agree(parent)
        assert own.redeem(own.authorization_code()).status_code == 401
        assert own.redeem(own.authorization_code(), secret=again["client_secret"]).status_code == 200

    def test_a_client_that_withdraws_takes_everything_with_it(
        self, registrar: Registrar, party: RelyingParty, parent: AccountId
    ):
        """RFC 7592 2.3; oidc R4."""
        told = registrar.register()
        own = RelyingParty(
            registrar.app, registrar.clock, told["client_id"], REDIRECT_URI, told["client_secret"]
        )
        own.browser = party.browser
        own.agree(parent)
        tokens, unused = own.tokens(), own.authorization_code()

        response = registrar.manage("DELETE", told)

        assert (response.status_code, response.data) == (204, b"")
        assert registrar.manage("GET", told).status_code == 401
        assert own.userinfo(tokens["access_token"]).status_code == 401
        assert own.redeem(unused).status_code == 401
        assert stays_on_our_page(own.authorize())

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_ad_06_a_token_reaches_its_own_client_alone(self, registrar: Registrar, method: str):
        """The same answer for another client, no client, and no right token."""
        one, other = registrar.register(), registrar.register()
        absent = one | {"registration_client_uri": f"{ISSUER}/oauth/register/nobody"}
        document = REQUEST | {"client_id": other["client_id"]}

        answers = [
            registrar.manage(method, other, headers=bearer(one["registration_access_token"]), json=document),
            registrar.manage(method, other, headers=bearer(registrar.initial_access_token), json=document),
            registrar.manage(method, other, headers=bearer("x" * 43), json=document),
            registrar.manage(method, absent, json=document),
        ]

        assert {(response.status_code, response.data) for response in answers} == {(401, answers[0].data)}
        assert registrar.manage(method, other, headers={}, json=document).status_code == 401
        assert registrar.manage("GET", other).status_code == 200

    def test_a_client_of_the_operator_has_no_such_address(self, registrar: Registrar, party: RelyingParty):
        absent = {"registration_client_uri": f"{ISSUER}/oauth/register/{party.client_id}"}

        for presented in ("", "x" * 43):
            response = registrar.manage("GET", absent, headers=bearer(presented))
            assert response.status_code == 401

    def test_a_disabled_client_cannot_mend_itself(self, registrar: Registrar):
        told = registrar.register()
        with registrar.app.app_context():
            clients.disable_client(told["client_id"], now=registrar.clock.now)

        document = REQUEST | {"client_id": told["client_id"]}
        assert {
            registrar.manage(method, told, json=document).status_code for method in ("GET", "PUT", "DELETE")
        } == {401}

    def test_what_happens_is_in_the_journal(self, registrar: Registrar):
        told = registrar.register()
        changed = registrar.replace(told)
        registrar.manage("DELETE", told | changed)

        with registrar.app.app_context():
            entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [entry.name for entry in entries] == [
            "operator:clients:invited",
            "oidc:client:registered",
            "oidc:client:updated",
            "oidc:client:removed",
        ]
        assert {entry.details["client_id"] for entry in entries[1:]} == {told["client_id"]}


class TestSectors:
    """OpenID Connect Core 8.1, Registration 5."""

    HOSTS = ("https://a.suite.example/cb", "https://b.suite.example/cb")

    def test_several_hosts_need_a_sector(self, registrar: Registrar):
        """oidc R7."""
        assert is_refused(registrar.post({"redirect_uris": self.HOSTS}))

    def test_a_document_that_lists_every_redirect_uri_makes_one(
        self, registrar: Registrar, clients_server: HttpsServer
    ):
        """oidc R6."""
        clients_server.behaviour = answer(json.dumps([*self.HOSTS, "https://c.example/"]).encode())
        sector = f"{clients_server.url}/sector.json"

        told = registrar.register(redirect_uris=self.HOSTS, sector_identifier_uri=sector)

        assert told["sector_identifier_uri"] == sector
        with registrar.app.app_context():
            assert clients.get_client(told["client_id"]).sector_identifier == HOST
        assert clients_server.requests[0].startswith(b"GET /sector.json HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        "behaviour",
        [
            answer(b'["https://a.suite.example/cb"]'),
            answer(b"[]"),
            answer(b'{"redirect_uris": []}'),
            answer(b"[1, 2]"),
            answer(b"not json"),
            answer(b"\xff"),
            answer(b"[" * 60_000),
            answer(json.dumps(HOSTS).encode(), content_type="text/html"),
            answer(json.dumps(HOSTS).encode(), status="404 Not Found"),
            answer(b"", status="302 Found", headers="Location: https://a.suite.example/\r\n"),
        ],
    )
    def test_another_document_makes_none(
        self, registrar: Registrar, clients_server: HttpsServer, behaviour: Callable[..., None]
    ):
        """oidc R6."""
        clients_server.behaviour = behaviour

        response = registrar.post(
            {"redirect_uris": self.HOSTS, "sector_identifier_uri": f"{clients_server.url}/sector.json"}
        )

        assert is_refused(response)
        assert registrar.count() == 0

    @pytest.mark.parametrize(
        "address", ["http://localhost/", "http://suite.example/s", "https://u@suite.example/", "x"]
    )
    def test_a_sector_is_at_an_https_address(
        self, registrar: Registrar, clients_server: HttpsServer, address: str
    ):
        assert is_refused(registrar.post(REQUEST | {"sector_identifier_uri": address}))
        assert clients_server.requests == []

    @pytest.mark.parametrize(
        "member", ["jwks_uri", "logo_uri", "policy_uri", "tos_uri", "request_uris", "backchannel_logout_uri"]
    )
    def test_ad_08_registering_an_address_fetches_nothing(
        self, registrar: Registrar, clients_server: HttpsServer, member: str
    ):
        address = f"{clients_server.url}/x"
        registrar.register(**{member: [address] if member.endswith("s") else address})

        assert clients_server.requests == []

    @pytest.mark.parametrize(
        "host", ["169.254.169.254", "localhost", "127.0.0.1", "[::1]", "2130706433", "10.0.0.1"]
    )
    def test_ad_08_a_sector_inside_is_not_fetched(self, registrar: Registrar, host: str):
        """With the provider's own fetcher; the guard itself is tested in tests/shared/test_fetching.py."""
        assert is_refused(registrar.post(REQUEST | {"sector_identifier_uri": f"https://{host}/sector.json"}))
