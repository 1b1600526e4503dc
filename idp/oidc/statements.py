"""The statements of the hot paths, built once: building one costs more than running it.

Each holds every condition of what it does (ADR 0005), so that nothing is read first and written later. Bound by name:
`now` is the instant, the other names say what they are compared with.
"""

from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.oidc.models import AccessToken, AuthorizationCode, Client
from idp.sessions.models import AccountSession
from idp.sessions.rules import OpenedWith
from shared.database import UtcDateTime

MAXIMUM_FAILED_ATTEMPTS = 3
"""Wrong verifiers or redirect URIs after which an authorization code is dead (PK-11)."""

PERSON_COLUMNS = (
    "given_name",
    "family_name",
    "usage_name",
    "updated_at",
    "email",
    "email_confirmed_at",
    "phone",
    "phone_confirmed_at",
)

codes = cast("Table", AuthorizationCode.__table__)
access_tokens = cast("Table", AccessToken.__table__)
clients = cast("Table", Client.__table__)
account_sessions = cast("Table", AccountSession.__table__)
accounts = cast("Table", Account.__table__)


def _given(name: str, kind: Any) -> ColumnElement[Any]:
    return bindparam(name, type_=kind)


NOW = _given("now", UtcDateTime())
DIGEST = _given("presented_digest", LargeBinary())


def _holds(since: ColumnElement[Any] | None = None) -> tuple[ColumnElement[bool], ...]:
    """What must be true each time anything is issued or honoured: ended means ended.

    since: when the thing was issued; a password chosen later ends it.
    """
    conditions: list[ColumnElement[bool]] = [
        account_sessions.c.ended_at.is_(None),
        account_sessions.c.expires_at > NOW,
        account_sessions.c.opened_with == OpenedWith.CHOSEN,
        accounts.c.state == AccountState.ACTIVE,
        clients.c.disabled_at.is_(None),
        clients.c.expires_at > NOW,
    ]
    if since is not None:
        changed_at = accounts.c.password_changed_at
        conditions.append(or_(changed_at.is_(None), changed_at <= since))
    return tuple(conditions)


_CODE_COLUMNS = {
    "id": _given("code_id", Uuid()),
    "digest": DIGEST,
    "client_id": clients.c.client_id,
    "account_id": account_sessions.c.account_id,
    "session_id": account_sessions.c.id,
    "sid": account_sessions.c.sid,
    "redirect_uri": _given("asked_redirect_uri", String()),
    "scope": _given("granted_scope", String()),
    "nonce": _given("asked_nonce", Text()),
    "code_challenge": _given("asked_code_challenge", String()),
    "auth_time": account_sessions.c.signed_in_at,
    "issued_at": NOW,
    "expires_at": _given("end", UtcDateTime()),
    "failed_attempts": literal(0),
}

ISSUE_CODE = (
    insert(codes)
    .from_select(
        list(_CODE_COLUMNS),
        select(*_CODE_COLUMNS.values())
        .select_from(account_sessions)
        .join(accounts, accounts.c.id == account_sessions.c.account_id)
        .join(clients, clients.c.client_id == _given("asking_client_id", String()))
        .where(account_sessions.c.id == _given("present_session_id", Uuid()), *_holds()),
    )
    .returning(codes.c.id)
)
"""RFC 6749 4.1.2: a code for a session that holds at this very instant; no row otherwise."""

CONSUME_CODE = (
    update(codes)
    .where(
        codes.c.digest == DIGEST,
        codes.c.client_id == _given("presenting_client_id", String()),
        codes.c.redirect_uri == _given("presented_redirect_uri", String()),
        # Without a verifier only a code without challenge, with one only a code with this challenge.
        codes.c.code_challenge.is_not_distinct_from(_given("presented_challenge", String())),
        codes.c.failed_attempts < MAXIMUM_FAILED_ATTEMPTS,
        codes.c.consumed_at.is_(None),
        codes.c.expires_at > NOW,
        exists().where(
            account_sessions.c.id == codes.c.session_id,
            accounts.c.id == codes.c.account_id,
            clients.c.client_id == codes.c.client_id,
            *_holds(since=codes.c.issued_at),
        ),
    )
    .values(consumed_at=NOW)
    .returning(
        codes.c.id,
        codes.c.client_id,
        codes.c.account_id,
        codes.c.session_id,
        codes.c.sid,
        codes.c.scope,
        codes.c.nonce,
        codes.c.auth_time,
    )
)
"""RFC 6749 4.1.3, RFC 7636 4.6: of many redeemers one gets the row."""

LOOK_AT_CODE = select(
    codes.c.id, codes.c.client_id, codes.c.account_id, codes.c.consumed_at, codes.c.expires_at
).where(codes.c.digest == DIGEST)

COUNT_FAILURE = (
    update(codes)
    .where(codes.c.id == _given("failed_code_id", Uuid()))
    .values(failed_attempts=codes.c.failed_attempts + 1)
)

ISSUE_TOKEN = insert(access_tokens)

REVOKE_TOKENS = (
    update(access_tokens)
    .where(
        access_tokens.c.authorization_code_id == _given("reused_code_id", Uuid()),
        access_tokens.c.revoked_at.is_(None),
    )
    .values(revoked_at=NOW)
)
"""RFC 6749 4.1.2: what a reused code gave."""

FIND_TOKEN = (
    select(
        access_tokens.c.account_id,
        access_tokens.c.scope,
        clients.c.sector_identifier,
        *(accounts.c[name] for name in PERSON_COLUMNS),
    )
    .select_from(access_tokens)
    .join(account_sessions, account_sessions.c.id == access_tokens.c.session_id)
    .join(accounts, accounts.c.id == access_tokens.c.account_id)
    .join(clients, clients.c.client_id == access_tokens.c.client_id)
    .where(
        access_tokens.c.digest == DIGEST,
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > NOW,
        *_holds(since=access_tokens.c.issued_at),
    )
)
"""RFC 6750 3.1: a living token and the person it speaks of, in one query."""

FIND_SESSION = select(account_sessions.c.id, account_sessions.c.account_id).where(
    account_sessions.c.sid == _given("hinted_sid", String())
)
