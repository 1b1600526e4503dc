"""The table of signing keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Enum, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.signing_keys.rules import KeyState
from shared.database import UtcDateTime

ONE_ACTIVE = text("state = 'active'")


class SigningKey(Model):
    """One key pair. `sealed_private` is opened only with the key-encryption key and this very `kid`."""

    __tablename__ = "signing_keys"
    # Two nodes that start at once both try to create the first key: the index lets one.
    __table_args__ = (
        Index(
            "uq_signing_keys_one_active",
            "state",
            unique=True,
            sqlite_where=ONE_ACTIVE,
            postgresql_where=ONE_ACTIVE,
        ),
    )

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

    @property
    def since(self) -> datetime:
        """When the key entered its state."""
        entered = {
            KeyState.UPCOMING: self.published_at,
            KeyState.ACTIVE: self.activated_at,
            KeyState.RETIRING: self.retiring_at,
            KeyState.RETIRED: self.retired_at,
        }[self.state]
        return entered or self.created_at
