"""How sure we are of who signed in: `acr` and `amr` of a session (OpenID Connect Core 2). Pure."""

from dataclasses import dataclass

from idp.sessions.rules import CurrentSession

# SAML 2.0 Authentication Context 3.4: a password over a protected channel; no level of assurance is claimed by it.
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a name
SUPPORTED_ACRS = (PASSWORD,)


@dataclass(frozen=True, slots=True)
class Authentication:
    """acr: one of SUPPORTED_ACRS. amr: methods of RFC 8176."""

    acr: str
    amr: tuple[str, ...]


def authentication_of(session: CurrentSession) -> Authentication:  # noqa: ARG001 - one way to sign in, as yet
    """What signing in as this session did proves."""
    return Authentication(PASSWORD, ("pwd",))
