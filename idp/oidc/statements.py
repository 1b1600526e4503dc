"""The statements of the hot paths, built once: building one costs more than running it.

Each holds every condition of what it does (ADR 0005), so that nothing is read first and written later. Bound by name:
`now` is the instant, the other names say what they are compared with.
"""

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.families.models import Guardian
from idp.oidc.models import (
    AccessToken,
    AuthorizationCode,
    Client,
    Consent,
    SupersededRefreshToken,
    TokenFamily,
)
from idp.oidc.scopes import canonical_scope
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

guardians = cast("Table", Guardian.__table__)
codes = cast("Table", AuthorizationCode.__table__)
access_tokens = cast("Table", AccessToken.__table__)
families = cast("Table", TokenFamily.__table__)
superseded = cast("Table", SupersededRefreshToken.__table__)
clients = cast("Table", Client.__table__)
account_sessions = cast("Table", AccountSession.__table__)
accounts = cast("Table", Account.__table__)
consents = cast("Table", Consent.__table__)
_PERSON = (*(accounts.c[name] for name in PERSON_COLUMNS), guardians.c.postal_address)


def _given(name: str, kind: Any) -> ColumnElement[Any]:
    return bindparam(name, type_=kind)


NOW = _given("now", UtcDateTime())
DIGEST = _given("presented_digest", LargeBinary())


def _agreed(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the person's consent for the client holds at this instant, with `more` conditions on it."""
    return exists().where(
        consents.c.account_id == accounts.c.id,
        consents.c.client_id == clients.c.client_id,
        consents.c.revoked_at.is_(None),
        *more,
    )


def consent_pattern(scopes: Iterable[str]) -> str:
    """What a kept consent looks like that covers these scopes: their names, in the order of `canonical_scope`."""
    return "".join(f"% {scope} " for scope in canonical_scope(scopes).split()) + "%"


# Each name between two spaces of its own: one name never matches a part of another.
_COVERS = (literal(" ") + func.replace(consents.c.scope, " ", "  ") + literal(" ")).like(
    _given("consent_pattern", String())
)
_AGREED_LATELY = consents.c.granted_at >= _given("consented_since", UtcDateTime())
_SESSION_RUNS = account_sessions.c.expires_at > NOW


def _holds(
    since: ColumnElement[Any] | None = None, *, runs: ColumnElement[bool] = _SESSION_RUNS
) -> tuple[ColumnElement[bool], ...]:
    """What must be true each time anything is issued or honoured: ended means ended.

    since: when the thing was issued; a password chosen later ends it, and so does a consent withdrawn later. runs: that its time is not over; offline access
    outlives the session's hours, not its end.
    """
    conditions: list[ColumnElement[bool]] = [
        account_sessions.c.ended_at.is_(None),
        runs,
        account_sessions.c.opened_with == OpenedWith.CHOSEN,
        accounts.c.state == AccountState.ACTIVE,
        clients.c.disabled_at.is_(None),
        clients.c.expires_at > NOW,
    ]
    if since is not None:
        changed_at = accounts.c.password_changed_at
        conditions.append(or_(changed_at.is_(None), changed_at <= since))
        # What was issued before a withdrawal stays dead when the person agrees again.
        conditions.append(_agreed(consents.c.since <= since))
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
    "resource": _given("asked_resource", String()),
    "auth_time": account_sessions.c.signed_in_at,
    "acr": _given("reached_acr", String()),
    "amr": _given("used_amr", String()),
    "claims": _given("named_claims", JSON(none_as_null=True)),
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
        .where(
            account_sessions.c.id == _given("present_session_id", Uuid()),
            *_holds(),
            _agreed(_COVERS, _AGREED_LATELY),
        ),
    )
    .returning(codes.c.id)
)
"""RFC 6749 4.1.2: a code for a session that holds at this very instant, within what its person agreed to; else no row."""

FIND_CONSENT = select(consents.c.id).where(
    consents.c.account_id == _given("asking_account_id", Uuid()),
    consents.c.client_id == _given("asking_client_id", String()),
    consents.c.revoked_at.is_(None),
    _COVERS,
    _AGREED_LATELY,
)
"""OpenID Connect Core 3.1.2.4: why no code was issued; and whether the page need be shown."""

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
        codes.c.resource,
        codes.c.auth_time,
        codes.c.acr,
        codes.c.amr,
        codes.c.claims,
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

