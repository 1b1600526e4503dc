"""The table of counters."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model


class ThrottleCounter(Model):
    """How often one limit was spent on one thing. `expires_at`: counts nothing from then on."""

    __tablename__ = "throttle_counters"

    limit_name: Mapped[str] = mapped_column(String(60), primary_key=True)
    # A digest of (identifier, network): few enough exist to be guessed from it.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, info={"personal": True})
    spent: Mapped[int]
    blocked_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
