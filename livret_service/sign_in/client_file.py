"""The file that keeps what the provider issued when this service registered itself. Its owner alone reads it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Registration:
    """What the provider issued. `client_secret` is empty where the client proves itself with a key."""

    client_id: str
    client_secret: str


def write_registration(path: Path, issuer: str, document: Mapping[str, Any]) -> None:
    """Keep the answer in a new file of mode 0600. Raises FileExistsError: a registration in use is never lost."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"issuer": issuer, "registration": dict(document)}, file, indent=2)


def read_registration(path: Path, issuer: str) -> Registration:
    """What `write_registration` kept. Raises OSError, ValueError when it is of another issuer, or no registration."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        registered_at, registration = kept["issuer"], read_client(kept["registration"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("is not a registration") from None
    if registered_at != issuer:
        raise ValueError("is a registration at another issuer")
    return registration


def read_client(document: Mapping[str, Any]) -> Registration:
    """Name and secret of a registration answer (OpenID Registration 3.2). Raises ValueError."""
    client_id, client_secret = document.get("client_id"), document.get("client_secret", "")
    if not isinstance(client_id, str) or not client_id or not isinstance(client_secret, str):
        raise ValueError("holds no client_id")
    return Registration(client_id, client_secret)
