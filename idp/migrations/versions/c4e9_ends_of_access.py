"""one session may end for one client several times

Revision ID: c4e9
Revises: a3f1d27b9c60
"""

from alembic import op

revision = "c4e9"
down_revision = "a3f1d27b9c60"
branch_labels = None
depends_on = None

NARROW = ["session_id", "client_id"]
WIDE = [*NARROW, "ended_at"]
NAME = "uq_logout_deliveries_"


def upgrade() -> None:
    with op.batch_alter_table("logout_deliveries", schema=None) as batch_op:
        batch_op.drop_constraint(NAME + "_".join(NARROW), type_="unique")
        batch_op.create_unique_constraint(NAME + "_".join(WIDE), WIDE)


def downgrade() -> None:
    op.execute("DELETE FROM logout_deliveries")
    with op.batch_alter_table("logout_deliveries", schema=None) as batch_op:
        batch_op.drop_constraint(NAME + "_".join(WIDE), type_="unique")
        batch_op.create_unique_constraint(NAME + "_".join(NARROW), NARROW)
