"""What a client may register (RFC 7591 2, OpenID Connect Registration 2). Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idp.errors import CommandRefused
from idp.oidc.scopes import OPENID, REGISTRABLE

AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
DEFAULT_METHOD, PUBLIC_METHOD = AUTHENTICATION_METHODS[0], AUTHENTICATION_METHODS[-1]
APPLICATION_TYPES = ("web", "native")
DEFAULT_APPLICATION_TYPE = APPLICATION_TYPES[0]
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
DEFAULT_GRANT_TYPES = GRANT_TYPES[:1]
RESPONSE_TYPES = ("code",)
SUBJECT_TYPES = ("pairwise",)
DEFAULT_SUBJECT_TYPE = SUBJECT_TYPES[0]
ACCESS_TOKEN_FORMATS = ("opaque", "jwt")
DEFAULT_ACCESS_TOKEN_FORMAT = ACCESS_TOKEN_FORMATS[0]

# Never `none`, never an algorithm of shared secrets: secrets are kept as digests (ADR 0005).
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256")
REQUEST_OBJECT_ALGORITHMS = ASSERTION_ALGORITHMS
ID_TOKEN_ALGORITHMS = ("RS256",)
USERINFO_ALGORITHMS = ID_TOKEN_ALGORITHMS
INTROSPECTION_ALGORITHMS = ID_TOKEN_ALGORITHMS
DEFAULT_ID_TOKEN_ALGORITHM = ID_TOKEN_ALGORITHMS[0]

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAXIMUM_URI_LENGTH = 2048
MAXIMUM_ADDRESSES = 50
MAXIMUM_TEXTS = 10
MAXIMUM_AGE_SECONDS = 10**9
SHORT_TEXT_LENGTH = 255
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
URI_MEMBERS = (
    "initiate_login_uri",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "sector_identifier_uri",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
)
"""Members that hold one address."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "application_type": APPLICATION_TYPES,
    "token_endpoint_auth_method": AUTHENTICATION_METHODS,
    "token_endpoint_auth_signing_alg": ASSERTION_ALGORITHMS,
    "id_token_signed_response_alg": ID_TOKEN_ALGORITHMS,
    "userinfo_signed_response_alg": USERINFO_ALGORITHMS,
    "introspection_signed_response_alg": INTROSPECTION_ALGORITHMS,
    "request_object_signing_alg": REQUEST_OBJECT_ALGORITHMS,
    "subject_type": SUBJECT_TYPES,
    "access_token_format": ACCESS_TOKEN_FORMATS,
}
"""Members that hold one of a few values, or nothing."""


