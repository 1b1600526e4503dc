"""The steps of activation, one use case each."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from idp.accounts import service as accounts
from idp.accounts.mail_domains import meant_address
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, is_same_address
from idp.activation import messages
from idp.activation.rules import (
    CONFIRMATION_PATH,
    ActivationChoice,
    ActivationCompleted,
    ActivationStarted,
    ActivationView,
    AddressOutcome,
    AlreadyDone,
    BirthDateRefused,
    BirthDateSpent,
    BirthDateWrong,
    BirthDateWrongOneLeft,
    LetterReissued,
    LetterSpent,
    MessageSentAgain,
    NoActiveLink,
    PendingAddressCorrected,
    WaitingView,
    resend_refusal,
)
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import FieldRefusal
from idp.families import service as families
from idp.families.rules import SchoolTaskKind, contact_text
from idp.families.service import BirthDateMismatch, NoLinkedChild
from idp.messaging import service as messaging
from idp.messaging.phones import masked_email
from idp.messaging.rules import GIVE_UP_AFTER, DeliveryState
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import (
    KnownCode,
    OneTimeCodeRefused,
    Purpose,
    ResendSpent,
    Standing,
    seconds_until_resend,
)
from idp.passwords import service as passwords
from idp.passwords.rules import ChoiceReason, ProvisionalPasswordRefused
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith, SessionEndReason
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from idp.sign_in import service as sign_in
from idp.sign_in.rules import LetterExpired, SignInRefused
from idp.sign_in.service import Authenticated
from idp.throttling import service as throttling
from idp.throttling.rules import (
    ACTIVATION_MESSAGE_WAIT,
    Budget,
    TooManyAttempts,
    activation_message_budget,
    activation_wait_budget,
    birth_date_budgets,
)

PURPOSE = Purpose.CONFIRM_ACTIVATION_ADDRESS


@dataclass(frozen=True, slots=True)
class SignedInAtAddress:
    """Who signed in on the mailed page, the session to hand to the browser, and what became of the address.

    demande: the request that the mailed URL carries, if any. is_same_browser: whether the form was sent from
    the browser that signs in now.
    """

    authenticated: Authenticated
    session: OpenedSession
    outcome: AddressOutcome
    demande: str | None
    is_same_browser: bool


def view_form(session: CurrentSession, *, now: datetime) -> ActivationView:
    """What the form shows to the holder of a letter.

    Raises AlreadyDone, LetterReissued, LetterExpired, NoActiveLink.
    """
    _check_letter(session, now=now)
    account_id = AccountId(session.account_id)
    child, school = families.named_child(account_id), families.school_contact(account_id)
    if child is None:
        raise NoActiveLink(school, families.disputes_of(account_id))
    if session.state is not AccountState.ACTIVE:
        return ActivationView(child.given_name, asks_email=True, kept_address="", school=school)
    kept = _account_of(session).email
    return ActivationView(
        child.given_name, asks_email=False, kept_address=masked_email(kept) if kept else "", school=school
    )


def check_new_password(session: CurrentSession, typed: str) -> None:
    """Whether the holder of a letter may choose this password. Raises PasswordRefused, Busy."""
    passwords.check_choice(session.account_id, typed, identifier=session.identifier)


def start_activation(
    session: CurrentSession, choice: ActivationChoice, *, demande: str | None, now: datetime
) -> OpenedSession | None:
    """The letter's holder chose address and password, and knows the child's birth date.

    Moves the account to `activating`, queues the confirmation mail and ends every other session, in one
    transaction; a wrong date costs one try, and only when all else is right. An account that was active
    already (its letter was issued again) keeps state and address: what is returned is then its renewed session,
    to hand to the browser.

    Raises AlreadyDone, LetterReissued, LetterExpired, PasswordRefused, Busy, BirthDateWrong, BirthDateSpent,
    LetterSpent, NoActiveLink.
    """
    view_form(session, now=now)
    check_new_password(session, choice.new_password)
    password_hash = passwords.hash_password(choice.new_password)
    remaining = _spend_birth_date_try(session, now=now)
    try:
        with transaction():
            families.verify_birth_date(AccountId(session.account_id), choice.birth_date)
            return _accept_form(session, choice, password_hash, demande, now=now)
    except OperationalError:
        # The database gave the transaction up (a deadlock, a lock held too long): the date was not evaluated.
        throttling.give_back(*_budgets(session), now=now)
        raise
    except BirthDateMismatch:
        raise _birth_date_refusal(session, remaining, now=now) from None
    except NoLinkedChild:
        account_id = AccountId(session.account_id)
        school = families.school_contact(account_id)
        raise NoActiveLink(school, families.disputes_of(account_id)) from None
    except ProvisionalPasswordRefused:
        # Only now, to learn why: the conditional UPDATE already decided.
        _check_letter(session, now=now)
        raise AlreadyDone from None


def view_waiting(session: CurrentSession, *, now: datetime) -> WaitingView:
    """What the waiting page shows to who signed in with the chosen password before opening the mail."""
    account = _account_of(session)
    last_delivery = messaging.last_delivery(session.account_id, messages.CONFIRM_EMAIL_TEMPLATE)
    return WaitingView(
        email=account.pending_email or "",
        meant_address=meant_address(account.pending_email or ""),
        valid_hours=current_settings().activation_link_hours,
        resend_in=_seconds_to_resend(session, now=now),
        is_returned=last_delivery is DeliveryState.FAILED,
        school=families.school_contact(AccountId(session.account_id)),
    )


def resend_message(session: CurrentSession, *, demande: str | None, now: datetime) -> str:
    """Send a new URL to the pending address; the older ones die. Returns the address.

    Raises ResendTooSoon, ResendSpent, AlreadyDone.
    """
    _check_resend_pace(session, now=now)
    _spend_message(session, activation_wait_budget(session.account_id), now=now)
    with transaction():
        _lock_activating(session, now=now)
        _check_minute(session, now=now)
        address = _send_confirmation(session, demande, now=now)
        audit.record(MessageSentAgain(session.account_id), now=now)
    return address


def correct_address(session: CurrentSession, address: str, *, demande: str | None, now: datetime) -> str:
    """Send a new URL to another address; URLs sent to the former one die. Returns the address.

    The same address again is a message sent again, at its pace. Raises ResendTooSoon, ResendSpent, AlreadyDone.
    """
    if is_same_address(address, _account_of(session).pending_email or ""):
        return resend_message(session, demande=demande, now=now)
    _spend_message(session, now=now)
    with transaction():
        _lock_activating(session, now=now)
        accounts.set_pending_email(AccountId(session.account_id), address, now=now)
        _send_confirmation(session, demande, now=now)
        audit.record(PendingAddressCorrected(session.account_id), now=now)
    return address


def look_at(one_time_code: str, *, now: datetime) -> tuple[KnownCode, str] | None:
    """A mailed code and its account's identifier, for the page that carries it; proves and changes nothing.

    None for one that was never issued.
    """
    known = _find_url(one_time_code, now=now)
    account = accounts.find_account(AccountId(known.account_id)) if known else None
    return None if known is None or account is None else (known, account.identifier)


def sign_in_at_address(
    couple: tuple[str, str],
    one_time_code: str,
    *,
    network: str,
    device_secret: str | None = None,
    user_agent: str,
    browser_secret: str | None,
    now: datetime,
) -> SignedInAtAddress:
    """Sign in on the mailed page; with the chosen password and a living URL of one account, activate it.

    browser_secret, device_secret: of the session and device cookies of the browser. Whatever the URL is worth, a
    right couple signs in. Raises SignInRefused, SignInSlowed, LetterExpired, Busy.
    """
    authenticated = sign_in.authenticate(*couple, network=network, device_secret=device_secret, now=now)
    try:
        return _sign_in(authenticated, one_time_code, user_agent, browser_secret, now=now)
    except SignInRefused:
        # The same form a moment earlier activated the account: not a wrong password, only another state.
        authenticated = sign_in.authenticate(*couple, network=network, device_secret=device_secret, now=now)
        return _sign_in(authenticated, one_time_code, user_agent, browser_secret, now=now)


def _sign_in(
    authenticated: Authenticated,
    one_time_code: str,
    user_agent: str,
    browser_secret: str | None,
    *,
    now: datetime,
) -> SignedInAtAddress:
    before = sessions.find_session(browser_secret, now=now) if browser_secret else None
    known = _find_url(one_time_code, now=now)
    with transaction():
        opened = sign_in.record_sign_in(
            authenticated, user_agent=user_agent, replacing=browser_secret, now=now
        )
        outcome = _confirm_address(authenticated, one_time_code, known, opened, now=now)
    return SignedInAtAddress(
        authenticated,
        opened,
        outcome,
        known.demande if known and outcome is not AddressOutcome.ANOTHER_ACCOUNT else None,
        is_same_browser=before is not None and before.account_id == authenticated.account_id,
    )


def _accept_form(
    session: CurrentSession,
    choice: ActivationChoice,
    password_hash: str,
    demande: str | None,
    *,
    now: datetime,
) -> OpenedSession | None:
    account_id = AccountId(session.account_id)
    issue_number = session.issue_number or 0
    passwords.consume_provisional_password(account_id, issue_number, now=now)
    passwords.choose(account_id, password_hash, ChoiceReason.ACTIVATION, now=now)
    # Whoever else holds this letter's session would otherwise read the address, or change it.
    sessions.end_all_sessions(account_id, SessionEndReason.PASSWORD_CHOSEN, keeping=session.id, now=now)
    audit.record(ActivationStarted(account_id, issue_number), now=now)
    if choice.email is None:
        _renew_password(session, now=now)
        return sessions.renew_session(session)
    sessions.upgrade_session(session.id)
    _move(session, {AccountState.NOTIFIED, AccountState.ACTIVATING}, AccountState.ACTIVATING, now=now)
    accounts.set_pending_email(account_id, choice.email, now=now)
    _send_confirmation(session, demande, now=now)
    return None


def _renew_password(session: CurrentSession, *, now: datetime) -> None:
    """A letter issued again to an active account: its address is kept, and warned."""
    _move(session, {AccountState.ACTIVE}, AccountState.ACTIVE, now=now)
    notices.notify(session.account_id, Notice.PASSWORD_CHANGED, now=now)


def _send_confirmation(session: CurrentSession, demande: str | None, *, now: datetime) -> str:
    """A new code, its mail in the outbox, nothing left of the older ones."""
    account = _account_of(session)
    address = account.pending_email or ""
    settings = current_settings()
    latest = one_time_codes.latest_issue(PURPOSE, session.account_id)
    one_time_code = one_time_codes.issue_one_time_code(
        PURPOSE,
        session.account_id,
        channel_address=address,
        # Its hours begin when the mail leaves, at the latest when the outbox gives up: `_find_url` holds them.
        valid_for=timedelta(hours=settings.activation_link_hours) + GIVE_UP_AFTER,
        demande=demande or (latest.demande if latest else None),
        now=now,
    )
    messaging.withdraw(session.account_id, messages.CONFIRM_EMAIL_TEMPLATE, now=now)
    message = messages.confirm_email(
        to=address,
        account_id=session.account_id,
        identifier=session.identifier,
        url=f"{settings.issuer}{CONFIRMATION_PATH}?code={one_time_code}",
        hours=settings.activation_link_hours,
        locale=account.locale,
    )
    messaging.enqueue(message, now=now)
    return address


def _find_url(one_time_code: str, *, now: datetime) -> KnownCode | None:
    """What is known of a mailed code. Its hours count from the instant at which its mail left, not from the form."""
    known = one_time_codes.find_one_time_code(one_time_code, PURPOSE, now=now)
    if known is None or known.standing is not Standing.USABLE:
        return known
    sent_at = messaging.sent_at(
        known.account_id, messages.CONFIRM_EMAIL_TEMPLATE, enqueued_at=known.issued_at
    )
    ends_at = (sent_at or known.issued_at) + timedelta(hours=current_settings().activation_link_hours)
    return known if now < ends_at else replace(known, standing=Standing.EXPIRED, expires_at=ends_at)


def _confirm_address(
    authenticated: Authenticated,
    one_time_code: str,
    known: KnownCode | None,
    opened: OpenedSession,
    *,
    now: datetime,
) -> AddressOutcome:
    """Every proof again: the chosen password, the code of this very account, the address still pending."""
    account_id = authenticated.account_id
    if known is not None and known.account_id != account_id:
        return AddressOutcome.ANOTHER_ACCOUNT
    if (
        authenticated.opened_with is not OpenedWith.CHOSEN
        or authenticated.state is not AccountState.ACTIVATING
    ):
        return AddressOutcome.PLAIN_SIGN_IN
    if known is not None and known.standing is Standing.EXPIRED:
        return AddressOutcome.DEAD_URL
    try:
        consumed = one_time_codes.consume_one_time_code(one_time_code, PURPOSE, account_id, now=now)
    except OneTimeCodeRefused:
        return AddressOutcome.PLAIN_SIGN_IN if known is None else AddressOutcome.DEAD_URL
    if not accounts.confirm_email(account_id, consumed.channel_address, now=now):
        return AddressOutcome.DEAD_URL
    accounts.change_state(account_id, from_states={AccountState.ACTIVATING}, to=AccountState.ACTIVE, now=now)
    sessions.end_all_sessions(account_id, SessionEndReason.REPLACED, keeping=opened.id, now=now)
    audit.record(ActivationCompleted(account_id), now=now)
    return AddressOutcome.CONFIRMED


def _check_letter(session: CurrentSession, *, now: datetime) -> None:
    """Whether the letter that opened the session still stands."""
    if session.opened_with is not OpenedWith.PROVISIONAL:
        raise AlreadyDone
    letter = passwords.provisional_state(session.account_id)
    if letter.issue_number != session.issue_number:
        raise LetterReissued
    if letter.is_consumed:
        raise AlreadyDone
    if letter.expires_at is None or letter.expires_at <= now:
        school = families.school_contact(AccountId(session.account_id))
        raise LetterExpired(letter.expires_at or now, school)


def _spend_birth_date_try(session: CurrentSession, *, now: datetime) -> int:
    """Tries left after this one. Raises BirthDateSpent, LetterSpent."""
    try:
        spent = throttling.spend(*_budgets(session), now=now)
    except TooManyAttempts as error:
        raise _spent_refusal(session, is_letter_spent=error.seconds is None) from None
    return spent.remaining or 0


def _birth_date_refusal(session: CurrentSession, remaining: int, *, now: datetime) -> FieldRefusal:
    """Record the wrong date, in a transaction that outlives the refusal, and say how many tries are left.

    Where none is left with this letter, the school is told: the date that it gave may be the wrong one.
    """
    is_letter_spent = remaining == 0 and _is_letter_spent(session, now=now)
    with transaction():
        audit.record(BirthDateRefused(session.account_id, remaining), now=now)
        if is_letter_spent:
            families.tell_school(
                SchoolTaskKind.BIRTH_DATE_BLOCKED,
                account_id=session.account_id,
                link_id=families.named_link_id(session.account_id),
                now=now,
            )
    if remaining > 0:
        return BirthDateWrongOneLeft() if remaining == 1 else BirthDateWrong(n=remaining)
    return _spent_refusal(session, is_letter_spent=is_letter_spent)


def _is_letter_spent(session: CurrentSession, *, now: datetime) -> bool:
    """Whether no wait helps any more."""
    try:
        throttling.check_delay(*_budgets(session), now=now)
    except TooManyAttempts:
        return True
    return False


def _spent_refusal(session: CurrentSession, *, is_letter_spent: bool) -> FieldRefusal:
    contact = contact_text(families.school_contact(AccountId(session.account_id)))
    return LetterSpent(contact=contact) if is_letter_spent else BirthDateSpent(contact=contact)


def _seconds_to_resend(session: CurrentSession, *, now: datetime) -> int:
    """Until the message may be sent again: the minute after each, and the wait that grows with every one."""
    grown = throttling.check_delay(activation_wait_budget(session.account_id), now=now)
    return max(_seconds_of_the_minute(session, now=now), grown)


def _seconds_of_the_minute(session: CurrentSession, *, now: datetime) -> int:
    latest = one_time_codes.latest_issue(PURPOSE, session.account_id)
    return seconds_until_resend(latest.issued_at if latest else None, now=now)


def _check_resend_pace(session: CurrentSession, *, now: datetime) -> None:
    if seconds := _seconds_to_resend(session, now=now):
        raise resend_refusal(seconds)


def _check_minute(session: CurrentSession, *, now: datetime) -> None:
    """Once more under the row's lock, where the wait that this message starts is spent already."""
    if seconds := _seconds_of_the_minute(session, now=now):
        raise resend_refusal(seconds)


def _spend_message(session: CurrentSession, *waits: Budget, now: datetime) -> None:
    try:
        throttling.spend(activation_message_budget(session.account_id), *waits, now=now)
    except TooManyAttempts as error:
        if error.limit is ACTIVATION_MESSAGE_WAIT:
            raise resend_refusal(error.seconds or 1) from None
        raise ResendSpent from None


def _lock_activating(session: CurrentSession, *, now: datetime) -> None:
    """Hold the account's row for this transaction, and make sure that its address still waits."""
    _move(session, {AccountState.ACTIVATING}, AccountState.ACTIVATING, now=now)


def _move(
    session: CurrentSession, from_states: set[AccountState], to: AccountState, *, now: datetime
) -> None:
    if not accounts.change_state(AccountId(session.account_id), from_states=from_states, to=to, now=now):
        raise AlreadyDone


def _account_of(session: CurrentSession) -> Account:
    return db.session.get_one(Account, session.account_id, populate_existing=True)


def _budgets(session: CurrentSession) -> tuple[Budget, ...]:
    return birth_date_budgets(session.account_id, session.issue_number or 0)
