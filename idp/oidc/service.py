"""Authorization codes and access tokens: issued, redeemed and honoured by one statement each.

Few round trips: these are the hot paths. Every condition stands in the statement that acts (`statements.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row

from idp.accounts.rules import AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import OAuthRefusal
from idp.families import service as families
from idp.families.rules import GuardianChild
from idp.oidc import statements
from idp.oidc.authentication import Authentication
from idp.oidc.claims import PersonView
from idp.oidc.events import AuthorizationCodeMisused, CodeMisuse, SignedOutByService
from idp.oidc.scopes import OFFLINE_ACCESS
from idp.oidc.subject import pairwise_child
from idp.sessions import service as sessions
from idp.settings import current
from shared.claims import CLAIM, SCOPE_CHILDREN, ChildClaim, SchoolClaim
from shared.database import uuid7
from shared.secrets import digest, new_secret


class AuthorizationCodeRefused(OAuthRefusal):
    """RFC 6749 5.2: unknown, used, too old, another client's, or not bound to what was presented. One answer for all."""

    error_code = "authorization_code_refused"
    error = "invalid_grant"
    hint = "The authorization code is not valid, or not for this client, redirect URI and code verifier."
    remedy = (
        "The code was used before (a reload, a double click: what the first use gave has ended too), is over a "
        "minute old, or the verifier or the redirect URI is another."
    )


class ResourceRefused(OAuthRefusal):
    """RFC 8707 2: unknown here, or not what the grant is for."""

    error_code = "resource_refused"
    error = "invalid_target"
    hint = "The resource is unknown, not the one that was granted, or one of several."
    remedy = "Ask for one access token a resource: each is good for one server alone."


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What an access token says. account_id, auth_time: None in a client's own. audience: None is the provider."""

    id: UUID
    account_id: AccountId | None
    scope: str
    audience: str | None
    auth_time: datetime | None
    issued_at: datetime
    expires_at: datetime


Mint = Callable[[AccessFacts], str]
"""Makes an access token: random, or a signed statement of the facts."""


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What an authorization code will stand for. code_challenge: S256 only, None when none was sent.

    claims: names asked one by one, by place. consent_scopes: what the person must have agreed to, at `consented_since`
    or after it.
    """

    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    authentication: Authentication
    claims: Mapping[str, list[str]] | None
    consent_scopes: frozenset[str]
    consented_since: datetime
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a client presents at the token endpoint. code_challenge: derived from its verifier, None without one.

    resource: None takes the one that was granted.
    """

    client_id: str
    authorization_code: str
    redirect_uri: str
    code_challenge: str | None
    mint: Mint
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class TokensIssued:
    """What a grant gave, and what the ID token states of it. The tokens themselves are stored nowhere.

    refresh_token: None without offline access. id_token_names: claims asked by name for the ID token; `person` is read
    only when there are any.
    """

    access_token: str
    refresh_token: str | None
    expires_in_seconds: int
    account_id: AccountId
    scope: str
    sid: str
    nonce: str | None
    auth_time: datetime
    authentication: Authentication
    children: tuple[GuardianChild, ...]
    id_token_names: tuple[str, ...] = ()
    person: PersonView | None = None


@dataclass(frozen=True, slots=True)
class ClientTokenIssued:
    """A client's own access token (RFC 6749 4.4). `access_token` is stored nowhere."""

    access_token: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class HonouredToken:
    """A living access token, and the person it speaks of.

    names: claims asked by name. signing_algorithm: of userinfo; None answers JSON.
    """

    account_id: AccountId
    client_id: str
    scope: str
    names: tuple[str, ...]
    signing_algorithm: str | None
    sector_identifier: str
    person: PersonView


def issue_authorization_code(request: CodeRequest, session_id: UUID, *, now: datetime) -> str | None:
    """A new authorization code, or None when at this very instant the session does not hold, its account is not
    active, the client is disabled, or the person has not agreed: one statement asks and writes (RFC 6749 4.1.2).
    """
    authorization_code = new_secret()
    values = {
        "code_id": uuid7(),
        "presented_digest": digest(authorization_code),
        "asking_client_id": request.client_id,
        "present_session_id": session_id,
        "asked_redirect_uri": request.redirect_uri,
        "granted_scope": request.scope,
        "asked_nonce": request.nonce,
        "asked_code_challenge": request.code_challenge,
        "asked_resource": request.resource,
        "reached_acr": request.authentication.acr,
        "used_amr": " ".join(request.authentication.amr),
        "named_claims": request.claims,
        "consent_pattern": statements.consent_pattern(request.consent_scopes),
        "consented_since": request.consented_since,
        "now": now,
        "end": now + timedelta(seconds=current().authorization_code_seconds),
    }
    with transaction():
        issued = db.session.execute(statements.ISSUE_CODE, values).one_or_none()
    return authorization_code if issued is not None else None


