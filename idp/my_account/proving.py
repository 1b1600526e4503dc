"""Proving again who holds the session, before what changes who holds the account."""

from datetime import datetime

from idp.audit import service as audit
from idp.db import transaction
from idp.my_account.rules import PasswordTypedAgain, PasswordWrong
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith
from idp.sessions.service import OpenedSession
from idp.sign_in import service as sign_in
from idp.sign_in.rules import LetterExpired, SignInRefused


def prove(
    session: CurrentSession, password: str, *, network: str, device_secret: str | None = None, now: datetime
) -> OpenedSession | None:
    """The account's password, typed again in its own session: the session to hand to the browser.

    Counted with the sign-ins of this account (one budget a secret). None when the session has ended meanwhile.
    Raises PasswordWrong, SignInSlowed, Busy.
    """
    try:
        authenticated = sign_in.authenticate(
            session.identifier, password, network=network, device_secret=device_secret, now=now
        )
    except (SignInRefused, LetterExpired):
        raise PasswordWrong from None
    # A letter issued since then proves who reads the post, not who chose the password.
    if authenticated.opened_with is not OpenedWith.CHOSEN or authenticated.account_id != session.account_id:
        raise PasswordWrong
    with transaction():
        sign_in.forgive(authenticated)
        audit.record(PasswordTypedAgain(session.account_id), now=now)
        return sessions.prove_session(session, now=now)
