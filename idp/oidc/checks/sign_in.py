"""Whether the person in front may be answered for, and whether a page must come first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.errors import OAuthRefusal
from idp.oidc.checks.authorization import AuthorizationRequest
from idp.oidc.consents import ANY_TIME
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


class AccountNotChosen(LoginRequired):
    """OpenID Connect Core 3.1.2.1: `prompt=select_account`: the person has not said which account to go on with."""

    error_code = "account_not_chosen"
    hint = "The person must choose an account."
    remedy = "prompt=select_account shows a page: prompt=none cannot stand beside it."


class ConsentRequired(OAuthRefusal):
    """OpenID Connect Core 3.1.2.4, 3.1.2.6: the person's agreement first; the client hears of it under `prompt=none`."""

    error_code = "consent_required"
    error = "consent_required"
    hint = "The person must agree to what the service asks for."
    remedy = "prompt=none, and the person has not agreed to these scopes, or took the access back: start an ordinary sign-in."


class ConsentRefused(OAuthRefusal):
    """RFC 6749 4.1.2.1: the person read what the service asks for, and said no."""

    error_code = "consent_refused"
    error = "access_denied"
    hint = "The person refused."
    remedy = "Say so, ask for less if you can, and offer to start again."


class AccessDenied(OAuthRefusal):
    """RFC 6749 4.1.2.1: the person went back to the service without signing in."""

    error_code = "access_denied"
    error = "access_denied"
    hint = "The person cancelled."
    remedy = "Say so, and offer to start again."


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is there.

    signed_in_since: the instant taken on arrival. arrived_at: of a request that returns from a page of ours; None on
    arrival. chosen_session_id: with which the person chose to go on. is_expected: whether this is the person that an
    `id_token_hint` or a `sub` claim names; None when none is named.
    """

    session: CurrentSession | None
    signed_in_since: datetime | None
    arrived_at: datetime | None = None
    chosen_session_id: UUID | None = None
    is_expected: bool | None = None

    @property
    def has_come_back(self) -> bool:
        """Whether the request returns from a page of ours."""
        return self.arrived_at is not None

    def signed_in_here(self, session: CurrentSession) -> bool:
        """Whether the session was opened on the way of this very request."""
        return self.arrived_at is not None and session.signed_in_at >= self.arrived_at


def consented_since(request: AuthorizationRequest, presence: Presence) -> datetime:
    """The instant at or after which an agreement satisfies this request: its arrival, under `prompt=consent`."""
    asked_at = presence.arrived_at if request.asks_consent_again else None
    return asked_at or ANY_TIME


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


def check_account_chosen(request: AuthorizationRequest, presence: Presence) -> None:
    """`prompt=select_account`: signed in for this request, or chosen on our page. Raises AccountNotChosen."""
    session = presence.session
    if not request.asks_which_account or session is None:
        return
    if session.id != presence.chosen_session_id and not presence.signed_in_here(session):
        raise AccountNotChosen


def check_expected(_request: AuthorizationRequest, presence: Presence) -> None:
    """A hint never decides who someone is, it only refuses another (Core 3.1.2.1, 5.5.1, AZ-32). Raises AnotherPerson."""
    if presence.is_expected is False:
        raise AnotherPerson


def check_consent_not_asked_again(request: AuthorizationRequest, presence: Presence) -> None:
    """`prompt=consent` on arrival: asked whatever was agreed to. Raises ConsentRequired.

    Whether the person agreed is asked by the statement that issues.
    """
    if request.asks_consent_again and not presence.has_come_back:
        raise ConsentRequired
