"""What a client may register (OpenID Connect Registration 2). Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idp.errors import CommandRefused
from idp.oidc.scopes import OPENID, REGISTRABLE

AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
DEFAULT_METHOD = AUTHENTICATION_METHODS[0]
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAXIMUM_URI_LENGTH = 2048
MINIMUM_RSA_BITS = 2048
CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}")
PRINTABLE = re.compile(r"[\x21-\x7e]+")
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# A registered URI that holds one of these would carry it twice once we append ours.
RESPONSE_PARAMETERS = frozenset(
    {
        "code",
        "state",
        "iss",
        "error",
        "error_description",
        "error_uri",
        "session_state",
        "id_token",
        "access_token",
    }
)


class RegistrationRefused(CommandRefused):
    """The metadata does not hold; `problems`: one English line each."""

    error_code = "invalid_client_metadata"
    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("".join(f"\n  - {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """What is registered of a client. scope: space-separated. jwks: public keys (RFC 7517 5)."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    scope: str
    token_endpoint_auth_method: str = DEFAULT_METHOD
    post_logout_redirect_uris: tuple[str, ...] = ()
    initiate_login_uri: str | None = None
    client_uri: str | None = None
    sector_identifier: str | None = None
    jwks: Mapping[str, Any] | None = field(default=None, hash=False)
    require_pkce: bool = True
    first_party: bool = False


def check_metadata(metadata: ClientMetadata) -> None:
    """Raises RegistrationRefused with every problem at once."""
    problems = [
        *_name_problems(metadata),
        *(problem for uri in metadata.redirect_uris for problem in redirect_uri_problems(uri)),
        *(problem for uri in metadata.post_logout_redirect_uris for problem in redirect_uri_problems(uri)),
        *(
            problem
            for uri in (metadata.initiate_login_uri, metadata.client_uri)
            if uri
            for problem in uri_problems(uri)
        ),
        *_sector_problems(metadata),
        *_scope_problems(metadata),
        *_authentication_problems(metadata),
    ]
    if problems:
        raise RegistrationRefused(problems)


def sector_of(metadata: ClientMetadata) -> str:
    """The sector identifier: the one given, or the one host of the redirect URIs (OpenID Connect Core 8.1)."""
    return metadata.sector_identifier or (urlsplit(metadata.redirect_uris[0]).hostname or "")


def uri_problems(uri: str) -> list[str]:
    """Why a client's address cannot be registered: https, or http on loopback; printable, nothing hidden in it."""
    if len(uri) > MAXIMUM_URI_LENGTH or not PRINTABLE.fullmatch(uri) or "\\" in uri:
        return [f"{uri[:80]!r}: printable ASCII, at most {MAXIMUM_URI_LENGTH} characters"]
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _port = parts.port  # reading it raises ValueError on a bad one
    except ValueError:
        return [f"{uri}: not an address"]
    problems = []
    if not host or "@" in parts.netloc:
        problems.append(f"{uri}: needs a host, without user information")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        problems.append(f"{uri}: must be https (http only on loopback)")
    if "#" in uri:
        problems.append(f"{uri}: must hold no fragment")
    if {".", ".."} & set(parts.path.lower().replace("%2e", ".").split("/")):
        problems.append(f"{uri}: must hold no dot segment")
    return problems


def redirect_uri_problems(uri: str) -> list[str]:
    """As `uri_problems`; moreover our response parameters must not stand in its query already (AZ-21)."""
    if problems := uri_problems(uri):
        return problems
    names = {name for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True)}
    return [
        f"{uri}: must not hold the response parameter {name}" for name in sorted(names & RESPONSE_PARAMETERS)
    ]


def _name_problems(metadata: ClientMetadata) -> Iterable[str]:
    if not CLIENT_ID.fullmatch(metadata.client_id):
        yield "client id: 1 to 100 letters, digits, or one of . _ ~ -"
    if not 0 < len(metadata.name.strip()) <= 100:
        yield "name: 1 to 100 characters"
    if not metadata.redirect_uris:
        yield "redirect URI: at least one"


def _sector_problems(metadata: ClientMetadata) -> Iterable[str]:
    if metadata.sector_identifier is not None:
        if not re.fullmatch(r"[a-z0-9.-]{1,255}", metadata.sector_identifier):
            yield "sector identifier: a host in lower case, without port"
        return
    hosts = {urlsplit(uri).hostname for uri in metadata.redirect_uris if not uri_problems(uri)}
    if len(hosts) > 1:
        yield "redirect URIs on several hosts need a sector identifier"


def _scope_problems(metadata: ClientMetadata) -> Iterable[str]:
    scopes = metadata.scope.split(" ")
    if OPENID not in scopes:
        yield "scope: must hold openid"
    for scope in scopes:
        if scope not in REGISTRABLE:
            yield f"scope: {scope[:40]!r} is unknown"


def _authentication_problems(metadata: ClientMetadata) -> Iterable[str]:
    method = metadata.token_endpoint_auth_method
    if method not in AUTHENTICATION_METHODS:
        yield f"token endpoint authentication: one of {', '.join(AUTHENTICATION_METHODS)}"
    if method == "none" and not metadata.require_pkce:
        yield "a public client cannot go without PKCE"
    if (method == "private_key_jwt") != (metadata.jwks is not None):
        yield "jwks: given with private_key_jwt, and only then"
    if metadata.jwks is not None:
        yield from _jwks_problems(metadata.jwks)


def _jwks_problems(jwks: Mapping[str, Any]) -> Iterable[str]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield "jwks: a JSON object whose `keys` is a list of keys"
        return
    for key in keys:
        if PRIVATE_MEMBERS & key.keys():
            yield "jwks: holds a private or secret key"
        elif key.get("kty") not in {"RSA", "EC"}:
            yield "jwks: RSA or EC keys only"
        elif key.get("use", "sig") != "sig":
            yield "jwks: keys for signing only"
