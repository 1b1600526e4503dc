"""OpenID Connect Registration 2: what a client may register."""

import dataclasses
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from idp.oidc.registration import ClientMetadata, Problem, RegistrationRefused, check_metadata, sector_of

KEY = RSAKey.generate_key(2048)
GOOD = ClientMetadata(
    client_id="livret",
    name="Livret scolaire",
    redirect_uris=("https://livret.example/retour",),
    scope="openid children",
    post_logout_redirect_uris=("https://livret.example/",),
    initiate_login_uri="https://livret.example/connexion",
)


def problems(**changes: Any) -> list[Problem]:
    with pytest.raises(RegistrationRefused) as refused:
        check_metadata(dataclasses.replace(GOOD, **changes))
    return refused.value.problems


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"redirect_uris": ("http://localhost:9999/callback", "http://localhost:9998/callback?a=b")},
        {"redirect_uris": ("http://127.0.0.1/cb",), "sector_identifier": "livret.example"},
        {"redirect_uris": ("https://a.example/cb", "https://b.example/cb"), "sector_identifier": "a.example"},
        {"token_endpoint_auth_method": "none"},
        {"require_pkce": False},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}},
        {
            "scope": "openid profile email phone address offline_access children children.ine children.birthdate"
        },
    ],
)
def test_good_metadata_is_accepted(changes: dict[str, Any]):
    check_metadata(dataclasses.replace(GOOD, **changes))


@pytest.mark.parametrize(
    "address",
    [
        "http://livret.example/retour",
        "http://localhost.evil.test/retour",
        "http://10.0.0.1/retour",
        "https://user@livret.example/retour",
        "https://user:x@livret.example/retour",
        "https://livret.example/retour#",
        "https://livret.example/retour#frag",
        "https://livret.example/a/../retour",
        "https://livret.example/%2e%2E/retour",
        "https:///retour",
        "https://[::1/retour",
        "https://livret.example:port/retour",
        "https://livret.example\\@evil.test/",
        "https://livret.example/re tour",
        "https://livret.example/\u00e9",
        "https://livret.example/\r\nx",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        "livret.example/retour",
        "//livret.example/retour",
        "",
        "https://livret.example/" + "a" * 2048,
    ],
)
@pytest.mark.parametrize("member", ["redirect_uris", "post_logout_redirect_uris", "initiate_login_uri"])
def test_az_18_an_address_that_hides_something_is_refused(member: str, address: str):
    given = (address,) if member.endswith("s") else address
    if member == "initiate_login_uri" and not address:
        return

    assert problems(**{member: given})


@pytest.mark.parametrize(
    "name", ["state", "code", "iss", "error", "error_description", "session_state", "id_token"]
)
def test_az_21_our_response_parameters_are_not_doubled(name: str):
    assert problems(redirect_uris=(f"https://livret.example/retour?x=1&{name}=y",))
    assert problems(redirect_uris=(f"https://livret.example/retour?{name}",))


def test_every_problem_is_told_at_once():
    found = problems(client_id="a b", name=" ", scope="profile unknown", redirect_uris=("x",))

    assert len(found) >= 5


@pytest.mark.parametrize("client_id", ["", "a" * 101, "a b", "\u00e9", "a/b", "a\0", "a:b"])
def test_a_client_id_is_plain(client_id: str):
    assert problems(client_id=client_id)


@pytest.mark.parametrize(
    "scope", ["", "profile", "openid unknown", "openid  profile", "openid\tprofile", "OPENID"]
)
def test_a_scope_is_known_and_holds_openid(scope: str):
    assert problems(scope=scope)


def test_several_hosts_need_a_sector_identifier():
    """Core 8.1; oidc R7."""
    addresses = ("https://a.example/cb", "https://b.example/cb")

    assert problems(redirect_uris=addresses)
    assert problems(redirect_uris=addresses, sector_identifier="https://a.example")


def test_the_sector_is_the_host_without_port_in_lower_case():
    assert (
        sector_of(dataclasses.replace(GOOD, redirect_uris=("https://Livret.Example:8443/cb",)))
        == "livret.example"
    )
    assert sector_of(dataclasses.replace(GOOD, sector_identifier="ecole.example")) == "ecole.example"


def test_a_public_client_cannot_go_without_pkce():
    assert problems(token_endpoint_auth_method="none", require_pkce=False)


