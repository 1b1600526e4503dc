"""answers by POST, request objects, used logout tokens, session_state

Revision ID: 7c41d0e9b2aa
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "7c41d0e9b2aa"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_answers",
        sa.Column("handle_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_parameters", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("consumed_at", shared.database.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("handle_digest", name=op.f("pk_held_answers")),
    )
    op.create_index(op.f("ix_held_answers_expires_at"), "held_answers", ["expires_at"], unique=False)
    op.create_table(
        "request_objects",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("placed_at", shared.database.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_request_objects")),
    )
    op.create_table(
        "used_logout_tokens",
        sa.Column("jti_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", shared.database.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("jti_digest", name=op.f("pk_used_logout_tokens")),
    )
    op.create_index(
        op.f("ix_used_logout_tokens_expires_at"), "used_logout_tokens", ["expires_at"], unique=False
    )
    op.add_column("guardian_sessions", sa.Column("session_state", sa.String(length=512), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("guardian_sessions", schema=None) as batch_op:
        batch_op.drop_column("session_state")
    op.drop_table("used_logout_tokens")
    op.drop_table("request_objects")
    op.drop_table("held_answers")
