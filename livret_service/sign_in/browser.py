"""The browser of this request: its cookies, and the session that they name."""

from typing import cast

from flask import Response, current_app, g, request
from werkzeug.wrappers import Response as BaseResponse

from livret_service.settings import current
from livret_service.sign_in import service
from livret_service.sign_in.party import RelyingParty
from livret_service.sign_in.service import FoundSession
from shared.clock import request_now

EXTENSION = "relying_party"
MAXIMUM_COOKIE_LENGTH = 100


def relying_party() -> RelyingParty:
    """The one of this worker."""
    return cast("RelyingParty", current_app.extensions[EXTENSION])


def current_session() -> FoundSession | None:
    """The session of this request's cookie, read once; fresh or stale, never over."""
    if "guardian_session" not in g:
        g.guardian_session = service.find_session(
            read_cookie(session_cookie()), issuer=current().issuer, now=request_now()
        )
    return cast("FoundSession | None", g.guardian_session)


def session_cookie() -> str:
    """The name of the session cookie: `__Host-` wherever people come over https."""
    return cookie_name("livret_session")


def transaction_cookie() -> str:
    """The name of the cookie that ties attempts to this browser."""
    return cookie_name("livret_transaction")


def cookie_name(name: str) -> str:
    """The prefix makes a browser refuse the cookie from a sibling host or over plain http."""
    return f"__Host-{name}" if current().is_https else name


def read_cookie(name: str) -> str | None:
    """A cookie of a length that ours have."""
    value = request.cookies.get(name)
    return value if value and len(value) <= MAXIMUM_COOKIE_LENGTH and value.isascii() else None


def set_cookie(answer: BaseResponse, name: str, value: str, *, max_age: int | None = None) -> None:
    """Whole host, never read by scripts, never sent along with another site's form."""
    answer.set_cookie(
        name, value, max_age=max_age, path="/", secure=current().is_https, httponly=True, samesite="Lax"
    )


def drop_cookie(answer: BaseResponse | Response, name: str) -> None:
    """Remove a cookie of `set_cookie`."""
    answer.delete_cookie(name, path="/", secure=current().is_https, httponly=True, samesite="Lax")
