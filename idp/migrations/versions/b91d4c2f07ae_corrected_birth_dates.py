"""birth dates that a school corrected, and accounts without a child

Revision ID: b91d4c2f07ae
Revises: d6b0e4a81c57
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "b91d4c2f07ae"
down_revision = "d6b0e4a81c57"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("children", sa.Column("roster_birth_date", sa.Date(), nullable=True))
    op.add_column("accounts", sa.Column("unlinked_at", shared.database.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "unlinked_at")
    op.drop_column("children", "roster_birth_date")
