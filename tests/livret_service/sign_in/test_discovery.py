"""Reading what the provider says of itself."""

from typing import Any

import pytest

from livret_service.sign_in.checks import ProviderRefused
from livret_service.sign_in.discovery import check_webfinger, read_metadata, webfinger_url
from tests.livret_service.conftest import FakeProvider

ISSUER = "https://provider.example"


def test_only_known_members_of_discovery_are_kept(provider: FakeProvider):
    # Authlib hands metadata to its HTTP session, which obeys `verify`, `proxies` and `hooks`.
    document = provider.configuration() | {
        "verify": False,
        "proxies": {},
        "token_endpoint_auth_method": "none",
    }

    assert read_metadata(document, provider.issuer).keys() == {
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint",
        "id_token_signing_alg_values_supported", "authorization_response_iss_parameter_supported",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "http://provider.example/x",
        "ftp://localhost/x",
        "//localhost/x",
        "https://a@b.example/",
        5,
        "",
        "https://[x",
    ],
)
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"]
)
def test_an_endpoint_that_is_not_https_refuses_the_whole_document(
    provider: FakeProvider, name: str, url: Any
):
    with pytest.raises(ProviderRefused):
        read_metadata(provider.configuration() | {name: url}, provider.issuer)


def test_loopback_endpoints_are_for_a_loopback_issuer(provider: FakeProvider):
    document = provider.configuration() | {"issuer": "https://provider.example"}

    with pytest.raises(ProviderRefused):
        read_metadata(document, "https://provider.example")


@pytest.mark.parametrize("document", [None, [], "x"])
def test_discovery_that_is_no_object_is_refused(document: object):
    with pytest.raises(ProviderRefused):
        read_metadata(document, "https://provider.example")


@pytest.mark.parametrize(
    ("resource", "host"),
    [
        ("acct:celine@provider.example", "provider.example"),
        ("acct:a@b@provider.example", "provider.example"),
        ("https://provider.example:8443/celine", "provider.example:8443"),
    ],
)
def test_p9_webfinger_is_asked_at_the_host_of_the_identifier(resource: str, host: str):
    assert webfinger_url(resource, ISSUER).startswith(f"https://{host}/.well-known/webfinger?resource=")


LINK = {"rel": "http://openid.net/specs/connect/1.0/issuer", "href": ISSUER}


def test_p9_webfinger_must_name_the_configured_issuer():
    check_webfinger({"links": [{"rel": "avatar", "href": "x"}, LINK]}, ISSUER)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"links": None}, {"links": [5]}, {"links": []}, {"links": [LINK | {"href": ISSUER + "/"}]},
     {"links": [LINK | {"href": "https://evil.example"}]}, {"links": [LINK, LINK | {"href": "https://evil.example"}]}],
)  # fmt: skip
def test_p9_another_issuer_or_none_is_refused(document: object):
    with pytest.raises(ProviderRefused):
        check_webfinger(document, ISSUER)
