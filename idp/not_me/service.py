"""Looking at a mailed URL, and freezing the account behind it."""

from datetime import date, datetime

from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit import service as audit
from idp.db import db, transaction
from idp.devices import service as devices
from idp.families import service as families
from idp.families.service import BirthDateMismatch, NoLinkedChild
from idp.not_me.rules import (
    AccountFrozen,
    BirthDateUnknown,
    DateTriesSpent,
    FreezeRefused,
    NotMeView,
    PasswordUnknown,
    SecondProof,
    Situation,
    UrlUnknown,
)
from idp.notices.rules import Notice
from idp.one_time_codes import challenges
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import KnownCode, OneTimeCodeRefused, Purpose, Standing
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith, SessionEndReason
from idp.sign_in import service as sign_in
from idp.sign_in.rules import LetterExpired, SignInRefused
from idp.throttling import service as throttling
from idp.throttling.rules import TooManyAttempts, not_me_budgets

PURPOSE = Purpose.NOT_ME
ENDED_CODES = (Purpose.CONFIRM_NEW_ADDRESS, Purpose.UNDO_ADDRESS_CHANGE)
ENDED_CHALLENGES = (Purpose.RECOVER_PASSWORD, Purpose.CONFIRM_PHONE)


def look_at(one_time_code: str, *, now: datetime) -> NotMeView | None:
    """What a mailed URL is about; proves and changes nothing. None for one that was never issued."""
    known = one_time_codes.find_one_time_code(one_time_code, PURPOSE, now=now)
    account = accounts.find_account(AccountId(known.account_id)) if known else None
    if known is None or account is None:
        return None
    account_id = AccountId(account.id)
    child = families.named_child(account_id)
    return NotMeView(
        notice=Notice(known.about or Notice.PASSWORD_CHANGED),
        at=known.issued_at,
        situation=_situation(known, account),
        identifier=account.identifier,
        named_child=child.given_name if child else None,
        has_channel=_has_channel(account) and not passwords.waits_for_school(account_id),
        school=families.school_contact(account_id),
    )


def freeze_by_birth_date(one_time_code: str, birth_date: date, *, now: datetime) -> None:
    """The secret of the mail and the birth date of the named child: three tries a day, ten in all.

    Raises UrlUnknown, BirthDateUnknown, DateTriesSpent.
    """
    known = _usable(one_time_code, now=now)
    account_id = AccountId(known.account_id)
    budgets = not_me_budgets(account_id)
    try:
        throttling.spend(*budgets, now=now)
    except TooManyAttempts as spent:
        raise DateTriesSpent(spent.seconds) from None
    try:
        with transaction():
            families.verify_birth_date(account_id, birth_date)
            _freeze(one_time_code, known, SecondProof.BIRTH_DATE, now=now)
            throttling.forget(*budgets)
    except (BirthDateMismatch, NoLinkedChild):
        _record_refusal(account_id, SecondProof.BIRTH_DATE, now=now)
        raise BirthDateUnknown from None


def freeze_by_password(
    one_time_code: str, password: str, *, network: str, device_secret: str | None, now: datetime
) -> None:
    """The secret of the mail and the chosen password of that account, judged where every couple is.

    Raises UrlUnknown, PasswordUnknown, SignInSlowed, Busy.
    """
    known = _usable(one_time_code, now=now)
    account_id = AccountId(known.account_id)
    identifier = db.session.scalars(select(Account.identifier).where(Account.id == account_id)).one()
    try:
        authenticated = sign_in.authenticate(
            identifier, password, network=network, device_secret=device_secret, now=now
        )
    except (SignInRefused, LetterExpired):
        _record_refusal(account_id, SecondProof.PASSWORD, now=now)
        raise PasswordUnknown from None
    if authenticated.opened_with is not OpenedWith.CHOSEN:
        # A letter proves who reads the post.
        raise PasswordUnknown
    with transaction():
        sign_in.forgive(authenticated)
        _freeze(one_time_code, known, SecondProof.PASSWORD, now=now)


def _freeze(one_time_code: str, known: KnownCode, proof: SecondProof, *, now: datetime) -> None:
    """All of it or nothing; once a mailed secret. Raises UrlUnknown."""
    account_id = AccountId(known.account_id)
    account = accounts.lock_accounts(account_id)[account_id]
    try:
        one_time_codes.consume_one_time_code(one_time_code, PURPOSE, account_id, now=now)
    except OneTimeCodeRefused:
        raise UrlUnknown from None
    if account.state is not AccountState.ACTIVE:
        raise UrlUnknown
    undone = accounts.undo_recent_changes(account_id, now=now)
    passwords.end_passwords(account_id, now=now)
    sessions.end_all_sessions(account_id, SessionEndReason.NOT_ME, now=now)
    devices.forget_devices(account_id, account.identifier)
    for purpose in ENDED_CODES:
        one_time_codes.supersede_one_time_codes(purpose, account_id, now=now)
    for purpose in ENDED_CHALLENGES:
        challenges.end_challenges(purpose, account_id, now=now)
    notice = Notice(known.about or Notice.PASSWORD_CHANGED)
    audit.record(AccountFrozen(account_id, notice, proof, len(undone)), now=now)


def _usable(one_time_code: str, *, now: datetime) -> KnownCode:
    known = one_time_codes.find_one_time_code(one_time_code, PURPOSE, now=now)
    if known is None or known.standing is not Standing.USABLE:
        raise UrlUnknown
    return known


def _situation(known: KnownCode, account: Account) -> Situation:
    if known.standing is Standing.CONSUMED:
        return Situation.FROZEN
    if account.state is not AccountState.ACTIVE:
        return Situation.NOT_SERVED
    return Situation.OPEN if known.standing is Standing.USABLE else Situation.TOO_OLD


def _has_channel(account: Account) -> bool:
    return account.email_confirmed_at is not None or account.phone_confirmed_at is not None


def _record_refusal(account_id: AccountId, proof: SecondProof, *, now: datetime) -> None:
    """In a transaction that outlives the refusal."""
    with transaction():
        audit.record(FreezeRefused(account_id, proof), now=now)
