"""Whether the person in front may be answered for, and whether a page must come first."""

from dataclasses import dataclass
from datetime import datetime

from idp.errors import OAuthRefusal
from idp.oidc.checks.authorization import AuthorizationRequest
from idp.sessions.rules import CurrentSession


class LoginRequired(OAuthRefusal):
    """OpenID Connect Core 3.1.2.6: the sign-in page first; the client hears of it only under `prompt=none`."""

    error_code = "login_required"
    error = "login_required"
    hint = "The person must sign in."
    remedy = "prompt=none, and nobody is signed in: start an ordinary sign-in."


class AnotherPerson(LoginRequired):
    """OpenID Connect Core 3.1.2.1: who signed in is not whom the `id_token_hint` names."""

    error_code = "another_person"
    hint = "The person who signed in is not the one that the id_token_hint names."
    remedy = "Send no id_token_hint, or let the person sign out first."


class AccessDenied(OAuthRefusal):
    """RFC 6749 4.1.2.1: the person went back to the service without signing in."""

    error_code = "access_denied"
    error = "access_denied"
    hint = "The person cancelled."
    remedy = "Say so, and offer to start again."


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is there.

    signed_in_since: the instant taken on arrival. has_come_back: the request returns from a page of ours.
    hint_is_theirs: whether the `id_token_hint` names this person at this client; None without a hint.
    """

    session: CurrentSession | None
    signed_in_since: datetime | None
    has_come_back: bool = False
    hint_is_theirs: bool | None = None


def check_signed_in(_request: AuthorizationRequest, presence: Presence) -> None:
    """An activated account, signed in with its chosen password (AZ-49). Raises LoginRequired."""
    if presence.session is None or not presence.session.is_full:
        raise LoginRequired


def check_not_asked_again(request: AuthorizationRequest, presence: Presence) -> None:
    """`prompt=login` on arrival: the password is asked whatever lives (AZ-29). Raises LoginRequired."""
    if request.asks_again and not presence.has_come_back:
        raise LoginRequired


def check_signed_in_lately(_request: AuthorizationRequest, presence: Presence) -> None:
    """`prompt=login`, `max_age`: signed in at or after the instant taken on arrival. Raises LoginRequired."""
    since, session = presence.signed_in_since, presence.session
    if since is not None and session is not None and session.signed_in_at < since:
        raise LoginRequired


def check_hint(_request: AuthorizationRequest, presence: Presence) -> None:
    """A hint never decides who someone is, it only refuses another (Core 3.1.2.1, AZ-32). Raises AnotherPerson."""
    if presence.hint_is_theirs is False:
        raise AnotherPerson