REVOKE_FAMILY_OF_CODE = (
    update(families)
    .where(
        families.c.authorization_code_id == _given("reused_code_id", Uuid()), families.c.revoked_at.is_(None)
    )
    .values(revoked_at=NOW)
)
"""RFC 6749 4.1.2: what a reused code gave for longer; its access tokens die with it."""

_FAMILY_RUNS = and_(families.c.revoked_at.is_(None), families.c.expires_at > NOW)
_TOKEN_RUNS = or_(and_(access_tokens.c.family_id.is_(None), _SESSION_RUNS), _FAMILY_RUNS)
"""An access token of a family lives and dies with it, any other with its session."""

FIND_TOKEN = (
    select(
        access_tokens.c.account_id,
        access_tokens.c.client_id,
        access_tokens.c.scope,
        access_tokens.c.claims,
        clients.c.sector_identifier,
        clients.c.userinfo_signed_response_alg,
        *_PERSON,
    )
    .select_from(access_tokens)
    .join(account_sessions, account_sessions.c.id == access_tokens.c.session_id)
    .join(accounts, accounts.c.id == access_tokens.c.account_id)
    .join(clients, clients.c.client_id == access_tokens.c.client_id)
    .outerjoin(guardians, guardians.c.account_id == accounts.c.id)
    .outerjoin(families, families.c.id == access_tokens.c.family_id)
    .where(
        access_tokens.c.digest == DIGEST,
        # A token for another resource is nothing here (RFC 8707 2).
        access_tokens.c.audience.is_(None),
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > NOW,
        *_holds(since=access_tokens.c.issued_at, runs=_TOKEN_RUNS),
    )
)
"""RFC 6750 3.1: a living token and the person it speaks of, in one query."""

FIND_PERSON = (
    select(*_PERSON)
    .select_from(accounts)
    .outerjoin(guardians, guardians.c.account_id == accounts.c.id)
    .where(accounts.c.id == _given("present_account_id", Uuid()))
)

FIND_SESSION = select(account_sessions.c.id, account_sessions.c.account_id).where(
    account_sessions.c.sid == _given("hinted_sid", String())
)

START_FAMILY = insert(families)

FAMILY_COLUMNS = (
    "client_id",
    "account_id",
    "session_id",
    "sid",
    "scope",
    "resource",
    "auth_time",
    "acr",
    "amr",
    "claims",
)
"""What a family keeps of the code it came from."""
_IS_IMMEDIATE_PREDECESSOR = and_(
    families.c.predecessor_digest == DIGEST, families.c.rotated_at > _given("graced_since", UtcDateTime())
)

ROTATE = (
    update(families)
    .where(
        or_(families.c.digest == DIGEST, _IS_IMMEDIATE_PREDECESSOR),
        families.c.client_id == _given("presenting_client_id", String()),
        families.c.rotated_at > _given("idle_since", UtcDateTime()),
        exists().where(
            account_sessions.c.id == families.c.session_id,
            accounts.c.id == families.c.account_id,
            clients.c.client_id == families.c.client_id,
            *_holds(since=families.c.created_at, runs=_FAMILY_RUNS),
        ),
    )
    .values(
        # The successor is derived from what was presented: a predecessor within its grace writes what stands there.
        digest=_given("successor_digest", LargeBinary()),
        predecessor_digest=DIGEST,
        rotated_at=case((families.c.digest == DIGEST, NOW), else_=families.c.rotated_at),
    )
    .returning(
        families.c.id, families.c.authorization_code_id, *(families.c[name] for name in FAMILY_COLUMNS)
    )
)
"""RFC 9700 4.14.2: the living token, or its immediate predecessor once more. One row, hence one living token."""

KEEP_SUPERSEDED = insert(superseded).from_select(
    ["digest", "family_id"],
    select(DIGEST, _given("rotated_family_id", Uuid())).where(~exists().where(superseded.c.digest == DIGEST)),
)
"""What tells a reuse later. The rotation holds the family's row: no other request writes the same."""

LOOK_AT_REFRESH_TOKEN = select(
    families.c.id,
    families.c.client_id,
    families.c.account_id,
    families.c.revoked_at,
    (families.c.digest == DIGEST).label("is_current"),
).where(
    or_(
        families.c.digest == DIGEST,
        families.c.id.in_(select(superseded.c.family_id).where(superseded.c.digest == DIGEST)),
    )
)

