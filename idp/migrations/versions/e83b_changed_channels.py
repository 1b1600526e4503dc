"""from when channels serve recovery, their changes, closed accounts; when a session's password was last typed

Revision ID: e83b
Revises: a91c
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "e83b"
down_revision = "a91c"
branch_labels = None
depends_on = None

ACCOUNT_COLUMNS = ("email_recovers_from", "phone_recovers_from", "closed_at")


def upgrade() -> None:
    for column in ACCOUNT_COLUMNS:
        op.add_column("accounts", sa.Column(column, shared.database.UtcDateTime(), nullable=True))
    # What was confirmed before there were changes has served recovery since then.
    op.execute("UPDATE accounts SET email_recovers_from = email_confirmed_at WHERE email IS NOT NULL")
    op.execute("UPDATE accounts SET phone_recovers_from = phone_confirmed_at WHERE phone IS NOT NULL")
    op.add_column("account_sessions", sa.Column("proven_at", shared.database.UtcDateTime(), nullable=True))
    op.create_table(
        "channel_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("email", "phone", name="accountchannel", native_enum=False, length=8),
            nullable=False,
        ),
        sa.Column("former_address", sa.String(length=254), nullable=True),
        sa.Column("former_confirmed_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("former_recovers_from", shared.database.UtcDateTime(), nullable=True),
        sa.Column("new_address", sa.String(length=254), nullable=True),
        sa.Column("changed_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("undone_at", shared.database.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_channel_changes_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_changes")),
    )
    op.create_index(
        "ix_channel_changes_account_id_changed_at", "channel_changes", ["account_id", "changed_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_channel_changes_account_id_changed_at", table_name="channel_changes")
    op.drop_table("channel_changes")
    op.drop_column("account_sessions", "proven_at")
    for column in reversed(ACCOUNT_COLUMNS):
        op.drop_column("accounts", column)
