"""What a person lets services know: asked, kept, listed, withdrawn (OpenID Connect Core 3.1.2.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.oidc import logout, statements
from idp.oidc.events import ConsentGiven, ConsentWithdrawn
from idp.oidc.models import AuthorizationCode, Client, Consent
from idp.oidc.scopes import canonical_scope
from shared.database import uuid7

ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""As `since`: any consent that holds is recent enough."""


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """A service that may know something of an account. last_used_at: None before it asked anything."""

    consent_id: UUID
    client_id: str
    client_name: str
    client_uri: str | None
    is_first_party: bool
    scopes: frozenset[str]
    since: datetime
    last_used_at: datetime | None


def is_agreed(
    account_id: AccountId, client_id: str, scopes: Iterable[str], *, since: datetime = ANY_TIME
) -> bool:
    """Whether the person agreed, at `since` or after it, to all of these scopes for this client. One query."""
    values = {
        "asking_account_id": account_id,
        "asking_client_id": client_id,
        "consent_pattern": statements.consent_pattern(scopes),
        "consented_since": since,
    }
    return db.session.execute(statements.FIND_CONSENT, values).one_or_none() is not None


def agree(account_id: AccountId, client_id: str, scopes: Iterable[str], *, now: datetime) -> None:
    """Keep the person's consent: what was agreed to before, unless withdrawn, is widened by `scopes`."""
    scopes = frozenset(scopes)
    try:
        _keep(account_id, client_id, scopes, now=now)
    except IntegrityError:
        # The same page sent twice at once: the other one's row is there to be widened.
        _keep(account_id, client_id, scopes, now=now)


def withdraw(account_id: AccountId, consent_id: UUID, *, now: datetime) -> None:
    """End one consent of this account; twice is as once.

    The client's codes and tokens for it end at the same instant: every statement that honours one asks for a consent
    older than it. The client is told to end its own sessions (Back-Channel Logout).
    """
    with transaction():
        withdrawn = db.session.scalar(
            update(Consent)
            .where(Consent.id == consent_id, Consent.account_id == account_id, Consent.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(Consent.client_id)
        )
        if withdrawn is not None:
            logout.note_withdrawn_access(account_id, withdrawn, now=now)
            audit.record(ConsentWithdrawn(account_id, consent_id), now=now)


def erase(account_id: AccountId) -> None:
    """Nothing is agreed to any more, and nothing tells that it was; in the caller's transaction."""
    db.session.execute(delete(Consent).where(Consent.account_id == account_id))


def services_of(account_id: AccountId) -> tuple[ServiceAccess, ...]:
    """The services that this account's person lets know something, by name. One query."""
    last_used_at = (
        select(func.max(AuthorizationCode.issued_at))
        .where(
            AuthorizationCode.account_id == Consent.account_id,
            AuthorizationCode.client_id == Consent.client_id,
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Consent.id,
            Client.client_id,
            Client.name,
            Client.client_uri,
            Client.first_party,
            Consent.scope,
            Consent.since,
            last_used_at,
        )
        .join(Client, Client.client_id == Consent.client_id)
        .where(Consent.account_id == account_id, Consent.revoked_at.is_(None))
        .order_by(func.lower(Client.name), Client.client_id)
    )
    return tuple(ServiceAccess(*row[:5], frozenset(row[5].split()), *row[6:]) for row in rows)


def withdrawn_service(account_id: AccountId, consent_id: UUID) -> str | None:
    """The name of the service that a withdrawn consent of this account was for; None without such a one."""
    return db.session.scalar(
        select(Client.name)
        .join(Consent, Consent.client_id == Client.client_id)
        .where(Consent.id == consent_id, Consent.account_id == account_id, Consent.revoked_at.is_not(None))
    )


def _keep(account_id: AccountId, client_id: str, scopes: frozenset[str], *, now: datetime) -> None:
    with transaction():
        consent_id = _widen(account_id, client_id, scopes, now=now)
        if consent_id is None:
            consent_id = _insert(account_id, client_id, scopes, now=now)
        audit.record(ConsentGiven(account_id, consent_id), now=now)
        _tell_of_new_service(account_id, consent_id, now=now)


def _tell_of_new_service(account_id: AccountId, consent_id: UUID, *, now: datetime) -> None:
    """A mail for a service that had no access until now; the operator's own ones are no news."""
    name = db.session.scalar(
        select(Client.name)
        .join(Consent, Consent.client_id == Client.client_id)
        .where(Consent.id == consent_id, Consent.since == now, Client.first_party.is_(False))
    )
    if name is not None:
        notices.notify(account_id, Notice.NEW_SERVICE, now=now, service=name)


def _widen(account_id: AccountId, client_id: str, scopes: frozenset[str], *, now: datetime) -> UUID | None:
    row = db.session.execute(
        select(Consent.id, Consent.scope, Consent.revoked_at)
        .where(Consent.account_id == account_id, Consent.client_id == client_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    kept = frozenset(row.scope.split()) if row.revoked_at is None else frozenset()
    db.session.execute(
        update(Consent)
        .where(Consent.id == row.id)
        .values(
            scope=canonical_scope(kept | scopes),
            since=case((Consent.revoked_at.is_(None), Consent.since), else_=now),
            granted_at=now,
            revoked_at=None,
        )
    )
    return cast("UUID", row.id)


def _insert(account_id: AccountId, client_id: str, scopes: frozenset[str], *, now: datetime) -> UUID:
    consent_id = uuid7()
    db.session.execute(
        insert(Consent).values(
            id=consent_id,
            account_id=account_id,
            client_id=client_id,
            scope=canonical_scope(scopes),
            since=now,
            granted_at=now,
        )
    )
    return consent_id
