from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import merges
from idp.passwords import service as passwords
from idp.passwords.rules import Busy, HashingCost
from idp.passwords.service import Hasher
from idp.sessions.rules import OpenedWith
from idp.sign_in import service
from idp.sign_in.rules import AccountMerged, LetterExpired, SignInRefused, SignInSlowed
from idp.sign_in.service import Authenticated
from tests.conftest import FrozenClock
from tests.factories import LETTER_LIFE, make_child, make_link
from tests.hashing import CountingHasher
from tests.idp.sign_in.conftest import CHOSEN, UNKNOWN, People, Person

HOME, SCHOOL = "192.0.2.0/24", "198.51.100.0/24"
WRONG = "Wrong7word"


def authenticate(identifier: str, password: str, now: datetime, network: str = HOME) -> Authenticated:
    return service.authenticate(identifier, password, network=network, now=now)


def test_the_chosen_password_signs_in(idp_context: Flask, people: People, now: datetime) -> None:
    person = people.active()

    authenticated = authenticate(person.identifier, CHOSEN, now)

    assert (authenticated.account_id, authenticated.state) == (person.account_id, AccountState.ACTIVE)
    assert authenticated.opened_with is OpenedWith.CHOSEN
    assert CHOSEN not in repr(authenticated)
    assert "argon2" not in repr(authenticated)


def test_the_letters_password_signs_in_as_it_is_typed(
    idp_context: Flask, people: People, now: datetime
) -> None:
    person = people.with_letter()
    typed = f" {person.letter[:4].lower()} {person.letter[4:]} "

    authenticated = authenticate(f"  {person.identifier.upper()} ", typed, now)

    assert authenticated.opened_with is OpenedWith.PROVISIONAL
    assert authenticated.issue_number == 1


@pytest.mark.parametrize(
    "kind",
    [
        "unknown",
        "created",
        "notified",
        "activating",
        "active",
        "disabled",
        "merged",
        "letter used",
        "expired",
    ],
)
def test_en_02_every_refusal_costs_one_verification_the_same_queries_and_the_same_words(
    idp_app: Flask,
    people: People,
    clock: FrozenClock,
    password_hasher: CountingHasher,
    kind: str,
) -> None:
    identifier, password = refused_couple(kind, people, clock)
    expected_statements = cost_of_unknown(idp_app, clock.now)
    hashes_before = (password_hasher.verified, password_hasher.hashed)

    with idp_app.app_context(), recorded_statements() as statements, pytest.raises(SignInRefused) as refusal:
        authenticate(identifier, password, clock.now)

    assert password_hasher.verified == hashes_before[0] + 1
    assert password_hasher.hashed == hashes_before[1]
    assert statements == expected_statements
    assert str(refusal.value) == "sign_in_refused"


def test_a_right_couple_costs_one_verification_too(
    idp_context: Flask, people: People, now: datetime, password_hasher: CountingHasher
) -> None:
    active, notified = people.active(), people.with_letter()
    password_hasher.verified = password_hasher.hashed = 0

    authenticate(active.identifier, CHOSEN, now)
    authenticate(notified.identifier, notified.letter, now)

    assert (password_hasher.verified, password_hasher.hashed) == (2, 0)


@pytest.mark.parametrize("state", [AccountState.ACTIVATING, AccountState.ACTIVE])
def test_ac_01_a_letter_that_served_is_refused_as_a_wrong_password(
    idp_context: Flask, people: People, now: datetime, state: AccountState
) -> None:
    person = people.with_letter(state)
    people.use_letter(person)

    with pytest.raises(SignInRefused):
        authenticate(person.identifier, person.letter, now)


@pytest.mark.parametrize("secret", ["chosen", "letter"])
def test_a_merged_account_names_behind_its_own_secret_alone_what_to_sign_in_with(
    idp_context: Flask, people: People, now: datetime, secret: str
) -> None:
    kept = people.active()
    person = people.active() if secret == "chosen" else people.with_letter()
    merge(kept, person, now)

    for wrong in (WRONG, WRONG):
        with pytest.raises(SignInRefused) as refused:
            authenticate(person.identifier, wrong, now)
        assert type(refused.value) is SignInRefused
    with pytest.raises(AccountMerged) as told:
        authenticate(person.identifier, CHOSEN if secret == "chosen" else person.letter, now)

    assert told.value.identifier == kept.identifier


def test_a_letter_that_served_names_nothing_after_a_merge(
    idp_context: Flask, people: People, now: datetime
) -> None:
    kept, person = people.active(), people.with_letter(AccountState.ACTIVE)
    people.use_letter(person)
    merge(kept, person, now)

    with pytest.raises(SignInRefused) as refused:
        authenticate(person.identifier, person.letter, now)

    assert type(refused.value) is SignInRefused


