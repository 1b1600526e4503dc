"""Changing one's password, with the present one."""

from datetime import datetime

from idp.accounts import service as accounts
from idp.db import transaction
from idp.devices import service as devices
from idp.my_account.credentials import end_other_sessions, end_what_was_open
from idp.my_account.rules import CurrentPasswordWrong
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.passwords import service as passwords
from idp.passwords.rules import Candidate, ChoiceReason
from idp.sessions.rules import CurrentSession, OpenedWith, SessionEndReason
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from idp.sign_in import service as sign_in
from idp.sign_in.rules import LetterExpired, SignInRefused


def check_new_password(session: CurrentSession, typed: str) -> None:
    """What can be said of a new password without hashing anything. Raises PasswordRefused."""
    names = (current_settings().service_name,)
    passwords.check_candidate(Candidate(typed, identifier=session.identifier, service_names=names))


def change_password(
    session: CurrentSession,
    current_password: str,
    new_password: str,
    *,
    network: str,
    device_secret: str | None = None,
    now: datetime,
) -> OpenedSession | None:
    """Replace the password; every other session ends with its tokens, and what was begun before ends too.

    The present password is counted with the sign-ins of this account (one budget a secret). What is returned is
    this session, to hand to the browser. Raises PasswordRefused, CurrentPasswordWrong, SignInSlowed, Busy.
    """
    check_new_password(session, new_password)
    try:
        authenticated = sign_in.authenticate(
            session.identifier, current_password, network=network, device_secret=device_secret, now=now
        )
    except (SignInRefused, LetterExpired):
        raise CurrentPasswordWrong from None
    if authenticated.opened_with is not OpenedWith.CHOSEN:
        raise CurrentPasswordWrong
    passwords.check_choice(session.account_id, new_password, identifier=session.identifier)
    password_hash = passwords.hash_password(new_password)
    with transaction():
        account = accounts.lock_accounts(session.account_id)[session.account_id]
        if account.password_hash != authenticated.password_hash:
            # Another password was chosen since this one was verified.
            raise CurrentPasswordWrong
        sign_in.forgive(authenticated)
        # Whoever signed in elsewhere with the former password is no device of this account's any more.
        devices.forget_devices(session.account_id, session.identifier, keeping=device_secret)
        passwords.choose(session.account_id, password_hash, ChoiceReason.CHANGE, now=now)
        end_what_was_open(session.account_id, now=now)
        notices.notify(session.account_id, Notice.PASSWORD_CHANGED, now=now)
        return end_other_sessions(session, SessionEndReason.PASSWORD_CHOSEN, now=now)
