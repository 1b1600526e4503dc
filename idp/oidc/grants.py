"""The flows of the token endpoint, on Authlib's grants; the ID token (ADR 0001).

Authlib dispatches, authenticates and extends; what it would do by reading first and writing later is replaced by
one statement of the service.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from authlib.oauth2.rfc6749 import OAuth2Request, grants
from authlib.oauth2.rfc6749.grants import BaseGrant
from authlib.oauth2.rfc6749.hooks import hooked
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.grants import OpenIDCode

from idp.oidc import renewal, service
from idp.oidc.authentication import authentication_of
from idp.oidc.checks.sign_in import Presence, consented_since
from idp.oidc.checks.token import ClientAuthenticationFailed, ClientUnauthorized, ScopeOfPerson
from idp.oidc.claims import IdTokenFacts, access_token_hash, id_token_claims, named_claims
from idp.oidc.clients import RegisteredClient
from idp.oidc.minting import minter
from idp.oidc.provider_request import ProviderRequest
from idp.oidc.renewal import Renewal
from idp.oidc.service import CodeRequest, Redemption, TokensIssued
from idp.oidc.signing import signer
from idp.oidc.subject import pairwise_subject
from idp.settings import Settings
from idp.settings import current as current_settings
from shared.clock import request_now


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """RFC 6749 4.1, with the code bound, consumed and exchanged by one statement."""

    request: ProviderRequest

    def create_authorization_response(self, redirect_uri: str, grant_user: Any) -> Any:  # noqa: ARG002
        """The authorization code for the `Presence` in `grant_user`, or None when nothing is issued at this instant."""
        asked, presence = self.request.authorization_request, cast("Presence", grant_user)
        if asked is None or presence.session is None:
            raise RuntimeError("the authorization request was not checked")
        return service.issue_authorization_code(
            CodeRequest(
                client_id=asked.client.client_id,
                redirect_uri=asked.redirect_uri,
                scope=asked.scope,
                nonce=asked.nonce,
                code_challenge=asked.code_challenge,
                authentication=authentication_of(presence.session),
                claims=asked.claims.names_given(asked.client.scopes),
                consent_scopes=asked.consent_scopes,
                consented_since=consented_since(asked, presence),
                resource=asked.resource,
            ),
            presence.session.id,
            now=request_now(),
        )

    def validate_token_request(self) -> None:
        """Who the client is; whether its code holds is asked by the statement that consumes it."""
        prove_client(self)

    @hooked
    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """The tokens of the code. Raises AuthorizationCodeRefused."""
        parameters = self.request.form
        verifier = parameters.get("code_verifier")
        client = cast("RegisteredClient", self.request.client)
        issued = service.redeem_authorization_code(
            Redemption(
                client_id=client.client_id,
                authorization_code=parameters["code"],
                redirect_uri=parameters.get("redirect_uri", ""),
                code_challenge=_challenge_of(verifier) if verifier else None,
                mint=minter(client, current_settings()),
                resource=parameters.get("resource"),
            ),
            now=request_now(),
        )
        self.request.issued = issued
        return 200, _token_answer(issued), list(self.TOKEN_RESPONSE_HEADER)


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """RFC 6749 6, with the token exchanged and its reuse noticed by one transaction."""

    request: ProviderRequest

    def validate_token_request(self) -> None:
        """Who the client is; whether its token holds is asked by the statement that exchanges it."""
        prove_client(self)

    @hooked
    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """New tokens. Raises RefreshTokenRefused, ScopeWidened."""
        parameters = self.request.form
        client = cast("RegisteredClient", self.request.client)
        issued = renewal.refresh(
            Renewal(
                client_id=client.client_id,
                refresh_token=parameters["refresh_token"],
                mint=minter(client, current_settings()),
                scope=parameters.get("scope"),
                resource=parameters.get("resource"),
            ),
            now=request_now(),
        )
        self.request.issued = issued
        return 200, _token_answer(issued), list(self.TOKEN_RESPONSE_HEADER)


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """RFC 6749 4.4: a client for itself. No scope: each of ours speaks of a person."""

    request: ProviderRequest

    def validate_token_request(self) -> None:
        """Who the client is; a public one proves nothing. Raises ScopeOfPerson."""
        prove_client(self)
        if self.request.form.get("scope", "").strip():
            raise ScopeOfPerson

    @hooked
    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """An access token alone (RFC 6749 4.4.3). Raises ClientAuthenticationFailed when the client is disabled."""
        client = cast("RegisteredClient", self.request.client)
        issued = service.issue_client_token(
            client.client_id,
            self.request.form.get("resource"),
            minter(client, current_settings()),
            now=request_now(),
        )
        if issued is None:
            raise ClientAuthenticationFailed("disabled")
        answer = {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in_seconds,
        }
        return 200, answer, list(self.TOKEN_RESPONSE_HEADER)


class IdToken(OpenIDCode):
    """OpenID Connect Core 2 and 3.1.3.6: signed by the active key, its claims from what the code stands for."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(require_nonce=False)
        self._settings = settings

    def __call__(self, grant: BaseGrant) -> None:
        """Only the token's hook: the authorization request is judged by our own ordered checks."""
        grant.register_hook("after_create_token_response", cast("Callable[..., None]", self.process_token))

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:  # noqa: ARG002
        """The provider does not judge nonces: the client does."""
        return False

    def encode_id_token(self, answer: dict[str, Any], request: OAuth2Request) -> str:
        """The ID token beside the access token of `answer`: `kid` in the header, `aud` a string, `at_hash` of the access token."""
        issued = cast("TokensIssued", cast("ProviderRequest", request).issued)
        client = cast("RegisteredClient", request.client)
        scopes = frozenset(issued.scope.split())
        children = service.as_claims(issued.children, client.sector_identifier)
        claims = id_token_claims(self._facts(issued, client), scopes, children)
        if issued.person is not None:
            claims |= named_claims(issued.id_token_names, issued.person, scopes, children)
        algorithm = client.id_token_signed_response_alg
        claims["at_hash"] = access_token_hash(answer["access_token"], algorithm)
        return signer(algorithm=algorithm)(claims)

    def _facts(self, issued: TokensIssued, client: RegisteredClient) -> IdTokenFacts:
        now = request_now()
        return IdTokenFacts(
            issuer=self._settings.issuer,
            subject=pairwise_subject(
                client.sector_identifier, issued.account_id, self._settings.pairwise_key
            ),
            client_id=client.client_id,
            sid=issued.sid,
            auth_time=issued.auth_time,
            acr=issued.authentication.acr,
            amr=issued.authentication.amr,
            issued_at=now,
            expires_at=now + timedelta(seconds=self._settings.id_token_seconds),
            nonce=issued.nonce,
        )


