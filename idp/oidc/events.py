"""What the journal is told of the protocol."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from idp.audit.rules import AuditEvent


class CodeMisuse(StrEnum):
    """Why an authorization code was refused to a client that proved who it is."""

    OTHER_CLIENT = "other_client"
    REUSED = "reused"
    WRONG_BINDING = "wrong_binding"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True)
class AuthorizationCodeMisused(AuditEvent):
    """A code was presented that does not hold; when it was used before, what it gave was revoked."""

    name: ClassVar[str] = "oidc:authorization_code:misused"
    account_id: UUID
    misuse: CodeMisuse


@dataclass(frozen=True, slots=True)
class SignedOutByService(AuditEvent):
    """A service asked to end a session, with an ID token of that session or after the person's confirmation."""

    name: ClassVar[str] = "oidc:session:ended"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class ClientRegistered(AuditEvent):
    """A service registered itself; invitation_id: of the initial access token it brought, None where anyone may."""

    name: ClassVar[str] = "oidc:client:registered"
    client_id: UUID
    invitation_id: UUID | None


@dataclass(frozen=True, slots=True)
class ClientUpdated(AuditEvent):
    """A service that registered itself replaced its registration."""

    name: ClassVar[str] = "oidc:client:updated"
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ClientRemoved(AuditEvent):
    """A service that registered itself withdrew; its codes and tokens went with it."""

    name: ClassVar[str] = "oidc:client:removed"
    client_id: UUID


@dataclass(frozen=True, slots=True)
class RefreshTokenMisused(AuditEvent):
    """A refresh token was presented that another took the place of, or by another client; a reuse ended the family."""

    name: ClassVar[str] = "oidc:refresh_token:misused"
    account_id: UUID
    misuse: CodeMisuse


@dataclass(frozen=True, slots=True)
class GrantEndedByService(AuditEvent):
    """A service gave back what it held of a person (RFC 7009)."""

    name: ClassVar[str] = "oidc:grant:ended"
    account_id: UUID


@dataclass(frozen=True, slots=True)
class ConsentGiven(AuditEvent):
    """The person agreed that a service receives what the consent names."""

    name: ClassVar[str] = "oidc:consent:given"
    account_id: UUID
    consent_id: UUID


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(AuditEvent):
    """The person took a service's access back; its tokens for this account ended with it."""

    name: ClassVar[str] = "oidc:consent:withdrawn"
    account_id: UUID
    consent_id: UUID
