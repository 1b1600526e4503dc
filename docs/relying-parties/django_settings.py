"""Django settings for mozilla-django-oidc: what signing families in needs, for yours to take over.

pip install "mozilla-django-oidc>=5,<6" "Django>=5.2,<6"
django-admin migrate && django-admin runserver    (DJANGO_SETTINGS_MODULE=django_settings PYTHONPATH=.)

Environment: OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, SERVICE_URL, SERVICE_SECRET_KEY. Register
SERVICE_URL/oidc/callback/ as redirect URI and SERVICE_URL/ as post-logout redirect URI.
"""

import os
from urllib.parse import urlsplit

ISSUER = os.environ["OIDC_ISSUER"]
SERVICE_URL = os.environ["SERVICE_URL"]

# mozilla-django-oidc reads no discovery document: these are its values.
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/oauth/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/oauth/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/oauth/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/oauth/jwks"
OIDC_OP_END_SESSION_ENDPOINT = f"{ISSUER}/oauth/end_session"

OIDC_RP_CLIENT_ID = os.environ["OIDC_CLIENT_ID"]
OIDC_RP_CLIENT_SECRET = os.environ["OIDC_CLIENT_SECRET"]
OIDC_TOKEN_USE_BASIC_AUTH = True
OIDC_RP_SCOPES = "openid profile email children"
OIDC_RP_SIGN_ALGO = "RS256"  # its default, HS256, never comes from this provider
OIDC_USE_PKCE = True  # off by default
OIDC_PKCE_CODE_CHALLENGE_METHOD = "S256"
OIDC_TIMEOUT = 5  # seconds; without it, none
OIDC_STORE_ID_TOKEN = True  # for sign-out
OIDC_OP_LOGOUT_URL_METHOD = "django_families.provider_sign_out_url"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"

AUTHENTICATION_BACKENDS = ["django_families.FamilyBackend"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "django_families"
SECRET_KEY = os.environ["SERVICE_SECRET_KEY"]
ALLOWED_HOSTS = [urlsplit(SERVICE_URL).hostname]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SERVICE_DATABASE", "db")}
}
# Tests only: a service on http://localhost has no Secure cookies. In production SERVICE_URL is https.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVICE_URL.startswith("https://")
