"""The provider as a Flask application: settings → database → blueprints → headers → error pages."""

from flask import Blueprint, Flask

from idp.activation import views as activation
from idp.attachment import views as attachment
from idp.db import db, migrate
from idp.link_disputes import views as link_disputes
from idp.messaging import views as messaging
from idp.messaging.mail import init_mail
from idp.my_account import address_views as my_address
from idp.my_account import closing_views as my_closing
from idp.my_account import device_views as my_devices
from idp.my_account import journal_views as my_journal
from idp.my_account import password_views as my_password
from idp.my_account import phone_views as my_phone
from idp.my_account import views as my_account
from idp.not_me import views as not_me
from idp.oidc import consent_views as consents
from idp.oidc import logout_views as logout
from idp.oidc import registration_views as registration
from idp.oidc import views as oidc
from idp.phone_activation import views as phone_activation
from idp.portal import views as portal
from idp.recovery import views as recovery
from idp.sessions import views as sessions
from idp.settings import Settings
from idp.sign_in import views as sign_in
from idp.throttling.views import init_throttling_page
from shared.clock import Clock, init_clock, utc_now
from shared.csrf import FormProtection
from shared.database import connect
from shared.error_pages import init_error_pages
from shared.fetching import GuardedFetcher, init_fetcher
from shared.flask_settings import configure_flask
from shared.headers import init_headers
from shared.logging import configure_logging, init_request_log
from shared.pages import PageSettings, init_pages

BLUEPRINTS: tuple[Blueprint, ...] = (
    portal.blueprint,
    sign_in.blueprint,
    activation.blueprint,
    recovery.blueprint,
    link_disputes.blueprint,
    phone_activation.blueprint,
    attachment.blueprint,
    my_account.blueprint,
    not_me.blueprint,
    my_address.blueprint,
    my_phone.blueprint,
    my_password.blueprint,
    my_devices.blueprint,
    my_journal.blueprint,
    my_closing.blueprint,
    oidc.blueprint,
    registration.blueprint,
    logout.blueprint,
    consents.blueprint,
    messaging.blueprint,
)
csrf = FormProtection()


def create_app(settings: Settings | None = None, *, clock: Clock = utc_now) -> Flask:
    """The application. Raises SettingsRefused, listing every problem, when `settings` is read from the environment."""
    settings = settings or Settings.load()
    app = Flask("idp")
    configure_logging(settings.log_level)
    configure_flask(
        app,
        public_url=settings.issuer,
        secret_key=settings.secret_key,
        form_cookie="idp_form",
        trusted_proxies=settings.trusted_proxies,
    )
    app.extensions["settings"] = settings
    init_clock(app, clock)
    init_fetcher(app, GuardedFetcher(settings.fetch_exempt_hosts, ca_file=settings.fetch_ca_file))
    init_mail(app, settings)
    connect(app, db, migrate, settings.database_url)
    init_request_log(app)
    csrf.init_app(app, public_url=settings.issuer)
    init_pages(app, page_settings(settings))
    init_headers(app, https=settings.is_https)
    init_error_pages(app)
    init_throttling_page(app)
    app.before_request(sessions.keep_language)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def page_settings(settings: Settings) -> PageSettings:
    """The frame of the provider's pages."""
    return PageSettings(
        service_name=settings.service_name,
        public_url=settings.issuer,
        navigation=portal.navigation,
        asked_languages=sign_in.asked_languages,
        theme_dir=settings.theme_dir,
        secure_cookies=settings.is_https,
        known_wish=sessions.reader_language,
        kept_parameters=frozenset({"demande", "code", "page", "preuve", "suite", "retire"}),
        has_strange_address=sessions.has_strange_onward_page,
        idle_end=sessions.idle_end,
    )
