"""Security headers of every answer, and the few allowances a page may ask for itself.

A view that needs more calls `allow(…)` before it answers: the sign-in page for the origin that the redirect chain
ends at, for a client's logo. Nothing can allow inline code.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from flask import Flask, Response, g

from shared.pages import current_pages

HSTS_SECONDS = 2 * 365 * 24 * 3600
HSTS = f"max-age={HSTS_SECONDS}; includeSubDomains"
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
    # Of an answer that asks for no allowance, hence of every answer of the protocol: written once.
    strict_policy = content_security_policy({}, image_origins)

    @app.after_request
    def set_headers(response: Response) -> Response:
        allowances = g.get("policy_allowances")
        policy = content_security_policy(allowances, image_origins) if allowances else strict_policy
        headers = {"Content-Security-Policy": policy}
        if not (allowances and allowances.get("frame-ancestors")):
            headers["X-Frame-Options"] = "DENY"
        if https:
            headers["Strict-Transport-Security"] = HSTS
        write_headers(response, headers, defaults=PLAIN_HEADERS | private_headers(response))
        return response


def private_headers(response: Response) -> dict[str, str]:
    """No cache and no search engine, unless the view said otherwise (a theme file, the JWKS)."""
    keep_out = {"Cache-Control": "no-store, private"}
    return keep_out | ({"X-Robots-Tag": "noindex"} if response.mimetype == "text/html" else {})


def write_headers(response: Response, headers: Mapping[str, str], *, defaults: Mapping[str, str]) -> None:
    """Put `headers` in the place of the view's own, `defaults` where it set none.

    One look at what is there: this runs at every answer, and each `headers[name] = value` would look again.
    """
    present = {name.lower() for name, _ in response.headers}
    for name in headers:
        if name.lower() in present:
            response.headers.remove(name)
    for name, value in headers.items():
        response.headers.add(name, value)
    for name, value in defaults.items():
        if name.lower() not in present:
            response.headers.add(name, value)
