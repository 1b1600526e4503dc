"""The steps of recovery, one use case each. Known or not, they run the same statements (ADR 0028)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, normalise_identifier
from idp.audit import service as audit
from idp.db import db, transaction
from idp.devices import service as devices
from idp.errors import FieldRefusal
from idp.messaging import service as messaging
from idp.messaging.rules import NOBODY, Channel, Message
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.one_time_codes import challenges
from idp.one_time_codes.rules import CODE_LIFE, Challenge, ChallengeRefused, ChallengeStage, Purpose
from idp.passwords import service as passwords
from idp.passwords.models import ProvisionalPassword
from idp.passwords.rules import ChoiceReason
from idp.recovery import messages
from idp.recovery.rules import (
    CodeView,
    ConfirmedChannel,
    IdentifiersAsked,
    PasswordRecovered,
    RecoverableAccount,
    RecoveryCodeRefused,
    RecoveryProven,
    RecoveryStarted,
    in_sms,
    read_contact,
)
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from idp.settings import current as current_settings
from idp.throttling import service as throttling
from idp.throttling.rules import code_guess_budget
from shared.database import UtcDateTime

PURPOSE = Purpose.RECOVER_PASSWORD
SIGN_IN_PATH = "/connexion"
LONGEST_SUBJECT = 254
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NOBODYS_ID, NOBODYS_IDENTIFIER = UUID(int=0), "x.personne"
NOBODYS_COLUMNS = (
    literal(NOBODYS_ID, Account.id.type).label("id"),
    literal(NOBODYS_IDENTIFIER).label("identifier"),
    literal("fr").label("locale"),
    literal(AccountState.DISABLED, Account.state.type).label("state"),
    literal(NOBODY[Channel.EMAIL]).label("email"),
    literal(LONG_AGO, UtcDateTime()).label("email_from"),
    null().label("phone"),
    null().label("phone_from"),
    false().label("is_reissued"),
)
"""What `_accounts` reads, of an account that does not exist and is served by nothing."""


def available_channels(*, now: datetime) -> tuple[Channel, ...]:
    """How codes leave now, the first one proposed: by SMS only where there are any, and Twilio takes them."""
    return (Channel.EMAIL, Channel.SMS) if messaging.can_send_sms(now=now) else (Channel.EMAIL,)


def ask_identifiers(typed: str, *, network: str, now: datetime) -> None:
    """Send one message that lists every account whose confirmed address or number was typed; nothing when none has it.

    Raises ContactMalformed, AddressMalformed (what was typed cannot be written to), TooManyAttempts.
    """
    channel, contact = read_contact(typed, takes_phones=Channel.SMS in available_channels(now=now))
    found = _find_by_contact(channel, contact)
    served = [account for account in found if account.address_for(channel, now=now)]
    may_leave = _spend(channel, contact if found else None, contact, network, now=now)
    with transaction():
        for message in _identifier_messages(channel, served, found, now=now):
            _send(message, may_leave=may_leave, now=now)
        events = [IdentifiersAsked(account.account_id, channel, account in served) for account in found]
        audit.record_all(events or [IdentifiersAsked(None, channel, is_served=False)], now=now)


def start_recovery(
    typed: str, channel: Channel, *, network: str, device_secret: str | None = None, now: datetime
) -> str:
    """Begin to replace a lost password: returns the secret of the challenge, for this browser's cookie.

    The code leaves if the identifier has an activated account with that channel confirmed; whatever it is, the
    answer is the same. device_secret: of the browser's cookie; one that signed in before has messages of its own.
    Raises TooManyAttempts.
    """
    sought = normalise_identifier(typed)[:LONGEST_SUBJECT]
    account = _find_by_identifier(sought)
    address = account.address_for(channel, now=now) if account else None
    may_leave = _spend(channel, address, sought, network, device_secret, now=now)
    with transaction():
        challenge, secret = challenges.start_challenge(
            PURPOSE,
            account_id=account.account_id if account and address else None,
            channel=channel,
            channel_address=address,
            subject=sought,
            now=now,
        )
        _send_code(challenge, account, may_leave=may_leave, now=now)
        asked_for = account.account_id if account else None
        audit.record(RecoveryStarted(asked_for, channel, is_served=address is not None), now=now)
    return secret


def view_code(secret: str, *, now: datetime) -> CodeView:
    """What the page that waits for the code shows. Raises ChallengeRefused without a challenge of this browser."""
    challenge = _challenge(secret)
    others = [channel for channel in available_channels(now=now) if channel is not challenge.channel]
    return CodeView(
        identifier=challenge.subject,
        channel=challenge.channel,
        other_channel=others[0] if others else None,
        next_code_in=challenge.next_code_in(now=now),
        is_over=challenge.stage(now=now) is not ChallengeStage.WAITING,
    )


def stage_of(secret: str | None, *, now: datetime) -> ChallengeStage | None:
    """How far this browser's recovery has come; None when it has begun none."""
    challenge = challenges.find_challenge(secret, PURPOSE) if secret else None
    return None if challenge is None else challenge.stage(now=now)


