"""The authorization server: Authlib's, with our order of checks. The tuples below are that order, on one screen."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientAuthentication
from authlib.oidc.rpinitiated import EndSessionRequest
from flask import Response, current_app
from joserfc.errors import JoseError

from idp.errors import OAuthRefusal
from idp.oidc import clients, consents, endpoints, revocation
from idp.oidc.addresses import (
    AUTHORIZATION_ENDPOINT,
    END_SESSION_ENDPOINT,
    INTROSPECTION_ENDPOINT,
    REVOCATION_ENDPOINT,
    TOKEN_ENDPOINT,
)
from idp.oidc.answers import json_answer
from idp.oidc.checks import authorization, sign_in, token
from idp.oidc.checks.authorization import AuthorizationRequest, ClientDisabled, ClientUnknown
from idp.oidc.checks.parameters import check_printable_and_short, single_parameters, without_signed
from idp.oidc.checks.sign_in import ConsentRequired, LoginRequired, Presence, consented_since
from idp.oidc.checks.token import ClientAuthenticationFailed, TokenRequest
from idp.oidc.client_assertions import PrivateKeyJwt
from idp.oidc.client_keys import MEDIA_TYPES, ClientKeys
from idp.oidc.clients import ClientDirectory, RegisteredClient
from idp.oidc.endpoints import EndSession, HintRefused, Introspected
from idp.oidc.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    IdToken,
    RefreshTokenGrant,
    proven_client,
)
from idp.oidc.provider_request import ProviderRequest
from idp.oidc.registration import CLIENT_ID, PUBLIC_METHOD
from idp.oidc.request_objects import (
    RequestObjectTwice,
    check_request_uri,
    fetch_request_object,
    read_request_object,
)
from idp.oidc.subject import pairwise_subject
from idp.sessions.rules import CurrentSession
from idp.settings import Settings
from shared.clock import request_now
from shared.fetching import current_fetcher

AUTHORIZATION_CHECKS: tuple[Callable[[AuthorizationRequest], None], ...] = (
    authorization.check_client_enabled,  # a failure so far stays on our page
    authorization.check_redirect_uri,  # from here on, errors go back to the client
    authorization.check_response_mode,
    authorization.check_response_type,
    authorization.check_pkce,
    authorization.check_scope,
    authorization.check_resource,
    authorization.check_prompt,
    authorization.check_maximum_age,
    authorization.check_claims,
    authorization.check_acr,
)

# Whether a page must come before the answer. Whether the person has agreed is asked by the statement that issues.
SIGN_IN_CHECKS: tuple[Callable[[AuthorizationRequest, Presence], None], ...] = (
    sign_in.check_signed_in,
    sign_in.check_not_asked_again,
    sign_in.check_signed_in_lately,
    sign_in.check_account_chosen,
    sign_in.check_expected,
    sign_in.check_consent_not_asked_again,
)

CLIENT_CHECKS: tuple[Callable[[TokenRequest], None], ...] = (
    token.check_no_query,
    token.check_form,
    token.check_one_authentication,
)

TOKEN_CHECKS: tuple[Callable[[TokenRequest], None], ...] = (
    *CLIENT_CHECKS,
    token.check_grant_type,
    token.check_authorization_code,
    token.check_verifier,
    token.check_refresh_token,
    token.check_resource,
)

# Revocation and introspection.
PRESENTED_TOKEN_CHECKS: tuple[Callable[[TokenRequest], None], ...] = (*CLIENT_CHECKS, token.check_token)

# What hostile input makes of Authlib and joserfc, beside their own errors.
INPUT_ERRORS = (OAuth2Error, JoseError, ValueError, TypeError, KeyError)


@dataclass(frozen=True, slots=True)
class ReceivedToken:
    """A token request as it came. `pairs`: of the body."""

    content_type: str
    query_string: bytes
    authorization: str
    pairs: Iterable[tuple[str, str]]


class Provider(AuthorizationServer):
    """One a worker: holds the client directory, no state of any request."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.clients = ClientDirectory()
        self.client_keys = ClientKeys(lambda uri: current_fetcher().get(uri, accept=MEDIA_TYPES))
        self._client_auth = self._authentication(self.query_client)
        self._fresh_client_auth = self._authentication(self.read_client_again)
        self.register_hook("before_get_authorization_grant", walk_authorization_checks)
        self.register_grant(ClientCredentialsGrant)
        for grant in (AuthorizationCodeGrant, RefreshTokenGrant):
            self.register_grant(grant, [IdToken(settings)])
        self.register_endpoint(EndSession(settings.issuer))

    def query_client(self, client_id: str) -> RegisteredClient | None:  # type: ignore[override]  # None: unknown
        """Authlib's look-up. An id that none can have never reaches the database."""
        return self.clients.find(client_id, now=request_now()) if CLIENT_ID.fullmatch(client_id) else None

    def read_client_again(self, client_id: str) -> RegisteredClient | None:
        """As `query_client`, from the database."""
        return (
            self.clients.read_again(client_id, now=request_now()) if CLIENT_ID.fullmatch(client_id) else None
        )

    def create_oauth2_request(self, request: Any) -> ProviderRequest:  # type: ignore[override]  # not Flask's
        """Ours are made from checked parameters; Authlib never reads Flask's request."""
        return cast("ProviderRequest", request)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        """What the token endpoint answers."""
        return json_answer(body, status, dict(headers))

    # --- authorization endpoint

    def read_authorization_request(self, pairs: Iterable[tuple[str, str]]) -> AuthorizationRequest:
        """The request of a known client, as sent. Raises ParameterRepeated, ClientUnknown, ParameterMalformed."""
        parameters = single_parameters(pairs)
        client = self.query_client(parameters.get("client_id", ""))
        if client is None:
            raise ClientUnknown
        # Hints and request objects are longer than other parameters; no page of ours carries them.
        check_printable_and_short(without_signed(parameters, "request", "id_token_hint"))
        return AuthorizationRequest(parameters, client)

    def resolve_request_object(self, asked: AuthorizationRequest) -> AuthorizationRequest:
        """The request that counts: what the client signed, when it sent or named a request object (Core 6).

        Raises OAuthRefusal.
        """
        request_object, request_uri = asked.parameters.get("request"), asked.parameters.get("request_uri")
        if request_object is None and request_uri is None:
            return asked
        authorization.check_client_enabled(asked)
        if request_object is not None and request_uri is not None:
            raise RequestObjectTwice
        client = asked.client
        if request_uri is not None:
            request_object = fetch_request_object(check_request_uri(request_uri, client))
        parameters = read_request_object(
            request_object or "", client, self.client_keys.keys_of, self.settings.issuer
        )
        return AuthorizationRequest(parameters, client)

    def check_authorization_request(self, asked: AuthorizationRequest) -> AuthorizationCodeGrant:
        """Walk AUTHORIZATION_CHECKS, then Authlib's own. Raises OAuthRefusal."""
        request = ProviderRequest("GET", self.settings.issuer + AUTHORIZATION_ENDPOINT, {}, asked.parameters)
        request.authorization_request = asked
        grant = self.get_consent_grant(request)  # type: ignore[no-untyped-call]
        return cast("AuthorizationCodeGrant", grant)

    def check_presence(self, asked: AuthorizationRequest, presence: Presence) -> None:
        """Walk SIGN_IN_CHECKS. Raises LoginRequired, AnotherPerson, ConsentRequired."""
        for check in SIGN_IN_CHECKS:
            check(asked, presence)

    def grant_authorization(
        self, asked: AuthorizationRequest, grant: AuthorizationCodeGrant, presence: Presence
    ) -> str:
        """An authorization code for who is there. Raises LoginRequired, ConsentRequired, ClientDisabled."""
        self.check_presence(asked, presence)
        authorization_code = grant.create_authorization_response(asked.redirect_uri, presence)
        if authorization_code is None:
            raise self._why_not_issued(asked, presence)
        return cast("str", authorization_code)

    def would_answer(self, asked: AuthorizationRequest, presence: Presence) -> bool:
        """Whether nothing but a circle keeps the person here. Raises LoginRequired, AnotherPerson, ConsentRequired."""
        self.check_presence(asked, presence)
        return self.has_agreed(asked, presence)

    def has_agreed(self, asked: AuthorizationRequest, presence: Presence) -> bool:
        """Whether the person signed in agreed to all that is asked, lately enough. One query."""
        return presence.session is not None and consents.is_agreed(
            presence.session.account_id,
            asked.client.client_id,
            asked.consent_scopes,
            since=consented_since(asked, presence),
        )

    def expected_subjects(self, asked: AuthorizationRequest) -> frozenset[str] | None:
        """The subjects that the request's `id_token_hint` and `sub` claim leave; None when they name nobody."""
        named = frozenset(str(value) for value in asked.claims.subjects) or None
        if asked.id_token_hint is None:
            return named
        try:
            hinted = frozenset(
                {endpoints.read_id_token_hint(asked.id_token_hint, self.settings.issuer)["sub"]}
            )
        except HintRefused:
            return frozenset()
        return hinted if named is None else hinted & named

    def is_expected(
        self, asked: AuthorizationRequest, session: CurrentSession | None, expected: frozenset[str] | None
    ) -> bool | None:
        """Whether the person signed in is one of the subjects expected; None when nobody is expected or there."""
        if expected is None or session is None:
            return None
        return self.subject_of(asked.client, session) in expected

    def subject_of(self, client: RegisteredClient, session: CurrentSession) -> str:
        """The `sub` of the person signed in, at this client."""
        return pairwise_subject(client.sector_identifier, session.account_id, self.settings.pairwise_key)

    def _why_not_issued(self, asked: AuthorizationRequest, presence: Presence) -> OAuthRefusal:
        """The statement that issues knows better than a record of ten seconds ago."""
        client = self.read_client_again(asked.client.client_id)
        if client is None or client.is_disabled:
            return ClientDisabled()
        if not self.has_agreed(asked, presence):
            return ConsentRequired()
        return LoginRequired("the session or its account no longer holds")

    # --- token endpoint

    def answer_token(self, received: ReceivedToken) -> Response:
        """Walk TOKEN_CHECKS, then Authlib's grant. Raises OAuthRefusal."""
        request = self._client_request(received, TOKEN_CHECKS, TOKEN_ENDPOINT)
        return cast("Response", self.create_token_response(request))

    def revoke_token(self, received: ReceivedToken) -> None:
        """RFC 7009 2.1: the token's grant ends if it is the client's own. Raises OAuthRefusal."""
        request = self._client_request(received, PRESENTED_TOKEN_CHECKS, REVOCATION_ENDPOINT)
        client = proven_client(self, request)
        revocation.revoke(client.client_id, request.parameters["token"], now=request_now())

    def introspect_token(self, received: ReceivedToken) -> Introspected:
        """RFC 7662 2.1: for clients that prove who they are. Raises OAuthRefusal."""
        request = self._client_request(received, PRESENTED_TOKEN_CHECKS, INTROSPECTION_ENDPOINT)
        client = proven_client(self, request)
        if client.token_endpoint_auth_method == PUBLIC_METHOD:
            raise ClientAuthenticationFailed("a public client proves nothing")
        return endpoints.introspect(client, request.parameters["token"], self.settings)

    def _client_request(
        self, received: ReceivedToken, checks: Iterable[Callable[[TokenRequest], None]], endpoint: str
    ) -> ProviderRequest:
        parameters = single_parameters(received.pairs)
        # An assertion is longer than other parameters; its signature says whether it is well formed.
        check_printable_and_short(
            {name: value for name, value in parameters.items() if name != "client_assertion"}
        )
        asked = TokenRequest(received.content_type, received.query_string, received.authorization, parameters)
        for check in checks:
            check(asked)
        headers = {"Authorization": received.authorization} if received.authorization else {}
        return ProviderRequest("POST", self.settings.issuer + endpoint, headers, parameters)

    def authenticate_client(
        self, request: Any, methods: Collection[str], endpoint: str = "token"
    ) -> RegisteredClient:
        """The client that the request proves; a proof newer than our record is tried on a new one.

        Raises ClientAuthenticationFailed, the same whatever failed.
        """
        client = self._proven_client(request, methods, endpoint)
        if clients.note_use(client, now=request_now()):
            self.read_client_again(client.client_id)
        return client

    def _proven_client(self, request: Any, methods: Collection[str], endpoint: str) -> RegisteredClient:
        try:
            return cast("RegisteredClient", self._client_auth(request, methods, endpoint))
        except (*INPUT_ERRORS, ClientAuthenticationFailed):
            pass
        try:
            return cast("RegisteredClient", self._fresh_client_auth(request, methods, endpoint))
        except INPUT_ERRORS:
            raise ClientAuthenticationFailed from None

    def _authentication(self, query_client: Callable[[str], Any]) -> ClientAuthentication:
        authentication = ClientAuthentication(query_client)
        authentication.register(
            PrivateKeyJwt.CLIENT_AUTH_METHOD, PrivateKeyJwt(self.settings.issuer, self.client_keys)
        )
        return authentication

    # --- sign-out

    def read_end_session_request(self, pairs: Iterable[tuple[str, str]]) -> EndSessionRequest:
        """A sign-out request, its hint and address verified. Raises OAuthRefusal."""
        parameters = single_parameters(pairs)
        # A hint is longer than other parameters, and its signature says whether it is well formed.
        check_printable_and_short(
            {name: value for name, value in parameters.items() if name != "id_token_hint"}
        )
        request = ProviderRequest("GET", self.settings.issuer + END_SESSION_ENDPOINT, {}, parameters)
        return cast("EndSessionRequest", self.validate_endpoint_request("end_session", request))


def walk_authorization_checks(_server: Provider, request: ProviderRequest) -> None:
    """The one hook: Authlib keeps hooks in a set, without an order; our order is the tuple."""
    asked = cast("AuthorizationRequest", request.authorization_request)
    for check in AUTHORIZATION_CHECKS:
        check(asked)


def current_provider() -> Provider:
    """The provider of the running application."""
    return cast("Provider", current_app.extensions["oidc"])
