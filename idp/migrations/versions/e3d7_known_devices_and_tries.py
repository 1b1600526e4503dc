"""known devices, and the tries that paces count

Revision ID: e3d7
Revises: c4e9
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "e3d7"
down_revision = "c4e9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first_signed_in_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("last_signed_in_at", shared.database.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_known_devices_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_devices")),
        sa.UniqueConstraint("digest", name=op.f("uq_known_devices_digest")),
    )
    op.create_index(op.f("ix_known_devices_account_id"), "known_devices", ["account_id"])
    op.create_table(
        "throttle_tries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("limit_name", sa.String(length=60), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tried_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_throttle_tries")),
    )
    op.create_index(
        op.f("ix_throttle_tries_limit_name_key_tried_at"),
        "throttle_tries",
        ["limit_name", "key", "tried_at"],
    )
    op.create_index(op.f("ix_throttle_tries_expires_at"), "throttle_tries", ["expires_at"])


def downgrade() -> None:
    op.drop_table("throttle_tries")
    op.drop_table("known_devices")
