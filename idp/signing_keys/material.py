"""The key pairs themselves: made, sealed under the key-encryption key, opened (ADR 0012)."""

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any

from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

from idp.settings import current
from idp.signing_keys.models import SigningKey
from idp.signing_keys.rules import ACTIVE, UPCOMING, KeyState, SigningAlgorithm
from shared.sealing import SealBroken, seal, unseal

RSA_BITS = 2048
PairKey = RSAKey | ECKey | OKPKey
KEY_TYPES: dict[SigningAlgorithm, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    SigningAlgorithm.RS256: RSAKey,
    SigningAlgorithm.ES256: ECKey,
    SigningAlgorithm.ED25519: OKPKey,
}


class Seal(StrEnum):
    """Under which key-encryption key a private key lies: the present one, the previous one, another, or erased."""

    CURRENT = "current"
    PREVIOUS = "previous"
    BROKEN = "broken"
    NONE = "none"


def new_row(algorithm: SigningAlgorithm, state: KeyState, *, now: datetime) -> dict[str, Any]:
    """A new key pair as a row, its private half sealed under its own `kid`."""
    key = _generate(algorithm)
    kid = f"k-{now:%Y-%m-%d}-{secrets.token_hex(4)}"
    return {
        "kid": kid,
        "algorithm": algorithm.value,
        "state": state,
        "public_jwk": {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": algorithm.value},
        "sealed_private": seal_private(key.as_der(private=True), kid),
        "created_at": now,
        "published_at": now if state is UPCOMING else None,
        "activated_at": now if state is ACTIVE else None,
    }


def import_public(public_jwk: dict[str, Any]) -> PairKey:
    """The public half, with its `kid`, use and algorithm."""
    return KEY_TYPES[SigningAlgorithm(public_jwk["alg"])].import_key(public_jwk)


def open_key(row: SigningKey) -> PairKey:
    """The private key, with its `kid`, use and algorithm. Raises SealBroken."""
    _, private = open_seal(row)
    members: KeyParameters = {"kid": row.kid, "use": "sig", "alg": row.algorithm}
    return KEY_TYPES[SigningAlgorithm(row.algorithm)].import_key(private, members)


def seal_private(private: bytes, kid: str) -> bytes:
    """Seal under the present key-encryption key; `kid` as associated data, so that no row passes for another."""
    return seal(private, key=current().key_encryption_key, associated=kid.encode())


def open_seal(row: SigningKey) -> tuple[Seal, bytes]:
    """The private key in DER, and which key-encryption key opened it. Raises SealBroken when neither does."""
    settings = current()
    try:
        return Seal.CURRENT, _unseal(row, settings.key_encryption_key)
    except SealBroken:
        if settings.previous_key_encryption_key is None:
            raise
        return Seal.PREVIOUS, _unseal(row, settings.previous_key_encryption_key)


def seal_of(row: SigningKey) -> Seal:
    """Under which key-encryption key the row is sealed."""
    if not row.sealed_private:
        return Seal.NONE
    try:
        return open_seal(row)[0]
    except SealBroken:
        return Seal.BROKEN


def _unseal(row: SigningKey, key: bytes) -> bytes:
    return unseal(row.sealed_private, key=key, associated=row.kid.encode())


def _generate(algorithm: SigningAlgorithm) -> PairKey:
    if algorithm is SigningAlgorithm.RS256:
        return RSAKey.generate_key(RSA_BITS)
    return (
        ECKey.generate_key("P-256") if algorithm is SigningAlgorithm.ES256 else OKPKey.generate_key("Ed25519")
    )