class RegistrationRefused(CommandRefused):
    """The metadata does not hold; `problems`: one English line each."""

    error_code = "invalid_client_metadata"
    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("".join(f"\n  - {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """What is registered of a client, under the standards' names; each field is a column.

    name: the standards' `client_name`. scope: space-separated. sector_identifier: a host; None: that of the
    addresses (Core 8.1). jwks: public keys (RFC 7517 5). access_token_format: `jwt` is RFC 9068's.
    """

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
    application_type: str = DEFAULT_APPLICATION_TYPE
    grant_types: tuple[str, ...] = DEFAULT_GRANT_TYPES
    response_types: tuple[str, ...] = RESPONSE_TYPES
    contacts: tuple[str, ...] = ()
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    software_id: str | None = None
    software_version: str | None = None
    jwks_uri: str | None = None
    request_uris: tuple[str, ...] = ()
    subject_type: str = DEFAULT_SUBJECT_TYPE
    sector_identifier_uri: str | None = None
    token_endpoint_auth_signing_alg: str | None = None
    id_token_signed_response_alg: str = DEFAULT_ID_TOKEN_ALGORITHM
    userinfo_signed_response_alg: str | None = None
    introspection_signed_response_alg: str | None = None
    request_object_signing_alg: str | None = None
    access_token_format: str = DEFAULT_ACCESS_TOKEN_FORMAT
    default_max_age: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False


def check_metadata(metadata: ClientMetadata) -> None:
    """Raises RegistrationRefused with every problem at once."""
    problems = [
        *_name_problems(metadata),
        *_redirect_problems(metadata),
        *_address_problems(metadata),
        *_choice_problems(metadata),
        *_grant_problems(metadata),
        *_sector_problems(metadata),
        *_scope_problems(metadata),
        *_authentication_problems(metadata),
        *_logout_problems(metadata),
        *_text_problems(metadata),
    ]
    if problems:
        raise RegistrationRefused(problems)


def sector_of(metadata: ClientMetadata) -> str:
    """The sector identifier (OpenID Connect Core 8.1): the one given, the host of the sector's document, or the one
    host of the redirect URIs; of a client that redirects nobody, its id, which is nobody's host.
    """
    if metadata.sector_identifier:
        return metadata.sector_identifier
    addresses = (metadata.sector_identifier_uri, *metadata.redirect_uris)
    return next((urlsplit(uri).hostname or "" for uri in addresses if uri), metadata.client_id)


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


def is_plain_text(text: str) -> bool:
    """1 to 255 characters, none of control or of direction."""
    return 0 < len(text) <= SHORT_TEXT_LENGTH and not any(
        unicodedata.category(character).startswith("C") for character in text
    )


def _name_problems(metadata: ClientMetadata) -> Iterable[str]:
    if not CLIENT_ID.fullmatch(metadata.client_id):
        yield "client id: 1 to 100 letters, digits, or one of . _ ~ -"
    if not 0 < len(metadata.name.strip()) <= 100 or not is_plain_text(metadata.name):
        yield "name: 1 to 100 printable characters"


def _redirect_problems(metadata: ClientMetadata) -> Iterable[str]:
    for uri in (*metadata.redirect_uris, *metadata.post_logout_redirect_uris):
        yield from redirect_uri_problems(uri)
    if metadata.application_type == "native":
        # OpenID Connect Registration 2: to its own machine; we take no private scheme.
        for uri in metadata.redirect_uris:
            if not uri.startswith("http://"):
                yield f"{uri[:80]!r}: a native application redirects to http on loopback"
    if "authorization_code" in metadata.grant_types and not metadata.redirect_uris:
        yield "redirect URI: at least one"


def _address_problems(metadata: ClientMetadata) -> Iterable[str]:
    for member in URI_MEMBERS:
        if (uri := getattr(metadata, member)) is not None:
            yield from uri_problems(uri)
    for uri in metadata.request_uris:
        # A fragment tells versions of a request object apart (Core 6.2); it is never sent.
        yield from uri_problems(uri.partition("#")[0])
    for member in ("redirect_uris", "post_logout_redirect_uris", "request_uris"):
        if len(getattr(metadata, member)) > MAXIMUM_ADDRESSES:
            yield f"{member}: at most {MAXIMUM_ADDRESSES}"


def _choice_problems(metadata: ClientMetadata) -> Iterable[str]:
    for member, values in CHOICES.items():
        if getattr(metadata, member) not in (None, *values):
            yield f"{member}: one of {', '.join(values)}"


def _grant_problems(metadata: ClientMetadata) -> Iterable[str]:
    if not metadata.grant_types or not set(metadata.grant_types) <= set(GRANT_TYPES):
        yield f"grant_types: of {', '.join(GRANT_TYPES)}"
    if not set(metadata.response_types) <= set(RESPONSE_TYPES):
        yield f"response_types: {', '.join(RESPONSE_TYPES)}"
    if ("authorization_code" in metadata.grant_types) != ("code" in metadata.response_types):
        yield "grant_types: authorization_code and the response type code go together (RFC 7591 2.1)"
    if "refresh_token" in metadata.grant_types and "authorization_code" not in metadata.grant_types:
        yield "grant_types: refresh_token needs authorization_code"
    is_public = metadata.token_endpoint_auth_method == PUBLIC_METHOD
    if "client_credentials" in metadata.grant_types and is_public:
        yield "grant_types: a public client has no credentials"


def _sector_problems(metadata: ClientMetadata) -> Iterable[str]:
    if metadata.sector_identifier is not None:
        if not re.fullmatch(r"[a-z0-9.-]{1,255}", metadata.sector_identifier):
            yield "sector identifier: a host in lower case, without port"
        return
    if metadata.sector_identifier_uri is not None:
        if not metadata.sector_identifier_uri.startswith("https://"):
            yield "sector_identifier_uri: must be https"
        return
    hosts = {urlsplit(uri).hostname for uri in metadata.redirect_uris if not uri_problems(uri)}
    if len(hosts) > 1:
        yield "redirect URIs on several hosts need a sector identifier"


def _scope_problems(metadata: ClientMetadata) -> Iterable[str]:
    scopes = metadata.scope.split(" ")
    if OPENID not in scopes and "authorization_code" in metadata.grant_types:
        yield "scope: must hold openid"
    for scope in scopes:
        if scope not in REGISTRABLE and metadata.scope:
            yield f"scope: {scope[:40]!r} is unknown"


def _authentication_problems(metadata: ClientMetadata) -> Iterable[str]:
    method, has_keys = metadata.token_endpoint_auth_method, metadata.jwks is not None or metadata.jwks_uri
    if method == PUBLIC_METHOD and not metadata.require_pkce:
        yield "a public client cannot go without PKCE"
    if method == "private_key_jwt" and not has_keys:
        yield "private_key_jwt needs jwks or jwks_uri"
    if metadata.jwks is not None and metadata.jwks_uri:
        yield "jwks and jwks_uri: one of them (RFC 7591 2)"
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


def _logout_problems(metadata: ClientMetadata) -> Iterable[str]:
    """Front-Channel Logout 2: framed pages are told where the service itself is."""
    address = metadata.frontchannel_logout_uri
    if address is None or uri_problems(address):
        return
    good = (uri for uri in metadata.redirect_uris if not uri_problems(uri))
    if urlsplit(address)[:2] not in {urlsplit(uri)[:2] for uri in good}:
        yield "frontchannel_logout_uri: scheme, host and port of a redirect URI"


def _text_problems(metadata: ClientMetadata) -> Iterable[str]:
    for member in ("software_id", "software_version"):
        text = getattr(metadata, member)
        if text is not None and not is_plain_text(text):
            yield f"{member}: 1 to {SHORT_TEXT_LENGTH} printable characters"
    for member in ("contacts", "default_acr_values"):
        texts = getattr(metadata, member)
        if len(texts) > MAXIMUM_TEXTS or not all(map(is_plain_text, texts)):
            yield f"{member}: at most {MAXIMUM_TEXTS}, each 1 to {SHORT_TEXT_LENGTH} printable characters"
    if metadata.default_max_age is not None and not 0 <= metadata.default_max_age < MAXIMUM_AGE_SECONDS:
        yield "default_max_age: a number of seconds"
