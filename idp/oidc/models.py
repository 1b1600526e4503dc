"""Clients, authorization codes, access tokens, logout deliveries. Every secret is a digest (ADR 0005)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Model
from idp.oidc.registration import (
    DEFAULT_ACCESS_TOKEN_FORMAT,
    DEFAULT_APPLICATION_TYPE,
    DEFAULT_GRANT_TYPES,
    DEFAULT_ID_TOKEN_ALGORITHM,
    DEFAULT_SUBJECT_TYPE,
    RESPONSE_TYPES,
)
from idp.throttling.rules import NEVER
from shared.database import uuid7

LOGOUT_WAITING = text("delivered_at IS NULL AND failed_at IS NULL")


class Client(Model):
    """A registered relying party (RFC 7591 2)."""

    __tablename__ = "clients"

    client_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    initiate_login_uri: Mapped[str | None] = mapped_column(String(2048))
    client_uri: Mapped[str | None] = mapped_column(String(2048))
    scope: Mapped[str] = mapped_column(String(500))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(30))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    sector_identifier: Mapped[str] = mapped_column(String(255))
    require_pkce: Mapped[bool] = mapped_column(default=True)
    first_party: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(default=NEVER)
    allowed_scope: Mapped[str | None] = mapped_column(String(500))
    """Of a client that registered itself: what its invitation allows, whatever it asks for now (RFC 7592 2.2)."""
    registration_access_token_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)

    application_type: Mapped[str] = mapped_column(String(10), default=DEFAULT_APPLICATION_TYPE)
    grant_types: Mapped[list[str]] = mapped_column(JSON, default=lambda: list(DEFAULT_GRANT_TYPES))
    response_types: Mapped[list[str]] = mapped_column(JSON, default=lambda: list(RESPONSE_TYPES))
    contacts: Mapped[list[str]] = mapped_column(JSON, default=list)
    logo_uri: Mapped[str | None] = mapped_column(String(2048))
    policy_uri: Mapped[str | None] = mapped_column(String(2048))
    tos_uri: Mapped[str | None] = mapped_column(String(2048))
    software_id: Mapped[str | None] = mapped_column(String(255))
    software_version: Mapped[str | None] = mapped_column(String(255))
    jwks_uri: Mapped[str | None] = mapped_column(String(2048))
    request_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    subject_type: Mapped[str] = mapped_column(String(10), default=DEFAULT_SUBJECT_TYPE)
    sector_identifier_uri: Mapped[str | None] = mapped_column(String(2048))
    token_endpoint_auth_signing_alg: Mapped[str | None] = mapped_column(String(16))
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(16), default=DEFAULT_ID_TOKEN_ALGORITHM)
    userinfo_signed_response_alg: Mapped[str | None] = mapped_column(String(16))
    introspection_signed_response_alg: Mapped[str | None] = mapped_column(String(16))
    request_object_signing_alg: Mapped[str | None] = mapped_column(String(16))
    access_token_format: Mapped[str] = mapped_column(String(10), default=DEFAULT_ACCESS_TOKEN_FORMAT)
    default_max_age: Mapped[int | None]
    require_auth_time: Mapped[bool] = mapped_column(default=False)
    default_acr_values: Mapped[list[str]] = mapped_column(JSON, default=list)
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(2048))
    backchannel_logout_session_required: Mapped[bool] = mapped_column(default=False)
    frontchannel_logout_uri: Mapped[str | None] = mapped_column(String(2048))
    frontchannel_logout_session_required: Mapped[bool] = mapped_column(default=False)


class InitialAccessToken(Model):
    """An invitation to register clients (RFC 7591 3), and the policy it carries."""

    __tablename__ = "initial_access_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scope: Mapped[str] = mapped_column(String(500))
    require_pkce: Mapped[bool] = mapped_column(default=True)
    client_days: Mapped[int | None]
    uses_left: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ClientSecret(Model):
    """A secret of a client; two live ones at once make a rotation without an outage."""

    __tablename__ = "client_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    secret_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class ClientAssertion(Model):
    """A client assertion's `jti`, taken once (RFC 7523 3)."""

    __tablename__ = "client_assertions"
    __table_args__ = (UniqueConstraint("client_id", "jti_digest"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"))
    jti_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuthorizationCode(Model):
    """What an authorization code stands for (RFC 6749 4.1.2); used ones are kept as long as what they gave."""

    __tablename__ = "authorization_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("account_sessions.id", ondelete="CASCADE"), index=True
    )
    sid: Mapped[str] = mapped_column(String(43))
    redirect_uri: Mapped[str] = mapped_column(String(2048))
    scope: Mapped[str] = mapped_column(String(500))
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(43))
    resource: Mapped[str | None] = mapped_column(String(2048))
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(100), server_default="")
    amr: Mapped[str] = mapped_column(String(100), server_default="")
    """Space-separated."""
    claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    """Names asked one by one (Core 5.5), of `userinfo` and of `id_token`; None without any."""
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]
    failed_attempts: Mapped[int] = mapped_column(default=0)


