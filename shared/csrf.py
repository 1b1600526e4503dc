"""Forms answer only to our own pages: a token (Flask-WTF), and where the browser says the post comes from."""

from urllib.parse import urlsplit

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFError, CSRFProtect

FOREIGN_SITES = frozenset({"cross-site", "same-site"})


class FormProtection(CSRFProtect):  # type: ignore[misc]  # Flask-WTF is untyped
    """CSRFProtect with an Origin check. What is exempt from the token is exempt from it too."""

    def init_app(self, app: Flask, *, public_url: str = "") -> None:
        """public_url: this service's configured address, the only origin that forms may come from."""
        app.config["FORM_ORIGIN"] = public_url
        # Referrer-Policy: no-referrer leaves no Referer to compare; the Origin check stands in for it.
        app.config["WTF_CSRF_SSL_STRICT"] = False
        # A form may stay open as long as its session cookie lives.
        app.config["WTF_CSRF_TIME_LIMIT"] = None
        super().init_app(app)

    def protect(self, *, apply_exemptions: bool = False) -> None:
        """Refuse a missing or wrong token, then a foreign post. Raises CSRFError."""
        super().protect(apply_exemptions=apply_exemptions)
        if g.get("csrf_valid"):
            check_origin(current_app.config["FORM_ORIGIN"])


def comes_from_elsewhere() -> bool:
    """Whether the browser says that another site's page posts."""
    try:
        check_origin(current_app.config["FORM_ORIGIN"])
    except CSRFError:
        return True
    return False


def check_origin(public_url: str) -> None:
    """Raises CSRFError when the browser says that another site's page posts.

    Under `no-referrer` browsers send `Origin: null` for our own forms too: `Sec-Fetch-Site` then decides.
    """
    if request.headers.get("Sec-Fetch-Site") in FOREIGN_SITES:
        raise CSRFError("The post comes from another site.")
    origin = request.headers.get("Origin", "null")
    if origin != "null" and public_url and not same_origin(origin, public_url):
        raise CSRFError("The post comes from another origin.")


def same_origin(origin: str, url: str) -> bool:
    """Whether an Origin header names the scheme, host and port of an address."""
    one, other = urlsplit(origin), urlsplit(url)
    return (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.lower())
