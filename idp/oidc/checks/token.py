"""What a token request must be."""

import re
from dataclasses import dataclass

from idp.errors import OAuthRefusal
from idp.oidc.registration import AUTHORIZATION_CODE, GRANT_TYPES, REFRESH_TOKEN
from idp.oidc.service import ResourceRefused
from idp.settings import current as current_settings

FORM = "application/x-www-form-urlencoded"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
AUTHORIZATION_CODE_LENGTH = 43


class QueryRefused(OAuthRefusal):
    """RFC 6749 3.2, RFC 9700 2.5: nothing in the query string, where logs would keep it."""

    error_code = "query_refused"
    error = "invalid_request"
    hint = "Parameters go into the body, none into the query string."
    remedy = "Token parameters stand in the address: move them to the body."


class FormRequired(OAuthRefusal):
    """RFC 6749 3.2: a form, as bytes and as type."""

    error_code = "form_required"
    error = "invalid_request"
    hint = "The body must be application/x-www-form-urlencoded."


class SeveralAuthentications(OAuthRefusal):
    """RFC 6749 2.3: one authentication method a request."""

    error_code = "several_authentications"
    error = "invalid_request"
    hint = "More than one client authentication method is used."
    remedy = "The library sends the secret in the header and in the body: choose the registered method."


class ClientAuthenticationFailed(OAuthRefusal):
    """RFC 6749 5.2: unknown client, wrong method, wrong proof: one answer for all."""

    error_code = "client_authentication_failed"
    error = "invalid_client"
    hint = "Client authentication failed."
    remedy = "Check the secret, then the method: the registered one only. client_secret_basic percent-encodes id and secret."
    status = 401


class GrantTypeMissing(OAuthRefusal):
    """RFC 6749 4.1.3."""

    error_code = "grant_type_missing"
    error = "invalid_request"
    hint = "The grant_type is missing."


class GrantTypeUnsupported(OAuthRefusal):
    """ADR 0001: closed by default."""

    error_code = "grant_type_unsupported"
    error = "unsupported_grant_type"
    hint = "Only the grant types that the metadata names are supported."


class ClientUnauthorized(OAuthRefusal):
    """RFC 6749 5.2: a client uses the grants that it registered."""

    error_code = "client_unauthorized"
    error = "unauthorized_client"
    hint = "This client is not registered for this grant type."


class RefreshTokenMissing(OAuthRefusal):
    """RFC 6749 6."""

    error_code = "refresh_token_missing"
    error = "invalid_request"
    hint = "The refresh_token is missing."


class AuthorizationCodeMissing(OAuthRefusal):
    """RFC 6749 4.1.3."""

    error_code = "authorization_code_missing"
    error = "invalid_request"
    hint = "The authorization code is missing."


class ScopeOfPerson(OAuthRefusal):
    """RFC 6749 4.4.2: a client's own token speaks of nobody."""

    error_code = "scope_of_person"
    error = "invalid_scope"
    hint = "No scope is granted to a client itself."


class TokenMissing(OAuthRefusal):
    """RFC 7009 2.1, RFC 7662 2.1."""

    error_code = "token_missing"
    error = "invalid_request"
    hint = "The token is missing."


class VerifierMalformed(OAuthRefusal):
    """RFC 7636 4.1, 4.6."""

    error_code = "verifier_malformed"
    error = "invalid_grant"
    hint = "The code_verifier must be 43 to 128 unreserved characters."


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request as received. `authorization`: the header, empty without one."""

    content_type: str
    query_string: bytes
    authorization: str
    parameters: dict[str, str]

    @property
    def grant_type(self) -> str | None:
        """As sent."""
        return self.parameters.get("grant_type")


def check_no_query(request: TokenRequest) -> None:
    """Raises QueryRefused."""
    if request.query_string:
        raise QueryRefused


def check_form(request: TokenRequest) -> None:
    """Raises FormRequired."""
    if request.content_type != FORM:
        raise FormRequired


def check_one_authentication(request: TokenRequest) -> None:
    """RFC 6749 2.3. Raises SeveralAuthentications."""
    proofs = (
        request.authorization,
        "client_secret" in request.parameters,
        "client_assertion" in request.parameters,
    )
    if sum(map(bool, proofs)) > 1:
        raise SeveralAuthentications


def check_grant_type(request: TokenRequest) -> None:
    """Raises GrantTypeMissing, GrantTypeUnsupported."""
    if request.grant_type is None:
        raise GrantTypeMissing
    if request.grant_type not in GRANT_TYPES:
        raise GrantTypeUnsupported


def check_verifier(request: TokenRequest) -> None:
    """RFC 7636 4.1: its syntax; whether it fits is asked by the statement that redeems. Raises VerifierMalformed."""
    verifier = request.parameters.get("code_verifier")
    if verifier is not None and not VERIFIER.fullmatch(verifier):
        raise VerifierMalformed


def check_authorization_code(request: TokenRequest) -> None:
    """Raises AuthorizationCodeMissing."""
    if request.grant_type == AUTHORIZATION_CODE and "code" not in request.parameters:
        raise AuthorizationCodeMissing


def check_refresh_token(request: TokenRequest) -> None:
    """Raises RefreshTokenMissing."""
    if request.grant_type == REFRESH_TOKEN and "refresh_token" not in request.parameters:
        raise RefreshTokenMissing


def check_resource(request: TokenRequest) -> None:
    """RFC 8707 2: one that is known here, and one alone (ADR 0027). Raises ResourceRefused."""
    resource = request.parameters.get("resource")
    if resource is not None and resource not in current_settings().resources:
        raise ResourceRefused


def check_token(request: TokenRequest) -> None:
    """Raises TokenMissing."""
    if "token" not in request.parameters:
        raise TokenMissing
