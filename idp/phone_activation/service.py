"""The steps of activation by phone. Found or not, the first ones run the same statements (ADR 0008)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, Names
from idp.audit import service as audit
from idp.db import db, transaction
from idp.errors import DomainError
from idp.families import service as families
from idp.families.models import Guardian, Link
from idp.families.rules import LinkState, SchoolTaskKind, contact_text
from idp.messaging import service as messaging
from idp.messaging.rules import NOBODY, Channel
from idp.one_time_codes import challenges
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import CODE_LIFE, Challenge, ChallengeRefused, ChallengeStage, Purpose
from idp.passwords import service as passwords
from idp.passwords.rules import ChoiceReason
from idp.phone_activation import messages
from idp.phone_activation.rules import (
    STATES_TO_ACTIVATE,
    ActivatableAccount,
    ActivatableChild,
    ActivatedByPhone,
    BirthDatesBlocked,
    BirthDatesSpent,
    BirthDatesWrong,
    CodeView,
    LastStep,
    PhoneActivationAsked,
    PhoneActivationDateRefused,
    TypedPerson,
    the_one_of,
)
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith, SessionEndReason
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from idp.throttling import service as throttling
from idp.throttling.rules import Budget, TooManyAttempts, birth_date_budgets, phone_activation_budgets

PURPOSE = Purpose.ACTIVATE_BY_PHONE
MOST_CANDIDATES = 20
NO_ACCOUNT = UUID(int=0)


def is_offered() -> bool:
    """Whether this deployment activates by phone: it chose to, and can send SMS."""
    return current_settings().activates_by_phone


def start(person: TypedPerson, *, demande: str | None, network: str, now: datetime) -> str:
    """Begin: returns the secret of the challenge, for this browser's cookie.

    An SMS leaves if the school knows exactly one account not yet active by this number and these names; whatever it
    is, the answer is the same. Raises TooManyAttempts.
    """
    throttling.spend(*phone_activation_budgets(person.phone, network), now=now)
    found = the_one_of(_find_by_phone(person.phone), person.names)
    served = found if _may_send(found, person.phone, network, now=now) else None
    with transaction():
        challenge, secret = challenges.start_challenge(
            PURPOSE,
            account_id=served.account_id if served else None,
            channel=Channel.SMS,
            channel_address=served.phone if served else None,
            subject=person.phone,
            demande=demande,
            now=now,
        )
        _send_code(challenge, served, now=now)
        audit.record(PhoneActivationAsked(served.account_id if served else None), now=now)
    return secret


def stage_of(secret: str | None, *, now: datetime) -> ChallengeStage | None:
    """How far this browser has come; None when it has begun nothing."""
    challenge = challenges.find_challenge(secret, PURPOSE) if secret else None
    return None if challenge is None else challenge.stage(now=now)


def view_code(secret: str, *, now: datetime) -> CodeView:
    """What the page that waits for the code shows. Raises ChallengeRefused."""
    challenge = _challenge(secret)
    return CodeView(
        phone=challenge.subject,
        next_code_in=challenge.next_code_in(now=now),
        is_over=challenge.stage(now=now) is not ChallengeStage.WAITING,
    )


def send_another_code(secret: str, *, network: str, now: datetime) -> None:
    """Send another code to the same number; the one before stays good.

    Raises ResendTooSoon, OneTimeCodeSpent, ChallengeRefused, TooManyAttempts.
    """
    challenge = _challenge(secret)
    challenges.check_may_issue(challenge, now=now)
    throttling.spend(*phone_activation_budgets(challenge.subject, network), now=now)
    found = _find_served(challenge)
    served = found if _may_send(found, challenge.subject, network, now=now) else None
    with transaction():
        _send_code(challenge, served, now=now)


def enter_code(secret: str, typed: str, *, now: datetime) -> None:
    """The code that was read in the SMS; typed again once proven, it changes nothing.

    Raises OneTimeCodeLength, OneTimeCodeWrong, OneTimeCodeExpired, OneTimeCodeSpent, ChallengeRefused.
    """
    if _challenge(secret).stage(now=now) is not ChallengeStage.PROVEN:
        challenges.verify_numeric_code(secret, PURPOSE, typed, now=now)


def view_last_step(secret: str, *, now: datetime) -> LastStep:
    """Whose account this browser may activate, and whose birth dates that takes. Raises ChallengeRefused."""
    account = _proven(secret, now=now)
    account_id = account.account_id
    return LastStep(account.identifier, _children(account_id), families.school_contact(account_id))


def check_new_password(secret: str, typed: str, *, now: datetime) -> None:
    """Whether this password may be chosen. Raises PasswordRefused, Busy, ChallengeRefused."""
    account = _proven(secret, now=now)
    passwords.check_choice(account.account_id, typed, identifier=account.identifier)


def activate(
    secret: str,
    birth_dates: Sequence[date],
    new_password: str,
    *,
    user_agent: str,
    replacing: str | None,
    now: datetime,
) -> OpenedSession:
    """Activate the account: number confirmed, password chosen, letter dead, in one transaction; returns its session.

    birth_dates: of every child that `view_last_step` names, in its order. A wrong one costs one try, and only when all
    else is right. replacing: the secret of the session that the browser held until now.
    Raises ChallengeRefused, PasswordRefused, Busy, BirthDatesWrong, BirthDatesSpent, BirthDatesBlocked.
    """
    account = _proven(secret, now=now)
    passwords.check_choice(account.account_id, new_password, identifier=account.identifier)
    password_hash = passwords.hash_password(new_password)
    remaining = _spend_try(account.account_id, now=now)
    if not _are_right(account.account_id, birth_dates):
        raise _date_refusal(account.account_id, remaining, now=now)
    with transaction():
        challenge = challenges.complete_challenge(secret, PURPOSE, now=now)
        _check_again(challenge, birth_dates)
        _make_active(account, password_hash, now=now)
        return sessions.open_session(
            account.account_id, OpenedWith.CHOSEN, user_agent=user_agent, replacing=replacing, now=now
        )


def _check_again(challenge: Challenge, birth_dates: Sequence[date]) -> None:
    """Number, state and children, as they are in the transaction that acts."""
    account = _find_served(challenge)
    if account is None or not _are_right(account.account_id, birth_dates):
        raise ChallengeRefused


def _make_active(account: ActivatableAccount, password_hash: str, *, now: datetime) -> None:
    account_id = account.account_id
    if not accounts.change_state(account_id, from_states=STATES_TO_ACTIVATE, to=AccountState.ACTIVE, now=now):
        raise ChallengeRefused
    passwords.choose(account_id, password_hash, ChoiceReason.ACTIVATION, now=now)
    passwords.end_letter(account_id, now=now)
    accounts.confirm_first_phone(account_id, account.phone, now=now)
    # Whoever began with the letter has neither session nor link any more.
    one_time_codes.supersede_one_time_codes(Purpose.CONFIRM_ACTIVATION_ADDRESS, account_id, now=now)
    challenges.end_challenges(PURPOSE, account_id, now=now)
    sessions.end_all_sessions(account_id, SessionEndReason.PASSWORD_CHOSEN, now=now)
    throttling.forget(*_date_budgets(account_id))
    audit.record(ActivatedByPhone(account_id), now=now)


def _may_send(found: ActivatableAccount | None, typed: str, network: str, *, now: datetime) -> bool:
    """Whether an SMS leaves. What it spends is spent for nobody too; a cap that is reached is told to nobody."""
    try:
        is_allowed = throttling.spend_sms(
            number=found.phone if found else None, account=typed, network=network, now=now
        )
    except TooManyAttempts:
        return False
    return is_allowed and found is not None


def _send_code(challenge: Challenge, served: ActivatableAccount | None, *, now: datetime) -> None:
    """To the number of the school's data, never to the one that was typed."""
    message = messages.activation_code(
        to=served.phone if served else NOBODY[Channel.SMS],
        account_id=served.account_id if served else None,
        numeric_code=challenges.issue_numeric_code(challenge.id, now=now),
        valid_for=CODE_LIFE,
        locale=served.locale if served else "fr",
    )
    messaging.enqueue(message, now=now)


