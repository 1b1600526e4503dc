"""The outbox: one row a message, from the transaction that announces it to its delivery."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.messaging.rules import Channel, DeliveryState, SmsReceipt
from shared.database import uuid7

WAITING = text("sent_at IS NULL AND failed_at IS NULL")
KEPT = text("failed_at IS NOT NULL AND sealed_words IS NOT NULL")
UNTOLD = text("returned_at IS NOT NULL AND told_at IS NULL")


class OutboxMessage(Model):
    """A message on its way. `sealed_words` holds recipient and text, and is erased at the end of the way."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        # The claim reads only what waits, oldest first; what has left costs it nothing.
        Index("ix_outbox_messages_waiting", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_outbox_messages_account_id_template", "account_id", "template"),
        Index("ix_outbox_messages_kept", "failed_at", sqlite_where=KEPT, postgresql_where=KEPT),
        Index("ix_outbox_messages_untold", "returned_at", sqlite_where=UNTOLD, postgresql_where=UNTOLD),
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
    recipient_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), info={"personal": True})
    """Of a mail's address: what a returned mail is recognised by once its words are erased."""
    is_asked_for: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Leaves even to an address that mails came back from: its person asks to have it confirmed."""
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
    retried_at: Mapped[datetime | None]
    """When an operator sent a failed mail on its way again: its day of attempts begins anew."""
    returned_at: Mapped[datetime | None]
    """When its mail server, or a report from further on, said that the address takes no mail."""
    told_at: Mapped[datetime | None]
    """When the school was told of that."""
    dropped_at: Mapped[datetime | None]
    """When an operator put a failed message out of sight."""

    @property
    def state(self) -> DeliveryState:
        """Where this message is on its way."""
        if self.failed_at is not None:
            # Also one that was taken first, and then reported as never delivered.
            return DeliveryState.FAILED
        return DeliveryState.WAITING if self.sent_at is None else DeliveryState.SENT


class UndeliverableAddress(Model):
    """An address that mails came back from: nothing is sent there until somebody has it confirmed (again)."""

    __tablename__ = "undeliverable_addresses"

    # Keyed: addresses are too few to hide behind a plain digest.
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True, info={"personal": True})
    since: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(40))
    """Status of RFC 3463, an SMTP reply code, or `complaint`."""
