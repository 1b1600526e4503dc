"""How this client proves itself to the provider: `private_key_jwt` with a key of its own, or `client_secret_basic`."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from shared.clock import Clock

ASSERTION_LIFE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ClientKey:
    """The private key of `private_key_jwt` (RFC 7523): RS256 for RSA, ES256 for P-256."""

    key: RSAKey | ECKey
    kid: str

    @property
    def algorithm(self) -> str:
        """The algorithm that this kind of key signs with."""
        return "RS256" if isinstance(self.key, RSAKey) else "ES256"

    def public_jwks(self) -> dict[str, Any]:
        """The JWKS to register at the provider: public members only."""
        public = self.key.as_dict(private=False)
        return {"keys": [public | {"kid": self.kid, "use": "sig", "alg": self.algorithm}]}


def load_client_key(path: Path) -> ClientKey:
    """The key of a PEM or JWK file. Raises ValueError when it is no private RSA or P-256 key, OSError."""
    content = path.read_bytes()
    try:
        key = _import_key(content)
    except (JoseError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a key") from error
    if not isinstance(key, RSAKey | ECKey) or not key.is_private:
        raise ValueError("not a private RSA or P-256 key")
    if isinstance(key, ECKey) and key.curve_name != "P-256":
        raise ValueError("not a P-256 key")
    return ClientKey(key, key.thumbprint())


def _import_key(content: bytes) -> Key:
    if content.lstrip().startswith(b"{"):
        return JWKRegistry.import_key(json.loads(content))
    # A PEM of PKCS 8 names its kind only inside.
    is_elliptic = isinstance(load_pem_private_key(content, password=None), EllipticCurvePrivateKey)
    return JWKRegistry.import_key(content, "EC" if is_elliptic else "RSA")


class ClientAssertion(PrivateKeyJWT):
    """`private_key_jwt` with a `kid`, a life of one minute instead of an hour, and a new `jti` each time."""

    def __init__(self, client_key: ClientKey, clock: Clock) -> None:
        super().__init__(alg=client_key.algorithm)
        self.client_key = client_key
        self.clock = clock

    def sign(self, auth: Any, token_endpoint: str) -> str:
        """One assertion for one request (RFC 7523 3)."""
        return str(
            private_key_jwt_sign(
                self.client_key.key,
                client_id=auth.client_id,
                token_endpoint=token_endpoint,
                alg=self.alg,
                header={"kid": self.client_key.kid},
                issued_at=int(self.clock().timestamp()),
                expires_in=ASSERTION_LIFE_SECONDS,
            )
        )


def encode_client_secret_basic(
    auth: Any, _method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """`client_secret_basic` with both parts form-urlencoded first (RFC 6749 2.3.1)."""
    pair = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body