REVOKE_FAMILY = (
    update(families)
    .where(families.c.id == _given("reused_family_id", Uuid()), families.c.revoked_at.is_(None))
    .values(revoked_at=NOW)
    .returning(families.c.id)
)

_PRESENTER = _given("presenting_client_id", String())
_presented = access_tokens.alias("presented")

REVOKE_PRESENTED_FAMILY = (
    update(families)
    .where(
        families.c.client_id == _PRESENTER,
        families.c.revoked_at.is_(None),
        or_(
            families.c.digest == DIGEST,
            families.c.id.in_(select(superseded.c.family_id).where(superseded.c.digest == DIGEST)),
            families.c.id.in_(select(_presented.c.family_id).where(_presented.c.digest == DIGEST)),
        ),
    )
    .values(revoked_at=NOW)
    .returning(families.c.account_id)
)
"""RFC 7009 2.1: by any token of the grant, a superseded one too."""

REVOKE_PRESENTED_TOKENS = (
    update(access_tokens)
    .where(
        access_tokens.c.client_id == _PRESENTER,
        access_tokens.c.revoked_at.is_(None),
        or_(
            access_tokens.c.digest == DIGEST,
            access_tokens.c.authorization_code_id.in_(
                select(_presented.c.authorization_code_id).where(_presented.c.digest == DIGEST)
            ),
        ),
    )
    .values(revoked_at=NOW)
    .returning(access_tokens.c.account_id)
)
"""RFC 7009 2.1: an access token and those of the same grant."""

INSPECT_ACCESS_TOKEN = (
    select(
        access_tokens.c.client_id,
        access_tokens.c.account_id,
        clients.c.sector_identifier,
        access_tokens.c.scope,
        access_tokens.c.audience,
        access_tokens.c.issued_at,
        access_tokens.c.expires_at,
    )
    .select_from(access_tokens)
    .join(clients, clients.c.client_id == access_tokens.c.client_id)
    .outerjoin(account_sessions, account_sessions.c.id == access_tokens.c.session_id)
    .outerjoin(accounts, accounts.c.id == access_tokens.c.account_id)
    .outerjoin(families, families.c.id == access_tokens.c.family_id)
    .where(
        access_tokens.c.digest == DIGEST,
        access_tokens.c.client_id == _PRESENTER,
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > NOW,
        clients.c.disabled_at.is_(None),
        or_(
            access_tokens.c.account_id.is_(None),
            and_(*_holds(since=access_tokens.c.issued_at, runs=_TOKEN_RUNS)),
        ),
    )
)
"""RFC 7662 2.2: a client's own living token, a person's or its own."""

INSPECT_REFRESH_TOKEN = (
    select(
        families.c.client_id,
        families.c.account_id,
        clients.c.sector_identifier,
        families.c.scope,
        families.c.resource,
        families.c.rotated_at,
        families.c.expires_at,
    )
    .select_from(families)
    .join(clients, clients.c.client_id == families.c.client_id)
    .join(account_sessions, account_sessions.c.id == families.c.session_id)
    .join(accounts, accounts.c.id == families.c.account_id)
    .where(
        families.c.digest == DIGEST,
        families.c.client_id == _PRESENTER,
        families.c.rotated_at > _given("idle_since", UtcDateTime()),
        *_holds(since=families.c.created_at, runs=_FAMILY_RUNS),
    )
)

_CLIENT_TOKEN_COLUMNS = {
    "id": _given("token_id", Uuid()),
    "digest": DIGEST,
    "client_id": clients.c.client_id,
    "scope": literal(""),
    "audience": _given("asked_audience", String()),
    "issued_at": NOW,
    "expires_at": _given("end", UtcDateTime()),
}

ISSUE_CLIENT_TOKEN = (
    insert(access_tokens)
    .from_select(
        list(_CLIENT_TOKEN_COLUMNS),
        select(*_CLIENT_TOKEN_COLUMNS.values()).where(
            clients.c.client_id == _PRESENTER, clients.c.disabled_at.is_(None), clients.c.expires_at > NOW
        ),
    )
    .returning(access_tokens.c.id)
)
"""RFC 6749 4.4: for a client that is not disabled at this very instant; no row otherwise."""
