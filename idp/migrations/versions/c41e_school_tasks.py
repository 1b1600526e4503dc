"""what a school must look at

Revision ID: c41e
Revises: b27d
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "c41e"
down_revision = "b27d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "school_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("school_uai", sa.String(length=8), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "link_reported",
                "birth_date_blocked",
                "mail_returned",
                "accounts_merged",
                "merge_undone",
                name="schooltaskkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("created_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("settled_at", shared.database.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_school_tasks_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["links.id"], name=op.f("fk_school_tasks_link_id_links"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["school_uai"], ["schools.uai"], name=op.f("fk_school_tasks_school_uai_schools")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_tasks")),
        sa.UniqueConstraint("reference", "school_uai", name=op.f("uq_school_tasks_reference_school_uai")),
    )
    op.create_index(op.f("ix_school_tasks_account_id"), "school_tasks", ["account_id"])
    op.create_index(op.f("ix_school_tasks_link_id"), "school_tasks", ["link_id"])
    op.create_index("ix_school_tasks_school_uai_settled_at", "school_tasks", ["school_uai", "settled_at"])


def downgrade() -> None:
    op.drop_table("school_tasks")
