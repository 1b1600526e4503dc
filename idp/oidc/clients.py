"""The registered clients: added, listed, disabled, looked up; and the secrets and assertions that prove them."""

import hmac
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import CommandRefused
from idp.oidc.events import ClientAdded, ClientDisabled, ClientEnabled, ClientSecretRotated, journal_id
from idp.oidc.models import Client, ClientAssertion, ClientSecret
from idp.oidc.registration import (
    REFRESH_TOKEN,
    SECRET_METHODS,
    ClientMetadata,
    Problem,
    RegistrationRefused,
    check_metadata,
    sector_of,
)
from idp.oidc.scopes import OFFLINE_ACCESS, granted_scope
from idp.signing_keys import service as signing_keys
from shared.database import uuid7
from shared.secrets import digest, new_secret

MAXIMUM_AGE_SECONDS = 10.0
LAST_USE_GRANULARITY = timedelta(hours=1)
METADATA_MEMBERS = tuple(member.name for member in fields(ClientMetadata))


class ClientExists(CommandRefused):
    """A client of this id is registered already."""

    error_code = "client_exists"
    hint = "a client of this id is registered already"


class ClientAbsent(CommandRefused):
    """No client of this id is registered."""

    error_code = "client_absent"
    hint = "no client of this id is registered"


class ClientHasNoSecret(CommandRefused):
    """The client proves itself by a key, or not at all."""

    error_code = "client_has_no_secret"
    hint = "the client has no secret to rotate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient(ClientMetadata, ClientMixin):
    """A client as the endpoints see it: a value, shared by requests, parsed once. Answers Authlib's questions.

    scopes: of `scope`. keys: those of `jwks`, None without. is_disabled: also past its end. secret_digests: of the
    secrets that worked when it was read. last_used_at: None before the first use.
    """

    sector_identifier: str
    scopes: frozenset[str]
    keys: KeySet | None
    is_disabled: bool
    last_used_at: datetime | None
    secret_digests: tuple[bytes, ...]

    def get_client_id(self) -> str:
        """Authlib's name for `client_id`."""
        return self.client_id

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact equality, no normalising (RFC 9700 2.1)."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is one of the client's secrets; compared whole, in constant time."""
        presented = digest(client_secret)
        return any([hmac.compare_digest(presented, kept) for kept in self.secret_digests])  # noqa: C419 - no early end

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """The registered method and no other, on every endpoint (RFC 9700 2.5)."""
        return method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        """The code flow only (ADR 0001), for clients that redirect."""
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Those registered (RFC 6749 5.2 `unauthorized_client`)."""
        return grant_type in self.grant_types

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        """What the checks granted, asked again by Authlib."""
        return granted_scope(scope if isinstance(scope, str) else " ".join(scope), self.scopes)


class ClientDirectory:
    """Look-ups of one worker: a record is at most 10 seconds old (ADR 0018).

    What must act at once (a disabled client) is asked of the database by the statement that issues or redeems.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, RegisteredClient]] = {}

    def find(self, client_id: str, *, now: datetime) -> RegisteredClient | None:
        """The client of this id. A miss is never remembered: a client added now works now."""
        held = self._held.get(client_id)
        if held is not None and self._clock() - held[0] < MAXIMUM_AGE_SECONDS:
            return held[1]
        return self.read_again(client_id, now=now)

    def forget(self) -> None:
        """Hold nothing: the next look-up reads the database."""
        self._held.clear()

    def read_again(self, client_id: str, *, now: datetime) -> RegisteredClient | None:
        """As `find`, from the database whatever is held: a secret or key may be newer than the record."""
        found = find_client(client_id, now=now)
        if found is None:
            self._held.pop(client_id, None)
        else:
            self._held[client_id] = (self._clock(), found)
        return found


def add_client(metadata: ClientMetadata, *, now: datetime) -> str | None:
    """Register a client and return its secret, shown this once; None when it proves itself without one.

    Raises RegistrationRefused, ClientExists.
    """
    check_registrable(metadata)
    client_secret = new_secret() if metadata.token_endpoint_auth_method in SECRET_METHODS else None
    signing_keys.publish_chosen(metadata.id_token_signed_response_alg, now=now)
    try:
        with transaction():
            db.session.execute(insert(Client).values(**as_row(metadata), created_at=now))
            if client_secret is not None:
                add_secret(metadata.client_id, client_secret, now=now)
            audit.record(ClientAdded(journal_id(metadata.client_id)), now=now)
    except IntegrityError:
        raise ClientExists(metadata.client_id) from None
    return client_secret


def check_registrable(metadata: ClientMetadata) -> None:
    """The rules, and that its keys are keys. Raises RegistrationRefused."""
    check_metadata(metadata)
    _import_keys(metadata.jwks)


