"""accounts taken into another one, and what that did to their links

Revision ID: c81f
Revises: c83e5a17d904
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "c81f"
down_revision = "c83e5a17d904"
branch_labels = None
depends_on = None

STANDS = sa.text("undone_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "account_merges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kept_account_id", sa.Uuid(), nullable=False),
        sa.Column("merged_account_id", sa.Uuid(), nullable=False),
        sa.Column("merged_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("undo_until", shared.database.UtcDateTime(), nullable=False),
        sa.Column("undone_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.String(length=16), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column],
                ["accounts.id"],
                name=op.f(f"fk_account_merges_{column}_accounts"),
                ondelete="CASCADE",
            )
            for column in ("kept_account_id", "merged_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_merges")),
    )
    op.create_index(op.f("ix_account_merges_kept_account_id"), "account_merges", ["kept_account_id"])
    op.create_index(
        "ix_account_merges_standing",
        "account_merges",
        ["merged_account_id"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )
    op.create_table(
        "merged_links",
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.Column("former_state", sa.String(length=16), nullable=False),
        sa.Column("former_ended_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("former_ended_by", sa.String(length=16), nullable=True),
        sa.Column("former_school_uai", sa.String(length=8), nullable=False),
        sa.Column("former_merge_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merge_id"],
            ["account_merges.id"],
            name=op.f("fk_merged_links_merge_id_account_merges"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["links.id"], name=op.f("fk_merged_links_link_id_links"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merge_id", "link_id", name=op.f("pk_merged_links")),
    )
    op.create_index(op.f("ix_merged_links_link_id"), "merged_links", ["link_id"])
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merge_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_links_merge_id_account_merges"),
            "account_merges",
            ["merge_id"],
            ["id"],
            ondelete="SET NULL",
        )
        batch_op.create_index(batch_op.f("ix_links_merge_id"), ["merge_id"])


def downgrade() -> None:
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_links_merge_id"))
        batch_op.drop_constraint(batch_op.f("fk_links_merge_id_account_merges"), type_="foreignkey")
        batch_op.drop_column("merge_id")
    op.drop_table("merged_links")
    op.drop_table("account_merges")
