"""What an access token is: 32 random bytes, or a signed statement for clients that want it (RFC 9068).

Both are kept as digests and looked up alike: a signed one is revoked like any other.
"""

from typing import Any

from idp.oidc.clients import RegisteredClient
from idp.oidc.service import AccessFacts, Mint
from idp.oidc.signing import ACCESS_TOKEN_TYPE, signer
from idp.oidc.subject import pairwise_subject
from idp.settings import Settings
from shared.secrets import new_secret

JWT_FORMAT = "jwt"


def minter(client: RegisteredClient, settings: Settings) -> Mint:
    """Makes the client's access tokens. Not to be called inside a transaction; what it returns may be."""
    if client.access_token_format != JWT_FORMAT:
        return lambda _facts: new_secret()
    sign = signer(ACCESS_TOKEN_TYPE)
    return lambda facts: sign(access_token_claims(facts, client, settings))


def access_token_claims(facts: AccessFacts, client: RegisteredClient, settings: Settings) -> dict[str, Any]:
    """RFC 9068 2.2: for the resource asked, else for the provider; `sub` is the client's own in its own tokens."""
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": client.client_id,
        "aud": facts.audience or settings.issuer,
        "client_id": client.client_id,
        "exp": int(facts.expires_at.timestamp()),
        "iat": int(facts.issued_at.timestamp()),
        "jti": str(facts.id),
    }
    if facts.account_id is not None:
        sector, key = client.sector_identifier, settings.pairwise_key
        claims["sub"] = pairwise_subject(sector, facts.account_id, key)
    if facts.auth_time is not None:
        claims["auth_time"] = int(facts.auth_time.timestamp())
    return claims | ({"scope": facts.scope} if facts.scope else {})
