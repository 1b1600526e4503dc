"""Changing one's address: asked, confirmed from the new mailbox, told to the old one, taken back within a week."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.accounts import service as accounts
from idp.accounts.mail_domains import meant_address
from idp.accounts.models import Account
from idp.accounts.rules import (
    AccountChannel,
    AccountId,
    AccountState,
    is_same_address,
)
from idp.audit import service as audit
from idp.db import db, transaction
from idp.messaging import returns
from idp.messaging import service as messaging
from idp.messaging.rules import DeliveryState
from idp.my_account import messages
from idp.my_account.credentials import drop_pending_address, end_other_sessions, end_what_was_open
from idp.my_account.rules import (
    CONFIRM_ADDRESS_PATH,
    AddressAsked,
    AddressCancelled,
    AddressMessageSentAgain,
    AddressOutcome,
    AddressView,
    NothingWaits,
    SameAddress,
)
from idp.my_account.undoing import undoable_changes
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import (
    KnownCode,
    OneTimeCodeRefused,
    Purpose,
    ResendTooSoon,
    seconds_until_resend,
)
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith, SessionEndReason
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from idp.sign_in import service as sign_in
from idp.sign_in.service import Authenticated
from idp.throttling import service as throttling
from idp.throttling.rules import address_message_budgets

PURPOSE = Purpose.CONFIRM_NEW_ADDRESS


@dataclass(frozen=True, slots=True)
class SignedInAtAddress:
    """Who signed in on the mailed page, the session to hand to the browser, and what became of the address."""

    authenticated: Authenticated
    session: OpenedSession
    outcome: AddressOutcome


def view_address(session: CurrentSession, *, now: datetime) -> AddressView:
    """The address in force, the one that waits, and what can be taken back."""
    account = _account_of(session.account_id)
    latest = one_time_codes.latest_issue(PURPOSE, session.account_id)
    last_delivery = messaging.last_delivery(session.account_id, messages.CONFIRM_ADDRESS_TEMPLATE)
    recovers_from = account.email_recovers_from
    return AddressView(
        email=account.email,
        pending_email=account.pending_email,
        meant_address=meant_address(account.pending_email or ""),
        resend_in=seconds_until_resend(latest.issued_at if latest else None, now=now),
        is_returned=last_delivery is DeliveryState.FAILED,
        valid_hours=current_settings().activation_link_hours,
        recovers_from=recovers_from if recovers_from is not None and recovers_from > now else None,
        changes=undoable_changes(session.account_id, AccountChannel.EMAIL, now=now),
    )


def ask_address(session: CurrentSession, address: str, *, now: datetime) -> None:
    """Write to another address, which waits for its confirmation; the one in force stays, and is told.

    Nothing here looks at other accounts: couples share a mailbox, and nobody learns that they do (EN-07). The
    same address again is a message sent again; the one in force may be confirmed again where mails came back from it.
    Raises SameAddress, ResendTooSoon, TooManyAttempts.
    """
    account = _account_of(session.account_id)
    if is_same_address(address, account.email or "") and not returns.is_undeliverable(address):
        raise SameAddress
    if is_same_address(address, account.pending_email or ""):
        send_again(session, now=now)
        return
    throttling.spend(*address_message_budgets(session.account_id, address), now=now)
    with transaction():
        accounts.set_pending_email(session.account_id, address, now=now)
        _send_confirmation(session, address, now=now)
        notices.notify(session.account_id, Notice.EMAIL_CHANGING, now=now)
        audit.record(AddressAsked(session.account_id), now=now)


def send_again(session: CurrentSession, *, now: datetime) -> str:
    """A new URL to the address that waits; the older ones die. Returns the address.

    Raises ResendTooSoon, TooManyAttempts, NothingWaits.
    """
    pending = _pending_of(session)
    _check_pace(session, now=now)
    throttling.spend(*address_message_budgets(session.account_id, pending), now=now)
    with transaction():
        _check_pace(session, now=now)
        pending = _pending_of(session)
        _send_confirmation(session, pending, now=now)
        audit.record(AddressMessageSentAgain(session.account_id), now=now)
    return pending


def cancel_address(session: CurrentSession, *, now: datetime) -> None:
    """Give up the address that waits; without one, nothing happens."""
    with transaction():
        if _account_of(session.account_id).pending_email is not None:
            drop_pending_address(session.account_id, now=now)
            audit.record(AddressCancelled(session.account_id), now=now)


def look_at(one_time_code: str, *, now: datetime) -> tuple[KnownCode, str] | None:
    """A mailed code and its account's identifier, for the page that carries it; proves and changes nothing.

    None for one that was never issued.
    """
    known = one_time_codes.find_one_time_code(one_time_code, PURPOSE, now=now)
    account = accounts.find_account(AccountId(known.account_id)) if known else None
    return None if known is None or account is None else (known, account.identifier)


def confirm_address(session: CurrentSession, one_time_code: str, *, now: datetime) -> OpenedSession | None:
    """The new mailbox's URL, opened where the account is signed in: the address is in force.

    The other sessions end; what is returned is this one, to hand to the browser. Raises OneTimeCodeRefused.
    """
    with transaction():
        _put_in_force(session.account_id, one_time_code, now=now)
        return end_other_sessions(session, SessionEndReason.ADDRESS_CHANGED, now=now)


def sign_in_at_address(
    couple: tuple[str, str],
    one_time_code: str,
    *,
    network: str,
    user_agent: str,
    browser_secret: str | None,
    now: datetime,
) -> SignedInAtAddress:
    """Sign in on the mailed page: with the URL of one's own account, the address is in force.

    Whatever the URL is worth, a right couple signs in. Raises SignInRefused, SignInSlowed, LetterExpired, Busy.
    """
    authenticated = sign_in.authenticate(*couple, network=network, now=now)
    known = one_time_codes.find_one_time_code(one_time_code, PURPOSE, now=now)
    with transaction():
        opened = sign_in.record_sign_in(
            authenticated, user_agent=user_agent, replacing=browser_secret, now=now
        )
        outcome = _outcome(authenticated, one_time_code, known, opened, now=now)
    return SignedInAtAddress(authenticated, opened, outcome)


def _outcome(
    authenticated: Authenticated,
    one_time_code: str,
    known: KnownCode | None,
    opened: OpenedSession,
    *,
    now: datetime,
) -> AddressOutcome:
    """Every proof again: the chosen password of this very account, its code, the address that still waits."""
    if known is not None and known.account_id != authenticated.account_id:
        return AddressOutcome.ANOTHER_ACCOUNT
    if authenticated.opened_with is not OpenedWith.CHOSEN or authenticated.state is not AccountState.ACTIVE:
        return AddressOutcome.DEAD_URL
    try:
        _put_in_force(authenticated.account_id, one_time_code, now=now)
    except OneTimeCodeRefused:
        return AddressOutcome.DEAD_URL
    sessions.end_all_sessions(
        authenticated.account_id, SessionEndReason.ADDRESS_CHANGED, keeping=opened.id, now=now
    )
    return AddressOutcome.CONFIRMED


def _put_in_force(account_id: AccountId, one_time_code: str, *, now: datetime) -> None:
    """Consume the code, and put in force the very address that it was sent to. Raises OneTimeCodeRefused."""
    consumed = one_time_codes.consume_one_time_code(one_time_code, PURPOSE, account_id, now=now)
    changed = accounts.change_email(account_id, consumed.channel_address, now=now)
    if changed is None:
        raise OneTimeCodeRefused
    end_what_was_open(account_id, now=now)
    if changed.former_address is not None:
        notices.notify(account_id, Notice.EMAIL_CHANGED, now=now, to=changed.former_address)


def _send_confirmation(session: CurrentSession, address: str, *, now: datetime) -> None:
    """A new code, its mail in the outbox, nothing left of the older ones."""
    settings = current_settings()
    one_time_code = one_time_codes.issue_one_time_code(
        PURPOSE,
        session.account_id,
        channel_address=address,
        valid_for=timedelta(hours=settings.activation_link_hours),
        now=now,
    )
    messaging.withdraw(session.account_id, messages.CONFIRM_ADDRESS_TEMPLATE, now=now)
    message = messages.confirm_address(
        to=address,
        account_id=session.account_id,
        identifier=session.identifier,
        url=f"{settings.issuer}{CONFIRM_ADDRESS_PATH}?code={one_time_code}",
        hours=settings.activation_link_hours,
        locale=_account_of(session.account_id).locale,
    )
    messaging.enqueue(message, now=now)


def _check_pace(session: CurrentSession, *, now: datetime) -> None:
    latest = one_time_codes.latest_issue(PURPOSE, session.account_id)
    seconds = seconds_until_resend(latest.issued_at if latest else None, now=now)
    if seconds:
        raise ResendTooSoon(n=seconds)


def _pending_of(session: CurrentSession) -> str:
    pending = _account_of(session.account_id).pending_email
    if pending is None:
        raise NothingWaits
    return pending


def _account_of(account_id: AccountId) -> Account:
    return db.session.get_one(Account, account_id, populate_existing=True)
