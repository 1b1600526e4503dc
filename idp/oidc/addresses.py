"""Where the protocol's endpoints are, below the issuer."""

AUTHORIZATION_ENDPOINT = "/oauth/authorize"
TOKEN_ENDPOINT = "/oauth/token"  # noqa: S105 - an address
USERINFO_ENDPOINT = "/oauth/userinfo"
END_SESSION_ENDPOINT = "/oauth/end_session"
REGISTRATION_ENDPOINT = "/oauth/register"
REVOCATION_ENDPOINT = "/oauth/revoke"
INTROSPECTION_ENDPOINT = "/oauth/introspect"
CHECK_SESSION = "/oauth/check_session"
JWKS = "/oauth/jwks"
CONFIGURATION = "/.well-known/openid-configuration"
# RFC 8414 3: for clients that know OAuth and not OpenID Connect; the same document.
OAUTH_CONFIGURATION = "/.well-known/oauth-authorization-server"

ERROR_DICTIONARY = "/dev/erreurs"
"""For the developers of services: each error's code is an anchor of that page, and `error_uri` leads there."""
# Pages of the portal, which is above: by address.
PERSONAL_DATA = "/donnees-personnelles"
LEGAL_NOTICE = "/mentions-legales"
