"""ends of sessions on their way to clients (Back-Channel Logout)

Revision ID: 5e8d
Revises: 5ae3
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "5e8d"
down_revision = "5ae3"
branch_labels = None
depends_on = None

ENDED = sa.text("ended_at IS NOT NULL")
WAITING = sa.text("delivered_at IS NULL AND failed_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_account_sessions_ended_at",
        "account_sessions",
        ["ended_at"],
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )
    op.create_table(
        "logout_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("sid", sa.String(length=43), nullable=False),
        sa.Column("ended_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("due_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("failed_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("failure", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.client_id"],
            name=op.f("fk_logout_deliveries_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["account_sessions.id"],
            name=op.f("fk_logout_deliveries_session_id_account_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logout_deliveries")),
        sa.UniqueConstraint(
            "session_id", "client_id", name=op.f("uq_logout_deliveries_session_id_client_id")
        ),
    )
    op.create_index(op.f("ix_logout_deliveries_client_id"), "logout_deliveries", ["client_id"])
    op.create_index(
        "ix_logout_deliveries_waiting",
        "logout_deliveries",
        ["due_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    op.drop_table("logout_deliveries")
    op.drop_index("ix_account_sessions_ended_at", table_name="account_sessions")
