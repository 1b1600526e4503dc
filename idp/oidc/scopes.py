"""Which scopes exist, and what is granted of those that a client asks for. Pure."""

from collections.abc import Collection, Iterable

from shared.claims import SCOPE_CHILDREN, SCOPE_CHILDREN_BIRTHDATE, SCOPE_CHILDREN_INE

OPENID = "openid"
PROFILE = "profile"
EMAIL = "email"
PHONE = "phone"
ADDRESS = "address"
OFFLINE_ACCESS = "offline_access"

SUPPORTED = (
    OPENID, PROFILE, EMAIL, PHONE, ADDRESS, OFFLINE_ACCESS,
    SCOPE_CHILDREN, SCOPE_CHILDREN_INE, SCOPE_CHILDREN_BIRTHDATE,
)  # fmt: skip
"""What discovery names, a registration may hold and the endpoints give."""


def granted_scope(asked: str, registered: Collection[str]) -> str:
    """What is granted: asked for, registered for this client, and supported; in the order asked, once each.

    Unknown scopes are ignored (OpenID Connect Core 3.1.2.1): the token answer tells what was granted.
    """
    wanted = dict.fromkeys(asked.split(" "))
    return " ".join(scope for scope in wanted if scope in SUPPORTED and scope in registered)


def canonical_scope(scopes: Iterable[str]) -> str:
    """One spelling for one set of scopes: sorted, once each, so that a later scope changes no spelling kept."""
    return " ".join(sorted(set(scopes)))