def redeem_authorization_code(redemption: Redemption, *, now: datetime) -> TokensIssued:
    """RFC 6749 4.1.3: once, by its client, in time, with its redirect URI and verifier, while its session holds.

    A used code revokes what it gave, and that is committed (RFC 6749 4.1.2). Raises AuthorizationCodeRefused,
    ResourceRefused (the code is not used up then).
    """
    with transaction():
        row = _consume(redemption, now=now)
        if row is not None:
            check_granted_resource(row.resource, redemption.resource)
            return _issue_tokens(row, redemption.mint, now=now)
        # Committed before the refusal is raised: what a reuse revokes must stay revoked.
        _note_misuse(redemption, now=now)
    raise AuthorizationCodeRefused


def find_access_token(access_token: str, *, now: datetime) -> HonouredToken | None:
    """What an access token opens, while its session holds and its account is active; one query (RFC 6750 3.1)."""
    row = db.session.execute(
        statements.FIND_TOKEN, {"presented_digest": digest(access_token), "now": now}
    ).one_or_none()
    if row is None:
        return None
    return HonouredToken(
        account_id=row.account_id,
        client_id=row.client_id,
        scope=row.scope,
        names=tuple((row.claims or {}).get("userinfo", ())),
        signing_algorithm=row.userinfo_signed_response_alg,
        sector_identifier=row.sector_identifier,
        person=_person(row),
    )


def issue_client_token(
    client_id: str, audience: str | None, mint: Mint, *, now: datetime
) -> ClientTokenIssued | None:
    """An access token of the client itself, without scope; None when at this instant it is disabled."""
    seconds = current().access_token_seconds
    end = now + timedelta(seconds=seconds)
    facts = AccessFacts(uuid7(), None, "", audience, None, issued_at=now, expires_at=end)
    access_token = mint(facts)
    values = {
        "token_id": facts.id,
        "presented_digest": digest(access_token),
        "presenting_client_id": client_id,
        "asked_audience": audience,
        "end": end,
        "now": now,
    }
    with transaction():
        issued = db.session.execute(statements.ISSUE_CLIENT_TOKEN, values).one_or_none()
    return ClientTokenIssued(access_token, seconds) if issued is not None else None


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
    row = db.session.execute(statements.FIND_SESSION, {"hinted_sid": sid}).one_or_none()
    return HintedSession(*row) if row is not None else None


def end_sessions(session_ids: Sequence[UUID], account_id: AccountId, *, now: datetime) -> None:
    """End sessions of one account because a service or the person asked (RP-Initiated Logout 2)."""
    with transaction():
        for session_id in session_ids:
            sessions.end_session(session_id, now=now)
        audit.record(SignedOutByService(account_id), now=now)


def _consume(redemption: Redemption, *, now: datetime) -> Row[Any] | None:
    values = {
        "presented_digest": digest(redemption.authorization_code),
        "presenting_client_id": redemption.client_id,
        "presented_redirect_uri": redemption.redirect_uri,
        "presented_challenge": redemption.code_challenge,
        "now": now,
    }
    return db.session.execute(statements.CONSUME_CODE, values).one_or_none()


def check_granted_resource(granted: str | None, asked: str | None) -> None:
    """RFC 8707 2.2: at the token endpoint nothing that was not granted. Raises ResourceRefused."""
    if asked is not None and asked != granted:
        raise ResourceRefused


def _issue_tokens(row: Row[Any], mint: Mint, *, now: datetime) -> TokensIssued:
    refresh_token = new_secret() if OFFLINE_ACCESS in row.scope.split() else None
    family_id = _start_family(row, refresh_token, now=now) if refresh_token else None
    grant = Grant(row.id, family_id, row.client_id, row.account_id, row.session_id)
    return issue_tokens(row, Issuing(grant, row.scope, mint, refresh_token), now=now)


