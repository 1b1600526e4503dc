"""Signing in at a constant cost, opening the session that follows, and signing out."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, normalise_identifier
from idp.accounts.service import AccountForSignIn
from idp.audit import service as audit
from idp.db import db, transaction
from idp.devices import service as devices
from idp.families import merges
from idp.families import service as families
from idp.notices.rules import Notice
from idp.notices.service import notify
from idp.passwords import service as passwords
from idp.passwords.rules import Busy
from idp.passwords.service import ProvisionalState
from idp.sessions import service as sessions
from idp.sessions.devices import read_device
from idp.sessions.rules import OpenedWith
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from idp.sign_in.rules import (
    AccountMerged,
    CarriedRequest,
    LetterExpired,
    Proof,
    RefusalReason,
    SignedIn,
    SignInFailed,
    SignInRefused,
    SignInSlowed,
    judge,
    seal,
    unseal,
)
from idp.throttling import service as throttling
from idp.throttling.rules import SIGN_IN_IN_ALL, Budget, Spent, TooManyAttempts, sign_in_budgets
from shared.sealing import derive_key

# Refused for what the account is, not for what was typed: its owner is told why, and counts no failure.
RIGHT_COUPLES = frozenset({RefusalReason.LETTER_EXPIRED, RefusalReason.MERGED})
# The wait named when a limit names none.
LONG_WAIT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A couple that was right. `issue_number`: of the letter, None with a chosen password.

    device_secret: of the browser, None where it is not to be remembered. budgets, spent: for `forgive`.
    """

    account_id: AccountId
    identifier: str
    state: AccountState
    opened_with: OpenedWith
    issue_number: int | None
    password_hash: str | None = field(repr=False)
    budgets: tuple[Budget, ...] = field(repr=False)
    spent: Spent = field(repr=False, default=Spent())
    device_secret: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try that may be evaluated: what it was counted on, and what it left there."""

    budgets: tuple[Budget, ...]
    spent: Spent


def authenticate(
    identifier: str, password: str, *, network: str, device_secret: str | None = None, now: datetime
) -> Authenticated:
    """Evaluate one typed couple, at one Argon2id verification whatever the account (ADR 0008).

    Every path on which a password is typed comes through here, so that one budget counts them all. network: of
    `network_of`. device_secret: of the browser's cookie; one that signed in before is judged by its own budget.
    Call it outside any transaction; it opens short ones of its own. A right couple is the caller's to `forgive`.
    Raises SignInSlowed, Busy (neither evaluated), SignInRefused; LetterExpired, AccountMerged behind the right couple.
    """
    normalised = normalise_identifier(identifier)
    attempt = _spend(normalised, network, device_secret, now)
    account = accounts.find_by_identifier(normalised)
    letter = passwords.provisional_state(account.account_id if account else None)
    db.session.rollback()  # reads alone: no connection is held while hashing
    proof = _prove(account, letter, password, attempt, now)
    verdict = judge(proof, now=now)
    if account is None or isinstance(verdict, RefusalReason):
        raise _refusal(account, letter, verdict, attempt, now)
    if verdict is OpenedWith.CHOSEN:
        account = _with_present_cost(account, password)
    return Authenticated(
        account.account_id,
        account.identifier,
        account.state,
        verdict,
        letter.issue_number if verdict is OpenedWith.PROVISIONAL else None,
        account.password_hash,
        attempt.budgets,
        attempt.spent,
        device_secret,
    )


def forgive(authenticated: Authenticated) -> None:
    """Forget the failures before a right couple, in the caller's transaction: the owner's own, nobody else's."""
    throttling.forget(*authenticated.budgets, spent=authenticated.spent)


