"""Pure rules of sign-in: where to come back to, what an attempt's secrets are, when a session is renewed or over."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NewType
from urllib.parse import urlsplit

from livret_service.errors import DomainError
from shared.claims import ChildClaim

Subject = NewType("Subject", str)

ATTEMPT_LIFE = timedelta(minutes=10)
PENDING_ATTEMPTS = 10
"""Attempts that one browser may have open: more tabs than anyone signs in from."""
MAXIMUM_TARGET_LENGTH = 1000
READING_HOME = "/livrets"
# Coming back to these would start over, or end, what has just been done.
NEVER_A_TARGET = ("/connexion", "/retour", "/deconnexion")


class TargetRefused(DomainError):
    """The page to come back to is not one of this service."""

    error_code = "target_refused"
    sentence = "Il mène à une adresse qui n’appartient pas à ce service."


class ForeignIssuer(DomainError):
    """Third-party initiated sign-in names another issuer than the configured one (OpenID Connect Core 4)."""

    error_code = "foreign_issuer"
    sentence = "Il demande une connexion par un autre service que celui de l’école."


@dataclass(frozen=True, slots=True)
class Reader:
    """The signed-in guardian, as the last ID token stated: who, and the children that it named."""

    issuer: str
    subject: Subject
    children: tuple[ChildClaim, ...]
    signed_in_at: datetime

    def child(self, sub: str) -> ChildClaim | None:
        """The child of that identifier, or None: an unnamed child is as good as absent."""
        return next((child for child in self.children if child.sub == sub), None)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session is believed without asking the provider, and how long it lives at most."""

    renew_after: timedelta
    idle: timedelta
    absolute: timedelta


class SessionState(Enum):
    """What a session is worth at one instant."""

    FRESH = "fresh"
    STALE = "stale"
    OVER = "over"


def state_of_session(
    *,
    ended_at: datetime | None,
    idle_until: datetime,
    expires_at: datetime,
    renewal_due_at: datetime,
    now: datetime,
) -> SessionState:
    """`STALE` asks the provider first; `OVER` is nobody. A limit counts from its very second."""
    if ended_at is not None or now >= expires_at or now >= idle_until:
        return SessionState.OVER
    return SessionState.STALE if now >= renewal_due_at else SessionState.FRESH


def attempt_nonce(key: bytes, browser_secret: str, state: str) -> str:
    """The `nonce` of one attempt: 43 characters, derived, so that no database ever holds it."""
    return _derive(key, "nonce", browser_secret, state)


def attempt_code_verifier(key: bytes, browser_secret: str, state: str) -> str:
    """The PKCE verifier of one attempt (RFC 7636 4.1): 43 characters that only this service and browser give."""
    return _derive(key, "code_verifier", browser_secret, state)


def _derive(key: bytes, purpose: str, browser_secret: str, state: str) -> str:
    message = "\0".join((purpose, browser_secret, state)).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode()


def local_target(asked: str | None, public_url: str) -> str:
    """The path to come back to, from a path or a full address of this service. Raises TargetRefused.

    Nothing asked, or a page of signing in itself, gives the children's page.
    """
    if not asked:
        return READING_HOME
    target = asked.removeprefix(public_url) if asked.startswith(public_url + "/") else asked
    if not _is_local_path(target):
        raise TargetRefused(asked[:200])
    path = urlsplit(target).path
    if path == "/" or any(path == never or path.startswith(never + "/") for never in NEVER_A_TARGET):
        return READING_HOME
    return target


def _is_local_path(target: str) -> bool:
    # Browsers read `\` as `/`, and drop tabs and line ends: `/\evil.example` is another site.
    plain = target.isascii() and target.isprintable() and "\\" not in target and " " not in target
    return (
        plain
        and len(target) <= MAXIMUM_TARGET_LENGTH
        and target.startswith("/")
        and not target.startswith("//")
    )


def sign_out_state(key: bytes, mark: str) -> str:
    """A `state` for RP-initiated logout that only this service makes: the mark and its seal."""
    return f"{mark}.{_derive(key, 'sign_out', mark, '')}"


def is_sign_out_state(key: bytes, state: str) -> bool:
    """Whether a `state` that came back is one of ours. Wrong or missing is no fault, only less to say."""
    mark = state.partition(".")[0]
    return hmac.compare_digest(state.encode(), sign_out_state(key, mark).encode())


def single_values(parameters: Mapping[str, list[str]]) -> dict[str, str]:
    """One value each (RFC 6749 3.1); a repeated parameter is left out, as if it had never been given."""
    return {name: values[0] for name, values in parameters.items() if len(values) == 1}


SLOTS = 20
"""Request objects that may wait for the provider at once."""


def request_handle(key: bytes, slot: int) -> str:
    """The last part of the address of one request object: 43 characters, the same for ever."""
    return _derive(key, "request object", str(slot), "")