def send_another_code(secret: str, *, network: str, device_secret: str | None = None, now: datetime) -> None:
    """Send another code by the same channel; the one before stays good.

    Raises ResendTooSoon, OneTimeCodeSpent, ChallengeRefused, TooManyAttempts.
    """
    challenge = _challenge(secret)
    challenges.check_may_issue(challenge, now=now)
    account = _find_by_identifier(challenge.subject)
    may_leave = _spend(
        challenge.channel, challenge.channel_address, challenge.subject, network, device_secret, now=now
    )
    with transaction():
        _send_code(challenge, account, may_leave=may_leave, now=now)


def change_channel(
    secret: str, channel: Channel, *, network: str, device_secret: str | None = None, now: datetime
) -> str:
    """Begin again for the same identifier by another channel; returns the new secret.

    Raises ChallengeRefused, TooManyAttempts.
    """
    sought = _challenge(secret).subject
    return start_recovery(sought, channel, network=network, device_secret=device_secret, now=now)


def enter_code(secret: str, typed: str, *, network: str, now: datetime) -> None:
    """The code that was read in the message; typed again once proven, it changes nothing.

    Raises OneTimeCodeLength, OneTimeCodeWrong, OneTimeCodeExpired, OneTimeCodeSpent, ChallengeRefused,
    TooManyAttempts.
    """
    challenge = _challenge(secret)
    if challenge.stage(now=now) is ChallengeStage.PROVEN:
        return
    throttling.spend(code_guess_budget(network), now=now)
    try:
        challenges.verify_numeric_code(secret, PURPOSE, typed, now=now)
    except FieldRefusal:
        with transaction():
            audit.record(RecoveryCodeRefused(challenge.account_id), now=now)
        raise
    with transaction():
        audit.record(RecoveryProven(challenge.account_id), now=now)


def proven_identifier(secret: str, *, now: datetime) -> str:
    """Whose password this browser may replace. Raises ChallengeRefused."""
    return _proven(secret, now=now).identifier


def check_new_password(secret: str, typed: str, *, now: datetime) -> None:
    """Whether this password may be the new one. Raises PasswordRefused, Busy, ChallengeRefused."""
    account = _proven(secret, now=now)
    passwords.check_choice(account.account_id, typed, identifier=account.identifier)


