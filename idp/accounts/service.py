"""Creating accounts, finding them at sign-in, and moving them from state to state."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.models import Account, ChannelChange, GivenIdentifier
from idp.accounts.rules import (
    RECOVERS_AFTER,
    SUSPENDED_STATES,
    UNDO_WITHIN,
    AccountChannel,
    AccountClosed,
    AccountId,
    AccountState,
    ChangedChannel,
    ChannelChanged,
    ChannelRestored,
    Person,
    numbered_identifier,
    smallest_numbers_never_given,
    stem_of,
)
from idp.audit import service as audit
from idp.db import db
from idp.messaging import returns
from shared.database import in_chunks, uuid7

_CHANNEL_PARTS = ("", "_confirmed_at", "_recovers_from")


@dataclass(frozen=True, slots=True)
class AccountForSignIn:
    """What sign-in needs of an account, and nothing more."""

    account_id: AccountId
    identifier: str
    state: AccountState
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """A new account and the identifier it was given."""

    account_id: AccountId
    identifier: str


def find_by_identifier(identifier: str) -> AccountForSignIn | None:
    """The account of a normalised identifier (`normalise_identifier`), in one statement."""
    row = db.session.execute(
        select(Account.id, Account.identifier, Account.state, Account.password_hash).where(
            Account.identifier == identifier
        )
    ).one_or_none()
    return None if row is None else AccountForSignIn(AccountId(row[0]), row[1], row[2], row[3])


def find_account(account_id: AccountId) -> Account | None:
    """The account, with names and channels; None when there is none."""
    return db.session.get(Account, account_id)


def create_account(person: Person, *, now: datetime) -> Account:
    """An account in state `created`, with an identifier that nobody ever had."""
    created = create_accounts([person], now=now)[0]
    return db.session.get_one(Account, created.account_id)


def create_accounts(persons: Sequence[Person], *, now: datetime) -> list[CreatedAccount]:
    """Accounts in state `created`, in the order of `persons`; a few statements per thousand."""
    identifiers = give_identifiers([stem_of(person) for person in persons])
    created = [CreatedAccount(AccountId(uuid7()), identifier) for identifier in identifiers]
    rows = [_new_row(account, person, now) for account, person in zip(created, persons, strict=True)]
    for chunk in in_chunks(rows):
        db.session.execute(insert(Account), chunk)
    return created


def give_identifiers(stems: Sequence[str]) -> list[str]:
    """One identifier for each stem: the bare stem, else the smallest number from 2 on that was never given.

    Two imports may want the same one: the constraint decides, and who lost takes the next number.
    """
    given: defaultdict[str, list[str]] = defaultdict(list)
    numbers = _numbers_ever_given(set(stems))
    missing = Counter(stems)
    while missing:
        candidates = _candidates(missing, numbers)
        kept = _keep_free_ones(candidates)
        for candidate in candidates:
            numbers[candidate["stem"]].add(candidate["number"])
            if candidate["identifier"] in kept:
                given[candidate["stem"]].append(candidate["identifier"])
        missing = Counter(stems) - Counter({stem: len(kept_ones) for stem, kept_ones in given.items()})
    unused = {stem: iter(identifiers) for stem, identifiers in given.items()}
    return [next(unused[stem]) for stem in stems]


def change_state(
    account_id: AccountId, *, from_states: Collection[AccountState], to: AccountState, now: datetime
) -> bool:
    """Move the account to `to` if it is in one of `from_states`; tells whether it moved.

    One conditional UPDATE: of two that race, one is told False. `disabled` and `merged` remember where from.
    """
    moved = db.session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.state.in_(from_states))
        .values(state=to, updated_at=now, **_companions(to, now))
        .returning(Account.id)
    )
    return moved is not None


def restore_state(account_id: AccountId, *, from_state: AccountState, now: datetime) -> AccountState | None:
    """Back to the state that `disabled` or `merged` was entered from; None when the account is not in `from_state`.

    One conditional UPDATE. Returns the state that it is in again.
    """
    return db.session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.state == from_state, Account.previous_state.is_not(None))
        .values(state=Account.previous_state, previous_state=None, updated_at=now)
        .returning(Account.state)
    )


def lock_accounts(*account_ids: AccountId) -> dict[AccountId, Account]:
    """Hold these accounts' rows until the caller's transaction ends, and read them as they are now.

    Always in the order of their ids: two that want the same ones wait, and never for each other. On SQLite there is
    one writer anyway.
    """
    held = select(Account).where(Account.id.in_(account_ids)).order_by(Account.id).with_for_update()
    rows = db.session.scalars(held.execution_options(populate_existing=True))
    return {AccountId(account.id): account for account in rows}


def set_locale(account_id: AccountId, locale: str, *, now: datetime) -> None:
    """Note the language that the account's holder reads, one of ours: `fr`, `en`."""
    db.session.execute(update(Account).where(Account.id == account_id).values(locale=locale, updated_at=now))


