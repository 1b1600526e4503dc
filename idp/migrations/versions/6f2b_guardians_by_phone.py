"""guardians are found by their mobile

Revision ID: 6f2b
Revises: e3d7
"""

from alembic import op

revision = "6f2b"
down_revision = "e3d7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_guardians_roster_phone", "guardians", ["roster_phone"])


def downgrade() -> None:
    op.drop_index("ix_guardians_roster_phone", table_name="guardians")
