"""OpenID Connect Discovery 3: each value that is advertised is compared with what the endpoints do.

A member that no function here compares fails the test: whoever advertises something says here how it shows.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.oidc import dynamic_registration
from idp.oidc.discovery import provider_metadata
from idp.oidc.models import Client
from idp.oidc.registration_request import RegistrationPolicy
from tests.conftest import browser_at
from tests.factories import LONG_AGO
from tests.relying_party import ALL_SCOPES, ISSUER, REDIRECT_URI, RelyingParty, answer_of

Metadata = dict[str, Any]
Comparison = Callable[["Observer", Any], None]
KEYS = {"keys": [RSAKey.generate_key(2048, {"kid": "k1"}).as_dict(private=False)]}
NEVER_ADVERTISED = {
    "none",
    "HS256",
    "HS384",
    "HS512",
    "plain",
    "implicit",
    "password",
    "token",
    "id_token",
    "public",
}
# Given only to those whom it concerns.
OCCASIONAL_CLAIMS = {"address"}
COMPARISONS: dict[str, Comparison] = {}


class Observer:
    """A relying party and its person, asking the provider whether what it says is so."""

    def __init__(self, party: RelyingParty, offline_party: RelyingParty, metadata: Metadata) -> None:
        self.party = party
        self.offline_party = offline_party
        self.metadata = metadata
        with party.app.app_context():
            self.initial_access_token = dynamic_registration.invite(
                RegistrationPolicy(), uses=1000, life=timedelta(days=1), now=party.clock.now
            )

    def registration(self, **members: Any) -> Any:
        """What the provider answers to a registration with these members."""
        return browser_at(self.party.app, ISSUER).post(
            "/oauth/register",
            json={"redirect_uris": [REDIRECT_URI], **members},
            headers={"Authorization": f"Bearer {self.initial_access_token}"},
        )

    def registered(self, **members: Any) -> RelyingParty:
        """A client of these members, in the browser of the person who is signed in."""
        told = self.registration(**members).json
        with self.party.app.app_context(), transaction():
            # What people are asked for a service of others is not what is compared here.
            db.session.execute(
                db.update(Client).where(Client.client_id == told["client_id"]).values(first_party=True)
            )
        made = RelyingParty(
            self.party.app, self.party.clock, told["client_id"], REDIRECT_URI, told.get("client_secret")
        )
        made.browser = self.party.browser
        return made

    def is_registrable(self, member: str, value: Any) -> bool:
        """Whether a client may register this, with whatever must come with it."""
        beside: dict[str, Any] = {"jwks": KEYS} if value == "private_key_jwt" else {}
        return bool(self.registration(**beside, **{member: value}).status_code == 201)


def compares(*names: str) -> Callable[[Comparison], Comparison]:
    """The function below holds these members' values against behaviour."""

    def note(comparison: Comparison) -> Comparison:
        COMPARISONS.update(dict.fromkeys(names, comparison))
        return comparison

    return note


def compares_choice(name: str, member: str, others: set[str]) -> None:
    """What a client may register of a member is what is advertised, and nothing of `others` besides."""

    def compare(observer: Observer, values: list[str]) -> None:
        assert all(observer.is_registrable(member, value) for value in values)
        assert not any(observer.is_registrable(member, value) for value in others - set(values))

    COMPARISONS[name] = compare


ALGORITHMS = {"RS256", "RS384", "PS256", "ES256", "ES384", "Ed25519", "EdDSA", "HS256", "none"}
compares_choice("subject_types_supported", "subject_type", {"public", "pairwise"})
compares_choice("request_object_signing_alg_values_supported", "request_object_signing_alg", ALGORITHMS)
compares_choice("introspection_signing_alg_values_supported", "introspection_signed_response_alg", ALGORITHMS)
compares_choice(
    "token_endpoint_auth_signing_alg_values_supported", "token_endpoint_auth_signing_alg", ALGORITHMS
)
compares_choice(
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_method",
    {"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth", "none"},
)  # fmt: skip


@compares("issuer", "authorization_response_iss_parameter_supported")
def _(observer: Observer, value: Any) -> None:
    answer = answer_of(observer.party.authorize())
    assert answer["iss"] == observer.metadata["issuer"] == ISSUER
    assert answer_of(observer.party.authorize(response_type="x"))["iss"] == ISSUER


@compares(
    "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri",
    "registration_endpoint", "introspection_endpoint", "revocation_endpoint", "check_session_iframe",
    "service_documentation", "op_policy_uri", "op_tos_uri",
)  # fmt: skip
def _(observer: Observer, value: str) -> None:
    path = value.removeprefix(ISSUER)
    assert path.startswith("/")
    statuses = {observer.party.browser.get(path).status_code, observer.party.browser.post(path).status_code}
    assert not statuses & {404, 500, 301, 302, 307, 308}


