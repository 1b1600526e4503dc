"""What the provider says of itself: its metadata (Discovery 4), and the issuer that WebFinger names (Discovery 2)."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from livret_service.sign_in.checks import ProviderRefused
from shared.settings import is_loopback

REQUIRED_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL_ENDPOINTS = (
    "end_session_endpoint",
    "userinfo_endpoint",
    "registration_endpoint",
    "check_session_iframe",
)
ISSUER_RELATION = "http://openid.net/specs/connect/1.0/issuer"


def read_metadata(document: object, issuer: str) -> dict[str, Any]:
    """The members that are used, after the issuer was compared to the character (Discovery 4.3).

    Only these: Authlib hands the rest to its HTTP session, where a member called `verify` would turn off TLS checks.
    Raises ProviderRefused.
    """
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ProviderRefused("issuer mismatch")
    metadata: dict[str, Any] = {"issuer": issuer}
    for name in (*REQUIRED_ENDPOINTS, *OPTIONAL_ENDPOINTS):
        url = document.get(name)
        if url is None and name in OPTIONAL_ENDPOINTS:
            continue
        if not isinstance(url, str) or not is_protocol_url(url, issuer):
            raise ProviderRefused(name)
        metadata[name] = url
    algorithms = document.get("id_token_signing_alg_values_supported")
    if isinstance(algorithms, list):
        metadata["id_token_signing_alg_values_supported"] = algorithms
    metadata["authorization_response_iss_parameter_supported"] = (
        document.get("authorization_response_iss_parameter_supported") is True
    )
    return metadata


def is_protocol_url(url: str, issuer: str) -> bool:
    """https, or plain http on loopback for an issuer that is there itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    loopback = (
        parts.scheme == "http" and is_loopback(parts.hostname) and is_loopback(urlsplit(issuer).hostname)
    )
    return parts.scheme == "https" or loopback


def webfinger_url(resource: str, issuer: str) -> str:
    """Where to ask which issuer an identifier has (RFC 7033 4): `acct:name@host` or an address.

    Plain http only for a resource and an issuer that are both on this machine.
    """
    host = resource.rpartition("@")[2] if resource.startswith("acct:") else urlsplit(resource).netloc
    is_local = issuer.startswith("http:") and is_loopback(urlsplit(f"//{host}").hostname)
    scheme = "http" if is_local else "https"
    return f"{scheme}://{host}/.well-known/webfinger?" + urlencode(
        {"resource": resource, "rel": ISSUER_RELATION}
    )


def check_webfinger(document: object, issuer: str) -> None:
    """The answer names the configured issuer, to the character (Discovery 2). Raises ProviderRefused."""
    links = document.get("links") if isinstance(document, dict) else None
    named = [
        link.get("href")
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict) and link.get("rel") == ISSUER_RELATION
    ]
    if named != [issuer]:
        raise ProviderRefused("webfinger")
