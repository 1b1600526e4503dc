"""accounts are found by their address and number

Revision ID: d7f20b6e9a13
Revises: d94a
"""

import sqlalchemy as sa
from alembic import op

revision = "d7f20b6e9a13"
down_revision = "d94a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_accounts_folded_email", "accounts", [sa.text("lower(email)")])
    op.create_index("ix_accounts_phone", "accounts", ["phone"])


def downgrade() -> None:
    op.drop_index("ix_accounts_phone", table_name="accounts")
    op.drop_index("ix_accounts_folded_email", table_name="accounts")
