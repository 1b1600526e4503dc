"""Refresh tokens: one living token a family, exchanged by one statement; a reuse ends the family (ADR 0023)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import OAuthRefusal
from idp.oidc import statements
from idp.oidc.events import CodeMisuse, RefreshTokenMisused
from idp.oidc.service import (
    Grant,
    Issuing,
    Mint,
    TokensIssued,
    check_granted_resource,
    issue_tokens,
)
from idp.settings import current
from shared.sealing import derive_key
from shared.secrets import digest

GRACE = timedelta(seconds=10)
"""How long a superseded token still gives its successor: the first answer may have been lost."""
KEY_PURPOSE = "refresh tokens"


class RefreshTokenRefused(OAuthRefusal):
    """RFC 6749 5.2: unknown, superseded, too old, another client's, or what stood behind it ended. One answer for all."""

    error_code = "refresh_token_refused"
    error = "invalid_grant"
    hint = "The refresh token is not valid, or not for this client."


class ScopeWidened(OAuthRefusal):
    """RFC 6749 6: a refresh may ask for less than was granted, never for more."""

    error_code = "scope_widened"
    error = "invalid_scope"
    hint = "The scope holds more than was granted."


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a client presents. scope, resource: None asks for what was granted."""

    client_id: str
    refresh_token: str
    mint: Mint
    scope: str | None = None
    resource: str | None = None


def refresh(renewal: Renewal, *, now: datetime) -> TokensIssued:
    """RFC 6749 6: new tokens while the grant holds. The scope may be narrowed for this access token alone.

    A superseded token revokes its family, and that is committed. Raises RefreshTokenRefused,
    ScopeWidened, ResourceRefused.
    """
    successor = successor_of(renewal.refresh_token)
    with transaction():
        family = _rotate(renewal, successor, now=now)
        if family is not None:
            return _renew(family, renewal, successor, now=now)
        # Committed before the refusal is raised: what a reuse revokes must stay revoked.
        _note_misuse(renewal, now=now)
    raise RefreshTokenRefused


def successor_of(refresh_token: str) -> str:
    """The token that takes its place: 43 characters of base64url, that nobody derives without our key.

    The same each time, so that a client whose answer was lost gets it again, and two requests at once get one token.
    """
    key = derive_key(current().secret_key, KEY_PURPOSE)
    derived = hmac.digest(key, refresh_token.encode(), "sha256")
    return base64.urlsafe_b64encode(derived).rstrip(b"=").decode()


def _rotate(renewal: Renewal, successor: str, *, now: datetime) -> Row[Any] | None:
    values = {
        "presented_digest": digest(renewal.refresh_token),
        "successor_digest": digest(successor),
        "presenting_client_id": renewal.client_id,
        "graced_since": now - GRACE,
        "idle_since": now - timedelta(days=current().refresh_token_idle_days),
        "now": now,
    }
    return db.session.execute(statements.ROTATE, values).one_or_none()


def _renew(family: Row[Any], renewal: Renewal, successor: str, *, now: datetime) -> TokensIssued:
    # Refused from here on, the presented token stays the living one: the transaction is not committed.
    check_granted_resource(family.resource, renewal.resource)
    scope = _narrowed(family.scope, renewal.scope)
    db.session.execute(
        statements.KEEP_SUPERSEDED,
        {"presented_digest": digest(renewal.refresh_token), "rotated_family_id": family.id},
    )
    grant = Grant(
        authorization_code_id=family.authorization_code_id,
        family_id=family.id,
        client_id=family.client_id,
        account_id=family.account_id,
        session_id=family.session_id,
    )
    return issue_tokens(family, Issuing(grant, scope, renewal.mint, successor), now=now)


def _narrowed(granted: str, asked: str | None) -> str:
    """What is asked of what was granted, in the order granted. Raises ScopeWidened."""
    if asked is None:
        return granted
    wanted = set(asked.split())
    if not wanted or not wanted <= set(granted.split()):
        raise ScopeWidened
    return " ".join(scope for scope in granted.split() if scope in wanted)


def _note_misuse(renewal: Renewal, *, now: datetime) -> None:
    """Why the token was refused, looked at afterwards: a reuse ends the family; another client harms nobody."""
    row = db.session.execute(
        statements.LOOK_AT_REFRESH_TOKEN, {"presented_digest": digest(renewal.refresh_token)}
    ).one_or_none()
    if row is None:
        return
    if row.client_id != renewal.client_id:
        audit.record(RefreshTokenMisused(row.account_id, CodeMisuse.OTHER_CLIENT), now=now)
    elif not row.is_current and _revoke(row.id, now=now):
        audit.record(RefreshTokenMisused(row.account_id, CodeMisuse.REUSED), now=now)


def _revoke(family_id: Any, *, now: datetime) -> bool:
    values = {"reused_family_id": family_id, "now": now}
    return db.session.execute(statements.REVOKE_FAMILY, values).one_or_none() is not None
