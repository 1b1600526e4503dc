"""Authorization codes and access tokens: issued, redeemed and honoured by one statement each.

Core statements, few round trips: these are the hot paths. Every condition stands in the statement that acts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    Table,
    Text,
    and_,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import OAuthRefusal
from idp.families import service as families
from idp.families.rules import GuardianChild
from idp.oidc.claims import PersonView
from idp.oidc.events import AuthorizationCodeMisused, CodeMisuse, SignedOutByService
from idp.oidc.models import AccessToken, AuthorizationCode, Client
from idp.oidc.subject import pairwise_child
from idp.sessions import service as sessions
from idp.sessions.models import AccountSession
from idp.sessions.rules import OpenedWith
from idp.settings import current
from shared.claims import SCOPE_CHILDREN, ChildClaim, SchoolClaim
from shared.database import UtcDateTime, uuid7
from shared.secrets import digest, new_secret

MAXIMUM_FAILED_ATTEMPTS = 3
"""Wrong verifiers or redirect URIs after which an authorization code is dead (PK-11)."""

codes = cast("Table", AuthorizationCode.__table__)
access_tokens = cast("Table", AccessToken.__table__)
clients = cast("Table", Client.__table__)
account_sessions = cast("Table", AccountSession.__table__)
accounts = cast("Table", Account.__table__)


class AuthorizationCodeRefused(OAuthRefusal):
    """RFC 6749 5.2: unknown, used, too old, another client's, or not bound to what was presented. One answer for all."""

    error_code = "authorization_code_refused"
    error = "invalid_grant"
    hint = "The authorization code is not valid, or not for this client, redirect URI and code verifier."


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What an authorization code will stand for. code_challenge: S256 only, None when none was sent."""

    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a client presents at the token endpoint. code_challenge: derived from its verifier, None without one."""

    client_id: str
    authorization_code: str
    redirect_uri: str
    code_challenge: str | None


@dataclass(frozen=True, slots=True)
class TokensIssued:
    """What a redeemed code gave, and what the ID token states of it. `access_token` is stored nowhere."""

    access_token: str
    expires_in_seconds: int
    account_id: AccountId
    scope: str
    sid: str
    nonce: str | None
    auth_time: datetime
    children: tuple[GuardianChild, ...]


@dataclass(frozen=True, slots=True)
class HonouredToken:
    """A living access token, and the person it speaks of."""

    account_id: AccountId
    scope: str
    sector_identifier: str
    person: PersonView


def issue_authorization_code(request: CodeRequest, session_id: UUID, *, now: datetime) -> str | None:
    """A new authorization code, or None when at this very instant the session does not hold, its account is not
    active, or the client is disabled: one statement asks and writes (RFC 6749 4.1.2).
    """
    authorization_code = new_secret()
    columns = {
        "id": literal(uuid7(), codes.c.id.type),
        "digest": literal(digest(authorization_code), codes.c.digest.type),
        "client_id": clients.c.client_id,
        "account_id": account_sessions.c.account_id,
        "session_id": account_sessions.c.id,
        "sid": account_sessions.c.sid,
        "redirect_uri": literal(request.redirect_uri, String()),
        "scope": literal(request.scope, String()),
        "nonce": literal(request.nonce, Text()),
        "code_challenge": literal(request.code_challenge, String()),
        "auth_time": account_sessions.c.signed_in_at,
        "issued_at": literal(now, UtcDateTime()),
        "expires_at": literal(now + timedelta(seconds=current().authorization_code_seconds), UtcDateTime()),
        "failed_attempts": literal(0),
    }
    source = (
        select(*columns.values())
        .select_from(account_sessions.join(accounts, accounts.c.id == account_sessions.c.account_id))
        .join(clients, clients.c.client_id == request.client_id)
        .where(account_sessions.c.id == session_id, *_holds(now))
    )
    with transaction():
        issued = db.session.execute(
            insert(codes).from_select(list(columns), source).returning(codes.c.id)
        ).one_or_none()
    return authorization_code if issued is not None else None


def redeem_authorization_code(redemption: Redemption, *, now: datetime) -> TokensIssued:
    """RFC 6749 4.1.3: once, by its client, in time, with its redirect URI and verifier, while its session holds.

    A used code revokes what it gave, and that is committed (RFC 6749 4.1.2). Raises AuthorizationCodeRefused.
    """
    with transaction():
        row = _consume(redemption, now=now)
        if row is not None:
            return _issue_tokens(row, now=now)
        # Committed before the refusal is raised: what a reuse revokes must stay revoked.
        _note_misuse(redemption, now=now)
    raise AuthorizationCodeRefused


def find_access_token(access_token: str, *, now: datetime) -> HonouredToken | None:
    """What an access token opens, while its session holds and its account is active; one query (RFC 6750 3.1)."""
    row = db.session.execute(
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
            access_tokens.c.digest == digest(access_token),
            access_tokens.c.revoked_at.is_(None),
            access_tokens.c.expires_at > now,
            *_holds(now, since=access_tokens.c.issued_at),
        )
    ).one_or_none()
    if row is None:
        return None
    return HonouredToken(row.account_id, row.scope, row.sector_identifier, _person(row))


def children_claims(account_id: AccountId, sector_identifier: str) -> tuple[ChildClaim, ...]:
    """The children that an account may see now, as one sector sees them."""
    return as_claims(families.children_of(account_id), sector_identifier)


