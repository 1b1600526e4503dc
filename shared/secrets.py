"""Secrets that we issue: drawn from the system's generator, kept only as digests (ADR 0005)."""

import hashlib
import secrets


def new_secret() -> str:
    """32 random bytes as 43 characters of base64url: 256 bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """SHA-256 of the secret, 32 bytes.

    A plain hash is enough: the secrets are 256 random bits, not something a person chose.
    """
    return hashlib.sha256(secret.encode()).digest()