def set_pending_email(account_id: AccountId, email: str | None, *, now: datetime) -> None:
    """Note the address that waits for its confirmation, or that none does; the one in force stays."""
    db.session.execute(
        update(Account).where(Account.id == account_id).values(pending_email=email, updated_at=now)
    )


def confirm_email(account_id: AccountId, email: str, *, now: datetime) -> bool:
    """Put the account's first address in force if it is still `email` that waits; tells whether it was.

    It serves recovery at once: nothing was there that it could have been taken from.
    """
    confirmed = db.session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.pending_email == email)
        .values(
            email=email,
            email_confirmed_at=now,
            email_recovers_from=now,
            pending_email=None,
            updated_at=now,
        )
        .returning(Account.id)
    )
    if confirmed is not None:
        returns.forget(email)
    return confirmed is not None


def confirm_first_phone(account_id: AccountId, phone: str, *, now: datetime) -> None:
    """Put in force the number that activation has proven: it serves recovery at once. A pending address is dropped.

    In the caller's transaction. phone: E.164.
    """
    db.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(
            phone=phone,
            phone_confirmed_at=now,
            phone_recovers_from=now,
            pending_email=None,
            updated_at=now,
        )
    )


def change_email(account_id: AccountId, email: str, *, now: datetime) -> ChangedChannel | None:
    """Put the pending address of an active account in the place of the present one, in the caller's transaction.

    None, and nothing changed, when `email` is not what waits any more. It serves recovery a day later.
    """
    account = _lock(account_id)
    if account is None or account.pending_email != email:
        return None
    account.pending_email = None
    returns.forget(email)
    return _change_channel(account, AccountChannel.EMAIL, email, now=now)


def change_phone(account_id: AccountId, phone: str | None, *, now: datetime) -> ChangedChannel | None:
    """Put a number (E.164) that was just confirmed in the place of the present one; None takes it away.

    In the caller's transaction. None when the account is not active, or keeps what it has.
    """
    account = _lock(account_id)
    if account is None or account.phone == phone:
        return None
    return _change_channel(account, AccountChannel.PHONE, phone, now=now)


def undo_channel_change(account_id: AccountId, change_id: UUID, *, now: datetime) -> ChangedChannel | None:
    """What was in force before this change is in force again, whatever was changed since; once, within 7 days.

    In the caller's transaction. An address that waits for its confirmation waits no more. Returned is what had
    to go; None when the change cannot be undone.
    """
    account = _lock(account_id, is_active=False)
    if account is None:
        return None
    change = db.session.scalar(
        select(ChannelChange).where(ChannelChange.id == change_id, *_undoable(account_id, now))
    )
    return None if change is None else _undo(account, change, now=now)


def undo_recent_changes(account_id: AccountId, *, now: datetime) -> tuple[ChangedChannel, ...]:
    """Every change of the last 7 days undone, and nothing waits for a confirmation; in the caller's transaction.

    For an account that somebody else got hold of. Returned is what had to go, one a channel.
    """
    account = _lock(account_id, is_active=False)
    if account is None:
        return ()
    account.pending_email = None
    changes = db.session.scalars(
        select(ChannelChange).where(*_undoable(account_id, now)).order_by(ChannelChange.changed_at)
    ).all()
    # The oldest of each channel: undoing it undoes what came after.
    oldest = {change.channel: change for change in reversed(changes)}
    return tuple(_undo(account, change, now=now) for change in oldest.values())


def close_account(account_id: AccountId, *, now: datetime) -> bool:
    """Close an active account for ever, in the caller's transaction; tells whether this call did.

    Its channels and its password go; identifier and id stay, so that nobody is ever given them again.
    """
    closed = db.session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.state == AccountState.ACTIVE)
        .values(
            state=AccountState.DISABLED,
            previous_state=None,
            closed_at=now,
            updated_at=now,
            password_hash=None,
            pending_email=None,
            **{f"{channel}{part}": None for channel in AccountChannel for part in _CHANNEL_PARTS},
        )
        .returning(Account.id)
    )
    if closed is None:
        return False
    db.session.execute(delete(ChannelChange).where(ChannelChange.account_id == account_id))
    audit.record(AccountClosed(account_id), now=now)
    return True


