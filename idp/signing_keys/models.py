"""The tables of signing keys, and of who fetched them before they signed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Enum, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.signing_keys.rules import KeyState
from shared.database import UtcDateTime


def _one_per_algorithm(state: KeyState) -> Index:
    # Two nodes that act at once both try to create a key: the index lets one.
    condition = text(f"state = '{state.value}'")
    return Index(
        f"uq_signing_keys_one_{state.value}",
        "algorithm",
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


class SigningKey(Model):
    """One key pair. `sealed_private` is opened only with the key-encryption key and this very `kid`.

    It is empty once the key is retired or ended: what never signs again has no private half.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (_one_per_algorithm(KeyState.ACTIVE), _one_per_algorithm(KeyState.UPCOMING))

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(16))
    state: Mapped[KeyState] = mapped_column(
        Enum(
            KeyState,
            native_enum=False,
            length=16,
            values_callable=lambda states: [state.value for state in states],
        )
    )
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed_private: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    retiring_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    @property
    def since(self) -> datetime:
        """When the key entered its state."""
        entered = {
            KeyState.UPCOMING: self.published_at,
            KeyState.ACTIVE: self.activated_at,
            KeyState.RETIRING: self.retiring_at,
            KeyState.RETIRED: self.retired_at,
            KeyState.ENDED: self.ended_at,
        }[self.state]
        return entered or self.created_at


class SigningKeyReading(Model):
    """A client fetched the key set while this key was in it and did not sign yet. Written once."""

    __tablename__ = "signing_key_readings"

    kid: Mapped[str] = mapped_column(ForeignKey("signing_keys.kid", ondelete="CASCADE"), primary_key=True)
    # No foreign key: clients belong to the protocol, a storey above.
    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime())
