"""What an authorization request must be. A failure before `check_redirect_uri` has passed stays on our page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.errors import OAuthRefusal
from idp.oidc.authentication import SUPPORTED_ACRS
from idp.oidc.claims_request import ClaimsRequest, ClaimsUnreadable, read_claims_request
from idp.oidc.clients import RegisteredClient
from idp.oidc.scopes import OPENID, granted_scope
from idp.oidc.service import ResourceRefused
from idp.settings import current as current_settings

RESPONSE_MODES = ("query", "form_post")
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
S256 = "S256"
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
MAXIMUM_AGE = re.compile(r"[0-9]{1,9}")
NO_CLAIMS = ClaimsRequest()


class ClientUnknown(OAuthRefusal):
    """RFC 6749 4.1.2.1: no such client. One answer whatever is wrong with the id."""

    error_code = "client_unknown"
    error = "invalid_request"
    hint = "The client_id is missing or unknown."
    remedy = "Compare the client_id with `idp clients list`; the issuer may be another installation's."
    may_redirect = False


class ClientDisabled(OAuthRefusal):
    """The operator closed this client: told on our page, for nothing goes to its addresses any more."""

    error_code = "client_disabled"
    error = "unauthorized_client"
    hint = "This client is disabled."
    may_redirect = False


class RedirectUriMissing(OAuthRefusal):
    """OpenID Connect Core 3.1.2.1: required, even when only one is registered."""

    error_code = "redirect_uri_missing"
    error = "invalid_request"
    hint = "The redirect_uri is missing."
    may_redirect = False


class RedirectUriMismatch(OAuthRefusal):
    """RFC 6749 4.1.2.1: tell the person, never redirect."""

    error_code = "redirect_uri_mismatch"
    error = "invalid_request"
    hint = "The redirect_uri is not one that this client registered, to the character."
    remedy = (
        "The page names the kind of difference: scheme, host, port, path, trailing slash, query, case. Behind a proxy, "
        "libraries often build http:// or an inner host: configure the public address."
    )
    may_redirect = False


class ResponseTypeMissing(OAuthRefusal):
    """RFC 6749 3.1.1."""

    error_code = "response_type_missing"
    error = "invalid_request"
    hint = "The response_type is missing."


class ResponseTypeUnsupported(OAuthRefusal):
    """ADR 0001: the code flow only."""

    error_code = "response_type_unsupported"
    error = "unsupported_response_type"
    hint = "Only response_type=code is supported."


class ResponseModeUnsupported(OAuthRefusal):
    """OAuth 2.0 Multiple Response Types 2.1: only the modes that discovery names."""

    error_code = "response_mode_unsupported"
    error = "invalid_request"
    hint = "Only the response modes query and form_post are supported."


class ClaimsMalformed(OAuthRefusal):
    """OpenID Connect Core 5.5: a JSON object of claims."""

    error_code = "claims_malformed"
    error = "invalid_request"
    hint = "The claims parameter must be a JSON object as OpenID Connect Core 5.5 describes it."


class AcrUnattainable(OAuthRefusal):
    """OpenID Connect Core 5.5.1.1, Unmet Authentication Requirements 2: essential, and no sign-in here reaches it."""

    error_code = "acr_unattainable"
    error = "unmet_authentication_requirements"
    hint = "None of the essential acr values can be reached."
    remedy = "Ask for one of acr_values_supported, or do not mark acr as essential."


class PkceRequired(OAuthRefusal):
    """RFC 9700 2.1.1: a challenge, and S256 only."""

    error_code = "pkce_required"
    error = "invalid_request"
    hint = "A code_challenge of 43 base64url characters with code_challenge_method=S256 is required."
    remedy = "PKCE is off in the library, or its method is plain: turn S256 on."


class ScopeWithoutOpenid(OAuthRefusal):
    """OpenID Connect Core 3.1.2.1."""

    error_code = "scope_without_openid"
    error = "invalid_scope"
    hint = "The scope must hold openid."


class PromptMalformed(OAuthRefusal):
    """OpenID Connect Core 3.1.2.1: known values; none stands alone."""

    error_code = "prompt_malformed"
    error = "invalid_request"
    hint = "The prompt holds an unknown value, or none together with another."


class MaximumAgeMalformed(OAuthRefusal):
    """OpenID Connect Core 3.1.2.1: a number of seconds."""

    error_code = "max_age_malformed"
    error = "invalid_request"
    hint = "The max_age must be a number of seconds."


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request of a known client. Its properties mean something once the checks have passed."""

    parameters: Mapping[str, str]
    client: RegisteredClient

    @property
    def redirect_uri(self) -> str:
        """As sent; registered to the character once checked."""
        return self.parameters.get("redirect_uri", "")

    @property
    def state(self) -> str | None:
        """Returned byte for byte."""
        return self.parameters.get("state")

    @property
    def nonce(self) -> str | None:
        """Copied into the ID token; not judged by us."""
        return self.parameters.get("nonce")

    @property
    def response_mode(self) -> str:
        """How the answer travels: `query`, or `form_post`."""
        asked = self.parameters.get("response_mode", RESPONSE_MODES[0])
        return asked if asked in RESPONSE_MODES else RESPONSE_MODES[0]

    @property
    def code_challenge(self) -> str | None:
        """S256 of the client's verifier, or None."""
        return self.parameters.get("code_challenge")

    @property
    def resource(self) -> str | None:
        """For whom the access token is meant (RFC 8707 2); None: the provider."""
        return self.parameters.get("resource")

    @property
    def scope(self) -> str:
        """What is granted of what was asked."""
        return granted_scope(self.parameters.get("scope", ""), self.client.scopes)

    @property
    def consent_scopes(self) -> frozenset[str]:
        """What the person must have agreed to: the granted scopes, and those whose claims are asked by name."""
        return frozenset(self.scope.split()) | self.claims.scopes_behind(self.client.scopes)

    @property
    def claims(self) -> ClaimsRequest:
        """The claims asked one by one; none until `check_claims` has passed."""
        text = self.parameters.get("claims")
        return read_claims_request(text) if text is not None else NO_CLAIMS

    @property
    def prompts(self) -> frozenset[str]:
        """The values of `prompt`."""
        return frozenset(self.parameters.get("prompt", "").split())

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown (`prompt=none`)."""
        return "none" in self.prompts

    @property
    def asks_again(self) -> bool:
        """Whether the person must sign in whatever session lives: `prompt=login`, `max_age=0`."""
        return "login" in self.prompts or self._maximum_age == 0

    @property
    def asks_which_account(self) -> bool:
        """Whether the person must say which account to go on with (`prompt=select_account`)."""
        return "select_account" in self.prompts

    @property
    def asks_consent_again(self) -> bool:
        """Whether the person must agree whatever they agreed to before (`prompt=consent`)."""
        return "consent" in self.prompts

    @property
    def id_token_hint(self) -> str | None:
        """An earlier ID token of the person expected."""
        return self.parameters.get("id_token_hint")

    @property
    def _maximum_age(self) -> int | None:
        text = self.parameters.get("max_age")
        return int(text) if text is not None else self.client.default_max_age

    def signed_in_since(self, *, now: datetime) -> datetime | None:
        """The instant at or after which a sign-in satisfies this request; None when any does.

        Taken once, on arrival: compared again later, `max_age` would loop.
        """
        if self.asks_again:
            return now
        return now - timedelta(seconds=self._maximum_age) if self._maximum_age is not None else None


def check_client_enabled(request: AuthorizationRequest) -> None:
    """Raises ClientDisabled."""
    if request.client.is_disabled:
        raise ClientDisabled


def check_redirect_uri(request: AuthorizationRequest) -> None:
    """RFC 9700 2.1: exact string equality. Raises RedirectUriMissing, RedirectUriMismatch."""
    if not request.redirect_uri:
        raise RedirectUriMissing
    if not request.client.check_redirect_uri(request.redirect_uri):
        raise RedirectUriMismatch


def check_response_mode(request: AuthorizationRequest) -> None:
    """Never a fragment, never a JWT (AZ-38). Raises ResponseModeUnsupported."""
    if request.parameters.get("response_mode", RESPONSE_MODES[0]) not in RESPONSE_MODES:
        raise ResponseModeUnsupported


def check_response_type(request: AuthorizationRequest) -> None:
    """`code`, to the character (ADR 0001). Raises ResponseTypeMissing, ResponseTypeUnsupported."""
    response_type = request.parameters.get("response_type")
    if response_type is None:
        raise ResponseTypeMissing
    if response_type != "code":
        raise ResponseTypeUnsupported


def check_pkce(request: AuthorizationRequest) -> None:
    """RFC 7636 4.4.1, RFC 9700 2.1.1: required unless registered otherwise; S256 whenever sent. Raises PkceRequired."""
    method = request.parameters.get("code_challenge_method")
    if request.code_challenge is None and method is None and not request.client.require_pkce:
        return
    if request.code_challenge is None or method != S256 or not CHALLENGE.fullmatch(request.code_challenge):
        raise PkceRequired


def check_scope(request: AuthorizationRequest) -> None:
    """OpenID Connect Core 3.1.2.1; other scopes are filtered, not refused. Raises ScopeWithoutOpenid."""
    if OPENID not in request.scope.split():
        raise ScopeWithoutOpenid


def check_prompt(request: AuthorizationRequest) -> None:
    """OpenID Connect Core 3.1.2.1. Raises PromptMalformed."""
    if not request.prompts <= PROMPTS or (request.is_silent and len(request.prompts) > 1):
        raise PromptMalformed


def check_maximum_age(request: AuthorizationRequest) -> None:
    """OpenID Connect Core 3.1.2.1. Raises MaximumAgeMalformed."""
    if not MAXIMUM_AGE.fullmatch(request.parameters.get("max_age", "0")):
        raise MaximumAgeMalformed


def check_resource(request: AuthorizationRequest) -> None:
    """RFC 8707 2: one that is known here, and one alone (ADR 0027). Raises ResourceRefused."""
    if request.resource is not None and request.resource not in current_settings().resources:
        raise ResourceRefused


def check_claims(request: AuthorizationRequest) -> None:
    """OpenID Connect Core 5.5. Raises ClaimsMalformed."""
    try:
        _ = request.claims
    except ClaimsUnreadable:
        raise ClaimsMalformed from None


def check_acr(request: AuthorizationRequest) -> None:
    """OpenID Connect Core 5.5.1.1: before anybody signs in for nothing; a wish in `acr_values` binds nobody.

    Raises AcrUnattainable.
    """
    essential = request.claims.essential_acrs
    if essential and not any(acr in essential for acr in SUPPORTED_ACRS):
        raise AcrUnattainable
