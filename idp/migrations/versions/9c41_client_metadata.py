"""client metadata of RFC 7591 and OpenID Connect Registration

Revision ID: 9c41
Revises: 7d2c41f09ae3
"""

import sqlalchemy as sa
from alembic import op
import shared.database

revision = "9c41"
down_revision = "7d2c41f09ae3"
branch_labels = None
depends_on = None

ADDRESSES = (
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "sector_identifier_uri",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
)
LISTS = {
    "grant_types": '["authorization_code"]',
    "response_types": '["code"]',
    "contacts": "[]",
    "request_uris": "[]",
    "default_acr_values": "[]",
}
FLAGS = (
    "require_auth_time",
    "backchannel_logout_session_required",
    "frontchannel_logout_session_required",
)
ALGORITHMS = (
    "token_endpoint_auth_signing_alg",
    "userinfo_signed_response_alg",
    "introspection_signed_response_alg",
    "request_object_signing_alg",
)


def columns() -> list[sa.Column]:
    return [
        sa.Column("last_used_at", shared.database.UtcDateTime(), nullable=True),
        sa.Column(
            "expires_at",
            shared.database.UtcDateTime(),
            nullable=False,
            # On SQLite an instant has microseconds and no zone; PostgreSQL reads this one as UTC.
            server_default="9999-01-01 00:00:00.000000"
            if op.get_context().dialect.name == "sqlite"
            else "9999-01-01 00:00:00+00",
        ),
        sa.Column("registration_access_token_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("application_type", sa.String(length=10), nullable=False, server_default="web"),
        sa.Column("subject_type", sa.String(length=10), nullable=False, server_default="pairwise"),
        sa.Column("id_token_signed_response_alg", sa.String(length=16), nullable=False, server_default="RS256"),
        sa.Column("access_token_format", sa.String(length=10), nullable=False, server_default="opaque"),
        sa.Column("default_max_age", sa.Integer(), nullable=True),
        sa.Column("software_id", sa.String(length=255), nullable=True),
        sa.Column("software_version", sa.String(length=255), nullable=True),
        *(sa.Column(name, sa.String(length=2048), nullable=True) for name in ADDRESSES),
        *(sa.Column(name, sa.JSON(), nullable=False, server_default=value) for name, value in LISTS.items()),
        *(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()) for name in FLAGS),
        *(sa.Column(name, sa.String(length=16), nullable=True) for name in ALGORITHMS),
    ]


def upgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        for column in columns():
            batch_op.add_column(column)
        batch_op.create_unique_constraint(
            batch_op.f("uq_clients_registration_access_token_digest"), ["registration_access_token_digest"]
        )


def downgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_clients_registration_access_token_digest"), type_="unique")
        for column in columns():
            batch_op.drop_column(column.name)
