"""Which provisional password is in force: its number and life, never the password (ADR 0006)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model


class ProvisionalPassword(Model):
    """The letter in force of one account. Issuing again moves the number, which kills the older letter."""

    __tablename__ = "provisional_passwords"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    issue_number: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]
