from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event, Thread

import pytest
from flask import Flask
from sqlalchemy import inspect, select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.passwords import service as passwords
from idp.passwords.rules import (
    Busy,
    Candidate,
    ChoiceReason,
    HashingCost,
    PasswordRefused,
    ProvisionalPasswordRefused,
    broken_rules,
    normalise_provisional_password,
)
from idp.passwords.service import Hasher, IssuedPassword
from tests.conftest import FrozenClock
from tests.factories import LETTER_LIFE, make_account
from tests.hashing import CHEAP_COST, CountingHasher

CHOSEN = "Kx7mPq2w"


def test_pw_12_the_product_hashes_with_argon2id_at_its_stated_cost() -> None:
    # The one place that pays for a real hash: the cheap hasher of the other tests is never in the product.
    hashed = Hasher(HashingCost(), slots=1).hash(CHOSEN)

    _, algorithm, version, parameters, salt, _digest = hashed.split("$")
    assert (algorithm, version, parameters) == ("argon2id", "v=19", "m=19456,t=2,p=1")
    assert len(salt) * 6 // 8 >= 16
    assert hashed != Hasher(HashingCost(), slots=1).hash(CHOSEN)


def test_a_right_password_verifies_and_a_wrong_one_does_not(password_hasher: CountingHasher) -> None:
    hashed = passwords.hash_password(CHOSEN)

    assert passwords.verify(hashed, CHOSEN)
    assert not passwords.verify(hashed, CHOSEN.lower())
    assert not passwords.verify(hashed, f"{CHOSEN} ")


def test_pw_04_a_password_typed_on_two_keyboards_is_one(password_hasher: CountingHasher) -> None:
    hashed = passwords.hash_password("E\u0301lan7vert")

    assert passwords.verify(hashed, "\u00c9lan7vert")


@pytest.mark.parametrize("typed", ["", "null", "None", "!", "false"])
def test_pw_11_without_a_hash_nothing_verifies_and_the_cost_is_paid(
    password_hasher: CountingHasher, typed: str
) -> None:
    assert not passwords.verify(None, typed)
    assert password_hasher.verified == 1


