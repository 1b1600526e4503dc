"""Creating accounts, finding them at sign-in, and moving them from state to state."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.models import Account, GivenIdentifier
from idp.accounts.rules import (
    SUSPENDED_STATES,
    AccountId,
    AccountState,
    Person,
    numbered_identifier,
    smallest_numbers_never_given,
    stem_of,
)
from idp.db import db
from shared.database import in_chunks, uuid7


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


def set_pending_email(account_id: AccountId, email: str, *, now: datetime) -> None:
    """Note the address that waits for its confirmation; the one in force stays."""
    db.session.execute(
        update(Account).where(Account.id == account_id).values(pending_email=email, updated_at=now)
    )


def confirm_email(account_id: AccountId, email: str, *, now: datetime) -> bool:
    """Put the pending address in force if it is still `email`; tells whether it was."""
    confirmed = db.session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.pending_email == email)
        .values(email=email, email_confirmed_at=now, pending_email=None, updated_at=now)
        .returning(Account.id)
    )
    return confirmed is not None


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