def rotate_secret(client_id: str, *, overlap: timedelta, now: datetime) -> str:
    """A new secret, shown this once; the older ones work for `overlap` more. Raises ClientAbsent, ClientHasNoSecret."""
    if get_client(client_id).token_endpoint_auth_method not in SECRET_METHODS:
        raise ClientHasNoSecret(client_id)
    client_secret, end = new_secret(), now + overlap
    with transaction():
        db.session.execute(
            update(ClientSecret)
            .where(
                ClientSecret.client_id == client_id,
                or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > end),
            )
            .values(expires_at=end)
        )
        add_secret(client_id, client_secret, now=now)
        rotated = ClientSecretRotated(journal_id(client_id), overlap_seconds=int(overlap.total_seconds()))
        audit.record(rotated, now=now)
    return client_secret


def disable_client(client_id: str, *, now: datetime) -> None:
    """From now on nothing is issued to it nor honoured for it. Raises ClientAbsent."""
    with transaction():
        disabled = db.session.scalar(
            update(Client)
            .where(Client.client_id == client_id)
            .values(disabled_at=db.func.coalesce(Client.disabled_at, now))
            .returning(Client.client_id)
        )
        if disabled is None:
            raise ClientAbsent(client_id)
        audit.record(ClientDisabled(journal_id(client_id)), now=now)


def enable_client(client_id: str, *, now: datetime) -> None:
    """Undo `disable_client`. Raises ClientAbsent."""
    with transaction():
        enabled = db.session.scalar(
            update(Client)
            .where(Client.client_id == client_id)
            .values(disabled_at=None)
            .returning(Client.client_id)
        )
        if enabled is None:
            raise ClientAbsent(client_id)
        audit.record(ClientEnabled(journal_id(client_id)), now=now)


def note_use(client: RegisteredClient, *, now: datetime) -> bool:
    """Remember that a client proved who it is, to the hour; whether anything was written.

    To the hour alone: the token endpoint must not pay a write for each request.
    """
    if client.last_used_at is not None and now - client.last_used_at < LAST_USE_GRANULARITY:
        return False
    with transaction():
        db.session.execute(
            update(Client).where(Client.client_id == client.client_id).values(last_used_at=now)
        )
    return True


def list_clients() -> Sequence[Client]:
    """Every client, by id."""
    return db.session.scalars(select(Client).order_by(Client.client_id)).all()


def get_client(client_id: str) -> Client:
    """One client's registration. Raises ClientAbsent."""
    client = db.session.get(Client, client_id)
    if client is None:
        raise ClientAbsent(client_id)
    return client


def find_client(client_id: str, *, now: datetime) -> RegisteredClient | None:
    """The client of this id, read from the database."""
    row = db.session.execute(select(Client.__table__).where(Client.client_id == client_id)).one_or_none()
    if row is None:
        return None
    secrets = db.session.scalars(
        select(ClientSecret.secret_digest).where(
            ClientSecret.client_id == client_id,
            or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now),
        )
    )
    registered = {member: _value(getattr(row, member)) for member in METADATA_MEMBERS}
    return RegisteredClient(
        **registered,
        scopes=_usable_scopes(row.scope, row.grant_types),
        keys=_import_keys(row.jwks),
        is_disabled=row.disabled_at is not None or row.expires_at <= now,
        last_used_at=row.last_used_at,
        secret_digests=tuple(secrets),
    )


def _usable_scopes(scope: str, grant_types: Collection[str]) -> frozenset[str]:
    """Those registered; offline access is for who may refresh (OpenID Connect Core 11)."""
    scopes = frozenset(scope.split())
    return scopes if REFRESH_TOKEN in grant_types else scopes - {OFFLINE_ACCESS}


def take_assertion(client_id: str, jti: str, *, expires_at: datetime, now: datetime) -> bool:
    """Whether this `jti` is new for the client (RFC 7523 3): the unique index decides, so of two at once one is.

    Forgets the client's expired ones on the way.
    """
    try:
        with transaction():
            db.session.execute(
                delete(ClientAssertion).where(
                    ClientAssertion.client_id == client_id, ClientAssertion.expires_at < now
                )
            )
            db.session.execute(
                insert(ClientAssertion).values(
                    id=uuid7(), client_id=client_id, jti_digest=digest(jti), expires_at=expires_at
                )
            )
    except IntegrityError:
        return False
    return True


def as_row(metadata: ClientMetadata) -> dict[str, Any]:
    """The columns of this metadata."""
    given = {member: _json(getattr(metadata, member)) for member in METADATA_MEMBERS}
    return given | {
        "name": metadata.name.strip(),
        "scope": " ".join(dict.fromkeys(metadata.scope.split())),
        "sector_identifier": sector_of(metadata),
    }


def from_row(row: Any) -> ClientMetadata:
    """The metadata of a row of clients."""
    return ClientMetadata(**{member: _value(getattr(row, member)) for member in METADATA_MEMBERS})


def _json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def add_secret(client_id: str, client_secret: str, *, now: datetime) -> None:
    """One more secret of a client, in the caller's transaction."""
    db.session.execute(
        insert(ClientSecret).values(
            id=uuid7(), client_id=client_id, secret_digest=digest(client_secret), created_at=now
        )
    )


def _import_keys(jwks: object) -> KeySet | None:
    if jwks is None:
        return None
    try:
        return KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # JSON from our own column or just checked
    except (JoseError, ValueError, TypeError, KeyError):
        raise RegistrationRefused([Problem("jwks", "a key cannot be read")]) from None
