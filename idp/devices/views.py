"""The cookie by which a browser is recognised."""

import re
from typing import cast

from flask import g, request
from werkzeug.wrappers import Response

from idp.devices.rules import COOKIE_LIFE
from idp.settings import current as current_settings
from shared.secrets import new_secret

COOKIE_NAME = "idp_device"
DEVICE_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def device_cookie_name() -> str:
    """`__Host-` under https, where no sibling host can plant a secret that it knows."""
    return f"__Host-{COOKIE_NAME}" if current_settings().is_https else COOKIE_NAME


def device_secret() -> str:
    """The secret that this browser sent, or a new one for it; the same throughout a request."""
    if "device_secret" not in g:
        sent = request.cookies.get(device_cookie_name(), "")
        g.device_secret = sent if DEVICE_SECRET.fullmatch(sent) else new_secret()
    return cast("str", g.device_secret)


def set_device_cookie(response: Response) -> None:
    """Let the browser keep its secret for as long as it may, after a sign-in that is remembered."""
    response.set_cookie(
        device_cookie_name(),
        device_secret(),
        max_age=int(COOKIE_LIFE.total_seconds()),
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )
