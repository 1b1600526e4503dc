"""Userinfo and RP-initiated logout."""

from dataclasses import dataclass
from typing import Any, cast

from authlib.oauth2.rfc6749 import OAuth2Error, OAuth2Request
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from joserfc import jwt
from joserfc.errors import JoseError

from idp.errors import OAuthRefusal
from idp.oidc import service
from idp.oidc.answers import with_parameters
from idp.oidc.claims import named_claims, userinfo_claims
from idp.oidc.clients import RegisteredClient
from idp.oidc.introspection import LivingToken, find_living_token
from idp.oidc.provider_request import ProviderRequest
from idp.oidc.signing import INTROSPECTION_TYPE, signer
from idp.oidc.subject import pairwise_subject
from idp.settings import Settings
from idp.signing_keys import service as signing_keys
from shared.claims import CLAIM, SCOPE_CHILDREN
from shared.clock import request_now

ID_TOKEN_TYPE = "JWT"  # noqa: S105 - a header's value
BEARER = "bearer"


class BearerMissing(OAuthRefusal):
    """RFC 6750 3.1: no token at all: no error code either."""

    error_code = "bearer_missing"
    error = ""
    status = 401


class BearerMalformed(OAuthRefusal):
    """RFC 6750 2: in the header or in the body, once, never in the query."""

    error_code = "bearer_malformed"
    error = "invalid_request"
    hint = "Send the access token once, in the Authorization header or in the form body."


class BearerRefused(OAuthRefusal):
    """RFC 6750 3.1: unknown, expired, revoked, or its session or account ended."""

    error_code = "bearer_refused"
    error = "invalid_token"
    hint = "The access token is not valid."
    remedy = "The access token is over its life, or its session or account has ended: start a sign-in."
    status = 401


class HintRefused(OAuthRefusal):
    """RP-Initiated Logout 4: not an ID token of ours: nothing is ended, nothing redirected."""

    error_code = "id_token_hint_refused"
    error = "invalid_request"
    hint = "The id_token_hint is not an ID token of this provider for this client."
    may_redirect = False


class PostLogoutRedirectUriMismatch(OAuthRefusal):
    """RP-Initiated Logout 3: exact equality with a registered one."""

    error_code = "post_logout_redirect_uri_mismatch"
    error = "invalid_request"
    hint = "The post_logout_redirect_uri is not one that this client registered, to the character."
    remedy = "Register the address, with its final slash."
    may_redirect = False


@dataclass(frozen=True, slots=True)
class BearerPresented:
    """Where an access token was looked for. `form`: the body's parameters, empty unless it is a form."""

    authorization: str
    form: dict[str, str]
    has_query_token: bool


def read_bearer(presented: BearerPresented) -> str:
    """The access token (RFC 6750 2.1, 2.2); one in the address is none (AT-03). Raises BearerMissing, BearerMalformed."""
    in_body = presented.form.get("access_token")
    if sum(map(bool, (presented.authorization, in_body, presented.has_query_token))) > 1:
        raise BearerMalformed
    if in_body:
        return in_body
    scheme, _, credentials = presented.authorization.partition(" ")
    if scheme.lower() != BEARER:
        raise BearerMissing
    if not credentials.strip():
        raise BearerMalformed
    return credentials.strip()


@dataclass(frozen=True, slots=True)
class Userinfo:
    """The answer of userinfo: `claims`, and the same `signed` for a client that wants it so."""

    claims: dict[str, Any]
    signed: str | None


def userinfo(access_token: str, settings: Settings) -> Userinfo:
    """OpenID Connect Core 5.3.2. Raises BearerRefused."""
    honoured = service.find_access_token(access_token, now=request_now())
    if honoured is None:
        raise BearerRefused
    scopes = frozenset(honoured.scope.split())
    sector = honoured.sector_identifier
    wants_children = SCOPE_CHILDREN in scopes or CLAIM in honoured.names
    children = service.children_claims(honoured.account_id, sector) if wants_children else ()
    subject = pairwise_subject(sector, honoured.account_id, settings.pairwise_key)
    claims = userinfo_claims(subject, honoured.person, scopes, children)
    claims |= named_claims(honoured.names, honoured.person, scopes, children)
    if honoured.signing_algorithm is None:
        return Userinfo(claims, None)
    sign = signer(algorithm=honoured.signing_algorithm)
    return Userinfo(claims, sign({**claims, "iss": settings.issuer, "aud": honoured.client_id}))


