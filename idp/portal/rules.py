"""What the portal shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PortalService:
    """A registered service with the address that begins a sign-in at it."""

    name: str
    initiate_login_uri: str
