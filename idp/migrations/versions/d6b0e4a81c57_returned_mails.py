"""mails that come back, and failed ones that are tried again

Revision ID: d6b0e4a81c57
Revises: d7f20b6e9a13
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "d6b0e4a81c57"
down_revision = "d7f20b6e9a13"
branch_labels = None
depends_on = None

TABLE = "outbox_messages"
INSTANTS = ("retried_at", "returned_at", "told_at", "dropped_at")
INDEXES = {
    "kept": ("failed_at", sa.text("failed_at IS NOT NULL AND sealed_words IS NOT NULL")),
    "untold": ("returned_at", sa.text("returned_at IS NOT NULL AND told_at IS NULL")),
}


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("recipient_digest", sa.LargeBinary(length=32), nullable=True))
    op.add_column(TABLE, sa.Column("is_asked_for", sa.Boolean(), server_default=sa.false(), nullable=False))
    for column in INSTANTS:
        op.add_column(TABLE, sa.Column(column, shared.database.UtcDateTime(), nullable=True))
    for name, (column, where) in INDEXES.items():
        op.create_index(
            f"ix_{TABLE}_{name}", TABLE, [column], sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "undeliverable_addresses",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("since", shared.database.UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_undeliverable_addresses")),
    )


def downgrade() -> None:
    op.drop_table("undeliverable_addresses")
    for name in INDEXES:
        op.drop_index(f"ix_{TABLE}_{name}", table_name=TABLE)
    for column in (*INSTANTS, "is_asked_for", "recipient_digest"):
        op.drop_column(TABLE, column)
