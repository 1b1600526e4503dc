"""A registration as JSON (RFC 7591 2, OpenID Connect Registration 2), read and written. Pure.

What a client may ask is bounded by a policy, never by what it says of itself.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.oidc.registration import (
    DEFAULT_METHOD,
    PUBLIC_METHOD,
    ClientMetadata,
    Problem,
    RegistrationRefused,
)
from idp.oidc.scopes import ADDRESS, EMAIL, OFFLINE_ACCESS, OPENID, PHONE, PROFILE

DEFAULT_SCOPE = " ".join((OPENID, PROFILE, EMAIL, PHONE, ADDRESS, OFFLINE_ACCESS))
"""What a client gets that names no scope: never the children."""

TEXTS = frozenset(
    {
        "application_type",
        "backchannel_logout_uri",
        "client_name",
        "client_uri",
        "frontchannel_logout_uri",
        "id_token_signed_response_alg",
        "initiate_login_uri",
        "introspection_signed_response_alg",
        "jwks_uri",
        "logo_uri",
        "policy_uri",
        "request_object_signing_alg",
        "scope",
        "sector_identifier_uri",
        "software_id",
        "software_version",
        "subject_type",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "tos_uri",
        "userinfo_signed_response_alg",
    }
)
LISTS = frozenset(
    {
        "contacts",
        "default_acr_values",
        "grant_types",
        "post_logout_redirect_uris",
        "redirect_uris",
        "request_uris",
        "response_types",
    }
)
FLAGS = frozenset(
    {
        "backchannel_logout_session_required",
        "frontchannel_logout_session_required",
        "require_auth_time",
    }
)
NUMBERS = frozenset({"default_max_age"})
OBJECTS = frozenset({"jwks"})
ENCRYPTION = tuple(
    f"{what}_{part}"
    for what in (
        "id_token_encrypted_response",
        "userinfo_encrypted_response",
        "introspection_encrypted_response",
        "request_object_encryption",
    )
    for part in ("alg", "enc")
)
"""Understood, and refused: a client that counts on encryption must not get clear text."""
SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
"""Members that a client may not send back (RFC 7592 2.2)."""
KINDS: tuple[tuple[frozenset[str], str, Callable[[Any], bool]], ...] = (
    (TEXTS, "a string", lambda value: isinstance(value, str)),
    (LISTS, "an array of strings", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value)),
    (FLAGS, "true or false", lambda value: isinstance(value, bool)),
    (NUMBERS, "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    (OBJECTS, "an object", lambda value: isinstance(value, dict)),
)  # fmt: skip
READ = TEXTS | LISTS | FLAGS | NUMBERS | OBJECTS


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """What whoever registers a client may ask for. scope: the scopes allowed, space-separated.

    client_days: until the client itself expires; None: it does not.
    """

    scope: str = DEFAULT_SCOPE
    require_pkce: bool = True
    client_days: int | None = None


def read_document(body: bytes) -> dict[str, Any]:
    """A JSON object, each name once. Raises RegistrationRefused."""
    try:
        document = json.loads(
            body.decode(), object_pairs_hook=_single_members, parse_constant=_refuse_constant
        )
        # JSON may escape half a surrogate pair, which nothing could store or answer.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RegistrationRefused(
            [Problem("body", "a JSON object (RFC 7591 3.1), each member once")]
        ) from None
    if not isinstance(document, dict):
        raise RegistrationRefused([Problem("body", "a JSON object (RFC 7591 3.1)")])
    return document


def read_metadata(
    document: Mapping[str, Any], policy: RegistrationPolicy, *, client_id: str
) -> ClientMetadata:
    """The metadata asked for, within the policy; not yet held against the rules. null is absent, the unknown ignored.

    Raises RegistrationRefused for members of another kind than theirs, and for those that only an operator gives.
    """
    given = {name: value for name, value in document.items() if value is not None}
    problems = [*_kind_problems(given), *_operator_problems(given)]
    if problems:
        raise RegistrationRefused(problems)
    members = {name: _member(value) for name, value in given.items() if name in READ}
    members["scope"] = allowed_scope(given.get("scope"), policy.scope)
    members["name"] = members.pop("client_name", None) or _name_of(members, client_id)
    members.setdefault("redirect_uris", ())
    is_public = members.get("token_endpoint_auth_method", DEFAULT_METHOD) == PUBLIC_METHOD
    # A public client has nothing but its verifier to prove that a code is its own (RFC 9700 2.1.1).
    return ClientMetadata(client_id=client_id, require_pkce=policy.require_pkce or is_public, **members)


def allowed_scope(asked: str | None, allowed: str) -> str:
    """What is registered of the scopes asked for: those allowed; of none asked, the allowed ones of DEFAULT_SCOPE.

    The answer tells (RFC 7591 3.2.1).
    """
    wanted = dict.fromkeys((asked or DEFAULT_SCOPE).split())
    return " ".join(scope for scope in wanted if scope in allowed.split())


def write_metadata(metadata: ClientMetadata) -> dict[str, Any]:
    """Every member registered, under the standards' names (RFC 7591 3.2.1)."""
    values = {"client_name": metadata.name} | {
        name: getattr(metadata, name) for name in sorted(READ - {"client_name"})
    }
    return {name: value for name, value in values.items() if value is not None and value != ()}


def check_returned_members(document: Mapping[str, Any], client_id: str) -> None:
    """RFC 7592 2.2: the client names itself, and sends back nothing of the server's own. Raises RegistrationRefused."""
    problems = [Problem(name, "not to be sent back") for name in SERVERS_OWN if name in document]
    if document.get("client_id") != client_id:
        problems.append(Problem("client_id", "must be the client's own"))
    if not isinstance(document.get("client_secret", ""), str):
        problems.append(Problem("client_secret", "a string"))
    if problems:
        raise RegistrationRefused(problems)


def check_sector_document(content: bytes, metadata: ClientMetadata) -> None:
    """OpenID Connect Registration 5: an array that holds every redirect URI. Raises RegistrationRefused."""
    try:
        listed = json.loads(content.decode())
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not all(isinstance(uri, str) for uri in listed):
        raise RegistrationRefused([Problem("sector_identifier_uri", "must serve a JSON array of addresses")])
    if not set(metadata.redirect_uris) <= set(listed):
        raise RegistrationRefused([Problem("sector_identifier_uri", "must list every redirect URI")])


def _kind_problems(given: Mapping[str, Any]) -> Iterable[Problem]:
    for names, kind, is_of_kind in KINDS:
        yield from (
            Problem(name, kind) for name in sorted(names & given.keys()) if not is_of_kind(given[name])
        )


def _operator_problems(given: Mapping[str, Any]) -> Iterable[Problem]:
    yield from (Problem(name, "encryption is not supported") for name in ENCRYPTION if name in given)
    grants = given.get("grant_types", [])
    if isinstance(grants, list) and "client_credentials" in grants:
        yield Problem("grant_types", "client_credentials is given by an operator")
    # A third party's start sends people there (Core 4): never in clear, whatever the host.
    address = given.get("initiate_login_uri")
    if isinstance(address, str) and not address.startswith("https://"):
        yield Problem("initiate_login_uri", "https")


def _member(value: Any) -> Any:
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


def _name_of(members: Mapping[str, Any], client_id: str) -> str:
    """Without a name, people read the host that they go to; the rules judge the address afterwards."""
    try:
        return urlsplit(next(iter(members.get("redirect_uris", ())), "")).hostname or client_id
    except ValueError:
        return client_id


def _single_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member is there twice")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
