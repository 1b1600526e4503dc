"""What tokens and userinfo say: built from a person and a scope, nothing unasked (OpenID Connect Core 5.4)."""

import base64
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.oidc.scopes import ADDRESS, EMAIL, PHONE, PROFILE
from shared.claims import CLAIM, SCOPE_CHILDREN, ChildClaim, write_children

SUPPORTED_CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "acr", "amr",
    "name", "given_name", "family_name", "updated_at",
    "email", "email_verified", "phone_number", "phone_number_verified", "address",
    CLAIM,
)  # fmt: skip

POSTCODE_AND_TOWN = re.compile(r"([0-9]{5}) (.+)")
HASHES = {"Ed25519": hashlib.sha512, "EdDSA": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class PersonView:
    """What an account says of its person. email and phone: only confirmed ones, None otherwise.

    postal_address: where the school writes to, a line each for street, town and country; empty when it knows none.
    """

    given_name: str
    family_name: str
    updated_at: datetime
    email: str | None = None
    phone: str | None = None
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class IdTokenFacts:
    """What an ID token states. Instants are aware; `nonce` is None when the request had none."""

    issuer: str
    subject: str
    client_id: str
    sid: str
    auth_time: datetime
    issued_at: datetime
    expires_at: datetime
    acr: str
    amr: tuple[str, ...]
    nonce: str | None = None


def id_token_claims(
    facts: IdTokenFacts, scopes: frozenset[str], children: Sequence[ChildClaim]
) -> dict[str, Any]:
    """The ID token's claims (Core 2): identity and sign-in, plus `children`; the rest is userinfo's alone.

    What was asked by name for the ID token is `named_claims`.
    """
    claims: dict[str, Any] = {
        "iss": facts.issuer,
        "sub": facts.subject,
        "aud": facts.client_id,
        "exp": int(facts.expires_at.timestamp()),
        "iat": int(facts.issued_at.timestamp()),
        "auth_time": int(facts.auth_time.timestamp()),
        "sid": facts.sid,
        "acr": facts.acr,
        "amr": list(facts.amr),
    }
    if facts.nonce is not None:
        claims["nonce"] = facts.nonce
    return claims | children_claim(scopes, children)


def access_token_hash(access_token: str, algorithm: str) -> str:
    """`at_hash` (Core 3.1.3.6): the left half of the hash that the signature uses, in base64url.

    Ed25519 hashes with SHA-512 inside (RFC 8032 5.1); RS256 and ES256 with SHA-256.
    """
    whole = HASHES.get(algorithm, hashlib.sha256)(access_token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


def userinfo_claims(
    subject: str, person: PersonView, scopes: frozenset[str], children: Sequence[ChildClaim]
) -> dict[str, Any]:
    """The userinfo answer (Core 5.3.2): claims of the granted scopes; one without a value is left out."""
    claims: dict[str, Any] = {"sub": subject}
    if PROFILE in scopes:
        claims |= _profile(person)
    if EMAIL in scopes and person.email:
        claims |= {"email": person.email, "email_verified": True}
    if PHONE in scopes and person.phone:
        claims |= {"phone_number": person.phone, "phone_number_verified": True}
    if ADDRESS in scopes and person.postal_address:
        claims["address"] = address_claim(person.postal_address)
    return claims | children_claim(scopes, children)


def address_claim(postal_address: str) -> dict[str, str]:
    """The `address` (Core 5.1.1): as it is printed on a letter; its parts where they can be told apart."""
    street, *others = postal_address.split("\n")
    parts = {"formatted": postal_address, "street_address": street}
    town = POSTCODE_AND_TOWN.fullmatch(others[0]) if others else None
    if town is None:
        return parts
    parts |= {"postal_code": town[1], "locality": town[2]}
    return parts | ({"country": others[1]} if len(others) > 1 else {})


def named_claims(
    names: Collection[str], person: PersonView, scopes: frozenset[str], children: Sequence[ChildClaim]
) -> dict[str, Any]:
    """The claims that were asked one by one (Core 5.5): those there are, whatever the scopes say of them.

    A child's members follow the scopes all the same: none is a claim of its own.
    """
    whole = userinfo_claims("", person, scopes | {PROFILE, EMAIL, PHONE, ADDRESS, SCOPE_CHILDREN}, children)
    return {name: claim for name, claim in whole.items() if name in names}


def children_claim(scopes: frozenset[str], children: Sequence[ChildClaim]) -> dict[str, Any]:
    """`children`, an empty array when there is none; nothing at all when the scope was not granted."""
    if SCOPE_CHILDREN not in scopes:
        return {}
    return {CLAIM: write_children(children, scopes)}


def _profile(person: PersonView) -> dict[str, Any]:
    names = {"given_name": person.given_name, "family_name": person.family_name}
    whole = {"name": " ".join(name for name in names.values() if name)}
    return {
        **{claim: value for claim, value in (whole | names).items() if value},
        "updated_at": int(person.updated_at.timestamp()),
    }
