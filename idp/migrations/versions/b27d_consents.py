"""consents; how the person signed in and which claims were named, on what a code gives

Revision ID: b27d
Revises: 5e8d
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "b27d"
down_revision = "5e8d"
branch_labels = None
depends_on = None

SIGN_IN_TABLES = ("authorization_codes", "token_families")
CLAIMS_TABLES = (*SIGN_IN_TABLES, "access_tokens")


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("scope", sa.String(length=500), nullable=False),
        sa.Column("since", shared.database.UtcDateTime(), nullable=False),
        sa.Column("granted_at", shared.database.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", shared.database.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_consents_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.client_id"],
            name=op.f("fk_consents_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("account_id", "client_id", name=op.f("uq_consents_account_id_client_id")),
    )
    op.create_index(op.f("ix_consents_client_id"), "consents", ["client_id"])
    for table in SIGN_IN_TABLES:
        for column in ("acr", "amr"):
            op.add_column(
                table, sa.Column(column, sa.String(length=100), server_default="", nullable=False)
            )
    for table in CLAIMS_TABLES:
        op.add_column(table, sa.Column("claims", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    for table in CLAIMS_TABLES:
        op.drop_column(table, "claims")
    for table in SIGN_IN_TABLES:
        for column in ("acr", "amr"):
            op.drop_column(table, column)
    op.drop_index(op.f("ix_consents_client_id"), table_name="consents")
    op.drop_table("consents")
