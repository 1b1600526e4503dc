"""What a client may register (RFC 7591 2, OpenID Connect Registration 2). Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from idp.errors import CommandRefused
from idp.oidc.scopes import OPENID, SUPPORTED

AUTHENTICATION_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
DEFAULT_METHOD, PUBLIC_METHOD = AUTHENTICATION_METHODS[0], AUTHENTICATION_METHODS[-1]
PROVING_METHODS = AUTHENTICATION_METHODS[:-1]
"""Those that prove something."""
APPLICATION_TYPES = ("web", "native")
DEFAULT_APPLICATION_TYPE = APPLICATION_TYPES[0]
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS = GRANT_TYPES
DEFAULT_GRANT_TYPES = (AUTHORIZATION_CODE,)
RESPONSE_TYPES = ("code",)
SUBJECT_TYPES = ("pairwise",)
DEFAULT_SUBJECT_TYPE = SUBJECT_TYPES[0]
ACCESS_TOKEN_FORMATS = ("opaque", "jwt")
DEFAULT_ACCESS_TOKEN_FORMAT = ACCESS_TOKEN_FORMATS[0]

# Never `none`, never an algorithm of shared secrets: secrets are kept as digests (ADR 0005).
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256")
REQUEST_OBJECT_ALGORITHMS = ASSERTION_ALGORITHMS
ID_TOKEN_ALGORITHMS = ("RS256", "ES256", "Ed25519")
USERINFO_ALGORITHMS = ID_TOKEN_ALGORITHMS[:1]
INTROSPECTION_ALGORITHMS = USERINFO_ALGORITHMS
DEFAULT_ID_TOKEN_ALGORITHM = ID_TOKEN_ALGORITHMS[0]

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAXIMUM_URI_LENGTH = 2048
MAXIMUM_CARRIED_LENGTH = 500
MAXIMUM_ADDRESSES = 50
MAXIMUM_ADDRESSES_LENGTH = 20_000
MAXIMUM_KEYS = 20
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
CARRIED_MEMBERS = frozenset({"initiate_login_uri", "client_uri", "logo_uri", "policy_uri", "tos_uri"})
"""Those that a sign-in page carries in its own address (ADR 0004), which must fit a request line."""
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


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one member cannot be registered. rule: constant ASCII. received: what was sent, for the operator alone."""

    member: str
    rule: str
    received: str = ""

    def __str__(self) -> str:
        shown = f" ({self.received[:80]!r})" if self.received else ""
        return f"{self.member}: {self.rule}{shown}"


class RegistrationRefused(CommandRefused):
    """The metadata does not hold; every problem at once. `error` and `description` are RFC 7591's (3.2.2)."""

    error_code = "invalid_client_metadata"
    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("".join(f"\n  - {problem}" for problem in problems))
        self.problems = problems

    @property
    def error(self) -> str:
        """RFC 7591 3.2.2: redirect URIs have an error of their own."""
        is_redirect = any(problem.member == "redirect_uris" for problem in self.problems)
        return "invalid_redirect_uri" if is_redirect else "invalid_client_metadata"

    @property
    def description(self) -> str:
        """Each member and its rule; nothing of what was received."""
        return "; ".join(dict.fromkeys(f"{problem.member}: {problem.rule}" for problem in self.problems))


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
    problems = [problem for find in RULES for problem in find(metadata)]
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


def is_plain_text(text: str) -> bool:
    """1 to 255 characters, none of control or of direction."""
    return 0 < len(text) <= SHORT_TEXT_LENGTH and not any(
        unicodedata.category(character).startswith("C") for character in text
    )


def uri_rules_broken(uri: str) -> list[str]:
    """Why a client's address cannot be registered: https, or http on loopback; printable, nothing hidden in it."""
    if len(uri) > MAXIMUM_URI_LENGTH or not PRINTABLE.fullmatch(uri) or "\\" in uri:
        return [f"printable ASCII, at most {MAXIMUM_URI_LENGTH} characters"]
    try:
        parts = urlsplit(uri)
        host = parts.hostname
        _port = parts.port  # reading it raises ValueError on a bad one
    except ValueError:
        return ["an address"]
    rules = []
    if not host or "@" in parts.netloc:
        rules.append("an address with a host, without user information")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        rules.append("https (http only on loopback)")
    if "#" in uri:
        rules.append("no fragment")
    if {".", ".."} & set(parts.path.lower().replace("%2e", ".").split("/")):
        rules.append("no dot segment")
    return rules


