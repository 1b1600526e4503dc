"""token families; tokens of a client itself, of a resource, of a family

Revision ID: 5ae3
Revises: d2a7
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "5ae3"
down_revision = "d2a7"
branch_labels = None
depends_on = None

# What a token of a client itself has none of.
OPTIONAL = ("account_id", "session_id", "authorization_code_id")
PARENTS = {
    "client_id": "clients.client_id",
    "account_id": "accounts.id",
    "session_id": "account_sessions.id",
    "authorization_code_id": "authorization_codes.id",
}


def upgrade() -> None:
    op.create_table(
        "token_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("predecessor_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in OPTIONAL),
        sa.Column("sid", sa.String(length=43), nullable=False),
        sa.Column("scope", sa.String(length=500), nullable=False),
        sa.Column("resource", sa.String(length=2048), nullable=True),
        *(
            sa.Column(name, shared.database.UtcDateTime(), nullable=name == "revoked_at")
            for name in ("auth_time", "created_at", "rotated_at", "expires_at", "revoked_at")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [parent],
                name=op.f(f"fk_token_families_{column}_{parent.partition('.')[0]}"),
                ondelete="CASCADE",
            )
            for column, parent in PARENTS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_families")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_families_digest")),
        sa.UniqueConstraint("authorization_code_id", name=op.f("uq_token_families_authorization_code_id")),
    )
    for column in ("predecessor_digest", "account_id", "session_id", "expires_at"):
        op.create_index(op.f(f"ix_token_families_{column}"), "token_families", [column])
    op.create_table(
        "superseded_refresh_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["token_families.id"],
            name=op.f("fk_superseded_refresh_tokens_family_id_token_families"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_superseded_refresh_tokens")),
    )
    op.create_index(
        op.f("ix_superseded_refresh_tokens_family_id"), "superseded_refresh_tokens", ["family_id"]
    )
    with op.batch_alter_table("authorization_codes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("resource", sa.String(length=2048), nullable=True))
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("family_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("audience", sa.String(length=2048), nullable=True))
        for name in OPTIONAL:
            batch_op.alter_column(name, existing_type=sa.Uuid(), nullable=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_access_tokens_family_id_token_families"),
            "token_families",
            ["family_id"],
            ["id"],
            ondelete="CASCADE",
        )
        batch_op.create_index(batch_op.f("ix_access_tokens_family_id"), ["family_id"])


def downgrade() -> None:
    op.execute("DELETE FROM access_tokens WHERE account_id IS NULL")
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_tokens_family_id"))
        batch_op.drop_constraint(batch_op.f("fk_access_tokens_family_id_token_families"), type_="foreignkey")
        for name in OPTIONAL:
            batch_op.alter_column(name, existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column("audience")
        batch_op.drop_column("family_id")
    with op.batch_alter_table("authorization_codes", schema=None) as batch_op:
        batch_op.drop_column("resource")
    op.drop_table("superseded_refresh_tokens")
    op.drop_table("token_families")
