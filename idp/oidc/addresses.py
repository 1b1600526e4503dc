"""Where the protocol's endpoints are, below the issuer."""

AUTHORIZATION_ENDPOINT = "/oauth/authorize"
TOKEN_ENDPOINT = "/oauth/token"  # noqa: S105 - an address
USERINFO_ENDPOINT = "/oauth/userinfo"
END_SESSION_ENDPOINT = "/oauth/end_session"
JWKS = "/oauth/jwks"
CONFIGURATION = "/.well-known/openid-configuration"

ERROR_DICTIONARY = "/dev/erreurs"
"""For the developers of services: each error's code is an anchor of that page, and `error_uri` leads there."""