class Grant(NamedTuple):
    """What an access token is bound to. family_id: None without offline access."""

    authorization_code_id: UUID
    family_id: UUID | None
    client_id: str
    account_id: AccountId
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Issuing:
    """What is to be issued. refresh_token: as it goes into the answer, stored already."""

    grant: Grant
    scope: str
    mint: Mint
    refresh_token: str | None


def issue_tokens(row: Row[Any], issuing: Issuing, *, now: datetime) -> TokensIssued:
    """A new access token of a grant, in the caller's transaction. `row`: what the code or the family stands for."""
    seconds = current().access_token_seconds
    facts = AccessFacts(
        id=uuid7(),
        account_id=row.account_id,
        scope=issuing.scope,
        audience=row.resource,
        auth_time=row.auth_time,
        issued_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    access_token = issuing.mint(facts)
    values = {
        "id": facts.id,
        "digest": digest(access_token),
        **issuing.grant._asdict(),
        "scope": facts.scope,
        "audience": facts.audience,
        "claims": row.claims,
        "issued_at": facts.issued_at,
        "expires_at": facts.expires_at,
    }
    db.session.execute(statements.ISSUE_TOKEN, values)
    names = tuple((row.claims or {}).get("id_token", ()))
    wants_children = SCOPE_CHILDREN in issuing.scope.split() or CLAIM in names
    children = families.children_of(row.account_id) if wants_children else ()
    return TokensIssued(
        access_token=access_token,
        refresh_token=issuing.refresh_token,
        expires_in_seconds=seconds,
        account_id=row.account_id,
        scope=issuing.scope,
        sid=row.sid,
        # Core 12.2: the ID token of a refresh has none.
        nonce=getattr(row, "nonce", None),
        auth_time=row.auth_time,
        authentication=Authentication(row.acr, tuple(row.amr.split())),
        children=tuple(children),
        id_token_names=names,
        person=_find_person(row.account_id) if names else None,
    )


def _start_family(row: Row[Any], refresh_token: str, *, now: datetime) -> UUID:
    family_id = uuid7()
    values = {
        "id": family_id,
        "digest": digest(refresh_token),
        "authorization_code_id": row.id,
        **{name: getattr(row, name) for name in statements.FAMILY_COLUMNS},
        "created_at": now,
        "rotated_at": now,
        "expires_at": now + timedelta(days=current().refresh_token_days),
    }
    db.session.execute(statements.START_FAMILY, values)
    return family_id


def _find_person(account_id: AccountId) -> PersonView:
    return _person(db.session.execute(statements.FIND_PERSON, {"present_account_id": account_id}).one())


def _note_misuse(redemption: Redemption, *, now: datetime) -> None:
    """Why the code was refused, looked at afterwards: a reuse ends what it gave, a wrong binding counts."""
    row = db.session.execute(
        statements.LOOK_AT_CODE, {"presented_digest": digest(redemption.authorization_code)}
    ).one_or_none()
    if row is None:
        return
    misuse = _misuse(row, redemption.client_id, now=now)
    if misuse is CodeMisuse.REUSED:
        for revoke in (statements.REVOKE_TOKENS, statements.REVOKE_FAMILY_OF_CODE):
            db.session.execute(revoke, {"reused_code_id": row.id, "now": now})
    if misuse is CodeMisuse.WRONG_BINDING:
        db.session.execute(statements.COUNT_FAILURE, {"failed_code_id": row.id})
    audit.record(AuthorizationCodeMisused(row.account_id, misuse), now=now)


def _misuse(row: Any, client_id: str, *, now: datetime) -> CodeMisuse:
    if row.client_id != client_id:
        return CodeMisuse.OTHER_CLIENT
    if row.consumed_at is not None:
        return CodeMisuse.REUSED
    return CodeMisuse.WRONG_BINDING if row.expires_at > now else CodeMisuse.OUT_OF_TIME


def _person(row: Row[Any]) -> PersonView:
    return PersonView(
        given_name=row.given_name,
        family_name=row.usage_name or row.family_name,
        updated_at=row.updated_at,
        email=row.email if row.email_confirmed_at else None,
        phone=row.phone if row.phone_confirmed_at else None,
        postal_address=row.postal_address or "",
    )
