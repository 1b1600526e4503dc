"""Security headers of every answer, and the few allowances a page may ask for itself.

A view that needs more calls `allow(…)` before it answers: the sign-in page for the origin that the redirect chain
ends at, for a client's logo. Nothing can allow inline code.
"""

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, g

from shared.pages import current_pages

HSTS_SECONDS = 2 * 365 * 24 * 3600
BASE_POLICY: dict[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "style-src": ("'self'",),
    "script-src": ("'self'",),
    "img-src": ("'self'",),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "frame-ancestors": ("'none'",),
}
PLAIN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def origin_of(url: str) -> str:
    """`https://host:port` of an address, as a CSP source. Raises ValueError when it has none."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        raise ValueError("no origin")
    # Rebuilt from its parts: userinfo, quotes or a semicolon must not enter a header.
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if any(character in host for character in " ;,'\"*\r\n"):
        raise ValueError("no origin")
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def allow(
    *,
    form_action: Iterable[str] = (),
    img_src: Iterable[str] = (),
    frame_src: Iterable[str] = (),
    frame_ancestors: Iterable[str] = (),
) -> None:
    """Widen the policy of this answer alone. Each argument: addresses, of which the origin is kept.

    form_action: where a form, and every redirect after it, may end (Chromium checks the whole chain).
    frame_ancestors: who may show this page in a frame; X-Frame-Options is then left out.
    """
    asked = {
        "form-action": form_action,
        "img-src": img_src,
        "frame-src": frame_src,
        "frame-ancestors": frame_ancestors,
    }
    allowances = g.setdefault("policy_allowances", defaultdict(list))
    for directive, urls in asked.items():
        allowances[directive] += [origin_of(url) for url in urls]


def allow_any_frame() -> None:
    """Let every site show this answer in a frame: only for what shows nothing and does nothing."""
    g.setdefault("policy_allowances", defaultdict(list))["frame-ancestors"] = ["*"]


def content_security_policy(allowances: dict[str, list[str]], image_origins: Iterable[str] = ()) -> str:
    """The header's value: the base policy, the theme's pictures, this answer's allowances."""
    policy = {name: list(sources) for name, sources in BASE_POLICY.items()}
    policy["img-src"] += image_origins
    for directive, origins in allowances.items():
        kept = [source for source in policy.get(directive, []) if source != "'none'" or not origins]
        policy[directive] = list(dict.fromkeys(kept + origins))
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items() if sources)


def init_headers(app: Flask, *, https: bool) -> None:
    """Put the headers on every answer of the application, errors included. Call after `init_pages`."""
    image_origins = current_pages(app).image_origins

    @app.after_request
    def set_headers(response: Response) -> Response:
        allowances = g.get("policy_allowances", {})
        for name, value in PLAIN_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = content_security_policy(allowances, image_origins)
        if not allowances.get("frame-ancestors"):
            response.headers["X-Frame-Options"] = "DENY"
        if https:
            response.headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}; includeSubDomains"
        keep_private(response)
        return response


def keep_private(response: Response) -> None:
    """No cache and no search engine, unless the view said otherwise (a theme file, the JWKS)."""
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store, private"
    if response.mimetype == "text/html":
        response.headers.setdefault("X-Robots-Tag", "noindex")
