"""What the portal shows."""

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class PortalService:
    """A registered service with the address that begins a sign-in at it."""

    name: str
    initiate_login_uri: str


def with_issuer(url: str, issuer: str) -> str:
    """An `initiate_login_uri` that tells the service which provider sends the person; its own query stays."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'iss': issuer})}"