def _address_problems(member: str, uri: str) -> Iterable[Problem]:
    return (Problem(member, rule, uri) for rule in uri_rules_broken(uri))


def _returning_problems(member: str, uri: str) -> Iterable[Problem]:
    """As any address; moreover our response parameters must not stand in its query already (AZ-21)."""
    if rules := uri_rules_broken(uri):
        yield from (Problem(member, rule, uri) for rule in rules)
        return
    names = {name for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True)}
    if names & RESPONSE_PARAMETERS:
        yield Problem(member, "no response parameter in its query", uri)


def _name_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    if not CLIENT_ID.fullmatch(metadata.client_id):
        yield Problem("client_id", "1 to 100 letters, digits, or one of . _ ~ -", metadata.client_id)
    if not 0 < len(metadata.name.strip()) <= 100 or not is_plain_text(metadata.name):
        yield Problem("client_name", "1 to 100 printable characters")


def _redirect_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        for uri in getattr(metadata, member):
            yield from _returning_problems(member, uri)
    if metadata.application_type == "native":
        # OpenID Connect Registration 2: to its own machine; we take no private scheme.
        for uri in metadata.redirect_uris:
            if not uri.startswith("http://"):
                yield Problem("redirect_uris", "of a native application: http on loopback", uri)
    if "authorization_code" in metadata.grant_types and not metadata.redirect_uris:
        yield Problem("redirect_uris", "at least one")


def _other_address_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    for member in URI_MEMBERS:
        if (uri := getattr(metadata, member)) is not None:
            yield from _address_problems(member, uri)
            if member in CARRIED_MEMBERS and len(uri) > MAXIMUM_CARRIED_LENGTH:
                yield Problem(member, f"at most {MAXIMUM_CARRIED_LENGTH} characters", uri)
    for uri in metadata.request_uris:
        # A fragment tells versions of a request object apart (Core 6.2); it is never sent.
        yield from _address_problems("request_uris", uri.partition("#")[0])
    for member in ("redirect_uris", "post_logout_redirect_uris", "request_uris"):
        addresses = getattr(metadata, member)
        if len(addresses) > MAXIMUM_ADDRESSES or sum(map(len, addresses)) > MAXIMUM_ADDRESSES_LENGTH:
            yield Problem(
                member, f"at most {MAXIMUM_ADDRESSES}, {MAXIMUM_ADDRESSES_LENGTH} characters in all"
            )


def _choice_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    for member, values in CHOICES.items():
        if getattr(metadata, member) not in (None, *values):
            yield Problem(member, f"one of {', '.join(values)}")


def _grant_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    if not metadata.grant_types or not set(metadata.grant_types) <= set(GRANT_TYPES):
        yield Problem("grant_types", f"of {', '.join(GRANT_TYPES)}")
    if not set(metadata.response_types) <= set(RESPONSE_TYPES):
        yield Problem("response_types", f"of {', '.join(RESPONSE_TYPES)}")
    if ("authorization_code" in metadata.grant_types) != ("code" in metadata.response_types):
        yield Problem("grant_types", "authorization_code goes with the response type code (RFC 7591 2.1)")
    if "refresh_token" in metadata.grant_types and "authorization_code" not in metadata.grant_types:
        yield Problem("grant_types", "refresh_token goes with authorization_code")
    is_public = metadata.token_endpoint_auth_method == PUBLIC_METHOD
    if "client_credentials" in metadata.grant_types and is_public:
        yield Problem("grant_types", "client_credentials is not for a public client")


def _sector_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    if metadata.sector_identifier is not None:
        if not re.fullmatch(r"[a-z0-9.-]{1,255}", metadata.sector_identifier):
            yield Problem("sector_identifier", "a host in lower case, without port")
        return
    if metadata.sector_identifier_uri is not None:
        if not metadata.sector_identifier_uri.startswith("https://"):
            yield Problem("sector_identifier_uri", "https")
        return
    hosts = {urlsplit(uri).hostname for uri in metadata.redirect_uris if not uri_rules_broken(uri)}
    if len(hosts) > 1:
        yield Problem("sector_identifier_uri", "needed with redirect URIs on several hosts")


