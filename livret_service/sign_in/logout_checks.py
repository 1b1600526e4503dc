"""What must hold before a logout token ends anyone's session (Back-Channel Logout 2.6). Pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from livret_service.errors import DomainError
from livret_service.sign_in.checks import (
    LEEWAY,
    MAXIMUM_TEXT_LENGTH,
    IdTokenRefused,
    SignedClaims,
    check_audience,
    check_expiry,
    check_issuer,
    check_not_before,
    check_session_identifier,
    check_subject,
    instant,
    require,
)

LOGOUT_TOKEN_TYPES = frozenset({"logout+jwt", "jwt"})
"""`jwt` too, because providers from before the final text send it; `events` and no `nonce` then tell the kind."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAXIMUM_LIFE = timedelta(minutes=2)


class LogoutTokenRefused(DomainError):
    """A logout token that proves nothing; `detail` says why, for the log alone."""

    error_code = "logout_token_refused"
    sentence = "La demande de déconnexion reçue n’a pas pu être vérifiée."


def check_logout_life(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.4: `exp` is two minutes after `iat` at most. Raises IdTokenRefused."""
    life = instant(logout_token, "exp") - instant(logout_token, "iat")
    require(life <= MAXIMUM_LIFE.total_seconds(), "exp too late")


def check_logout_issued_at(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.6 (4): made now, neither old nor yet to come. Raises IdTokenRefused."""
    issued_at = instant(logout_token, "iat")
    require(issued_at <= (logout_token.now + LEEWAY).timestamp(), "iat in the future")
    require(issued_at >= (logout_token.now - MAXIMUM_LIFE - LEEWAY).timestamp(), "iat too old")


def check_someone_is_named(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.6 (5): `sub`, `sid` or both, each well formed. Raises IdTokenRefused."""
    require("sub" in logout_token.claims or "sid" in logout_token.claims, "neither sub nor sid")
    if "sub" in logout_token.claims:
        check_subject(logout_token)
    check_session_identifier(logout_token)


def check_logout_event(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.6 (6): `events` holds the logout event, itself an object. Raises IdTokenRefused."""
    events: Any = logout_token.claims.get("events")
    require(isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict), "events")


def check_no_nonce(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.6 (7): `nonce` would make it an ID token. Raises IdTokenRefused."""
    require("nonce" not in logout_token.claims, "nonce")


def check_token_identifier(logout_token: SignedClaims) -> None:
    """Back-Channel Logout 2.4: `jti` is a string of 1 to 255 characters. Raises IdTokenRefused."""
    jti = logout_token.claims.get("jti")
    require(isinstance(jti, str) and 0 < len(jti) <= MAXIMUM_TEXT_LENGTH, "jti")


LOGOUT_TOKEN_CHECKS: tuple[Callable[[SignedClaims], None], ...] = (
    check_issuer,
    check_audience,
    check_expiry,
    check_logout_life,
    check_logout_issued_at,
    check_not_before,
    check_someone_is_named,
    check_logout_event,
    check_no_nonce,
    check_token_identifier,
)


def check_logout_token(logout_token: SignedClaims) -> None:
    """Every check of the claims, in order; the signature was verified before. Raises LogoutTokenRefused."""
    try:
        for check in LOGOUT_TOKEN_CHECKS:
            check(logout_token)
    except IdTokenRefused as refusal:
        raise LogoutTokenRefused(refusal.detail) from None
