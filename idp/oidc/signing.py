"""What the provider signs: one function, so that each kind of token has its own type and names its key."""

from collections.abc import Callable
from typing import Any

from joserfc import jwt

from idp.signing_keys import service as signing_keys

Signer = Callable[[dict[str, Any]], str]

JWT = "JWT"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a header's value (RFC 9068 2.1)
INTROSPECTION_TYPE = "token-introspection+jwt"
"""RFC 9701 5."""


def signer(typ: str = JWT, algorithm: str = signing_keys.ALGORITHM) -> Signer:
    """Signs claims with the key that is active now; not to be made inside a transaction, but usable there."""
    key = signing_keys.active_key(algorithm)
    header = {"alg": algorithm, "kid": key.kid, "typ": typ}
    return lambda claims: jwt.encode(header, claims, key, [algorithm])
