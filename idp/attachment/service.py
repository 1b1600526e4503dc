"""Proving the other account, attaching it, giving it back."""

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, Names, is_same_person, normalise_identifier
from idp.attachment.rules import (
    STATES_TO_ATTACH,
    AccountAttached,
    AccountRevived,
    AccountTakenOver,
    AlreadyAttached,
    AttachPreview,
    AttachRefused,
    AttachTried,
    AttachUndone,
    ChildrenView,
    OtherAccount,
    ProofLost,
    RefusalCause,
)
from idp.audit import service as audit
from idp.db import db, transaction
from idp.families import merges
from idp.families import service as families
from idp.families.merges import MergeNotUndone
from idp.families.rules import LinkState, MergeUndoer, NamedChild, SchoolTaskKind
from idp.families.service import BirthDateMismatch, NoLinkedChild
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import Purpose
from idp.passwords import service as passwords
from idp.passwords.rules import Busy
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith, SessionEndReason
from idp.settings import current as current_settings
from idp.sign_in import service as sign_in
from idp.sign_in.rules import AccountMerged, LetterExpired, SignInRefused, SignInSlowed
from idp.sign_in.service import Authenticated
from idp.throttling import service as throttling
from idp.throttling.rules import ATTACH_PER_DAY, TooManyAttempts, attach_budget, birth_date_budgets
from shared.sealing import SealBroken, derive_key, seal, unseal
from shared.secrets import digest

LINKS_SHOWN_BEFORE = (LinkState.ACTIVE, LinkState.FROZEN)
STATES_TO_PROPOSE = STATES_TO_ATTACH | {AccountState.CREATED}
SECRETS_THAT_DIE = (
    Purpose.CONFIRM_ACTIVATION_ADDRESS,
    Purpose.CONFIRM_NEW_ADDRESS,
    Purpose.CONFIRM_LATER_ADDRESS,
)


class _Refused(Exception):
    """Why the two accounts do not become one."""

    def __init__(self, cause: RefusalCause) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class MergePlan:
    """A standing merge, as an operator sees it before undoing it."""

    merge_id: UUID
    identifier: str
    kept_identifier: str
    merged_at: datetime
    undo_until: datetime
    children: int


def view_children(session: CurrentSession) -> ChildrenView:
    """The children of one's own account, whatever their links' state, and what was attached to it."""
    account_id = session.account_id
    return ChildrenView(
        families.own_links(account_id),
        merges.standing_merges(account_id),
        families.school_contact(account_id),
        is_proposed=_is_proposed(account_id),
    )


def prove_couple(
    session: CurrentSession,
    couple: tuple[str, str],
    *,
    network: str,
    device_secret: str | None = None,
    now: datetime,
) -> str:
    """The other account's identifier and password, judged where every couple is; returns the sealed proof.

    An unknown identifier and a wrong password cost and say the same. A wrong try counts against this account, five a
    day, and against the other's secret as anywhere: a device that signed in to it before is judged by its own budget.
    Raises AttachRefused, SignInSlowed, Busy, TooManyAttempts; and behind the right secret LetterExpired,
    AlreadyAttached, AccountMerged.
    """
    budget = attach_budget(session.account_id)
    throttling.spend(budget, now=now)
    try:
        authenticated = sign_in.authenticate(*couple, network=network, device_secret=device_secret, now=now)
    except (AccountMerged, LetterExpired, SignInSlowed, Busy) as refused:
        throttling.give_back(budget, now=now)
        if isinstance(refused, AccountMerged) and refused.identifier == session.identifier:
            raise AlreadyAttached from None
        raise
    except SignInRefused:
        raise _refusal(session, RefusalCause.COUPLE, now=now) from None
    mine, other = _read_both(session, authenticated.account_id)
    try:
        _check_same_person(mine, other)
    except _Refused as refused:
        raise _refusal(session, refused.cause, other=authenticated.account_id, now=now) from None
    proof = _proof_of(authenticated, other, now=now)
    with transaction():
        sign_in.forgive(authenticated)
    throttling.give_back(budget, now=now)
    return _seal(session, proof)


def open_proof(session: CurrentSession, sealed: str, *, now: datetime) -> OtherAccount:
    """What this very session has proven. Raises ProofLost."""
    try:
        written = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        proof = OtherAccount.from_bytes(
            unseal(written, key=_proof_key(), associated=_holder_of_proof(session))
        )
    except (SealBroken, binascii.Error, ValueError):
        raise ProofLost from None
    if not proof.is_alive(now=now):
        raise ProofLost
    return proof


def child_to_date(proof: OtherAccount) -> NamedChild | None:
    """The child whose birth date is asked: the one that the other account's letter is filed under."""
    return families.named_child(AccountId(proof.account_id))


