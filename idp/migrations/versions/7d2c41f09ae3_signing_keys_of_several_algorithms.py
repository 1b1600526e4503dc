"""Signing keys of several algorithms, their end by emergency, and who fetched them before they sign.

Revision ID: 7d2c41f09ae3
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "7d2c41f09ae3"
down_revision = "0001"
branch_labels = None
depends_on = None

ONE_ACTIVE = "uq_signing_keys_one_active"
ONE_UPCOMING = "uq_signing_keys_one_upcoming"


def upgrade() -> None:
    with op.batch_alter_table("signing_keys") as batch_op:
        batch_op.add_column(sa.Column("ended_at", shared.database.UtcDateTime(), nullable=True))
        batch_op.drop_index(ONE_ACTIVE)
        _create_index(batch_op, ONE_ACTIVE, "algorithm", "active")
        _create_index(batch_op, ONE_UPCOMING, "algorithm", "upcoming")
    op.create_table(
        "signing_key_readings",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("fetched_at", shared.database.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kid"],
            ["signing_keys.kid"],
            name=op.f("fk_signing_key_readings_kid_signing_keys"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kid", "client_id", name=op.f("pk_signing_key_readings")),
    )


def downgrade() -> None:
    op.drop_table("signing_key_readings")
    with op.batch_alter_table("signing_keys") as batch_op:
        batch_op.drop_index(ONE_UPCOMING)
        batch_op.drop_index(ONE_ACTIVE)
        _create_index(batch_op, ONE_ACTIVE, "state", "active")
        batch_op.drop_column("ended_at")


def _create_index(batch_op, name: str, column: str, state: str) -> None:
    condition = sa.text(f"state = '{state}'")
    batch_op.create_index(name, [column], unique=True, sqlite_where=condition, postgresql_where=condition)
