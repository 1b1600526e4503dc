"""Pairwise identifiers of people and children. Pure."""

import base64
import hmac
from typing import NewType
from uuid import UUID

Subject = NewType("Subject", str)

KEY_BYTES = 32


def pairwise_subject(sector_identifier: str, account_id: UUID, key: bytes) -> Subject:
    """The `sub` that one sector sees for one account (OpenID Connect Core 8.1).

    sector_identifier: a host, lower case, no port. key: 32 bytes.
    Returns 43 characters of base64url, the same for ever.
    Raises ValueError on a key of another length.
    """
    return _derive(b"account", sector_identifier, account_id, key)


def pairwise_child(sector_identifier: str, child_id: UUID, key: bytes) -> Subject:
    """The `sub` that one sector sees for one child: the same for both parents (ADR 0002). As `pairwise_subject`."""
    return _derive(b"child", sector_identifier, child_id, key)


def _derive(kind: bytes, sector_identifier: str, identifier: UUID, key: bytes) -> Subject:
    if len(key) != KEY_BYTES:
        raise ValueError("the pairwise key must be 32 bytes")
    # NUL can be in none of the parts: two different triples never make one message.
    message = b"\0".join((kind, sector_identifier.encode(), identifier.bytes))
    return Subject(base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode())