def prove_birth_date(session: CurrentSession, sealed: str, birth_date: date, *, now: datetime) -> str:
    """The birth date of the other account's named child, one try of its letter and one of this account's.

    Returns the completed proof, sealed. Raises ProofLost, AttachRefused, TooManyAttempts.
    """
    proof = open_proof(session, sealed, now=now)
    other_id = AccountId(proof.account_id)
    issue_number = proof.issue_number or passwords.provisional_state(other_id).issue_number
    budgets = (attach_budget(session.account_id), *birth_date_budgets(other_id, issue_number))
    try:
        throttling.spend(*budgets, now=now)
        families.verify_birth_date(other_id, birth_date)
    except TooManyAttempts as spent:
        if spent.limit is ATTACH_PER_DAY:
            raise
        raise _refusal(session, RefusalCause.BIRTH_DATE, other=other_id, now=now) from None
    except (BirthDateMismatch, NoLinkedChild):
        raise _refusal(session, RefusalCause.BIRTH_DATE, other=other_id, now=now) from None
    throttling.give_back(*budgets, now=now)
    return _seal(session, proof.with_birth_date(birth_date))


def preview(session: CurrentSession, proof: OtherAccount) -> AttachPreview:
    """What attaching will do, from what both accounts are now. Raises AlreadyAttached."""
    _check_not_attached(session.account_id, AccountId(proof.account_id))
    mine = {link.child_id for link in families.own_links(session.account_id)}
    other_id = AccountId(proof.account_id)
    shown = [link for link in families.own_links(other_id) if link.state in LINKS_SHOWN_BEFORE]
    identifier = db.session.scalar(select(Account.identifier).where(Account.id == other_id))
    return AttachPreview(
        identifier or "",
        tuple(link for link in shown if link.child_id not in mine),
        tuple(link for link in shown if link.child_id in mine),
    )


def attach(session: CurrentSession, sealed: str, *, now: datetime) -> None:
    """Make the other account part of this one, after every proof was checked once more. In one transaction:

    the links move, the other account is `merged`, its sessions and mailed secrets die (and with the sessions its
    tokens), both schools and the person are told. Raises ProofLost, AttachRefused, AlreadyAttached.
    """
    proof = open_proof(session, sealed, now=now)
    other_id = AccountId(proof.account_id)
    try:
        with transaction():
            held = accounts.lock_accounts(session.account_id, other_id)
            _check_proof(session, proof, held, now=now)
            _take_over(session.account_id, other_id, now=now)
    except (_Refused, BirthDateMismatch, NoLinkedChild):
        raise _refusal(session, RefusalCause.CHANGED, other=other_id, now=now) from None


def undo_attach(session: CurrentSession, merge_id: UUID, *, now: datetime) -> None:
    """The person gives the other account back: links and state as they were, not its sessions.

    Raises MergeNotUndone, NewerMergeFirst.
    """
    _undo(merge_id, session.account_id, MergeUndoer.GUARDIAN, now=now)


def plan_undo(identifier: str) -> MergePlan | None:
    """What `undo_merge_for_school` would do to the account of this identifier; None when it stands on its own."""
    account = accounts.find_by_identifier(normalise_identifier(identifier))
    merge = merges.standing_merge_of(account.account_id) if account else None
    if account is None or merge is None:
        return None
    found = next(
        one for one in merges.standing_merges(merge.kept_account_id) if one.merge_id == merge.merge_id
    )
    kept = db.session.get_one(Account, merge.kept_account_id)
    return MergePlan(
        merge.merge_id,
        account.identifier,
        kept.identifier,
        merge.merged_at,
        found.undo_until,
        len(found.given_names),
    )


def undo_merge_for_school(merge_id: UUID, *, now: datetime) -> None:
    """The school gives an account back. Raises MergeNotUndone, NewerMergeFirst."""
    _undo(merge_id, None, MergeUndoer.SCHOOL, now=now)


def _is_proposed(account_id: AccountId) -> bool:
    """Whether a school states a confirmed channel of this account for somebody of the same names, on another account.

    Names alone match nobody, and a channel alone is a couple's: both together are worth a sentence, which tells
    nothing. The other letter, and nothing else, proves.
    """
    account = accounts.find_account(account_id)
    if account is None:
        return False
    others = merges.stated_at(
        account_id,
        email=account.email if account.email_confirmed_at else None,
        phone=account.phone if account.phone_confirmed_at else None,
    )
    return any(
        other.state in STATES_TO_PROPOSE and is_same_person(_names(account), _names(other))
        for other in others
    )


def _read_both(session: CurrentSession, other_id: AccountId) -> tuple[Account, Account]:
    mine, other = accounts.find_account(session.account_id), accounts.find_account(other_id)
    assert mine is not None  # noqa: S101  # both were found a moment ago, and accounts stay
    assert other is not None  # noqa: S101
    return mine, other


def _check_same_person(mine: Account, other: Account) -> None:
    if mine.id == other.id:
        raise _Refused(RefusalCause.SAME_ACCOUNT)
    if not is_same_person(_names(mine), _names(other)):
        raise _Refused(RefusalCause.OTHER_NAMES)


