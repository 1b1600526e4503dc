"""Request objects (OpenID Connect Core 6, RFC 9101): signed by the client, and then the only parameters that count."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urldefrag

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.db import db
from idp.errors import OAuthRefusal
from idp.oidc.checks.parameters import ParameterMalformed, check_printable_and_short, without_signed
from idp.oidc.clients import RegisteredClient
from idp.oidc.registration import REQUEST_OBJECT_ALGORITHMS
from shared.clock import request_now
from shared.fetching import FetchRefused, current_fetcher

LEEWAY = timedelta(seconds=10)
# A JWT of the general kind, or of the very kind (RFC 9101 10.8); never one made for another use.
TYPES = frozenset({None, "JWT", "oauth-authz-req+jwt"})
ABOUT_THE_OBJECT = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti"})
KeysOf = Callable[[RegisteredClient, str | None], KeySet | None]
MEDIA_TYPES = "application/oauth-authz-req+jwt, application/jwt"


class RequestObjectUnsupported(OAuthRefusal):
    """OpenID Connect Core 3.1.2.6: of a client without a registered key; never ignored."""

    error_code = "request_object_unsupported"
    error = "request_not_supported"
    hint = "This client has registered no key that request objects could be verified with."
    remedy = "Register jwks, or send plain parameters."


class RequestObjectRefused(OAuthRefusal):
    """OpenID Connect Core 3.1.2.6: unsigned, not this client's, not for us, out of time, or malformed."""

    error_code = "request_object_refused"
    error = "invalid_request_object"
    hint = "The request object must be signed by this client with a registered key and algorithm, for this issuer."
    remedy = "Compare alg, kid, iss (your client_id), aud (the issuer), exp, and that no parameter is doubled or nested."


class RequestUriUnsupported(OAuthRefusal):
    """OpenID Connect Core 3.1.2.6: of a client that registered none; never fetched."""

    error_code = "request_uri_unsupported"
    error = "request_uri_not_supported"
    hint = "This client has registered no request_uri."


class RequestUriRefused(OAuthRefusal):
    """OpenID Connect Core 3.1.2.6: not a registered one, to the character; or nothing usable is there."""

    error_code = "request_uri_refused"
    error = "invalid_request_uri"
    hint = "The request_uri is not one that this client registered, or no request object is found there."
    remedy = "Register it with its fragment; serve it over https as application/oauth-authz-req+jwt, without redirect, within 5 seconds."


class RequestObjectTwice(OAuthRefusal):
    """OpenID Connect Core 6.2.1: one or the other."""

    error_code = "request_object_twice"
    error = "invalid_request"
    hint = "The parameters request and request_uri exclude each other."


def check_request_uri(request_uri: str, client: RegisteredClient) -> str:
    """The address to fetch, without its fragment (Core 6.2). Raises RequestUriUnsupported, RequestUriRefused."""
    if not client.request_uris:
        raise RequestUriUnsupported
    if request_uri not in client.request_uris:
        raise RequestUriRefused("not registered")
    return urldefrag(request_uri).url


def fetch_request_object(url: str) -> str:
    """What the client keeps at a registered address. Raises RequestUriRefused."""
    db.session.rollback()  # reads alone: no connection is held while fetching
    try:
        return current_fetcher().get(url, accept=MEDIA_TYPES).decode("ascii").strip()
    except (FetchRefused, UnicodeDecodeError) as error:
        raise RequestUriRefused(str(error)) from None


def read_request_object(
    request_object: str, client: RegisteredClient, keys_of: KeysOf, issuer: str
) -> dict[str, str]:
    """The authorization request that the client signed, with a key that `keys_of` finds by its id.

    Raises RequestObjectRefused, RequestObjectUnsupported.
    """
    try:
        header = jws.extract_compact(request_object.encode("ascii")).headers()
        if header.get("alg") not in _algorithms(client) or header.get("typ") not in TYPES:
            raise RequestObjectRefused("alg or typ")
        if client.keys is None and client.jwks_uri is None:
            raise RequestObjectUnsupported
        kid = header.get("kid")
        keys = keys_of(client, kid if isinstance(kid, str) else None)
        if keys is None:
            raise RequestObjectRefused("no key")
        claims = jwt.decode(request_object, keys, algorithms=list(_algorithms(client))).claims
    except (JoseError, ValueError, TypeError, KeyError):
        raise RequestObjectRefused("signature") from None
    _check_claims(claims, client, issuer)
    return _parameters(claims, client)


def _algorithms(client: RegisteredClient) -> tuple[str, ...]:
    chosen = client.request_object_signing_alg
    return (chosen,) if chosen else REQUEST_OBJECT_ALGORITHMS


def _check_claims(claims: Mapping[str, Any], client: RegisteredClient, issuer: str) -> None:
    audience = claims.get("aud", issuer)
    if claims.get("iss", client.client_id) != client.client_id or "sub" in claims:
        raise RequestObjectRefused("iss, or sub: an assertion")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise RequestObjectRefused("aud")
    if claims.get("client_id", client.client_id) != client.client_id:
        raise RequestObjectRefused("client_id")
    if "request" in claims or "request_uri" in claims:
        raise RequestObjectRefused("an object within")
    now = request_now().timestamp()
    _check_instant(claims.get("exp", now), earliest=now - LEEWAY.total_seconds())
    for name in ("iat", "nbf"):
        _check_instant(claims.get(name, now), latest=now + LEEWAY.total_seconds())


def _check_instant(value: object, *, earliest: float = float("-inf"), latest: float = float("inf")) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not earliest < float(value) < latest:  # type: ignore[arg-type]  # a number by now
        raise RequestObjectRefused("exp, iat or nbf")


def _parameters(claims: Mapping[str, Any], client: RegisteredClient) -> dict[str, str]:
    parameters = {
        name: _as_parameter(value) for name, value in claims.items() if name not in ABOUT_THE_OBJECT
    }
    try:
        check_printable_and_short(without_signed(parameters, "id_token_hint"))
    except ParameterMalformed:
        raise RequestObjectRefused("a parameter") from None
    return {name: value for name, value in parameters.items() if value} | {"client_id": client.client_id}


def _as_parameter(value: object) -> str:
    """As it would stand in the query: numbers and JSON are claims of their own types here (RFC 9101 4)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | dict):
        raise RequestObjectRefused("a parameter's type")
    return json.dumps(value, separators=(",", ":"))
