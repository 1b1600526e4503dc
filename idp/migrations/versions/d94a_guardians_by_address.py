"""guardians are found by their address

Revision ID: d94a
Revises: 6f2b
"""

from alembic import op

revision = "d94a"
down_revision = "6f2b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_guardians_roster_email", "guardians", ["roster_email"])


def downgrade() -> None:
    op.drop_index("ix_guardians_roster_email", table_name="guardians")