def as_claims(children: Sequence[GuardianChild], sector_identifier: str) -> tuple[ChildClaim, ...]:
    """Children as one sector sees them: under pairwise identifiers (ADR 0002)."""
    key = current().pairwise_key
    return tuple(
        ChildClaim(
            sub=pairwise_child(sector_identifier, child.child_id, key),
            given_name=child.given_name,
            family_name=child.family_name,
            level=child.level,
            school=SchoolClaim(child.school_uai, child.school_name),
            relationship=child.relationship,
            ine=child.ine,
            birthdate=child.birth_date,
        )
        for child in children
    )


@dataclass(frozen=True, slots=True)
class HintedSession:
    """The session that an ID token speaks of, living or ended."""

    id: UUID
    account_id: AccountId


def find_hinted_session(sid: str) -> HintedSession | None:
    """The session of a `sid`, also an ended one."""
    row = db.session.execute(
        select(account_sessions.c.id, account_sessions.c.account_id).where(account_sessions.c.sid == sid)
    ).one_or_none()
    return HintedSession(*row) if row is not None else None


def end_sessions(session_ids: Sequence[UUID], account_id: AccountId, *, now: datetime) -> None:
    """End sessions of one account because a service or the person asked (RP-Initiated Logout 2)."""
    with transaction():
        for session_id in session_ids:
            sessions.end_session(session_id, now=now)
        audit.record(SignedOutByService(account_id), now=now)


def _holds(now: datetime, *, since: ColumnElement[datetime] | None = None) -> tuple[ColumnElement[bool], ...]:
    """What must be true each time anything is issued or honoured (design: ended means ended).

    since: when the thing was issued; a password chosen later ends it.
    """
    conditions: list[ColumnElement[bool]] = [
        account_sessions.c.ended_at.is_(None),
        account_sessions.c.expires_at > now,
        account_sessions.c.opened_with == OpenedWith.CHOSEN,
        accounts.c.state == AccountState.ACTIVE,
        clients.c.disabled_at.is_(None),
    ]
    if since is not None:
        conditions.append(
            or_(accounts.c.password_changed_at.is_(None), accounts.c.password_changed_at <= since)
        )
    return tuple(conditions)


def _consume(redemption: Redemption, *, now: datetime) -> Row[Any] | None:
    """Pattern of ADR 0005: every binding stands in the one UPDATE; of many redeemers one gets the row."""
    holding = exists().where(
        account_sessions.c.id == codes.c.session_id,
        accounts.c.id == codes.c.account_id,
        clients.c.client_id == codes.c.client_id,
        *_holds(now, since=codes.c.issued_at),
    )
    statement = (
        update(codes)
        .where(
            codes.c.digest == digest(redemption.authorization_code),
            codes.c.client_id == redemption.client_id,
            codes.c.redirect_uri == redemption.redirect_uri,
            # No verifier: IS NULL, hence only a code without challenge. A verifier: equality, hence never one.
            codes.c.code_challenge == redemption.code_challenge,
            codes.c.failed_attempts < MAXIMUM_FAILED_ATTEMPTS,
            codes.c.consumed_at.is_(None),
            codes.c.expires_at > now,
            holding,
        )
        .values(consumed_at=now)
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
    return db.session.execute(statement).one_or_none()


def _issue_tokens(row: Row[Any], *, now: datetime) -> TokensIssued:
    access_token, seconds = new_secret(), current().access_token_seconds
    db.session.execute(
        insert(access_tokens).values(
            id=uuid7(),
            digest=digest(access_token),
            client_id=row.client_id,
            account_id=row.account_id,
            session_id=row.session_id,
            authorization_code_id=row.id,
            scope=row.scope,
            issued_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
    )
    children = families.children_of(row.account_id) if SCOPE_CHILDREN in row.scope.split() else ()
    return TokensIssued(
        access_token=access_token,
        expires_in_seconds=seconds,
        account_id=row.account_id,
        scope=row.scope,
        sid=row.sid,
        nonce=row.nonce,
        auth_time=row.auth_time,
        children=tuple(children),
    )


def _note_misuse(redemption: Redemption, *, now: datetime) -> None:
    """Why the code was refused, looked at afterwards: a reuse ends what it gave, a wrong binding counts."""
    row = db.session.execute(
        select(
            codes.c.id, codes.c.client_id, codes.c.account_id, codes.c.consumed_at, codes.c.expires_at
        ).where(codes.c.digest == digest(redemption.authorization_code))
    ).one_or_none()
    if row is None:
        return
    misuse = _misuse(row, redemption.client_id, now=now)
    if misuse is CodeMisuse.REUSED:
        _revoke_tokens(row.id, now=now)
    if misuse is CodeMisuse.WRONG_BINDING:
        db.session.execute(
            update(codes).where(codes.c.id == row.id).values(failed_attempts=codes.c.failed_attempts + 1)
        )
    audit.record(AuthorizationCodeMisused(row.account_id, misuse), now=now)


def _misuse(row: Any, client_id: str, *, now: datetime) -> CodeMisuse:
    if row.client_id != client_id:
        return CodeMisuse.OTHER_CLIENT
    if row.consumed_at is not None:
        return CodeMisuse.REUSED
    return CodeMisuse.WRONG_BINDING if row.expires_at > now else CodeMisuse.OUT_OF_TIME


def _revoke_tokens(authorization_code_id: UUID, *, now: datetime) -> None:
    db.session.execute(
        update(access_tokens)
        .where(
            and_(
                access_tokens.c.authorization_code_id == authorization_code_id,
                access_tokens.c.revoked_at.is_(None),
            )
        )
        .values(revoked_at=now)
    )


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


def _person(row: Row[Any]) -> PersonView:
    return PersonView(
        given_name=row.given_name,
        family_name=row.usage_name or row.family_name,
        updated_at=row.updated_at,
        email=row.email if row.email_confirmed_at else None,
        phone=row.phone if row.phone_confirmed_at else None,
    )