@compares("scopes_supported")
def _(observer: Observer, scopes: list[str]) -> None:
    assert set(observer.offline_party.tokens(scope=" ".join(scopes))["scope"].split()) == set(scopes)
    asked = observer.party.tokens(scope=" ".join([*scopes, "unknown", "groups", "roles"]))
    assert set(asked["scope"].split()) <= set(scopes)


@compares("response_types_supported")
def _(observer: Observer, values: list[str]) -> None:
    for value in {*values, "token", "id_token", "code token", "code id_token", "none"}:
        answer = answer_of(observer.party.authorize(response_type=value))
        assert ("code" in answer) == (value in values), value
    assert "code" in values


@compares("response_modes_supported")
def _(observer: Observer, values: list[str]) -> None:
    for value in {*values, "fragment", "query.jwt", "form_post.jwt", "web_message"}:
        response = observer.party.authorize(response_mode=value)
        has_code = 'name="code"' in response.text or "code=" in (response.location or "")
        assert has_code == (value in values), value


@compares("grant_types_supported")
def _(observer: Observer, values: list[str]) -> None:
    others = {
        "implicit", "password", "refresh_token", "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }  # fmt: skip
    for value in {*values, *others}:
        told = observer.party.redeem("x" * 43, grant_type=value).json or {}
        assert (told.get("error") == "unsupported_grant_type") == (value not in values), value


@compares("id_token_signing_alg_values_supported")
def _(observer: Observer, values: list[str]) -> None:
    assert "RS256" in values
    for value in values:
        made = observer.registered(id_token_signed_response_alg=value)
        assert jws.extract_compact(made.tokens()["id_token"].encode()).headers()["alg"] == value
    others = ALGORITHMS - set(values)
    assert not any(observer.is_registrable("id_token_signed_response_alg", value) for value in others)


@compares("userinfo_signing_alg_values_supported")
def _(observer: Observer, values: list[str]) -> None:
    assert "RS256" in values
    for value in values:
        made = observer.registered(userinfo_signed_response_alg=value)
        response = made.userinfo(made.tokens()["access_token"])
        assert response.mimetype == "application/jwt"
        assert jws.extract_compact(response.data).headers()["alg"] == value
    others = ALGORITHMS - set(values)
    assert not any(observer.is_registrable("userinfo_signed_response_alg", value) for value in others)


@compares("code_challenge_methods_supported")
def _(observer: Observer, values: list[str]) -> None:
    assert values == ["S256"]
    assert "code" in answer_of(observer.party.authorize(code_challenge_method="S256"))
    assert "error" in answer_of(observer.party.authorize(code_challenge_method="plain"))


@compares("prompt_values_supported")
def _(observer: Observer, values: list[str]) -> None:
    for value in {*values, "create", "NONE"}:
        response = observer.party.authorize(prompt=value)
        is_refused = "error=invalid_request" in (response.location or "")
        assert is_refused == (value not in values), value


@compares("display_values_supported", "claim_types_supported", "claims_locales_supported")
def _(observer: Observer, values: list[str]) -> None:
    for value in values:
        assert "code" in answer_of(observer.party.authorize(display=value, claims_locales=value))


@compares("ui_locales_supported")
def _(observer: Observer, values: list[str]) -> None:
    for value in values:
        browser = browser_at(observer.party.app, ISSUER)
        asked = browser.get("/oauth/authorize", query_string=observer.party.request(ui_locales=value))
        page = browser.get(asked.location)
        assert f'<html lang="{value}"' in page.text


@compares("acr_values_supported")
def _(observer: Observer, values: list[str]) -> None:
    claims = observer.party.read_id_token(observer.party.tokens(acr_values=" ".join(values))["id_token"])
    assert claims["acr"] in values


@compares("claims_supported")
def _(observer: Observer, values: list[str]) -> None:
    tokens = observer.party.tokens(scope=ALL_SCOPES)
    given = {
        *observer.party.read_id_token(tokens["id_token"]),
        *(observer.party.userinfo(tokens["access_token"]).json or {}),
    }
    assert given - {"at_hash"} <= set(values)
    assert set(values) - given <= OCCASIONAL_CLAIMS


@compares("claims_parameter_supported")
def _(observer: Observer, value: bool) -> None:
    answer = answer_of(observer.party.authorize(claims="not json"))
    assert ("error" in answer) == value


@compares("request_parameter_supported")
def _(observer: Observer, value: bool) -> None:
    error = answer_of(observer.party.authorize(request="x.y.z"))["error"]
    assert error == ("invalid_request_object" if value else "request_not_supported")


@compares("request_uri_parameter_supported", "require_request_uri_registration")
def _(observer: Observer, value: bool) -> None:
    """An address that was not registered: refused either way, for another reason."""
    party = observer.registered(request_uris=["https://suite.example/request"])
    error = answer_of(party.authorize(request_uri="https://canary.test/request"))["error"]
    is_supported = observer.metadata["request_uri_parameter_supported"]
    assert error == ("invalid_request_uri" if is_supported else "request_uri_not_supported")


@compares(
    "introspection_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
)
def _(observer: Observer, values: list[str]) -> None:
    assert set(values) <= set(observer.metadata["token_endpoint_auth_methods_supported"])


@compares(
    "introspection_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
)
def _(observer: Observer, values: list[str]) -> None:
    assert values == observer.metadata["token_endpoint_auth_signing_alg_values_supported"]


@compares("backchannel_logout_supported", "frontchannel_logout_supported")
def _(observer: Observer, value: bool) -> None:
    assert value is True
    for member in ("backchannel_logout_uri", "frontchannel_logout_uri"):
        assert observer.is_registrable(member, "https://livret.example/deconnexion/canal")


@compares("backchannel_logout_session_supported", "frontchannel_logout_session_supported")
def _(observer: Observer, value: bool) -> None:
    assert ("sid" in observer.party.read_id_token(observer.party.tokens()["id_token"])) == value


@pytest.fixture
def metadata(party: RelyingParty) -> Metadata:
    return dict(json.loads(party.browser.get("/.well-known/openid-configuration").text))


@pytest.fixture
def observer(
    party: RelyingParty, offline_party: RelyingParty, parent: AccountId, metadata: Metadata
) -> Observer:
    """Whose person has all that an account may hold, so that every claim has a value."""
    with party.app.app_context(), transaction():
        db.session.execute(
            db.update(Account)
            .where(Account.id == parent)
            .values(phone="+33639980001", phone_confirmed_at=LONG_AGO)
        )
    return Observer(party, offline_party, metadata)


def test_what_is_advertised_is_so(observer: Observer, metadata: Metadata):
    """oidc M2 to M6; DP-03."""
    assert sorted(set(metadata) - set(COMPARISONS)) == [], "advertised, and compared with nothing"

    for name, value in metadata.items():
        try:
            COMPARISONS[name](observer, value)
        except AssertionError as difference:
            raise AssertionError(f"{name}: {value!r} is not what is done") from difference


def test_dp_03_nothing_weak_is_advertised(metadata: Metadata):
    advertised = {
        (name, value)
        for name, values in metadata.items()
        if isinstance(values, list)
        for value in values
        if value in NEVER_ADVERTISED
    }

    # Public clients, with PKCE, prove nothing; a prompt may be forbidden.
    assert advertised <= {
        ("token_endpoint_auth_methods_supported", "none"),
        ("revocation_endpoint_auth_methods_supported", "none"),
        ("prompt_values_supported", "none"),
    }


@pytest.mark.parametrize(
    "path",
    [
        "/oauth/par",
        "/oauth/device_authorization",
        "/oauth/bc-authorize",
        "/oauth/ciba",
        "/.well-known/webfinger",
        "/.well-known/openid-federation",
    ],
)
def test_dp_05_what_is_not_advertised_is_not_there(party: RelyingParty, metadata: Metadata, path: str):
    assert ISSUER + path not in metadata.values()
    assert party.browser.get(path).status_code == 404
    assert party.browser.post(path).status_code == 404


def test_every_address_is_the_issuers_own_over_https(metadata: Metadata):
    """oidc M2."""
    addresses = [value for value in metadata.values() if isinstance(value, str)]

    assert all(address.startswith(ISSUER) and address.startswith("https://") for address in addresses)


def test_types_are_those_of_the_standards(metadata: Metadata):
    """oidc M2: no private member, nothing empty."""
    for name, value in metadata.items():
        kind = bool if name.endswith(("_parameter_supported", "_logout_supported", "_session_supported", "_registration")) else (
            list if name.endswith("_supported") else str
        )  # fmt: skip
        assert isinstance(value, kind), name
        assert value != [], name


def test_the_document_is_at_both_addresses(party: RelyingParty):
    """RFC 8414 3: for clients that know OAuth alone."""
    connect = party.browser.get("/.well-known/openid-configuration")
    oauth = party.browser.get("/.well-known/oauth-authorization-server")

    assert oauth.status_code == 200
    assert oauth.data == connect.data
    assert oauth.headers["ETag"] == connect.headers["ETag"]
    assert oauth.headers["Cache-Control"] == connect.headers["Cache-Control"]
    assert oauth.mimetype == "application/json"


def test_a_closed_door_is_not_advertised():
    assert "registration_endpoint" not in provider_metadata(
        ISSUER, is_registration_open=False, languages=("fr",)
    )