def replace_password(secret: str, typed: str, *, now: datetime) -> None:
    """Put a new password in the place of the lost one: every proof is checked again, in the transaction that acts.

    Every session, token and other recovery of the account ends, its confirmed channels are told, and nobody is
    signed in. Raises ChallengeRefused, PasswordRefused, Busy.
    """
    check_new_password(secret, typed, now=now)
    password_hash = passwords.hash_password(typed)
    with transaction() as session:
        challenge = challenges.complete_challenge(secret, PURPOSE, now=now)
        account = _still_served(session, challenge, now=now)
        account_id = account.account_id
        passwords.choose(account_id, password_hash, ChoiceReason.RECOVERY, now=now)
        sessions.end_all_sessions(account_id, SessionEndReason.PASSWORD_CHOSEN, now=now)
        challenges.end_challenges(PURPOSE, account_id, now=now)
        # Whoever signed in with the lost password is a stranger again: slowed as such, and told of by mail.
        devices.forget_devices(account_id, account.identifier)
        audit.record(PasswordRecovered(account_id, challenge.channel), now=now)
        notices.notify(account_id, Notice.RECOVERY_DONE, now=now)


def _challenge(secret: str) -> Challenge:
    challenge = challenges.find_challenge(secret, PURPOSE)
    if challenge is None:
        raise ChallengeRefused
    return challenge


def _proven(secret: str, *, now: datetime) -> RecoverableAccount:
    challenge = _challenge(secret)
    if challenge.stage(now=now) is not ChallengeStage.PROVEN:
        raise ChallengeRefused
    return _check_served(_find_by_id(db.session(), challenge), challenge, now=now)


def _still_served(session: Session, challenge: Challenge, *, now: datetime) -> RecoverableAccount:
    """The account, its row held until the transaction ends."""
    return _check_served(_find_by_id(session, challenge, is_locked=True), challenge, now=now)


def _check_served(
    account: RecoverableAccount | None, challenge: Challenge, *, now: datetime
) -> RecoverableAccount:
    """Still active, still not in the school's hands, and the code went to the channel that is still confirmed."""
    if account is None or account.address_for(challenge.channel, now=now) is None:
        raise ChallengeRefused
    if account.address_for(challenge.channel, now=now) != challenge.channel_address:
        raise ChallengeRefused
    return account


def _spend(
    channel: Channel,
    address: str | None,
    sought: str,
    network: str,
    device_secret: str | None = None,
    *,
    now: datetime,
) -> bool:
    """Whether a message may leave, if there is anybody to write to. Raises TooManyAttempts."""
    is_known = device_secret is not None and devices.is_known(device_secret, sought, now=now)
    return throttling.spend_recovery(
        address=address,
        is_sms=channel is Channel.SMS,
        sought=sought,
        network=network,
        known_device=device_secret if is_known else None,
        now=now,
    )


def _send_code(
    challenge: Challenge, account: RecoverableAccount | None, *, may_leave: bool, now: datetime
) -> None:
    numeric_code = challenges.issue_numeric_code(challenge.id, now=now)
    address = account.address_for(challenge.channel, now=now) if account else None
    if account is not None and address is None and (explained := account.address_to_explain(now=now)):
        _send(_explanation(account, explained), may_leave=may_leave, now=now)
        return
    is_for_them = address is not None and address == challenge.channel_address
    message = messages.recovery_code(
        challenge.channel,
        to=address if address is not None and is_for_them else NOBODY[challenge.channel],
        account_id=account.account_id if account and is_for_them else None,
        identifier=account.identifier if account else NOBODYS_IDENTIFIER,
        numeric_code=numeric_code,
        valid_for=CODE_LIFE,
        locale=account.locale if account else "fr",
    )
    _send(message, may_leave=may_leave, now=now)


def _identifier_messages(
    channel: Channel,
    served: Sequence[RecoverableAccount],
    found: Sequence[RecoverableAccount],
    *,
    now: datetime,
) -> list[Message]:
    """One message a stored address, usually one in all; a decoy where nobody is served."""
    if not served:
        explained = [
            _explanation(account, address)
            for account in found
            if channel is Channel.EMAIL and (address := account.address_to_explain(now=now))
        ]
        return explained[:1] or [_listing(channel, NOBODY[channel], [NOBODYS_IDENTIFIER], None)]
    by_address: dict[str, list[RecoverableAccount]] = {}
    for account in served:
        by_address.setdefault(account.channel(channel).address or "", []).append(account)
    return [
        _listing(channel, address, group, accounts[0])
        for address, accounts in by_address.items()
        for group in _groups(channel, [account.identifier for account in accounts])
    ]


