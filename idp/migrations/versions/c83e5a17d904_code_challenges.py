"""challenges of six digits: code_challenges, numeric_codes

Revision ID: c83e5a17d904
Revises: c41e
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "c83e5a17d904"
down_revision = "c41e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "code_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("channel_address", sa.String(length=254), nullable=True),
        sa.Column("subject", sa.String(length=254), nullable=False),
        sa.Column("demande", sa.Text(), nullable=True),
        sa.Column("started_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("codes_issued", sa.Integer(), nullable=False),
        sa.Column("codes_sent_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("proven_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column("completed_at", shared.database.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_code_challenges_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_challenges")),
        sa.UniqueConstraint("secret_digest", name=op.f("uq_code_challenges_secret_digest")),
    )
    op.create_index(op.f("ix_code_challenges_account_id"), "code_challenges", ["account_id"])
    op.create_index(op.f("ix_code_challenges_expires_at"), "code_challenges", ["expires_at"])
    op.create_table(
        "numeric_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["code_challenges.id"],
            name=op.f("fk_numeric_codes_challenge_id_code_challenges"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numeric_codes")),
        sa.UniqueConstraint("challenge_id", "number", name=op.f("uq_numeric_codes_challenge_id_number")),
    )


def downgrade() -> None:
    op.drop_table("numeric_codes")
    op.drop_index(op.f("ix_code_challenges_expires_at"), table_name="code_challenges")
    op.drop_index(op.f("ix_code_challenges_account_id"), table_name="code_challenges")
    op.drop_table("code_challenges")
