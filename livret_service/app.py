"""The livret service as a Flask application: settings → database → blueprints → headers → error pages."""

from flask import Blueprint, Flask

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
from shared.flask_settings import configure_flask
from shared.headers import init_headers
from shared.logging import configure_logging, init_request_log
from shared.pages import PageSettings, init_pages

BLUEPRINTS: tuple[Blueprint, ...] = (sign_in.blueprint, channels.blueprint, livrets.blueprint)
csrf = FormProtection()


def create_app(settings: Settings | None = None, *, clock: Clock = utc_now) -> Flask:
    """The application. Raises SettingsRefused, listing every problem, when `settings` is read from the environment."""
    settings = settings or Settings.load()
    app = Flask("livret_service")
    configure_logging(settings.log_level)
    configure_flask(
        app,
        public_url=settings.public_url,
        secret_key=settings.secret_key,
        form_cookie="livret_form",
        trusted_proxies=settings.trusted_proxies,
    )
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
        kept_parameters=frozenset({"remplace", "compte"}),
        hidden_frame=sign_in.session_watch_url,
    )