def record_sign_in(
    authenticated: Authenticated,
    *,
    user_agent: str,
    replacing: str | None = None,
    locale: str | None = None,
    now: datetime,
) -> OpenedSession:
    """Open the session of a right couple and forget the failures before it, in the caller's transaction.

    A chosen password makes its browser a known one; the holder of an active account is told of a new one.
    replacing: the secret that the browser's cookie held until now; that session ends. locale: the language chosen on
    this browser, which messages and other devices then follow; None keeps the account's.
    Raises SignInRefused when state or password changed since the couple was evaluated.
    """
    unchanged = db.session.scalar(
        update(Account)
        .where(
            Account.id == authenticated.account_id,
            Account.state == authenticated.state,
            Account.password_hash.is_not_distinct_from(authenticated.password_hash),
        )
        .values(last_signed_in_at=now, locale=locale or Account.locale)
        .returning(Account.id)
    )
    if unchanged is None:
        raise SignInRefused
    forgive(authenticated)
    _remember_device(authenticated, user_agent, now=now)
    audit.record(SignedIn(authenticated.account_id, authenticated.opened_with), now=now)
    return sessions.open_session(
        authenticated.account_id,
        authenticated.opened_with,
        issue_number=authenticated.issue_number,
        user_agent=user_agent,
        replacing=replacing,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """Who signed in, and the session to hand to the browser."""

    authenticated: Authenticated
    session: OpenedSession


def sign_in(
    identifier: str,
    password: str,
    *,
    network: str,
    device_secret: str | None = None,
    user_agent: str,
    replacing: str | None,
    locale: str | None = None,
    now: datetime,
) -> SignedInPerson:
    """Evaluate a couple and open its session. Raises what `authenticate` and `record_sign_in` raise."""
    authenticated = authenticate(identifier, password, network=network, device_secret=device_secret, now=now)
    with transaction():
        opened = record_sign_in(
            authenticated, user_agent=user_agent, replacing=replacing, locale=locale, now=now
        )
    return SignedInPerson(authenticated, opened)


def sign_out(session_id: UUID, *, now: datetime) -> None:
    """End one session, by its row id."""
    with transaction():
        sessions.end_session(session_id, now=now)


def seal_demande(carried: CarriedRequest) -> str:
    """The `demande` that carries this request."""
    return seal(carried, _demande_key())


def unseal_demande(demande: str, *, now: datetime) -> CarriedRequest:
    """The request that a `demande` carries. Raises DemandeRefused, DemandeExpired."""
    return unseal(demande, _demande_key(), now=now)


def _demande_key() -> bytes:
    return derive_key(current_settings().secret_key, "carried authorization request")


def _remember_device(authenticated: Authenticated, user_agent: str, *, now: datetime) -> None:
    """Not at activation: nobody is told of the browser on which they have just activated."""
    if authenticated.device_secret is None or authenticated.opened_with is not OpenedWith.CHOSEN:
        return
    is_new = devices.remember(
        authenticated.account_id, authenticated.identifier, authenticated.device_secret, now=now
    )
    if is_new and authenticated.state is AccountState.ACTIVE:
        words = read_device(user_agent)
        notify(
            authenticated.account_id, Notice.NEW_DEVICE, now=now, browser=words.browser, system=words.system
        )


def _spend(identifier: str, network: str, device_secret: str | None, now: datetime) -> Attempt:
    is_known = device_secret is not None and devices.is_known(device_secret, identifier, now=now)
    budgets = sign_in_budgets(identifier, network, known_device=device_secret if is_known else None)
    try:
        return Attempt(budgets, throttling.spend(*budgets, now=now))
    except TooManyAttempts as error:
        raise SignInSlowed(error.seconds or LONG_WAIT_SECONDS) from None


def _prove(
    account: AccountForSignIn | None,
    letter: ProvisionalState,
    password: str,
    attempt: Attempt,
    now: datetime,
) -> Proof:
    """Both comparisons, for everybody: an account in any state, or none, takes as long."""
    try:
        is_chosen = passwords.verify(account.password_hash if account else None, password)
    except Busy:
        throttling.give_back(*attempt.budgets, spent=attempt.spent, now=now)
        raise
    is_letters = passwords.verify_provisional(letter, password)
    return Proof(
        account.state if account else None, is_chosen, is_letters, letter.is_consumed, letter.expires_at
    )


def _refusal(
    account: AccountForSignIn | None,
    letter: ProvisionalState,
    reason: RefusalReason | OpenedWith,
    attempt: Attempt,
    now: datetime,
) -> SignInRefused | LetterExpired:
    """Record why, in a transaction that outlives the refusal; one entry for known and unknown alike."""
    refused = RefusalReason(reason)
    with transaction():
        audit.record(SignInFailed(account.account_id if account else None, refused), now=now)
        if refused in RIGHT_COUPLES:
            throttling.forget(*attempt.budgets, spent=attempt.spent)
        else:
            throttling.note_failure(SIGN_IN_IN_ALL, now=now)
    if account is not None and refused is RefusalReason.LETTER_EXPIRED:
        return LetterExpired(letter.expires_at or now, families.school_contact(account.account_id))
    if account is not None and refused is RefusalReason.MERGED:
        kept = merges.kept_identifier(account.account_id)
        return SignInRefused() if kept is None else AccountMerged(kept)
    return SignInRefused()


def _with_present_cost(account: AccountForSignIn, password: str) -> AccountForSignIn:
    """Hash a right password again when the parameters were raised since it was chosen."""
    old_hash = account.password_hash
    if old_hash is None or not passwords.needs_rehash(old_hash):
        return account
    new_hash = passwords.hash_password(password)
    with transaction():
        passwords.replace_hash(account.account_id, old_hash, new_hash)
    return AccountForSignIn(account.account_id, account.identifier, account.state, new_hash)
