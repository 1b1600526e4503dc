"""Services that register themselves (RFC 7591), and look after their registration (RFC 7592).

What counts is decided by the statement that acts: an invitation is used up by one conditional update, a registration
changes or goes only with the token that is its own at that instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, Table, delete, insert, select, update

from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import OAuthRefusal
from idp.oidc.clients import add_secret, as_row, check_registrable, from_row
from idp.oidc.events import ClientRegistered, ClientRemoved, ClientsInvited, ClientUpdated
from idp.oidc.models import Client, ClientSecret, InitialAccessToken
from idp.oidc.registration import SECRET_METHODS, ClientMetadata, Problem, RegistrationRefused
from idp.oidc.registration_request import (
    RegistrationPolicy,
    check_returned_members,
    check_sector_document,
    read_metadata,
)
from idp.signing_keys import service as signing_keys
from idp.throttling.rules import NEVER
from shared.database import uuid7
from shared.fetching import FetchRefused, current_fetcher
from shared.secrets import digest, new_secret

JSON = "application/json"
ANYONE = RegistrationPolicy(client_days=30)
"""Where anyone may register: PKCE always, nothing of children, and forgotten after a month."""
clients = cast("Table", Client.__table__)


class InvitationRefused(OAuthRefusal):
    """RFC 6750 3.1: unknown, used up or past its end: one answer for all."""

    error_code = "initial_access_token_refused"
    error = "invalid_token"
    hint = "The initial access token is not valid."
    status = 401


class ManagementRefused(OAuthRefusal):
    """RFC 7592 2: no such client, or not its token: one answer for all."""

    error_code = "registration_access_token_refused"
    error = "invalid_token"
    hint = "The registration access token is not valid for this client."
    status = 401


@dataclass(frozen=True, slots=True)
class Invitation:
    """An initial access token that held when it was looked up."""

    id: UUID
    policy: RegistrationPolicy


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration as its client may read it. expires_at: NEVER without an end.

    client_secret, registration_access_token: only when they were drawn now, for none is kept.
    """

    metadata: ClientMetadata
    issued_at: datetime
    expires_at: datetime
    client_secret: str | None = field(default=None, repr=False)
    registration_access_token: str | None = field(default=None, repr=False)


def invite(policy: RegistrationPolicy, *, uses: int, life: timedelta, now: datetime) -> str:
    """A new initial access token, shown this once."""
    initial_access_token, invitation_id = new_secret(), uuid7()
    with transaction():
        db.session.execute(
            insert(InitialAccessToken).values(
                id=invitation_id,
                digest=digest(initial_access_token),
                scope=policy.scope,
                require_pkce=policy.require_pkce,
                client_days=policy.client_days,
                uses_left=uses,
                created_at=now,
                expires_at=now + life,
            )
        )
        audit.record(ClientsInvited(invitation_id, uses), now=now)
    return initial_access_token


def find_invitation(initial_access_token: str, *, now: datetime) -> Invitation:
    """What an initial access token allows; it is used up later, by what registers. Raises InvitationRefused."""
    row = db.session.execute(
        select(InitialAccessToken.__table__).where(
            InitialAccessToken.digest == digest(initial_access_token), *_holds(now)
        )
    ).one_or_none()
    if row is None:
        raise InvitationRefused
    return Invitation(row.id, RegistrationPolicy(row.scope, row.require_pkce, row.client_days))


def register(document: Mapping[str, Any], invitation: Invitation | None, *, now: datetime) -> Registered:
    """Register what a client asks for, under a new id, using up its invitation; None where anybody may.

    Raises InvitationRefused, RegistrationRefused.
    """
    policy = invitation.policy if invitation else ANYONE
    client_id = uuid4()
    metadata = read_metadata(document, policy, client_id=str(client_id))
    check_all(metadata)
    registered = _drawn(metadata, policy, now=now)
    signing_keys.publish_chosen(metadata.id_token_signed_response_alg, now=now)
    with transaction():
        if invitation is not None:
            _use_up(invitation, now=now)
        _store(registered, policy)
        audit.record(ClientRegistered(client_id, invitation.id if invitation else None), now=now)
    return registered


def read_registration(client_id: str, registration_access_token: str, *, now: datetime) -> Registered:
    """RFC 7592 2.1. Raises ManagementRefused."""
    return _registered(_own_row(client_id, registration_access_token, now=now))


def update_registration(
    client_id: str, registration_access_token: str, document: Mapping[str, Any], *, now: datetime
) -> Registered:
    """RFC 7592 2.2: what is sent replaces all; the token is replaced too, its predecessor dies.

    Raises ManagementRefused, RegistrationRefused.
    """
    row = _own_row(client_id, registration_access_token, now=now)
    check_returned_members(document, client_id)
    _check_secret(client_id, document.get("client_secret"))
    policy = RegistrationPolicy(row.allowed_scope, require_pkce=row.require_pkce)
    metadata = read_metadata(document, policy, client_id=client_id)
    check_all(metadata)
    changed = Registered(metadata, row.created_at, row.expires_at, None, new_secret())
    signing_keys.publish_chosen(metadata.id_token_signed_response_alg, now=now)
    with transaction():
        _replace(changed, registration_access_token)
        changed = _with_secret(changed, row.token_endpoint_auth_method, now=now)
        audit.record(ClientUpdated(UUID(client_id)), now=now)
    return changed