def prove_client(grant: BaseGrant) -> None:
    """Authenticate the client of a token request. Raises ClientAuthenticationFailed, ClientUnauthorized."""
    request = cast("ProviderRequest", grant.request)
    client = proven_client(grant.server, request)
    if not client.check_grant_type(cast("str", grant.GRANT_TYPE)):
        raise ClientUnauthorized
    request.client = client


def proven_client(server: Any, request: ProviderRequest) -> RegisteredClient:
    """The client that a request proves, and names if it names one. Raises ClientAuthenticationFailed."""
    client = cast("RegisteredClient", server.authenticate_client(request, [proof_sent(request)]))
    if request.form.get("client_id", client.client_id) != client.client_id:
        raise ClientAuthenticationFailed("client_id names another client")
    return client


def proof_sent(request: ProviderRequest) -> str:
    """The method that a request proves its client by; `none` for one that only names it."""
    if request.headers and "Authorization" in request.headers:
        return "client_secret_basic"
    if "client_assertion" in request.form:
        return "private_key_jwt"
    return "client_secret_post" if "client_secret" in request.form else "none"


def _challenge_of(code_verifier: str) -> str:
    return cast("str", create_s256_code_challenge(code_verifier))  # type: ignore[no-untyped-call]


def _token_answer(issued: TokensIssued) -> dict[str, Any]:
    answer = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in_seconds,
        "scope": issued.scope,
    }
    return answer | ({"refresh_token": issued.refresh_token} if issued.refresh_token else {})
