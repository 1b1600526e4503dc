"""what a mailed secret's message tells of

Revision ID: a91c
Revises: c81f
"""

import sqlalchemy as sa
from alembic import op

revision = "a91c"
down_revision = "c81f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("one_time_codes", sa.Column("about", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("one_time_codes", "about")