def _challenge(secret: str) -> Challenge:
    challenge = challenges.find_challenge(secret, PURPOSE)
    if challenge is None:
        raise ChallengeRefused
    return challenge


def _proven(secret: str, *, now: datetime) -> ActivatableAccount:
    challenge = _challenge(secret)
    account = _find_served(challenge) if challenge.stage(now=now) is ChallengeStage.PROVEN else None
    if account is None:
        raise ChallengeRefused
    return account


def _find_served(challenge: Challenge) -> ActivatableAccount | None:
    """The account of a challenge while it may be activated, and while the school knows it by the same number."""
    wanted = (
        Account.id == (challenge.account_id or NO_ACCOUNT),
        Guardian.roster_phone == (challenge.channel_address or ""),
    )
    row = db.session.execute(_activatable().where(*wanted)).one_or_none()
    return None if row is None else _account(*row)


def _find_by_phone(phone: str) -> tuple[ActivatableAccount, ...]:
    rows = db.session.execute(
        _activatable().where(Guardian.roster_phone == phone).order_by(Account.id).limit(MOST_CANDIDATES)
    )
    return tuple(_account(*row) for row in rows)


def _activatable() -> Select[*tuple[Any, ...]]:
    """Accounts not yet active that have a child."""
    has_child = select(Link.id).where(Link.account_id == Account.id, Link.state == LinkState.ACTIVE).exists()
    return (
        select(
            Account.id,
            Account.identifier,
            Account.given_name,
            Account.family_name,
            Account.usage_name,
            Guardian.roster_phone,
            Account.locale,
        )
        .join(Guardian, Guardian.account_id == Account.id)
        .where(Account.state.in_(STATES_TO_ACTIVATE), has_child)
    )


