"""initial access tokens, and what they allow

Revision ID: d2a7
Revises: 9c41
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "d2a7"
down_revision = "9c41"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "initial_access_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scope", sa.String(length=500), nullable=False),
        sa.Column("require_pkce", sa.Boolean(), nullable=False),
        sa.Column("client_days", sa.Integer(), nullable=True),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("created_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_access_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_initial_access_tokens_digest")),
    )
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.add_column(sa.Column("allowed_scope", sa.String(length=500), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_column("allowed_scope")
    op.drop_table("initial_access_tokens")
