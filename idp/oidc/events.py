"""What the journal is told of the protocol."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid5

from idp.audit.rules import AuditEvent

CLIENTS = UUID("0d2f4d0e-5b0a-4c39-9a52-6f0f3d3c5f6e")
"""The name space of services' text ids in the journal. Never to be changed."""


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
class ClientAdded(AuditEvent):
    """An operator registered a service."""

    name: ClassVar[str] = "operator:client:added"
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ClientSecretRotated(AuditEvent):
    """An operator drew a new secret for a service; the older ones work `overlap_seconds` more at the longest."""

    name: ClassVar[str] = "operator:client_secret:rotated"
    client_id: UUID
    overlap_seconds: int


@dataclass(frozen=True, slots=True)
class ClientDisabled(AuditEvent):
    """An operator closed a service."""

    name: ClassVar[str] = "operator:client:disabled"
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ClientEnabled(AuditEvent):
    """An operator gave a closed service back what it had."""

    name: ClassVar[str] = "operator:client:enabled"
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ClientsInvited(AuditEvent):
    """An operator drew an initial access token, for as many registrations as `uses`."""

    name: ClassVar[str] = "operator:clients:invited"
    invitation_id: UUID
    uses: int


def journal_id(client_id: str) -> UUID:
    """What the journal calls a service: its id where that is a UUID, else the UUID that RFC 9562 5.5 makes of it.

    The same for ever, and no free text.
    """
    try:
        known = UUID(client_id)
    except ValueError:
        return uuid5(CLIENTS, client_id)
    return known if str(known) == client_id else uuid5(CLIENTS, client_id)


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