def _check_proof(
    session: CurrentSession, proof: OtherAccount, held: dict[AccountId, Account], *, now: datetime
) -> None:
    """Every proof again, on rows that nobody else changes now. Raises AlreadyAttached, _Refused, and what a birth
    date raises.
    """
    mine, other = held.get(session.account_id), held.get(AccountId(proof.account_id))
    if mine is None or other is None or mine.state is not AccountState.ACTIVE or not proof.is_complete:
        raise _Refused(RefusalCause.CHANGED)
    _check_not_attached(session.account_id, AccountId(other.id))
    if other.state not in STATES_TO_ATTACH or not _is_still_proven(proof, other, now=now):
        raise _Refused(RefusalCause.CHANGED)
    _check_same_person(mine, other)
    if proof.birth_date is not None:
        families.verify_birth_date(AccountId(other.id), proof.birth_date)


def _check_not_attached(mine: AccountId, other: AccountId) -> None:
    merge = merges.standing_merge_of(other)
    if merge is not None and merge.kept_account_id == mine:
        raise AlreadyAttached


def _is_still_proven(proof: OtherAccount, other: Account, *, now: datetime) -> bool:
    """Neither another password, nor another letter, nor an undone merge since."""
    undone_at = merges.last_undone_at(AccountId(other.id))
    if proof.password_mark != _mark(other.password_hash) or (undone_at and undone_at >= proof.proven_at):
        return False
    if proof.opened_with is OpenedWith.CHOSEN:
        return True
    letter = passwords.provisional_state(other.id)
    is_alive = letter.expires_at is not None and letter.expires_at > now
    return letter.issue_number == proof.issue_number and is_alive and not letter.is_consumed


def _take_over(kept: AccountId, other: AccountId, *, now: datetime) -> None:
    merge = merges.merge_links(kept, other, now=now)
    accounts.change_state(other, from_states=STATES_TO_ATTACH, to=AccountState.MERGED, now=now)
    sessions.end_all_sessions(other, SessionEndReason.ACCOUNT_MERGED, now=now)
    for purpose in SECRETS_THAT_DIE:
        one_time_codes.supersede_one_time_codes(purpose, other, now=now)
    audit.record(AccountAttached(kept, merge.merge_id, merge.children), now=now)
    audit.record(AccountTakenOver(other, merge.merge_id), now=now)
    families.tell_school(SchoolTaskKind.ACCOUNTS_MERGED, account_id=kept, now=now)
    notices.notify(kept, Notice.CHILDREN_CHANGED, now=now)


def _undo(merge_id: UUID, kept: AccountId | None, by: MergeUndoer, *, now: datetime) -> None:
    with transaction():
        merge = merges.find_merge_to_undo(merge_id, kept=kept, now=now)
        accounts.lock_accounts(merge.kept_account_id, merge.merged_account_id)
        # Again: what was merged or undone until the rows were ours may have changed the answer.
        merges.find_merge_to_undo(merge_id, kept=kept, now=now)
        families.tell_school(SchoolTaskKind.MERGE_UNDONE, account_id=merge.kept_account_id, now=now)
        merges.undo_merge(merge, by, now=now)
        restored = accounts.restore_state(merge.merged_account_id, from_state=AccountState.MERGED, now=now)
        if restored is None:
            raise MergeNotUndone
        audit.record(AttachUndone(merge.kept_account_id, merge_id, by), now=now)
        audit.record(AccountRevived(merge.merged_account_id, merge_id, by), now=now)
        for account_id in (merge.kept_account_id, merge.merged_account_id):
            notices.notify(account_id, Notice.CHILDREN_CHANGED, now=now)


def _refusal(
    session: CurrentSession, cause: RefusalCause, *, other: AccountId | None = None, now: datetime
) -> AttachRefused:
    """Record why, in a transaction that outlives the refusal; a right secret in wrong hands is the school's to know."""
    with transaction():
        audit.record(AttachTried(session.account_id, cause, other), now=now)
        if cause in {RefusalCause.OTHER_NAMES, RefusalCause.BIRTH_DATE} and other is not None:
            families.tell_school(SchoolTaskKind.ATTACH_REFUSED, account_id=other, now=now)
    return AttachRefused()


def _proof_of(authenticated: Authenticated, other: Account, *, now: datetime) -> OtherAccount:
    is_letter = authenticated.opened_with is OpenedWith.PROVISIONAL
    return OtherAccount(
        account_id=authenticated.account_id,
        opened_with=authenticated.opened_with,
        issue_number=authenticated.issue_number,
        password_mark=_mark(authenticated.password_hash),
        # A letter alone proves who reads the post; an account never activated has proven no more yet.
        asks_birth_date=is_letter or other.activated_at is None,
        proven_at=now,
    )


def _mark(password_hash: str | None) -> str:
    return "" if password_hash is None else digest(password_hash).hex()


def _names(account: Account) -> Names:
    return Names(account.given_name, account.family_name, account.usage_name)


def _seal(session: CurrentSession, proof: OtherAccount) -> str:
    sealed = seal(proof.to_bytes(), key=_proof_key(), associated=_holder_of_proof(session))
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _holder_of_proof(session: CurrentSession) -> bytes:
    return session.id.bytes + session.account_id.bytes


def _proof_key() -> bytes:
    return derive_key(current_settings().secret_key, "proof of another account")
