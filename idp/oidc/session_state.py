"""What a service holds to see a change of sign-in (OpenID Connect Session Management 3). Pure."""

import hashlib
from urllib.parse import urlsplit

DEFAULT_PORTS = {"https": 443, "http": 80}


def session_state(client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """The `session_state` of one client: comparable by our frame alone, for it takes this browser's state.

    origin: of the redirect URI, as browsers write it. Returns a digest in hexadecimal, a dot, the salt.
    """
    watched = " ".join((client_id, origin, browser_state, salt))
    return f"{hashlib.sha256(watched.encode()).hexdigest()}.{salt}"


def browser_origin(url: str) -> str | None:
    """The origin of an address as a browser writes it (RFC 6454 6.2); None for one that no page can have."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_usual = parts.port in {None, DEFAULT_PORTS[parts.scheme]}
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{parts.port}")
