"""What Flask itself needs of either service: the host it answers to, the form cookie, the limits of a request."""

from urllib.parse import urlsplit

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from werkzeug.middleware.proxy_fix import ProxyFix

MAXIMUM_BODY_BYTES = 64 * 1024


class FormCookie(SecureCookieSessionInterface):
    """Flask's cookie session, its signer made once: Flask makes one at each request, of clients without cookies too."""

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The signer of this application's key, which does not change while it runs."""
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer


def configure_flask(
    app: Flask, *, public_url: str, secret_key: bytes, form_cookie: str, trusted_proxies: int
) -> None:
    """Configure the application for its public address.

    form_cookie: the name of the form token's cookie, `__Host-` put before it under https.
    trusted_proxies: the number of proxies whose forwarded headers are believed.
    """
    public = urlsplit(public_url)
    is_https = public.scheme == "https"
    app.config.update(
        SECRET_KEY=secret_key,
        # The form token's cookie; sign-in sessions are in the database (ADR 0010).
        SESSION_COOKIE_NAME=f"__Host-{form_cookie}" if is_https else form_cookie,
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PREFERRED_URL_SCHEME=public.scheme,
        # A forged Host is refused before any page is made (ADR 0003).
        TRUSTED_HOSTS=[public.netloc, public.hostname],
        MAX_CONTENT_LENGTH=MAXIMUM_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAXIMUM_BODY_BYTES,
        MAX_FORM_PARTS=50,
    )
    app.session_interface = FormCookie()
    # An address with a double slash is another one: no endpoint of a protocol answers by a redirection.
    app.url_map.merge_slashes = False
    if trusted_proxies:
        hops = trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