def _account(
    account_id: AccountId,
    identifier: str,
    given_name: str,
    family_name: str,
    usage_name: str,
    phone: str,
    locale: str,
) -> ActivatableAccount:
    names = Names(given_name, family_name, usage_name)
    return ActivatableAccount(AccountId(account_id), identifier, names, phone, locale)


def _children(account_id: AccountId) -> tuple[ActivatableChild, ...]:
    return tuple(
        ActivatableChild(child.child_id.hex, child.given_name, child.birth_date)
        for child in families.children_of(account_id)
    )


def _are_right(account_id: AccountId, birth_dates: Sequence[date]) -> bool:
    expected = tuple(child.birth_date for child in _children(account_id))
    return bool(expected) and tuple(birth_dates) == expected


def _spend_try(account_id: AccountId, *, now: datetime) -> int:
    """Tries left after this one. Raises BirthDatesSpent, BirthDatesBlocked."""
    try:
        return throttling.spend(*_date_budgets(account_id), now=now).remaining or 0
    except TooManyAttempts as error:
        raise _spent_refusal(account_id, is_blocked=error.seconds is None) from None


def _date_refusal(account_id: AccountId, remaining: int, *, now: datetime) -> DomainError:
    """Record the wrong date, in a transaction that outlives the refusal; tell the school when no try is left."""
    is_blocked = remaining == 0 and _is_blocked(account_id, now=now)
    with transaction():
        audit.record(PhoneActivationDateRefused(account_id, remaining), now=now)
        if is_blocked:
            families.tell_school(SchoolTaskKind.BIRTH_DATE_BLOCKED, account_id=account_id, now=now)
    return BirthDatesWrong(remaining) if remaining else _spent_refusal(account_id, is_blocked=is_blocked)


def _is_blocked(account_id: AccountId, *, now: datetime) -> bool:
    try:
        throttling.check_delay(*_date_budgets(account_id), now=now)
    except TooManyAttempts:
        return True
    return False


def _spent_refusal(account_id: AccountId, *, is_blocked: bool) -> DomainError:
    contact = contact_text(families.school_contact(account_id))
    return BirthDatesBlocked(contact=contact) if is_blocked else BirthDatesSpent(contact=contact)


def _date_budgets(account_id: AccountId) -> tuple[Budget, ...]:
    """Those of the letter: a date is guessed no oftener because there are two ways to type it."""
    return birth_date_budgets(account_id, passwords.provisional_state(account_id).issue_number)