class TokenFamily(Model):
    """One grant of offline access, and its one living refresh token (RFC 9700 4.14).

    digest: of the token that works. predecessor_digest: of the one before it, good for a few seconds more after
    `rotated_at`, for an answer may be lost. The session it came from may have run out, but not been ended: a purge
    keeps sessions that a family holds.
    """

    __tablename__ = "token_families"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    predecessor_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("account_sessions.id", ondelete="CASCADE"), index=True
    )
    authorization_code_id: Mapped[UUID] = mapped_column(
        ForeignKey("authorization_codes.id", ondelete="CASCADE"), unique=True
    )
    sid: Mapped[str] = mapped_column(String(43))
    scope: Mapped[str] = mapped_column(String(500))
    resource: Mapped[str | None] = mapped_column(String(2048))
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(100), server_default="")
    amr: Mapped[str] = mapped_column(String(100), server_default="")
    claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    rotated_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class SupersededRefreshToken(Model):
    """A refresh token that another took the place of: presented again, it tells that one of two holders is a thief."""

    __tablename__ = "superseded_refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    family_id: Mapped[UUID] = mapped_column(ForeignKey("token_families.id", ondelete="CASCADE"), index=True)


class AccessToken(Model):
    """An access token (RFC 6750, RFC 9068), bound to the grant behind it.

    A token of a person: to the code that gave it and to the session, or to the family that outlives it. A token of the
    client itself (RFC 6749 4.4) has none of them. audience: a resource (RFC 8707); None: the provider.
    """

    __tablename__ = "access_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account_sessions.id", ondelete="CASCADE"), index=True
    )
    authorization_code_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("authorization_codes.id", ondelete="CASCADE"), index=True
    )
    family_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("token_families.id", ondelete="CASCADE"), index=True
    )
    scope: Mapped[str] = mapped_column(String(500))
    audience: Mapped[str | None] = mapped_column(String(2048))
    claims: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class LogoutDelivery(Model):
    """The end of one session on its way to one client that got tokens in it (Back-Channel Logout 2.5).

    ended_at: of the session, or of the client's access to it: withdrawn and given again, it may end several times.
    """

    __tablename__ = "logout_deliveries"
    __table_args__ = (
        UniqueConstraint("session_id", "client_id", "ended_at"),
        # The claim reads only what waits, oldest first; what has been delivered costs it nothing.
        Index(
            "ix_logout_deliveries_waiting",
            "due_at",
            sqlite_where=LOGOUT_WAITING,
            postgresql_where=LOGOUT_WAITING,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("account_sessions.id", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    sid: Mapped[str] = mapped_column(String(43))
    ended_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """From when a worker may take it; taking it moves this one lease ahead."""
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(80))
    """Why the last attempt failed: a status or constant words, never what the client wrote."""


class Consent(Model):
    """What a person lets a client know (OpenID Connect Core 3.1.2.4): one row an account and client.

    scope: all that was agreed to, as `canonical_scope` spells it. since: of the first agreement that still holds;
    granted_at: of the latest. A withdrawn one stays, so that the person sees what was.
    """

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("account_id", "client_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    scope: Mapped[str] = mapped_column(String(500))
    since: Mapped[datetime]
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