@pytest.mark.parametrize(
    "jwks",
    [
        None,
        {},
        {"keys": []},
        {"keys": "x"},
        {"keys": ["x"]},
        {"keys": [KEY.as_dict(private=True)]},
        {"keys": [OctKey.generate_key(256).as_dict(private=True)]},
        {"keys": [KEY.as_dict(private=False) | {"use": "enc"}]},
    ],
)
def test_keys_are_public_and_for_signing(jwks: Any):
    assert problems(token_endpoint_auth_method="private_key_jwt", jwks=jwks)


def test_keys_are_given_once_by_value_or_by_address():
    """RFC 7591 2; they also verify request objects, whatever the authentication."""
    by_value = {"keys": [KEY.as_dict(private=False)]}
    check_metadata(dataclasses.replace(GOOD, jwks=by_value))
    check_metadata(dataclasses.replace(GOOD, jwks_uri="https://livret.example/cles"))

    assert problems(jwks=by_value, jwks_uri="https://livret.example/cles")


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"request_object_signing_alg": "none"},
        {"userinfo_signed_response_alg": "HS256"},
        {"token_endpoint_auth_signing_alg": "HS256"},
        {"subject_type": "public"},
        {"application_type": "desktop"},
        {"access_token_format": "saml"},
        {"response_types": ("id_token",)},
        {"response_types": ()},
        {"grant_types": ("implicit",)},
        {"grant_types": ()},
        {"grant_types": ("refresh_token",), "response_types": ()},
        {"grant_types": ("authorization_code", "client_credentials"), "token_endpoint_auth_method": "none"},
        {"logo_uri": "http://livret.example/logo.png"},
        {"policy_uri": "javascript:alert(1)"},
        {"policy_uri": "https://livret.example/" + "a" * 478},
        {"tos_uri": "https://livret.example@evil.test/"},
        {"jwks_uri": "file:///etc/passwd"},
        {"request_uris": ("http://livret.example/requete#x",)},
        {"request_uris": tuple(f"https://livret.example/{number}" for number in range(51))},
        {"sector_identifier_uri": "http://localhost/secteur"},
        {"backchannel_logout_uri": "https://livret.example/x#y"},
        {"frontchannel_logout_uri": "https://other.example/x"},
        {"frontchannel_logout_uri": "https://livret.example:8443/x"},
        {"default_max_age": -1},
        {"contacts": ("",)},
        {"contacts": ("x\0",)},
        {"contacts": ("x",) * 11},
        {"software_id": "a" * 256},
        {"software_version": "\u202e1.0"},
        {"default_acr_values": ("x" * 256,)},
        {"name": "x\0"},
    ],
)
def test_a_member_that_could_not_be_honoured_is_refused(changes: dict[str, Any]):
    assert problems(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"request_uris": ("https://livret.example/requete#a-version",)},
        {"contacts": ("equipe@livret.example", "+33 1 23 45 67 89")},
        {"frontchannel_logout_uri": "https://livret.example/deconnexion/canal-avant"},
        {"backchannel_logout_uri": "https://ailleurs.example/canal-arriere"},
        {
            "grant_types": ("client_credentials",),
            "response_types": (),
            "redirect_uris": (),
            "scope": "",
        },
        {"grant_types": ("authorization_code", "refresh_token")},
    ],
)
def test_what_standards_offer_is_accepted(changes: dict[str, Any]):
    check_metadata(dataclasses.replace(GOOD, **changes))


@pytest.mark.parametrize("address", ["https://livret.example/retour", "com.example.app:/retour"])
def test_a_native_application_redirects_to_its_own_machine(address: str):
    """OpenID Connect Registration 2 `application_type`."""
    check_metadata(
        dataclasses.replace(GOOD, application_type="native", redirect_uris=("http://127.0.0.1:7000/cb",))
    )

    assert problems(application_type="native", redirect_uris=(address,))


def test_the_sector_is_that_of_the_document_when_there_is_one():
    """Core 8.1: its host, which need be none of the redirect URIs'."""
    shared = dataclasses.replace(
        GOOD,
        redirect_uris=("https://a.example/cb", "https://b.example/cb"),
        sector_identifier_uri="https://secteur.example/adresses.json",
    )
    check_metadata(shared)

    assert sector_of(shared) == "secteur.example"


def test_a_client_that_redirects_nobody_is_a_sector_of_its_own():
    assert sector_of(dataclasses.replace(GOOD, redirect_uris=())) == "livret"


@pytest.mark.parametrize("method", ["client_secret_jwt", "tls_client_auth", "", "NONE"])
def test_other_authentication_methods_are_refused(method: str):
    assert problems(token_endpoint_auth_method=method)