@dataclass(frozen=True, slots=True)
class Introspected:
    """What a client asked about a token of its own: `members` of RFC 7662 2.2, and who asked."""

    client: RegisteredClient
    members: dict[str, Any]


def introspect(client: RegisteredClient, presented: str, settings: Settings) -> Introspected:
    """RFC 7662 2.2: whatever is not a living token of this client is inactive, without a word more."""
    found = find_living_token(client.client_id, presented, now=request_now())
    members = {"active": False} if found is None else _introspection(found, settings)
    return Introspected(client, members)


def signed_introspection(introspected: Introspected, settings: Settings) -> str:
    """RFC 9701 5: for the client that asked, of a type that is no other token's."""
    algorithm = introspected.client.introspection_signed_response_alg or signing_keys.ALGORITHM
    return signer(INTROSPECTION_TYPE, algorithm)(
        {
            "iss": settings.issuer,
            "aud": introspected.client.client_id,
            "iat": int(request_now().timestamp()),
            "token_introspection": introspected.members,
        }
    )


def _introspection(found: LivingToken, settings: Settings) -> dict[str, Any]:
    members: dict[str, Any] = {
        "active": True,
        "iss": settings.issuer,
        "client_id": found.client_id,
        "sub": found.client_id,
        "aud": found.audience or settings.issuer,
        "iat": int(found.issued_at.timestamp()),
        "exp": int(found.expires_at.timestamp()),
    }
    if found.account_id is not None:
        members["sub"] = pairwise_subject(found.sector_identifier, found.account_id, settings.pairwise_key)
    if found.scope:
        members["scope"] = found.scope
    return members | ({"token_type": "Bearer"} if found.is_access_token else {})


def read_id_token_hint(id_token_hint: str, issuer: str) -> dict[str, Any]:
    """The claims of an ID token of ours, expired or not, its key retired or not. Raises HintRefused."""
    try:
        hint = jwt.decode(
            id_token_hint, signing_keys.verification_keys(), algorithms=list(signing_keys.ALGORITHMS)
        )
    except (JoseError, ValueError, TypeError):
        raise HintRefused from None
    claims = hint.claims
    genuine = hint.header.get("typ") == ID_TOKEN_TYPE and claims.get("iss") == issuer
    if not genuine or not all(isinstance(claims.get(name), str) for name in ("sub", "aud", "sid")):
        raise HintRefused
    return claims


class EndSession(EndSessionEndpoint):
    """RP-Initiated Logout 1.0, on Authlib's base: what is amiss is said, never passed over."""

    def __init__(self, issuer: str) -> None:
        super().__init__()
        self._issuer = issuer

    def validate_request(self, request: OAuth2Request) -> EndSessionRequest:
        """The request with its client, hint and redirection. Raises HintRefused, PostLogoutRedirectUriMismatch."""
        try:
            asked = super().validate_request(request)
        except OAuth2Error as error:
            raise HintRefused(error.description) from None
        parameters: dict[str, str] = cast("ProviderRequest", request).parameters
        wanted = parameters.get("post_logout_redirect_uri")
        if wanted and asked.id_token_claims and not asked.redirect_uri:
            raise PostLogoutRedirectUriMismatch
        if wanted and asked.redirect_uri:
            state = parameters.get("state")
            asked.redirect_uri = with_parameters(wanted, {"state": state} if state else {})
        return asked

    def _validate_id_token_hint(self, id_token_hint: str) -> dict[str, Any]:
        return read_id_token_hint(id_token_hint, self._issuer)

    def _is_valid_post_logout_redirect_uri(self, client: Any, post_logout_redirect_uri: str) -> bool:
        return not client.is_disabled and post_logout_redirect_uri in client.post_logout_redirect_uris
