"""The `claims` parameter (OpenID Connect Core 5.5): read once, what may be given kept by name. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.oidc.scopes import ADDRESS, EMAIL, PHONE, PROFILE
from shared.claims import CLAIM, SCOPE_CHILDREN

SCOPE_OF_CLAIM: Mapping[str, str] = {
    "name": PROFILE,
    "given_name": PROFILE,
    "family_name": PROFILE,
    "updated_at": PROFILE,
    "email": EMAIL,
    "email_verified": EMAIL,
    "phone_number": PHONE,
    "phone_number_verified": PHONE,
    "address": ADDRESS,
    CLAIM: SCOPE_CHILDREN,
}
"""The scope that a client must be registered for, and the person agree to, before a claim is given by name."""
MAXIMUM_CLAIMS = 50


class ClaimsUnreadable(ValueError):
    """Not of the shape of Core 5.5."""


@dataclass(frozen=True, slots=True)
class ClaimWish:
    """What is asked of one claim. values: those that satisfy, empty when any does."""

    essential: bool = False
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """The claims asked one by one, for userinfo and for the ID token. Unknown names are kept and never given."""

    userinfo: Mapping[str, ClaimWish] = field(default_factory=dict)
    id_token: Mapping[str, ClaimWish] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[Any, ...]:
        """The `sub` values that the answer may be about; empty when any may (Core 5.5.1)."""
        return _values(self, "sub")

    @property
    def essential_acrs(self) -> tuple[Any, ...]:
        """The `acr` values of which one must be reached (Core 5.5.1.1); empty without such a wish."""
        wish = self.id_token.get("acr")
        return wish.values if wish is not None and wish.essential else ()

    def names_given(self, registered: Collection[str]) -> dict[str, list[str]] | None:
        """The names that a client with these scopes is given, by place; None when there are none."""
        places = {"userinfo": self.userinfo, "id_token": self.id_token}
        names = {
            place: sorted(name for name in wishes if SCOPE_OF_CLAIM.get(name) in registered)
            for place, wishes in places.items()
        }
        return {place: found for place, found in names.items() if found} or None

    def scopes_behind(self, registered: Collection[str]) -> frozenset[str]:
        """The scopes whose data these names open."""
        names = self.names_given(registered) or {}
        return frozenset(SCOPE_OF_CLAIM[name] for found in names.values() for name in found)


def read_claims_request(text: str) -> ClaimsRequest:
    """The parameter as sent. Raises ClaimsUnreadable."""
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise ClaimsUnreadable("not JSON, or nested too deeply") from None
    if not isinstance(asked, dict):
        raise ClaimsUnreadable("not an object")
    return ClaimsRequest(userinfo=_wishes(asked.get("userinfo")), id_token=_wishes(asked.get("id_token")))


def _wishes(asked: object) -> dict[str, ClaimWish]:
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > MAXIMUM_CLAIMS:
        raise ClaimsUnreadable("not an object of claims")
    return {name: _wish(wish) for name, wish in asked.items()}


def _wish(asked: object) -> ClaimWish:
    if asked is None:
        return ClaimWish()
    if not isinstance(asked, dict):
        raise ClaimsUnreadable("a claim is asked by null or an object")
    essential, values = asked.get("essential", False), asked.get("values", [])
    if not isinstance(essential, bool) or not isinstance(values, list):
        raise ClaimsUnreadable("essential is a boolean, values an array")
    return ClaimWish(essential, (asked["value"],) if "value" in asked else tuple(values))


def _values(request: ClaimsRequest, name: str) -> tuple[Any, ...]:
    wishes = (place.get(name) for place in (request.id_token, request.userinfo))
    return tuple(value for wish in wishes if wish is not None for value in wish.values)
