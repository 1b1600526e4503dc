"""SMS in the outbox: when Twilio was called, what it calls the message, what it reported

Revision ID: a3f1d27b9c60
Revises: e83b
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "a3f1d27b9c60"
down_revision = "e83b"
branch_labels = None
depends_on = None

TABLE = "outbox_messages"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("handed_at", shared.database.UtcDateTime(), nullable=True))
    op.add_column(TABLE, sa.Column("twilio_sid", sa.String(length=34), nullable=True))
    receipt = sa.Enum(
        "accepted",
        "queued",
        "sending",
        "sent",
        "delivered",
        "undelivered",
        "failed",
        name="smsreceipt",
        native_enum=False,
        length=16,
    )
    op.add_column(TABLE, sa.Column("receipt", receipt, nullable=True))
    op.add_column(TABLE, sa.Column("receipt_at", shared.database.UtcDateTime(), nullable=True))


def downgrade() -> None:
    for column in ("receipt_at", "receipt", "twilio_sid", "handed_at"):
        op.drop_column(TABLE, column)
