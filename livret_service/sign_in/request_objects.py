"""Authorization requests passed by reference (Core 6.2, RFC 9101): signed, at addresses that were registered.

A provider fetches only addresses that it knows from registration, and state and nonce differ each time: so there is a
fixed number of addresses, and each attempt takes the one that has been still the longest.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jws
from sqlalchemy import select

from livret_service.db import db, insert_into
from livret_service.settings import RequestForm
from livret_service.sign_in.client_authentication import ClientKey
from livret_service.sign_in.models import RequestObject
from livret_service.sign_in.party import RelyingParty
from livret_service.sign_in.rules import SLOTS, request_handle

FETCHED_WITHIN = timedelta(minutes=5)
PATH = "/connexion/requete/"
# RFC 9101 5: these stand in the address too, for providers that read them there.
IN_THE_ADDRESS = ("client_id", "response_type", "scope")


def request_uris(party: RelyingParty) -> list[str]:
    """Every address to register as `request_uris`."""
    return [party.public_url + PATH + request_handle(party.handle_key, slot) for slot in range(SLOTS)]


def pass_by_reference(party: RelyingParty, url: str, *, now: datetime) -> str:
    """Place the parameters of an authorization address where the provider fetches them; the short address.

    Call it in the transaction that records the attempt.
    """
    endpoint, parameters = urlsplit(url)._replace(query="").geturl(), dict(parse_qsl(urlsplit(url).query))
    slot = _place(write_request_object(party, parameters, now=now), now=now)
    passed = {name: parameters[name] for name in IN_THE_ADDRESS}
    passed["request_uri"] = request_uris(party)[slot]
    return f"{endpoint}?{urlencode(passed)}"


def write_request_object(party: RelyingParty, parameters: Mapping[str, str], *, now: datetime) -> str:
    """The request object (RFC 9101 4): the parameters as claims, for this provider alone, for five minutes."""
    claims: dict[str, Any] = dict(parameters)
    if "max_age" in claims:
        claims["max_age"] = int(claims["max_age"])
    claims |= {
        "iss": party.provider.client_id,
        "aud": party.provider.issuer,
        "iat": int(now.timestamp()),
        "exp": int((now + FETCHED_WITHIN).timestamp()),
    }
    payload = json.dumps(claims).encode()
    if party.options.request_form is RequestForm.UNSIGNED_OBJECT or party.provider.client_key is None:
        return unsigned(payload)
    return signed(payload, party.provider.client_key)


def signed(payload: bytes, key: ClientKey) -> str:
    """RS256 or ES256, as the client's key has it."""
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "oauth-authz-req+jwt"}
    return jws.serialize_compact(header, payload, key.key, algorithms=[key.algorithm])


def unsigned(payload: bytes) -> str:
    """`alg: none` (Core 6.1), which only a certification run asks for."""
    parts = (b'{"alg":"none"}', payload, b"")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _place(content: str, *, now: datetime) -> int:
    # Two attempts that take one slot at once: the provider then sees the later one, and the earlier fails on `state`.
    rows = db.session.execute(select(RequestObject.slot, RequestObject.placed_at))
    placed_at = {row.slot: row.placed_at for row in rows}
    free = next((slot for slot in range(SLOTS) if slot not in placed_at), None)
    slot = free if free is not None else min(placed_at, key=placed_at.__getitem__)
    values = {"content": content, "placed_at": now}
    placing = insert_into(RequestObject).values(slot=slot, **values)
    db.session.execute(placing.on_conflict_do_update(index_elements=[RequestObject.slot], set_=values))
    return slot


def find_request_object(party: RelyingParty, handle: str, *, now: datetime) -> str | None:
    """What lies at an address, or None: never placed, or no longer good."""
    handles = {request_handle(party.handle_key, slot): slot for slot in range(SLOTS)}
    return db.session.scalar(
        select(RequestObject.content).where(
            RequestObject.slot == handles.get(handle, -1), RequestObject.placed_at > now - FETCHED_WITHIN
        )
    )
