"""Guessing passwords, as attackers do: one account, many accounts, one network, many, all at once; by case id."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.db import db, transaction
from idp.passwords import service as passwords
from idp.passwords.rules import PROVISIONAL_ALPHABET, PROVISIONAL_LENGTH
from idp.sessions.models import AccountSession
from idp.sign_in import service
from idp.sign_in.rules import LetterExpired, SignInRefused, SignInSlowed
from idp.throttling import service as throttling
from idp.throttling.models import ThrottleCounter, ThrottleTry
from idp.throttling.rules import SIGN_IN_PER_ACCOUNT, SIGN_IN_PER_NETWORK, Budget
from tests.conftest import FrozenClock
from tests.hashing import CountingHasher
from tests.idp.sign_in.conftest import CHOSEN, UNKNOWN, People

HOME = "192.0.2.0/24"
WRONG = "Wrong7word"
DEVICE = "d" * 43


def outcome(
    identifier: str,
    password: str,
    now: datetime,
    *,
    network: str = HOME,
    device: str | None = None,
) -> str | int:
    """`in`, `wrong`, or the wait that was named, in seconds."""
    try:
        service.sign_in(
            identifier,
            password,
            network=network,
            device_secret=device,
            user_agent="",
            replacing=None,
            now=now,
        )
    except SignInRefused:
        return "wrong"
    except SignInSlowed as slowed:
        return slowed.seconds
    return "in"


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_bf_01_one_account_from_one_network(
    idp_context: Flask, people: People, now: datetime, is_known: bool
) -> None:
    identifier = people.active().identifier if is_known else UNKNOWN

    outcomes = [outcome(identifier, WRONG, now) for _ in range(25)]

    assert outcomes == ["wrong"] * 5 + [60] * 20


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_bf_01_one_account_from_many_networks(
    idp_context: Flask, people: People, clock: FrozenClock, is_known: bool
) -> None:
    identifier = people.active().identifier if is_known else UNKNOWN

    def guess(number: int) -> str | int:
        # A second apart: a burst would be a surge, which is another limit.
        return outcome(identifier, WRONG, clock.advance(seconds=1), network=f"network {number}")

    assert [guess(number) for number in range(25)] == ["wrong"] * 25
    assert [guess(number) for number in range(25, 27)] == [29, 28]
    clock.advance(seconds=27)
    assert [guess(number) for number in range(27, 29)] == ["wrong", 29]


def test_bf_02_one_password_on_many_accounts_from_one_network(idp_context: Flask, clock: FrozenClock) -> None:
    hour = timedelta(hours=1)
    counted = {"limit_name": SIGN_IN_PER_NETWORK.name, "key": Budget(SIGN_IN_PER_NETWORK, HOME).key}
    with transaction() as session:
        # As 290 failures within the last hour leave them.
        session.add_all(
            ThrottleTry(tried_at=clock.now, expires_at=clock.now + hour, **counted) for _ in range(290)
        )
        session.add(
            ThrottleCounter(spent=290, blocked_until=clock.now, expires_at=clock.now + hour, **counted)
        )

    outcomes = [outcome(f"x.personne{number}", WRONG, clock.advance(seconds=1)) for number in range(20)]

    assert outcomes == ["wrong"] * 10 + [4, 3, 2, 1, "wrong"] * 2


def test_bf_02_one_password_on_many_accounts_from_many_networks_alerts_and_slows(
    idp_context: Flask, now: datetime
) -> None:
    outcomes = [
        outcome(f"x.personne{number}", WRONG, now, network=f"network {number}") for number in range(60)
    ]

    assert outcomes == ["wrong"] * 20 + [2] * 40
    assert throttling.surges_since(now) == [now]


def test_bf_08_a_device_that_signed_in_before_gets_in_at_once_whatever_outsiders_do(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    identifier = people.active().identifier
    assert outcome(identifier, CHOSEN, clock.now, device=DEVICE) == "in"

    for number in range(100):
        clock.advance(seconds=1)
        outcome(identifier, WRONG, clock.now, network=f"network {number}")
        outcome(identifier, WRONG, clock.now)
        if number % 5 == 0:
            assert outcome(identifier, CHOSEN, clock.now, device=DEVICE) == "in"
    assert isinstance(outcome(identifier, CHOSEN, clock.now), int)
    assert isinstance(outcome(identifier, CHOSEN, clock.now, network="elsewhere"), int)


def test_bf_08_it_is_never_permanent(idp_context: Flask, people: People, clock: FrozenClock) -> None:
    """Elsewhere, the longest wait that outsiders on other networks cause is 30 seconds."""
    identifier = people.active().identifier
    for number in range(40):
        outcome(identifier, WRONG, clock.advance(seconds=1), network=f"network {number}")

    wait = outcome(identifier, CHOSEN, clock.now)
    assert isinstance(wait, int)
    assert wait <= 30
    assert outcome(identifier, CHOSEN, clock.advance(seconds=wait)) == "in"


def test_bf_08_a_known_device_has_its_own_growing_delay(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    identifier = people.active().identifier
    outcome(identifier, CHOSEN, clock.now, device=DEVICE)

    stolen = [
        outcome(identifier, WRONG, clock.now, device=DEVICE, network=f"network {number}")
        for number in range(7)
    ]

    assert stolen == ["wrong"] * 5 + [60] * 2
    assert outcome(identifier, CHOSEN, clock.now) == "in"


def test_bf_08_a_device_known_to_one_account_is_a_stranger_to_the_others(
    idp_context: Flask, people: People, now: datetime
) -> None:
    mine, others = people.active(), people.active()
    outcome(mine.identifier, CHOSEN, now, device=DEVICE)

    guesses = [outcome(others.identifier, WRONG, now, device=DEVICE) for _ in range(6)]
    unknown = [outcome(UNKNOWN, WRONG, now, device=DEVICE) for _ in range(6)]

    assert guesses == unknown == ["wrong"] * 5 + [60]
    # And it was the shared budget that they spent.
    assert outcome(others.identifier, WRONG, now) == 60


def test_a_wrong_password_makes_no_device_known(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    identifier = people.active().identifier
    for _ in range(5):
        outcome(identifier, WRONG, clock.now, device=DEVICE)

    assert outcome(identifier, CHOSEN, clock.now, device=DEVICE) == 60


def test_an_owner_s_success_leaves_what_outsiders_failed(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    """Else whoever waits for the owner's daily sign-in starts again at zero each day."""
    identifier = people.active().identifier
    for number in range(24):
        outcome(identifier, WRONG, clock.advance(seconds=1), network=f"network {number}")
    assert outcome(identifier, CHOSEN, clock.now) == "in"

    guesses = [
        outcome(identifier, WRONG, clock.advance(seconds=1), network=f"new {number}") for number in range(3)
    ]
    assert guesses == ["wrong", 29, 28]