def _lock(account_id: AccountId, *, is_active: bool = True) -> Account | None:
    """An account's row, held for this transaction: two changes at once come one after the other.

    is_active: only in that state.
    """
    states = (AccountState.ACTIVE,) if is_active else tuple(AccountState)
    return db.session.scalar(
        select(Account)
        .where(Account.id == account_id, Account.state.in_(states))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _change_channel(
    account: Account, channel: AccountChannel, address: str | None, *, now: datetime
) -> ChangedChannel:
    former = [getattr(account, f"{channel}{part}") for part in _CHANNEL_PARTS]
    change = ChannelChange(
        account_id=account.id,
        channel=channel,
        former_address=former[0],
        former_confirmed_at=former[1],
        former_recovers_from=former[2],
        new_address=address,
        changed_at=now,
    )
    db.session.add(change)
    is_removal = address is None
    present = (None, None, None) if is_removal else (address, now, now + RECOVERS_AFTER)
    _set_channel(account, channel, *present, now=now)
    audit.record(ChannelChanged(account.id, channel, is_removal), now=now)
    return ChangedChannel(change.id, channel, former[0])


def _undo(account: Account, change: ChannelChange, *, now: datetime) -> ChangedChannel:
    dropped = getattr(account, change.channel)
    _set_channel(
        account,
        change.channel,
        change.former_address,
        change.former_confirmed_at,
        change.former_recovers_from,
        now=now,
    )
    if change.channel is AccountChannel.EMAIL:
        account.pending_email = None
    change_id = change.id
    db.session.execute(
        update(ChannelChange)
        .where(
            ChannelChange.account_id == account.id,
            ChannelChange.channel == change.channel,
            ChannelChange.changed_at >= change.changed_at,
            ChannelChange.undone_at.is_(None),
        )
        .values(undone_at=now)
    )
    audit.record(ChannelRestored(account.id, change.channel), now=now)
    return ChangedChannel(change_id, change.channel, dropped)


def _set_channel(
    account: Account,
    channel: AccountChannel,
    address: str | None,
    confirmed_at: datetime | None,
    recovers_from: datetime | None,
    *,
    now: datetime,
) -> None:
    for part, value in zip(_CHANNEL_PARTS, (address, confirmed_at, recovers_from), strict=True):
        setattr(account, f"{channel}{part}", value)
    account.updated_at = now
    db.session.flush()


def _undoable(account_id: AccountId, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        ChannelChange.account_id == account_id,
        ChannelChange.undone_at.is_(None),
        ChannelChange.changed_at > now - UNDO_WITHIN,
    )


def _companions(to: AccountState, now: datetime) -> dict[str, Any]:
    if to is AccountState.ACTIVE:
        return {"activated_at": func.coalesce(Account.activated_at, now)}
    if to in SUSPENDED_STATES:
        return {
            "previous_state": case(
                (Account.state.in_(SUSPENDED_STATES), Account.previous_state), else_=Account.state
            )
        }
    return {}


def _new_row(account: CreatedAccount, person: Person, now: datetime) -> dict[str, Any]:
    return {
        "id": account.account_id,
        "identifier": account.identifier,
        "state": AccountState.CREATED,
        "title": person.title.value,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "usage_name": person.usage_name,
        "created_at": now,
        "updated_at": now,
    }


def _numbers_ever_given(stems: Collection[str]) -> defaultdict[str, set[int]]:
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for chunk in in_chunks(sorted(stems)):
        rows = db.session.execute(
            select(GivenIdentifier.stem, GivenIdentifier.number).where(GivenIdentifier.stem.in_(chunk))
        )
        for stem, number in rows:
            numbers[stem].add(number)
    return numbers


def _candidates(missing: Counter[str], numbers: dict[str, set[int]]) -> list[dict[str, Any]]:
    # Always in the same order: two imports that want the same identifiers wait, and never for each other.
    return [
        {"identifier": numbered_identifier(stem, number), "stem": stem, "number": number}
        for stem, count in sorted(missing.items())
        for number in smallest_numbers_never_given(numbers[stem], count)
    ]


def _keep_free_ones(candidates: Sequence[dict[str, Any]]) -> set[str]:
    new = (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert(GivenIdentifier)
    statement = new.on_conflict_do_nothing().returning(GivenIdentifier.identifier)
    kept: set[str] = set()
    for chunk in in_chunks(candidates):
        kept.update(db.session.scalars(statement, chunk))
    return kept
