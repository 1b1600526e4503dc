"""The public keys of clients: those registered, or those behind a `jwks_uri`, kept a while (RFC 7591 2).

Whoever sends an assertion names a client and a key id, without having proved anything: unknown ids must not make us
ask a stranger's server as often as they come.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey, import_key

from idp.oidc.clients import RegisteredClient
from idp.oidc.registration import PRIVATE_MEMBERS, is_too_short
from shared.fetching import FetchRefused

KEYS_SECONDS = 600.0
"""How long fetched keys count; one that the client takes away works no longer than this."""
UNKNOWN_KID_SECONDS = 60.0
"""How long an id that was not there is not looked for again."""
MAXIMUM_FETCHES = 5
"""Fetches of one address within `UNKNOWN_KID_SECONDS`, whatever ids are asked for."""
MAXIMUM_KEYS = 50
MEDIA_TYPES = "application/jwk-set+json, application/json"
LOG = structlog.get_logger("oidc")

Fetch = Callable[[str], bytes]


@dataclass
class _Held:
    """What is known of one address. Instants are those of the clock given."""

    keys: KeySet | None = None
    fetched_at: float = 0.0
    tries: list[float] = field(default_factory=list)
    missed: dict[str | None, float] = field(default_factory=dict)
    fetching: Lock = field(default_factory=Lock)


class ClientKeys:
    """One a worker. fetch: gets a document, raising FetchRefused. clock: seconds that only grow."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def keys_of(self, client: RegisteredClient, kid: str | None) -> KeySet | None:
        """The client's keys, fetched again when none is of this id; None when it has none that can be had."""
        if client.jwks_uri is None:
            return client.keys
        held = self._held.setdefault(client.jwks_uri, _Held())
        if self._is_wanting(held, kid):
            with held.fetching:
                # Whoever waited finds what the other one fetched.
                if self._is_wanting(held, kid):
                    self._refresh(held, client.jwks_uri, kid)
        is_fresh = self._clock() - held.fetched_at < KEYS_SECONDS
        return held.keys if is_fresh else None

    def forget(self) -> None:
        """Hold nothing."""
        self._held.clear()

    def _is_wanting(self, held: _Held, kid: str | None) -> bool:
        now = self._clock()
        is_old = held.keys is None or now - held.fetched_at >= KEYS_SECONDS
        if not is_old and (kid is None or any(key.kid == kid for key in held.keys or ())):
            return False
        recent = [instant for instant in held.tries if now - instant < UNKNOWN_KID_SECONDS]
        was_missed = now - held.missed.get(kid, -UNKNOWN_KID_SECONDS) < UNKNOWN_KID_SECONDS
        return len(recent) < MAXIMUM_FETCHES and (is_old or not was_missed)

    def _refresh(self, held: _Held, jwks_uri: str, kid: str | None) -> None:
        now = self._clock()
        held.tries = [instant for instant in held.tries if now - instant < UNKNOWN_KID_SECONDS] + [now]
        held.missed = {
            missed: instant for missed, instant in held.missed.items() if now - instant < UNKNOWN_KID_SECONDS
        } | {kid: now}
        try:
            held.keys = read_keys(self._fetch(jwks_uri))
        except FetchRefused as refused:
            # What was fetched before counts on until its time is over: an outage of theirs shuts nobody out at once.
            LOG.warning("client keys not fetched", reason=refused.reason)
        else:
            held.fetched_at = now


def read_keys(document: bytes) -> KeySet:
    """The usable keys of a JWK Set; those that are not are passed over. Raises FetchRefused."""
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FetchRefused("not a key set") from None
    if not isinstance(entries, list) or len(entries) > MAXIMUM_KEYS:
        raise FetchRefused("not a key set")
    return KeySet(list(_usable(entries)))


def _usable(entries: list[Any]) -> Iterator[Key]:
    for entry in entries:
        if not isinstance(entry, dict) or PRIVATE_MEMBERS & entry.keys() or entry.get("use", "sig") != "sig":
            continue
        if entry.get("kty") == "RSA" and is_too_short(entry):
            continue
        try:
            key = import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, ECKey | RSAKey):
            yield key