def merge(kept: Person, other: Person, now: datetime) -> None:
    """What a person does at `/compte/enfants/rattacher`."""
    with transaction():
        merges.merge_links(kept.account_id, other.account_id, now=now)
        states = set(AccountState)
        accounts.change_state(other.account_id, from_states=states, to=AccountState.MERGED, now=now)


@pytest.mark.parametrize("seconds", [0, 1, 300])
def test_ac_02_after_90_days_the_right_couple_learns_that_the_letter_expired_and_whom_to_ask(
    idp_context: Flask, people: People, clock: FrozenClock, seconds: int
) -> None:
    person = people.with_letter()
    end = clock.advance(seconds=LETTER_LIFE.total_seconds())

    with pytest.raises(LetterExpired) as refusal:
        authenticate(person.identifier, person.letter, clock.advance(seconds=seconds))

    assert refusal.value.expired_at == end
    assert refusal.value.school is not None
    assert refusal.value.school.name == "École du Lac"
    newer = people.reissue(person)
    assert authenticate(person.identifier, newer.letter, clock.now).issue_number == 2


def test_ac_02_one_second_before_its_end_a_letter_works(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    person = people.with_letter()

    assert authenticate(
        person.identifier, person.letter, clock.advance(seconds=LETTER_LIFE.total_seconds() - 1)
    )


def test_ac_03_the_older_letter_is_dead_at_once(idp_context: Flask, people: People, now: datetime) -> None:
    older = people.with_letter()
    newer = people.reissue(older)

    with pytest.raises(SignInRefused):
        authenticate(older.identifier, older.letter, now)
    assert authenticate(newer.identifier, newer.letter, now).issue_number == 2


@pytest.mark.parametrize("typed", ["Maël", "N’GUYEN", "m.nguyen", "14/03/2017", "1234567890A"])
def test_ac_12_no_account_exists_for_a_child(
    idp_context: Flask, people: People, now: datetime, typed: str
) -> None:
    make_link(people.with_letter().account_id, make_child(ine="1234567890A"))

    for password in ("14/03/2017", "14032017", "2017-03-14"):
        with pytest.raises(SignInRefused):
            authenticate(typed, password, now)


@pytest.mark.parametrize("password", ["null", "None", "!", "\u200b"])
@pytest.mark.parametrize("state", [AccountState.CREATED, AccountState.NOTIFIED])
def test_pw_11_an_account_without_password_has_none(
    idp_context: Flask, people: People, now: datetime, state: AccountState, password: str
) -> None:
    with pytest.raises(SignInRefused):
        authenticate(people.of_state(state).identifier, password, now)


@pytest.mark.parametrize("known", [True, False])
def test_en_14_known_and_unknown_identifiers_are_slowed_alike(
    idp_context: Flask, people: People, clock: FrozenClock, known: bool
) -> None:
    identifier = people.active().identifier if known else UNKNOWN
    fail(5, identifier, clock.now)

    with pytest.raises(SignInSlowed) as slowed:
        authenticate(identifier, CHOSEN, clock.advance(seconds=1))

    assert slowed.value.seconds == 59


def test_a_slowed_attempt_is_not_evaluated(
    idp_context: Flask, people: People, now: datetime, password_hasher: CountingHasher
) -> None:
    identifier = people.active().identifier
    fail(5, identifier, now)
    password_hasher.verified = 0

    with pytest.raises(SignInSlowed):
        authenticate(identifier, CHOSEN, now)

    assert password_hasher.verified == 0


def test_bf_03_spellings_of_one_identifier_share_one_counter(
    idp_context: Flask, people: People, now: datetime
) -> None:
    identifier = people.active().identifier
    for spelling in (
        identifier,
        identifier.upper(),
        f" {identifier} ",
        f"{identifier}\u200b",
        f"\t{identifier}",
    ):
        fail(1, spelling, now)

    with pytest.raises(SignInSlowed):
        authenticate(identifier, CHOSEN, now)


def test_d9_nobody_slows_a_parent_from_another_network(
    idp_context: Flask, people: People, now: datetime
) -> None:
    identifier = people.active().identifier
    fail(5, identifier, now, network=SCHOOL)

    assert authenticate(identifier, CHOSEN, now, network=HOME)


def test_bf_05_forty_wrong_tries_at_once_are_evaluated_five_times(
    idp_app: Flask, people: People, now: datetime, password_hasher: CountingHasher
) -> None:
    identifier = people.active().identifier
    password_hasher.verified = 0
    barrier = Barrier(40)

    def attempt(_number: int) -> type[Exception]:
        with idp_app.app_context():
            barrier.wait()
            try:
                authenticate(identifier, WRONG, now)
            except (SignInRefused, SignInSlowed) as refusal:
                return type(refusal)
        raise AssertionError("a wrong password signed in")

    with ThreadPoolExecutor(40) as pool:
        refusals = list(pool.map(attempt, range(40)))

    assert refusals.count(SignInRefused) == 5
    assert password_hasher.verified == 5


def test_success_forgets_the_failures_before_it(idp_context: Flask, people: People, now: datetime) -> None:
    identifier = people.active().identifier
    for _ in range(3):
        fail(4, identifier, now)
        sign_in(identifier, CHOSEN, now)

    fail(4, identifier, now)


def test_pw_03_a_try_that_found_no_slot_is_not_counted(
    idp_context: Flask, people: People, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = people.active()
    with monkeypatch.context() as crowded:
        full = CountingHasher(slots=1, wait_seconds=0.001)
        full._slots.acquire()
        crowded.setattr(passwords, "hasher", full)
        for _ in range(10):
            with pytest.raises(Busy):
                authenticate(person.identifier, CHOSEN, now)

    assert authenticate(person.identifier, CHOSEN, now)


def test_no_transaction_is_open_while_a_password_is_hashed(
    idp_context: Flask, people: People, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = people.active()
    open_while_hashing: list[bool] = []

    class Watching(CountingHasher):
        def verify(self, password_hash: str | None, prepared: str) -> bool:
            open_while_hashing.append(db.session().in_transaction())
            return super().verify(password_hash, prepared)

    monkeypatch.setattr(passwords, "hasher", Watching())

    authenticate(person.identifier, CHOSEN, now)

    assert open_while_hashing == [False]


def test_pw_12_a_right_password_is_hashed_anew_when_the_cost_was_raised(
    idp_context: Flask, people: People, now: datetime
) -> None:
    cheaper = Hasher(HashingCost(passes=2, memory_kib=8), slots=1).hash(CHOSEN)
    person = people.of_state(AccountState.ACTIVE, password_hash=cheaper)

    signed_in = sign_in(person.identifier, CHOSEN, now)

    stored = db.session.scalars(select(Account.password_hash).where(Account.id == person.account_id)).one()
    assert stored == signed_in.authenticated.password_hash
    assert stored is not None
    assert stored != cheaper
    assert not passwords.needs_rehash(stored)


@pytest.mark.parametrize("change", [{"state": AccountState.DISABLED}, {"password_hash": "another"}])
def test_what_changed_while_hashing_refuses_the_session(
    idp_context: Flask, people: People, now: datetime, change: dict[str, Any]
) -> None:
    person = people.active()
    authenticated = authenticate(person.identifier, CHOSEN, now)
    with transaction() as session:
        session.execute(update(Account).where(Account.id == person.account_id).values(**change))

    with pytest.raises(SignInRefused), transaction():
        service.record_sign_in(authenticated, user_agent="", now=now)


def test_the_journal_tells_refusals_and_success_without_what_was_typed(
    idp_context: Flask, people: People, now: datetime
) -> None:
    person = people.active()
    fail(1, person.identifier, now)
    fail(1, UNKNOWN, now)
    sign_in(person.identifier, CHOSEN, now)

    entries = db.session.execute(
        select(AuditEntry.name, AuditEntry.account_id, AuditEntry.details)
        .where(AuditEntry.name.startswith("account:sign_in:"))
        .order_by(AuditEntry.id)
    ).all()

    assert [(entry.name, entry.account_id) for entry in entries] == [
        ("account:sign_in:refused", person.account_id),
        ("account:sign_in:refused", None),
        ("account:sign_in:succeeded", person.account_id),
    ]
    told = str([entry.details for entry in entries])
    assert not any(typed in told for typed in (WRONG, CHOSEN, UNKNOWN, person.identifier))


def sign_in(identifier: str, password: str, now: datetime) -> service.SignedInPerson:
    return service.sign_in(identifier, password, network=HOME, user_agent="", replacing=None, now=now)


def fail(times: int, identifier: str, now: datetime, network: str = HOME) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            authenticate(identifier, WRONG, now, network=network)


def refused_couple(kind: str, people: People, clock: FrozenClock) -> tuple[str, str]:
    """An identifier of this kind, with a password that its page must not tell apart from a wrong one."""
    if kind == "unknown":
        return UNKNOWN, WRONG
    if kind == "disabled":
        return people.of_state(AccountState.DISABLED).identifier, CHOSEN
    if kind == "letter used":
        person = people.with_letter(AccountState.ACTIVATING)
        people.use_letter(person)
        return person.identifier, person.letter
    if kind == "expired":
        person = people.with_letter()
        clock.advance(days=91)
        return person.identifier, WRONG
    makers: dict[str, Callable[[], Person]] = {"notified": people.with_letter}
    make = makers.get(kind, lambda: people.of_state(AccountState(kind)))
    return make().identifier, WRONG


def cost_of_unknown(app: Flask, now: datetime) -> list[str]:
    """The statements that an unknown identifier costs."""
    with app.app_context(), recorded_statements() as statements, pytest.raises(SignInRefused):
        authenticate("y.personne", WRONG, now)
    return statements


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Every statement sent to the database meanwhile, without its values."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
