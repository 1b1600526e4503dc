"""The outbox: one row a message, from the transaction that announces it to its delivery."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.messaging.rules import Channel, DeliveryState, SmsReceipt
from shared.database import uuid7

WAITING = text("sent_at IS NULL AND failed_at IS NULL")


class OutboxMessage(Model):
    """A message on its way. `sealed_words` holds recipient and text, and is erased at the end of the way."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        # The claim reads only what waits, oldest first; what has left costs it nothing.
        Index("ix_outbox_messages_waiting", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_outbox_messages_account_id_template", "account_id", "template"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    channel: Mapped[Channel] = mapped_column(
        Enum(
            Channel,
            native_enum=False,
            length=8,
            values_callable=lambda channels: [channel.value for channel in channels],
        )
    )
    template: Mapped[str] = mapped_column(String(80))
    # No foreign key: a message may outlive the account that it says farewell to.
    account_id: Mapped[UUID | None] = mapped_column(info={"personal": True})
    sealed_words: Mapped[bytes | None] = mapped_column(LargeBinary, info={"personal": True})
    enqueued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """From when a worker may take it; taking it moves this one lease ahead."""
    attempts: Mapped[int] = mapped_column(default=0)
    handed_at: Mapped[datetime | None]
    """SMS: committed before Twilio is called, taken back when it says no. Set and not sent: nobody knows."""
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(40))
    """Why the last attempt failed: an SMTP reply code or the name of an error, never a server's own words."""
    twilio_sid: Mapped[str | None] = mapped_column(String(34))
    """What Twilio calls the SMS."""
    receipt: Mapped[SmsReceipt | None] = mapped_column(
        Enum(
            SmsReceipt,
            native_enum=False,
            length=16,
            values_callable=lambda receipts: [receipt.value for receipt in receipts],
        )
    )
    """What Twilio reported last, once the SMS was on its way."""
    receipt_at: Mapped[datetime | None]

    @property
    def state(self) -> DeliveryState:
        """Where this message is on its way."""
        if self.failed_at is not None:
            # Also one that was taken first, and then reported as never delivered.
            return DeliveryState.FAILED
        return DeliveryState.WAITING if self.sent_at is None else DeliveryState.SENT
