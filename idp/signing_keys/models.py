"""Signing keys at rest."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model


class KeyState(StrEnum):
    """The lifecycle of ADR 0012."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


class SigningKey(Model):
    """One key pair: the public part in clear, the private part sealed under the key-encryption key."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(10))
    state: Mapped[KeyState] = mapped_column(
        Enum(
            KeyState,
            native_enum=False,
            length=16,
            values_callable=lambda states: [state.value for state in states],
        )
    )
    state_since: Mapped[datetime]
    created_at: Mapped[datetime]
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed_private_key: Mapped[bytes | None] = mapped_column(LargeBinary)