def _groups(channel: Channel, identifiers: Sequence[str]) -> Sequence[Sequence[str]]:
    return in_sms(identifiers) if channel is Channel.SMS else [identifiers]


def _listing(
    channel: Channel, to: str, identifiers: Sequence[str], account: RecoverableAccount | None
) -> Message:
    """account: one of those listed, whose language it is written in."""
    return messages.identifiers(
        channel,
        to=to,
        account_id=account.account_id if account else None,
        identifiers=identifiers,
        url=f"{current_settings().issuer}{SIGN_IN_PATH}",
        locale=account.locale if account else "fr",
    )


def _explanation(account: RecoverableAccount, to: str) -> Message:
    return messages.not_served(
        to=to, account_id=account.account_id, identifier=account.identifier, locale=account.locale
    )


def _send(message: Message, *, may_leave: bool, now: datetime) -> None:
    """Queue a message, or one like it that goes to nobody."""
    write = messaging.enqueue if may_leave else messaging.rehearse
    write(message, now=now)


def _find_by_identifier(identifier: str) -> RecoverableAccount | None:
    found = _find(Account.identifier == identifier)
    return found[0] if found else None


def _find_by_contact(channel: Channel, contact: str) -> list[RecoverableAccount]:
    """Whose confirmed channel this is, whether recovery serves them or not. contact: of `read_contact`."""
    is_theirs = (
        and_(Account.phone == contact, Account.phone_confirmed_at.is_not(None))
        if channel is Channel.SMS
        else and_(func.lower(Account.email) == contact, Account.email_confirmed_at.is_not(None))
    )
    return _find(is_theirs)


def _find(is_sought: ColumnElement[bool]) -> list[RecoverableAccount]:
    """The accounts, by identifier. Where there is none a row is read all the same, nobody's: reading takes time."""
    nobody = select(*NOBODYS_COLUMNS).where(~select(Account.id).where(is_sought).exists())
    rows = db.session.execute(union_all(_accounts().where(is_sought), nobody).order_by("identifier"))
    found = [_recoverable(row) for row in rows]
    return [account for account in found if account.account_id != NOBODYS_ID]


def _find_by_id(
    session: Session, challenge: Challenge, *, is_locked: bool = False
) -> RecoverableAccount | None:
    statement = _accounts().where(Account.id == challenge.account_id)
    if is_locked:
        statement = statement.with_for_update(of=Account)
    row = session.execute(statement).one_or_none()
    return None if row is None else _recoverable(row)


def _accounts() -> Select[*tuple[Any, ...]]:
    return select(
        Account.id,
        Account.identifier,
        Account.locale,
        Account.state,
        Account.email,
        case((Account.email_confirmed_at.is_not(None), Account.email_recovers_from)).label("email_from"),
        Account.phone,
        case((Account.phone_confirmed_at.is_not(None), Account.phone_recovers_from)).label("phone_from"),
        passwords.is_schools_to_renew().label("is_reissued"),
    ).outerjoin(ProvisionalPassword, ProvisionalPassword.account_id == Account.id)


def _recoverable(row: Row[*tuple[Any, ...]]) -> RecoverableAccount:
    return RecoverableAccount(
        account_id=AccountId(row.id),
        identifier=row.identifier,
        locale=row.locale,
        state=row.state,
        email=ConfirmedChannel(row.email, row.email_from),
        phone=ConfirmedChannel(row.phone, row.phone_from),
        is_in_the_schools_hands=bool(row.is_reissued),
    )
