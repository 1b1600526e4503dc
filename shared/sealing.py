"""Authenticated encryption of what must be read again but not lie open at rest."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class SealBroken(Exception):
    """The key, the associated data or the bytes are not those that were sealed."""


def derive_key(key: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (RFC 5869), so that one secret never serves two uses."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def seal(plaintext: bytes, *, key: bytes, associated: bytes) -> bytes:
    """AES-256-GCM (NIST SP 800-38D): nonce, then ciphertext and tag. `key`: 32 bytes."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def unseal(sealed: bytes, *, key: bytes, associated: bytes) -> bytes:
    """The plaintext that `seal` took. Raises SealBroken."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken from None