def _scope_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    scopes = metadata.scope.split(" ")
    if OPENID not in scopes and "authorization_code" in metadata.grant_types:
        yield Problem("scope", "must hold openid")
    for scope in scopes:
        if scope not in SUPPORTED and metadata.scope:
            yield Problem("scope", f"of {', '.join(SUPPORTED)}", scope)


def _authentication_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    method, has_keys = metadata.token_endpoint_auth_method, metadata.jwks is not None or metadata.jwks_uri
    if method == PUBLIC_METHOD and not metadata.require_pkce:
        yield Problem("require_pkce", "a public client cannot go without PKCE")
    if method == "private_key_jwt" and not has_keys:
        yield Problem("jwks", "private_key_jwt needs jwks or jwks_uri")
    if metadata.jwks is not None and metadata.jwks_uri:
        yield Problem("jwks", "jwks or jwks_uri, not both (RFC 7591 2)")
    if metadata.jwks is not None:
        yield from _jwks_problems(metadata.jwks)


def _jwks_problems(jwks: Mapping[str, Any]) -> Iterable[Problem]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield Problem("jwks", "a JSON object whose member keys is a list of keys")
        return
    if len(keys) > MAXIMUM_KEYS:
        yield Problem("jwks", f"at most {MAXIMUM_KEYS} keys")
    for key in keys:
        if PRIVATE_MEMBERS & key.keys():
            yield Problem("jwks", "public keys only, none private or shared")
        elif key.get("kty") not in {"RSA", "EC"}:
            yield Problem("jwks", "RSA or EC keys only")
        elif key.get("use", "sig") != "sig":
            yield Problem("jwks", "keys for signing only")
        elif key["kty"] == "RSA" and is_too_short(key):
            yield Problem("jwks", f"RSA keys of {MINIMUM_RSA_BITS} bits or more")


def is_too_short(key: Mapping[str, Any]) -> bool:
    """Whether the modulus of an RSA key in JWK form has fewer bits than MINIMUM_RSA_BITS."""
    modulus = key.get("n")
    # Six bits a character; whether it is a number at all is asked when it is imported.
    return isinstance(modulus, str) and len(modulus.rstrip("=").lstrip("A")) * 6 < MINIMUM_RSA_BITS


def _logout_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    """Front-Channel Logout 2: framed pages are told where the service itself is."""
    address = metadata.frontchannel_logout_uri
    if address is None or uri_rules_broken(address):
        return
    good = (uri for uri in metadata.redirect_uris if not uri_rules_broken(uri))
    if urlsplit(address)[:2] not in {urlsplit(uri)[:2] for uri in good}:
        yield Problem("frontchannel_logout_uri", "scheme, host and port of a redirect URI", address)


def _text_problems(metadata: ClientMetadata) -> Iterable[Problem]:
    for member in ("software_id", "software_version"):
        text = getattr(metadata, member)
        if text is not None and not is_plain_text(text):
            yield Problem(member, f"1 to {SHORT_TEXT_LENGTH} printable characters")
    for member in ("contacts", "default_acr_values"):
        texts = getattr(metadata, member)
        if len(texts) > MAXIMUM_TEXTS or not all(map(is_plain_text, texts)):
            yield Problem(
                member, f"at most {MAXIMUM_TEXTS}, each 1 to {SHORT_TEXT_LENGTH} printable characters"
            )
    if metadata.default_max_age is not None and not 0 <= metadata.default_max_age < MAXIMUM_AGE_SECONDS:
        yield Problem("default_max_age", "a number of seconds")


RULES: tuple[Callable[[ClientMetadata], Iterable[Problem]], ...] = (
    _name_problems,
    _redirect_problems,
    _other_address_problems,
    _choice_problems,
    _grant_problems,
    _sector_problems,
    _scope_problems,
    _authentication_problems,
    _logout_problems,
    _text_problems,
)