@pytest.mark.parametrize(
    "stored", ["", "!", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$x$y"]
)
def test_a_hash_that_cannot_be_read_fails_closed(password_hasher: CountingHasher, stored: str) -> None:
    assert not passwords.verify(stored, CHOSEN)


def test_pw_02_an_endless_password_is_not_hashed(password_hasher: CountingHasher) -> None:
    assert not passwords.verify(None, "a" * 129)
    assert password_hasher.verified == 0


def test_pw_03_hashing_beyond_its_slots_is_refused_with_a_time_to_come_back() -> None:
    hasher = SlowHasher()
    holder = Thread(target=hasher.verify, args=(None, CHOSEN))
    holder.start()
    assert hasher.began.wait(5)

    with pytest.raises(Busy) as refusal:
        hasher.verify(None, CHOSEN)

    hasher.may_end.set()
    holder.join()
    assert refusal.value.seconds > 0
    assert hasher.verify(None, CHOSEN) is False


def test_pw_12_a_hash_of_another_cost_is_hashed_again(idp_context: Flask, now: datetime) -> None:
    old_hash = Hasher(HashingCost(passes=2, memory_kib=8), slots=1).hash(CHOSEN)
    account_id = make_account(password_hash=old_hash)

    assert passwords.needs_rehash(old_hash)
    with transaction():
        passwords.replace_hash(account_id, old_hash, passwords.hash_password(CHOSEN))
        passwords.replace_hash(account_id, old_hash, "chosen meanwhile")

    stored = stored_hash(account_id)
    assert stored is not None
    assert not passwords.needs_rehash(stored)
    assert passwords.verify(stored, CHOSEN)


def test_a_candidate_is_checked_against_the_present_password(idp_context: Flask, now: datetime) -> None:
    account_id = make_account(password_hash=passwords.hash_password(CHOSEN))

    with pytest.raises(PasswordRefused) as refusal:
        passwords.check_choice(account_id, CHOSEN, identifier="c.dupont")

    assert refusal.value.error_codes == ("password_current",)
    passwords.check_choice(account_id, "Kx7mPq2wX", identifier="c.dupont")


def test_pw_08_a_candidate_is_not_the_letters_password_in_any_case(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    issue(account_id, now)
    mixed = next(
        mixed
        for letter in iter(lambda: reissue(account_id, now), None)
        if not broken_rules(Candidate(mixed := in_mixed_case(letter.provisional_password)))
    )

    with pytest.raises(PasswordRefused) as refusal:
        passwords.check_choice(account_id, mixed, identifier="c.dupont")

    assert refusal.value.error_codes == ("password_current",)


def test_a_candidate_that_breaks_a_cheap_rule_is_refused_before_anything_is_hashed(
    idp_context: Flask, password_hasher: CountingHasher
) -> None:
    account_id = make_account(password_hash=passwords.hash_password(CHOSEN))

    with pytest.raises(PasswordRefused):
        passwords.check_choice(account_id, "A1b" * 300, identifier="c.dupont")

    assert password_hasher.verified == 0


def test_choosing_stores_only_a_hash(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    hashed = passwords.hash_password(CHOSEN)

    with transaction():
        passwords.choose(account_id, hashed, ChoiceReason.ACTIVATION, now=now)

    account = db.session.get_one(Account, account_id)
    assert (account.password_hash, account.password_changed_at) == (hashed, now)
    assert CHOSEN not in dump()


def test_issuing_twice_prints_the_same_password_with_the_same_end(
    idp_context: Flask, clock: FrozenClock
) -> None:
    account_id = make_account()
    first = issue(account_id, clock.now)

    again = issue(account_id, clock.advance(days=30))

    assert again == first
    assert (first.expires_at - first.issued_at).days == 90


def test_ac_03_a_letter_issued_again_kills_the_older_one_at_once(
    idp_context: Flask, clock: FrozenClock
) -> None:
    account_id = make_account(password_hash=passwords.hash_password(CHOSEN))
    older = issue(account_id, clock.now)

    newer = reissue(account_id, clock.advance(days=1))

    state = passwords.provisional_state(account_id)
    assert newer.issue_number == older.issue_number + 1
    assert passwords.verify_provisional(state, newer.provisional_password)
    assert not passwords.verify_provisional(state, older.provisional_password)
    assert stored_hash(account_id) is None
    assert passwords.provisional_password_of(account_id) == newer


def test_ac_03_an_older_letter_can_no_longer_be_consumed(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    older = issue(account_id, now)
    reissue(account_id, now)

    with pytest.raises(ProvisionalPasswordRefused), transaction():
        passwords.consume_provisional_password(account_id, older.issue_number, now=now)


def test_ac_01_a_letter_is_consumed_once(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    letter = issue(account_id, now)

    with transaction():
        passwords.consume_provisional_password(account_id, letter.issue_number, now=now)

    assert passwords.provisional_state(account_id).is_consumed
    with pytest.raises(ProvisionalPasswordRefused), transaction():
        passwords.consume_provisional_password(account_id, letter.issue_number, now=now)


@pytest.mark.parametrize(("seconds", "consumes"), [(-1, True), (0, False), (1, False)])
def test_ac_02_a_letter_is_dead_after_90_days(
    idp_context: Flask, clock: FrozenClock, seconds: int, consumes: bool
) -> None:
    account_id = make_account()
    letter = issue(account_id, clock.now)
    clock.advance(seconds=LETTER_LIFE.total_seconds() + seconds)

    try:
        with transaction():
            passwords.consume_provisional_password(account_id, letter.issue_number, now=clock.now)
    except ProvisionalPasswordRefused:
        assert not consumes
    else:
        assert consumes


def test_ac_07_twenty_browsers_consume_one_letter_and_one_wins(idp_app: Flask, now: datetime) -> None:
    with idp_app.app_context():
        account_id = make_account()
        letter = issue(account_id, now)
    barrier = Barrier(20)

    def consume(_browser: int) -> bool:
        with idp_app.app_context():
            barrier.wait()
            try:
                with transaction():
                    passwords.consume_provisional_password(account_id, letter.issue_number, now=now)
            except ProvisionalPasswordRefused:
                return False
            return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(consume, range(20))) == 1


def test_ac_18_no_provisional_password_in_a_database_dump(idp_context: Flask, clock: FrozenClock) -> None:
    account_id = make_account()
    issued = [issue(account_id, clock.now).provisional_password]
    issued += [reissue(account_id, clock.advance(days=1)).provisional_password for _ in range(3)]

    text = normalise_provisional_password(dump())

    assert len(set(issued)) == 4
    assert [password for password in issued if password in text] == []


def test_a_missing_letter_matches_nothing(idp_context: Flask) -> None:
    state = passwords.provisional_state(None)
    derived = passwords._derive(passwords.DECOY_ACCOUNT_ID, 0)

    assert not passwords.verify_provisional(state, derived)


class SlowHasher(Hasher):
    """One slot, no patience, and a computation that ends when it is told."""

    def __init__(self) -> None:
        super().__init__(CHEAP_COST, slots=1, wait_seconds=0.01)
        self.began, self.may_end = Event(), Event()

    def _is_right(self, password_hash: str, prepared: str) -> bool:
        self.began.set()
        self.may_end.wait(5)
        return super()._is_right(password_hash, prepared)


def issue(account_id: AccountId, now: datetime) -> IssuedPassword:
    with transaction():
        return passwords.issue_provisional_password(account_id, now=now)


def reissue(account_id: AccountId, now: datetime) -> IssuedPassword:
    with transaction():
        return passwords.reissue_provisional_password(account_id, now=now)


def in_mixed_case(password: str) -> str:
    """Every second character in lower case."""
    return "".join(char.lower() if index % 2 else char for index, char in enumerate(password))


def stored_hash(account_id: AccountId) -> str | None:
    return db.session.scalar(select(Account.password_hash).where(Account.id == account_id))


def dump() -> str:
    """Every cell of every table, as text."""
    names = inspect(db.engine).get_table_names()
    tables = [db.metadata.tables[name] for name in names if name in db.metadata.tables]
    rows = [row for table in tables for row in db.session.execute(select(table))]
    return "\n".join(" ".join(map(str, row)) for row in rows)
