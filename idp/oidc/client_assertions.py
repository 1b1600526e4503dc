"""How a client proves itself by a signature (RFC 7523, OpenID Connect Core 9)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.jwk import GuestProtocol, KeySet

from idp.oidc import clients
from idp.oidc.addresses import TOKEN_ENDPOINT
from idp.oidc.checks.token import ClientAuthenticationFailed
from idp.oidc.client_keys import ClientKeys
from idp.oidc.clients import RegisteredClient
from idp.oidc.registration import ASSERTION_ALGORITHMS
from shared.clock import request_now

ASSERTION_LEEWAY = timedelta(seconds=10)
ASSERTION_LIFE = timedelta(minutes=5)
LONGEST_JTI = 255
KeyOfAssertion = Callable[[GuestProtocol], KeySet]


class PrivateKeyJwt(JWTBearerClientAssertion):
    """RFC 7523 3 as FAPI 2.0 5.3.2.1 narrows it: short, for us alone, once."""

    CLIENT_AUTH_METHOD = "private_key_jwt"  # type: ignore[misc]  # the stubs hold it final; Authlib says override

    def __init__(self, issuer: str, keys: ClientKeys) -> None:
        super().__init__(validate_jti=True)
        self._issuer = issuer
        self._keys = keys

    def get_audiences(self) -> list[str]:
        """The issuer, or the token endpoint."""
        return [self._issuer, self._issuer + TOKEN_ENDPOINT]

    def resolve_client_public_key(self, client: RegisteredClient) -> KeyOfAssertion:
        """Finds the key that an assertion names, among the client's own."""
        return lambda assertion: self._key_of(client, assertion)

    def process_assertion_claims(self, assertion: str, resolve_key: KeyOfAssertion) -> dict[str, Any]:
        """Signature by a pinned algorithm, then the claims."""
        claims = jwt.decode(assertion, resolve_key, algorithms=list(ASSERTION_ALGORITHMS)).claims
        self.verify_claims(claims)
        return claims

    def _key_of(self, client: RegisteredClient, assertion: GuestProtocol) -> KeySet:
        """Raises ClientAuthenticationFailed: another algorithm than the registered one, or no key to be had."""
        header = assertion.headers()
        if client.token_endpoint_auth_signing_alg not in (None, header["alg"]):
            raise ClientAuthenticationFailed("alg")
        kid = header.get("kid")
        keys = self._keys.keys_of(client, kid if isinstance(kid, str) else None)
        if keys is None:
            raise ClientAuthenticationFailed("no key registered, or none that could be fetched")
        return keys

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """Raises ClientAuthenticationFailed. The `jti` is taken last: a bad assertion uses none up."""
        now = request_now()
        if claims.get("iss") != claims["sub"] or claims.get("aud") not in self.get_audiences():
            raise ClientAuthenticationFailed("iss, sub or aud")
        expires_at = _instant(claims.get("exp"))
        issued_at = _instant(claims["iat"]) if "iat" in claims else now
        not_before = _instant(claims["nbf"]) if "nbf" in claims else now
        if expires_at <= now - ASSERTION_LEEWAY or expires_at - issued_at > ASSERTION_LIFE:
            raise ClientAuthenticationFailed("exp")
        if max(issued_at, not_before) > now + ASSERTION_LEEWAY:
            raise ClientAuthenticationFailed("iat or nbf")
        self._take_jti(claims, expires_at + ASSERTION_LEEWAY, now=now)

    def _take_jti(self, claims: dict[str, Any], expires_at: datetime, *, now: datetime) -> None:
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
            raise ClientAuthenticationFailed("jti")
        if not clients.take_assertion(claims["sub"], jti, expires_at=expires_at, now=now):
            raise ClientAuthenticationFailed("jti used before")


def _instant(value: object) -> datetime:
    """A NumericDate (RFC 7519 2). Raises ClientAuthenticationFailed on anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClientAuthenticationFailed("not a number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise ClientAuthenticationFailed("not an instant") from None