def remove_registration(client_id: str, registration_access_token: str, *, now: datetime) -> None:
    """RFC 7592 2.3: the client goes, with all that it was given. Raises ManagementRefused."""
    _own_row(client_id, registration_access_token, now=now)
    with transaction():
        removed = db.session.scalar(
            delete(Client).where(*_is_own(client_id, registration_access_token)).returning(Client.client_id)
        )
        if removed is None:
            raise ManagementRefused
        audit.record(ClientRemoved(UUID(client_id)), now=now)


def check_all(metadata: ClientMetadata) -> None:
    """The rules, the keys, and the sector's document where one is named. Raises RegistrationRefused."""
    check_registrable(metadata)
    if metadata.sector_identifier_uri is None:
        return
    try:
        content = current_fetcher().get(metadata.sector_identifier_uri, accept=JSON)
    except FetchRefused as refused:
        raise RegistrationRefused(
            [Problem("sector_identifier_uri", "could not be fetched", refused.reason)]
        ) from None
    check_sector_document(content, metadata)


def _holds(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (InitialAccessToken.uses_left > 0, InitialAccessToken.expires_at > now)


def _use_up(invitation: Invitation, *, now: datetime) -> None:
    used = db.session.scalar(
        update(InitialAccessToken)
        .where(InitialAccessToken.id == invitation.id, *_holds(now))
        .values(uses_left=InitialAccessToken.uses_left - 1)
        .returning(InitialAccessToken.id)
    )
    if used is None:
        raise InvitationRefused


def _drawn(metadata: ClientMetadata, policy: RegistrationPolicy, *, now: datetime) -> Registered:
    has_secret = metadata.token_endpoint_auth_method in SECRET_METHODS
    return Registered(
        metadata=metadata,
        issued_at=now,
        expires_at=now + timedelta(days=policy.client_days) if policy.client_days is not None else NEVER,
        client_secret=new_secret() if has_secret else None,
        registration_access_token=new_secret(),
    )


def _store(registered: Registered, policy: RegistrationPolicy) -> None:
    db.session.execute(
        insert(Client).values(
            **as_row(registered.metadata),
            allowed_scope=policy.scope,
            registration_access_token_digest=digest(registered.registration_access_token or ""),
            created_at=registered.issued_at,
            expires_at=registered.expires_at,
        )
    )
    if registered.client_secret is not None:
        add_secret(registered.metadata.client_id, registered.client_secret, now=registered.issued_at)


def _is_own(client_id: str, registration_access_token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Client.client_id == client_id,
        Client.registration_access_token_digest == digest(registration_access_token),
        Client.disabled_at.is_(None),
    )


def _own_row(client_id: str, registration_access_token: str, *, now: datetime) -> Row[Any]:
    row = db.session.execute(
        select(clients).where(*_is_own(client_id, registration_access_token), Client.expires_at > now)
    ).one_or_none()
    if row is None:
        raise ManagementRefused
    return row


def _registered(row: Row[Any]) -> Registered:
    return Registered(from_row(row), row.created_at, row.expires_at)


def _check_secret(client_id: str, client_secret: str | None) -> None:
    """RFC 7592 2.2: a client may repeat its secret, never choose one."""
    if client_secret is None:
        return
    kept = select(ClientSecret.id).where(
        ClientSecret.client_id == client_id, ClientSecret.secret_digest == digest(client_secret)
    )
    if db.session.scalar(kept.limit(1)) is None:
        raise RegistrationRefused([Problem("client_secret", "must be the one that was issued")])


def _replace(changed: Registered, registration_access_token: str) -> None:
    own = _is_own(changed.metadata.client_id, registration_access_token)
    replaced = db.session.scalar(
        update(Client)
        .where(*own)
        .values(
            **as_row(changed.metadata),
            registration_access_token_digest=digest(changed.registration_access_token or ""),
        )
        .returning(Client.client_id)
    )
    if replaced is None:
        raise ManagementRefused


def _with_secret(changed: Registered, former_method: str, *, now: datetime) -> Registered:
    """A client that proves itself another way than before gets a secret now, or loses it."""
    client_id, method = changed.metadata.client_id, changed.metadata.token_endpoint_auth_method
    if method not in SECRET_METHODS:
        db.session.execute(delete(ClientSecret).where(ClientSecret.client_id == client_id))
        return changed
    if former_method in SECRET_METHODS:
        return changed
    client_secret = new_secret()
    add_secret(client_id, client_secret, now=now)
    return replace(changed, client_secret=client_secret)
