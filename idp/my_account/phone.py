"""Changing one's number: a code is sent to the new one, and typed in the browser that asked."""

from datetime import datetime
from uuid import UUID

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountChannel, AccountId
from idp.audit import service as audit
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.messaging.rules import Channel
from idp.my_account import messages
from idp.my_account.credentials import end_what_was_open
from idp.my_account.rules import CodeView, PhoneAsked, PhoneView, SamePhone, SmsUnavailable
from idp.my_account.undoing import tell_of_change, undoable_changes
from idp.one_time_codes import challenges
from idp.one_time_codes.rules import CODE_LIFE, Challenge, ChallengeRefused, ChallengeStage, Purpose
from idp.sessions.rules import CurrentSession
from idp.settings import current as current_settings
from idp.throttling import service as throttling

PURPOSE = Purpose.CONFIRM_PHONE


def view_phone(session: CurrentSession, *, now: datetime) -> PhoneView:
    """The number in force, and what can be taken back."""
    account = _account_of(session.account_id)
    recovers_from = account.phone_recovers_from
    return PhoneView(
        phone=account.phone,
        is_offered=current_settings().sms_enabled,
        recovers_from=recovers_from if recovers_from is not None and recovers_from > now else None,
        changes=undoable_changes(session.account_id, AccountChannel.PHONE, now=now),
    )


def ask_phone(session: CurrentSession, phone: str, *, network: str, now: datetime) -> str:
    """Send a code to another number; the one in force stays. Returns the secret for this browser's cookie.

    phone: E.164. Raises SamePhone, SmsUnavailable, TooManyAttempts.
    """
    account = _account_of(session.account_id)
    if phone == account.phone:
        raise SamePhone
    _spend_sms(session, phone, network=network, now=now)
    with transaction():
        challenges.end_challenges(PURPOSE, session.account_id, now=now)
        challenge, secret = challenges.start_challenge(
            PURPOSE, account_id=session.account_id, channel=Channel.SMS, channel_address=phone, now=now
        )
        _send_code(session, challenge.id, phone, now=now)
        audit.record(PhoneAsked(session.account_id), now=now)
    return secret


def view_code(session: CurrentSession, secret: str, *, now: datetime) -> CodeView:
    """What the code's page shows. Raises ChallengeRefused when nothing waits in this browser."""
    challenge = _challenge_of(session, secret)
    return CodeView(
        phone=challenge.channel_address or "",
        next_code_in=challenge.next_code_in(now=now),
        is_over=challenge.stage(now=now) is not ChallengeStage.WAITING,
    )


def send_again(session: CurrentSession, secret: str, *, network: str, now: datetime) -> str:
    """Another code to the same number; the one before stays good. Returns the number.

    Raises ChallengeRefused, ResendTooSoon, OneTimeCodeSpent, SmsUnavailable, TooManyAttempts.
    """
    challenge = _challenge_of(session, secret)
    challenges.check_may_issue(challenge, now=now)
    phone = challenge.channel_address or ""
    _spend_sms(session, phone, network=network, now=now)
    with transaction():
        _send_code(session, challenge.id, phone, now=now)
    return phone


def confirm_phone(session: CurrentSession, secret: str, typed: str, *, now: datetime) -> None:
    """The right code: the number is in force, its holder and the number before it are told.

    Raises ChallengeRefused, OneTimeCodeLength, OneTimeCodeWrong, OneTimeCodeExpired, OneTimeCodeSpent.
    """
    _challenge_of(session, secret)
    challenges.verify_numeric_code(secret, PURPOSE, typed, now=now)
    with transaction():
        challenge = challenges.complete_challenge(secret, PURPOSE, now=now)
        changed = accounts.change_phone(session.account_id, challenge.channel_address, now=now)
        if changed is not None:
            end_what_was_open(session.account_id, now=now)
            tell_of_change(session.account_id, changed, now=now)


def remove_phone(session: CurrentSession, *, now: datetime) -> None:
    """No number any more; its holder is told, and can put it back for a week."""
    with transaction():
        changed = accounts.change_phone(session.account_id, None, now=now)
        if changed is not None:
            end_what_was_open(session.account_id, now=now)
            tell_of_change(session.account_id, changed, now=now)


def _challenge_of(session: CurrentSession, secret: str) -> Challenge:
    """The challenge of this browser, if the account that is signed in began it."""
    challenge = challenges.find_challenge(secret, PURPOSE)
    if challenge is None or challenge.account_id != session.account_id or challenge.completed_at is not None:
        raise ChallengeRefused
    return challenge


def _spend_sms(session: CurrentSession, phone: str, *, network: str, now: datetime) -> None:
    if not messaging.can_send_sms(now=now):
        raise SmsUnavailable
    # Its person is signed in: nothing is given away by saying that a cap is reached.
    if not throttling.spend_sms(number=phone, account=str(session.account_id), network=network, now=now):
        raise SmsUnavailable


def _send_code(session: CurrentSession, challenge_id: UUID, phone: str, *, now: datetime) -> None:
    message = messages.phone_code(
        to=phone,
        account_id=session.account_id,
        numeric_code=challenges.issue_numeric_code(challenge_id, now=now),
        minutes=int(CODE_LIFE.total_seconds() // 60),
        locale=_account_of(session.account_id).locale,
    )
    messaging.enqueue(message, now=now)


def _account_of(account_id: AccountId) -> Account:
    return db.session.get_one(Account, account_id, populate_existing=True)