def test_bf_14_ten_wrong_tries_leave_the_letter_to_its_owner(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    person = people.with_letter()
    for number in range(10):
        outcome(person.identifier, "ABCD2345", clock.now, network=f"network {number}")

    assert outcome(person.identifier, person.letter, clock.now) == "in"


def test_bf_14_ninety_days_of_guesses_are_under_one_in_a_million_of_the_letters() -> None:
    pace = SIGN_IN_PER_ACCOUNT
    guesses = 90 * (pace.failures + timedelta(days=1) / pace.pause)

    assert guesses / len(PROVISIONAL_ALPHABET) ** PROVISIONAL_LENGTH < 1e-6


def test_bf_18_three_hundred_guardians_behind_one_address_sign_in_within_ten_minutes(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    """One every two seconds; every third mistypes once, every tenth twice."""
    person = people.active()
    hashed = db.session.scalars(select(Account.password_hash).where(Account.id == person.account_id)).one()
    identifiers = [f"g.gardien{number}" for number in range(300)]
    with transaction() as session:
        session.add_all(
            Account(
                identifier=identifier,
                state=AccountState.ACTIVE,
                given_name="Gaëlle",
                family_name="GARDIEN",
                password_hash=hashed,
                created_at=clock.now,
                updated_at=clock.now,
            )
            for identifier in identifiers
        )

    outcomes = Counter[str | int]()
    for number, identifier in enumerate(identifiers):
        clock.advance(seconds=2)
        for _ in range((number % 3 == 0) + (number % 10 == 0)):
            outcome(identifier, WRONG, clock.now)
        outcomes[outcome(identifier, CHOSEN, clock.now)] += 1

    assert outcomes["in"] >= 297


def test_bf_05_two_hundred_wrong_tries_at_once_from_two_hundred_networks(
    idp_app: Flask, people: People, now: datetime, password_hasher: CountingHasher
) -> None:
    identifier = people.active().identifier
    password_hasher.verified = 0
    barrier = Barrier(40)

    def attempt(number: int) -> str | int:
        with idp_app.app_context():
            if number < 40:
                barrier.wait()
            return outcome(identifier, WRONG, now, network=f"network {number}")

    with ThreadPoolExecutor(40) as pool:
        outcomes = Counter(pool.map(attempt, range(200)))

    assert outcomes["wrong"] == password_hasher.verified <= SIGN_IN_PER_ACCOUNT.failures


@pytest.mark.parametrize("kind", ["wrong", "active", "expired", "reissued"])
def test_en_05_a_wrong_letter_is_refused_in_the_same_words_whatever_the_account(
    idp_context: Flask, people: People, clock: FrozenClock, kind: str
) -> None:
    person = people.with_letter(AccountState.ACTIVE if kind == "active" else AccountState.NOTIFIED)
    older = person.letter
    if kind == "active":
        people.use_letter(person)
    if kind == "expired":
        clock.advance(days=91)
    if kind == "reissued":
        people.reissue(person)
    typed = older if kind in {"active", "reissued"} else "ABCD2345"

    refusals = []
    for identifier in (person.identifier, UNKNOWN):
        with pytest.raises(SignInRefused) as refusal:
            service.authenticate(identifier, typed, network=HOME, now=clock.now)
        refusals.append((type(refusal.value), refusal.value.sentence, refusal.value.variables))
    assert refusals[0] == refusals[1]


def test_en_05_only_the_right_secret_learns_that_the_letter_expired(
    idp_context: Flask, people: People, clock: FrozenClock
) -> None:
    person = people.with_letter()
    clock.advance(days=91)

    with pytest.raises(LetterExpired):
        service.authenticate(person.identifier, person.letter, network=HOME, now=clock.now)


def test_rc_07_a_sign_in_with_the_old_password_opens_nothing_once_it_was_changed(
    idp_context: Flask, people: People, now: datetime
) -> None:
    """Changed between the hash and the session, and changed by somebody who commits first."""
    person = people.active()
    authenticated = service.authenticate(person.identifier, CHOSEN, network=HOME, now=now)
    with transaction() as session:
        session.execute(
            update(Account)
            .where(Account.id == person.account_id)
            .values(password_hash=passwords.hash_password("Nv8sQx3z"))
        )

    with pytest.raises(SignInRefused), transaction():
        service.record_sign_in(authenticated, user_agent="", now=now)
    assert db.session.scalars(select(AccountSession)).all() == []


@pytest.mark.parametrize(
    "typed",
    [
        "Ｃ.ＤＵＰＯＮＴ",
        "c．dupont",
        "c.\u200bdupont",
        "\ufeffc.dupont\u2060",
        "c.dupont\u00ad",
        " \u00a0c.dupont\u3000",
        "\u202ec.dupont",
        "C.DUPONT",
        "c.dupo\u0301nt",
        "c․dupont",
        "𝐜.𝐝𝐮𝐩𝐨𝐧𝐭",
    ],
)
def test_in_03_one_folded_form_decides_who_it_is_and_counts(
    idp_context: Flask, people: People, now: datetime, typed: str
) -> None:
    people.of_state(AccountState.ACTIVE, identifier="c.dupont")

    assert outcome(typed, CHOSEN, now) == "in"
    for _ in range(5):
        outcome(typed, WRONG, now)
    assert outcome("c.dupont", CHOSEN, now) == 60


@pytest.mark.parametrize("typed", ["с.dupont", "c.duроnt", "c.dupοnt", "ϲ.dupont"])
def test_in_03_a_look_alike_from_another_alphabet_is_somebody_else(
    idp_context: Flask, people: People, now: datetime, typed: str
) -> None:
    people.of_state(AccountState.ACTIVE, identifier="c.dupont")

    assert outcome(typed, CHOSEN, now) == "wrong"


@pytest.mark.parametrize("typed", ["c.ﬁlou", "C.FILOU", "c.filou"])
def test_in_03_a_ligature_is_its_letters(
    idp_context: Flask, people: People, now: datetime, typed: str
) -> None:
    people.of_state(AccountState.ACTIVE, identifier="c.filou")

    assert outcome(typed, CHOSEN, now) == "in"


@pytest.mark.parametrize(
    "typed", ["' OR '1'='1", "x' OR 1=1 --", "'; DELETE FROM account; --", "c.dupont' --", "%", "c.dupon_"]
)
def test_in_09_what_is_typed_is_never_part_of_a_statement(
    idp_context: Flask, people: People, now: datetime, typed: str
) -> None:
    people.of_state(AccountState.ACTIVE, identifier="c.dupont")

    assert outcome(typed, CHOSEN, now) == "wrong"
    assert outcome("c.dupont", CHOSEN, now) == "in"
