"""The issuer's public keys: read from its JWKS, and the one that fits a token. Nothing is taken from the token."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from livret_service.sign_in.checks import IdTokenRefused

MAXIMUM_KEYS = 50
MINIMUM_RSA_BITS = 2048
# Key type, and curve where the algorithm fixes it (RFC 7518 3.1, RFC 8037 3.1).
KEY_OF_ALGORITHM: dict[str, tuple[type[RSAKey] | type[ECKey] | type[OKPKey], str | None]] = {
    "RS256": (RSAKey, None),
    "PS256": (RSAKey, None),
    "ES256": (ECKey, "P-256"),
    "Ed25519": (OKPKey, "Ed25519"),
    "EdDSA": (OKPKey, "Ed25519"),
}
PUBLIC_MEMBERS = {RSAKey: ("kty", "n", "e"), ECKey: ("kty", "crv", "x", "y"), OKPKey: ("kty", "crv", "x")}
KEY_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class UnknownKey(IdTokenRefused):
    """No key of the set fits the token: the set may be old."""


class BadSignature(IdTokenRefused):
    """The key of that `kid` did not sign this token: the key may have been replaced under its name."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """One public key of the issuer. `algorithm` is the JWK's own `alg`, when it states one."""

    kid: str | None
    algorithm: str | None
    key: RSAKey | ECKey | OKPKey

    def fits(self, algorithm: str, kid: str | None) -> bool:
        """Whether this key may verify a token of that `alg` and `kid`."""
        key_type, curve = KEY_OF_ALGORITHM[algorithm]
        if not isinstance(self.key, key_type) or self.algorithm not in (None, algorithm):
            return False
        has_curve = curve is None or self.key.as_dict(private=False).get("crv") == curve
        return has_curve and (kid is None or kid == self.kid)


def read_jwk_set(document: object) -> tuple[IssuerKey, ...]:
    """The usable signing keys of a JWKS (RFC 7517 5); an entry that cannot be read is skipped.

    An empty result means that the document holds no key for us.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return ()
    keys = (_read_key(entry) for entry in entries[:MAXIMUM_KEYS])
    return tuple(key for key in keys if key is not None)


def _read_key(entry: object) -> IssuerKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    key_type = KEY_TYPES.get(str(entry.get("kty")))
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if key_type is None or not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        return None
    try:
        # Before the library sees it: that one would read a weak key, and only warn.
        if _is_weak(entry):
            return None
        # Only the public members: a set that leaks its private ones gets no further here.
        key = key_type.import_key({name: entry[name] for name in PUBLIC_MEMBERS[key_type]})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return IssuerKey(kid, algorithm, key)


def _is_weak(entry: Mapping[str, Any]) -> bool:
    if entry["kty"] != "RSA":
        return False
    modulus = base64.urlsafe_b64decode(entry["n"] + "==")
    return int.from_bytes(modulus, "big").bit_length() < MINIMUM_RSA_BITS


def choose_key(keys: tuple[IssuerKey, ...], header: Mapping[str, Any]) -> Key:
    """The one key for a header whose `alg` is among the pinned ones. Raises UnknownKey.

    Without `kid` exactly one key must fit (Core 10.1): trying them in turn would let any of them vouch.
    """
    fitting = [key for key in keys if key.fits(header["alg"], header.get("kid"))]
    if len(fitting) != 1:
        raise UnknownKey("kid")
    return fitting[0].key


def verified_claims(id_token: str, key: Key, algorithm: str) -> dict[str, Any]:
    """The claims that `key` signed with `algorithm` and no other. Raises BadSignature, IdTokenRefused."""
    # The header's own `jwk`, `jku`, `x5u`, `x5c` are never looked at: the key is passed in.
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        return dict(jwt.decode(id_token, key, registry=registry).claims)
    except JoseError as error:
        if error.error == "bad_signature":
            raise BadSignature("signature") from None
        raise IdTokenRefused(error.error) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise IdTokenRefused("form") from None
