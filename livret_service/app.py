"""The livret service as a Flask application: settings → database → blueprints → headers → error pages."""

from urllib.parse import urlsplit

from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from livret_service.db import db, migrate
from livret_service.livrets import views as livrets
from livret_service.settings import Settings
from livret_service.sign_in import browser, channels
from livret_service.sign_in import views as sign_in
from livret_service.sign_in.party import relying_party
from shared.clock import Clock, init_clock, utc_now
from shared.csrf import FormProtection
from shared.database import connect
from shared.error_pages import init_error_pages
from shared.headers import init_headers
from shared.logging import configure_logging, init_request_log
from shared.pages import PageSettings, init_pages

BLUEPRINTS: tuple[Blueprint, ...] = (sign_in.blueprint, channels.blueprint, livrets.blueprint)
MAXIMUM_BODY_BYTES = 64 * 1024
csrf = FormProtection()


def create_app(settings: Settings | None = None, *, clock: Clock = utc_now) -> Flask:
    """The application. Raises SettingsRefused, listing every problem, when `settings` is read from the environment."""
    settings = settings or Settings.load()
    app = Flask("livret_service")
    configure_logging(settings.log_level)
    configure_flask(app, settings)
    app.extensions["settings"] = settings
    init_clock(app, clock)
    connect(app, db, migrate, settings.database_url)
    init_request_log(app)
    csrf.init_app(app, public_url=settings.public_url)
    init_pages(app, page_settings(settings))
    init_headers(app, https=settings.is_https)
    init_error_pages(app)
    app.extensions[browser.EXTENSION] = relying_party(settings, clock)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for view in (*sign_in.PROTOCOL_POSTS, *channels.PROTOCOL_POSTS):
        csrf.exempt(view)
    return app


def page_settings(settings: Settings) -> PageSettings:
    """The frame of the livret service's pages; help and legal pages are the provider's."""
    return PageSettings(
        service_name=settings.service_name,
        public_url=settings.public_url,
        navigation=sign_in.navigation,
        footer_base=settings.issuer.rstrip("/"),
        theme_dir=settings.theme_dir,
        secure_cookies=settings.is_https,
        hidden_frame=sign_in.session_watch_url,
    )


def configure_flask(app: Flask, settings: Settings) -> None:
    """What Flask itself needs: the host it answers to, the form cookie, the limits of a request."""
    public = urlsplit(settings.public_url)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # The form token's cookie; sign-in sessions are in the database (ADR 0010).
        SESSION_COOKIE_NAME="__Host-livret_form" if settings.is_https else "livret_form",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PREFERRED_URL_SCHEME=public.scheme,
        # A forged Host is refused before any page is made (ADR 0003).
        TRUSTED_HOSTS=[public.netloc, public.hostname],
        MAX_CONTENT_LENGTH=MAXIMUM_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAXIMUM_BODY_BYTES,
        MAX_FORM_PARTS=50,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
