"""Six digits, bound to the browser that asked for them."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from random import SystemRandom
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.messaging.rules import Channel
from idp.one_time_codes import challenges
from idp.one_time_codes.models import CodeChallenge, NumericCode
from idp.one_time_codes.rules import (
    Challenge,
    ChallengeRefused,
    ChallengeStage,
    OneTimeCodeExpired,
    OneTimeCodeLength,
    OneTimeCodeSpent,
    OneTimeCodeWrong,
    Purpose,
    ResendTooSoon,
    new_numeric_code,
)
from shared.secrets import digest
from tests.conftest import FrozenClock
from tests.factories import make_account
from tests.statements import recorded_statements

RECOVER = Purpose.RECOVER_PASSWORD
ADDRESS = "celine@exemple.fr"


def test_the_right_code_proves_and_what_it_proves_is_done_once(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    secret, numeric_code = start(account_id, now)

    proven = challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)
    completed = complete(secret, now)

    assert (proven.stage(now=now), completed.account_id) == (ChallengeStage.PROVEN, account_id)
    assert (completed.channel_address, completed.subject) == (ADDRESS, "c.lhenoret")
    with pytest.raises(ChallengeRefused):
        complete(secret, now)


def test_a_code_may_be_typed_with_spaces_and_hyphens(idp_context: Flask, now: datetime) -> None:
    secret, numeric_code = start(make_account(), now)
    typed = f" {numeric_code[:3]}\N{NO-BREAK SPACE}{numeric_code[3]}-{numeric_code[4:]}\n"

    assert challenges.verify_numeric_code(secret, RECOVER, typed, now=now).proven_at == now


@pytest.mark.parametrize("typed", ["", "48291", "4829137", "abcdef", "٤٨٢٩١٣"])
def test_what_cannot_be_a_code_costs_no_try(idp_context: Flask, now: datetime, typed: str) -> None:
    secret, _ = start(make_account(), now)

    with pytest.raises(OneTimeCodeLength):
        challenges.verify_numeric_code(secret, RECOVER, typed, now=now)

    assert found(secret).failures == 0


def test_bf_12_after_five_wrong_codes_neither_the_right_nor_a_new_one_works(
    idp_context: Flask, clock: FrozenClock
) -> None:
    secret, numeric_code = start(make_account(), clock.now)
    for _ in range(4):
        with pytest.raises(OneTimeCodeWrong):
            challenges.verify_numeric_code(secret, RECOVER, wrong(numeric_code), now=clock.now)
    with pytest.raises(OneTimeCodeSpent):
        challenges.verify_numeric_code(secret, RECOVER, wrong(numeric_code), now=clock.now)

    with pytest.raises(OneTimeCodeSpent):
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=clock.now)
    clock.advance(minutes=5)
    with pytest.raises(OneTimeCodeSpent):
        issue(found(secret).id, clock.now)


def test_bf_12_a_new_code_does_not_reset_the_failures(idp_context: Flask, clock: FrozenClock) -> None:
    secret, first = start(make_account(), clock.now)
    for _ in range(4):
        with pytest.raises(OneTimeCodeWrong):
            challenges.verify_numeric_code(secret, RECOVER, wrong(first), now=clock.now)
    clock.advance(seconds=30)
    second = issue(found(secret).id, clock.now)

    with pytest.raises(OneTimeCodeSpent):
        challenges.verify_numeric_code(secret, RECOVER, wrong(first, second), now=clock.now)

    with pytest.raises(OneTimeCodeSpent):
        challenges.verify_numeric_code(secret, RECOVER, second, now=clock.now)


def test_bf_12_of_fifty_guesses_at_once_five_are_evaluated(idp_app: Flask, now: datetime) -> None:
    with idp_app.app_context():
        secret, numeric_code = start(make_account(), now)
    barrier = Barrier(20)

    def guess(_number: int) -> bool:
        with idp_app.app_context():
            barrier.wait()
            try:
                challenges.verify_numeric_code(secret, RECOVER, wrong(numeric_code), now=now)
            except OneTimeCodeWrong:
                return True
            except OneTimeCodeSpent:
                return False
        return False

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(guess, range(20))) <= 4

    with idp_app.app_context():
        assert found(secret).failures == 5


def test_the_last_two_codes_stay_good_and_no_older_one(idp_context: Flask, clock: FrozenClock) -> None:
    account_id = make_account()
    secret, first = start(account_id, clock.now)
    clock.advance(seconds=30)
    second = issue(found(secret).id, clock.now)
    clock.advance(seconds=60)
    third = issue(found(secret).id, clock.now)

    if first not in (second, third):
        with pytest.raises(OneTimeCodeWrong):
            challenges.verify_numeric_code(secret, RECOVER, first, now=clock.now)

    assert challenges.verify_numeric_code(secret, RECOVER, second, now=clock.now).account_id == account_id


@pytest.mark.parametrize("codes_issued", [1, 2, 3, 4])
def test_sm_03_the_wait_for_another_code_grows(
    idp_context: Flask, clock: FrozenClock, codes_issued: int
) -> None:
    secret, _ = start(make_account(), clock.now)
    waits = [30, 60, 120, 120]
    for seconds in waits[: codes_issued - 1]:
        clock.advance(seconds=seconds)
        issue(found(secret).id, clock.now)

    clock.advance(seconds=waits[codes_issued - 1] - 1)
    with pytest.raises(ResendTooSoon) as refused:
        issue(found(secret).id, clock.now)
    clock.advance(seconds=1)
    issue(found(secret).id, clock.now)

    assert refused.value.variables == {"n": 1}


@pytest.mark.parametrize(("seconds", "is_good"), [(-1, True), (0, False), (1, False)])
def test_em_05_and_sm_04_a_code_is_dead_after_fifteen_minutes(
    idp_context: Flask, clock: FrozenClock, seconds: int, is_good: bool
) -> None:
    secret, numeric_code = start(make_account(), clock.now)
    clock.advance(minutes=15, seconds=seconds)

    if is_good:
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=clock.now)
    else:
        with pytest.raises(OneTimeCodeExpired):
            challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=clock.now)


def test_a_challenge_ends_after_its_hour_whatever_is_sent(idp_context: Flask, clock: FrozenClock) -> None:
    secret, _ = start(make_account(), clock.now)
    clock.advance(minutes=59)
    numeric_code = issue(found(secret).id, clock.now)
    clock.advance(minutes=1)

    with pytest.raises(OneTimeCodeExpired):
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=clock.now)
    with pytest.raises(ChallengeRefused):
        issue(found(secret).id, clock.now)


@pytest.mark.parametrize(("seconds", "is_good"), [(-1, True), (0, False)])
def test_a_proof_is_good_for_half_an_hour(
    idp_context: Flask, clock: FrozenClock, seconds: int, is_good: bool
) -> None:
    secret, numeric_code = start(make_account(), clock.now)
    challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=clock.now)
    clock.advance(minutes=30, seconds=seconds)

    assert (found(secret).stage(now=clock.now) is ChallengeStage.PROVEN) is is_good
    if is_good:
        complete(secret, clock.now)
    else:
        with pytest.raises(ChallengeRefused):
            complete(secret, clock.now)


def test_re_01_nothing_is_completed_without_its_code(idp_context: Flask, now: datetime) -> None:
    secret, _ = start(make_account(), now)

    with pytest.raises(ChallengeRefused):
        complete(secret, now)


def test_sm_04_a_code_is_good_in_its_own_challenge_alone(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    _, numeric_code = start(account_id, now)
    other_secret, other_code = start(account_id, now)

    if numeric_code != other_code:
        with pytest.raises(OneTimeCodeWrong):
            challenges.verify_numeric_code(other_secret, RECOVER, numeric_code, now=now)


def test_sm_04_a_code_is_used_once(idp_context: Flask, now: datetime) -> None:
    secret, numeric_code = start(make_account(), now)
    challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)

    with pytest.raises(OneTimeCodeExpired):
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)


def test_em_09_a_code_of_one_purpose_is_refused_for_another(idp_context: Flask, now: datetime) -> None:
    secret, numeric_code = start(make_account(), now)

    with pytest.raises(ChallengeRefused):
        challenges.verify_numeric_code(secret, Purpose.CONFIRM_PHONE, numeric_code, now=now)
    challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)

    with pytest.raises(ChallengeRefused), transaction():
        challenges.complete_challenge(secret, Purpose.CONFIRM_PHONE, now=now)


@pytest.mark.parametrize("guessed", ["", " ", "null", "A" * 43, "é" * 43])
def test_a_guessed_cookie_is_nothing(idp_context: Flask, now: datetime, guessed: str) -> None:
    _, numeric_code = start(make_account(), now)

    with pytest.raises(ChallengeRefused):
        challenges.verify_numeric_code(guessed, RECOVER, numeric_code, now=now)


def test_no_code_solves_a_decoy(idp_context: Flask, now: datetime) -> None:
    """Not even the one that it was issued, which nobody was sent."""
    secret, numeric_code = start(None, now)

    with pytest.raises(OneTimeCodeWrong):
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)


def test_en_03_a_decoy_runs_the_same_statements(idp_context: Flask, now: datetime) -> None:
    account_id, seen = make_account(), []
    for holder in (account_id, None):
        with recorded_statements(db.engine) as statements:
            secret, numeric_code = start(holder, now)
            with pytest.raises(OneTimeCodeWrong):
                challenges.verify_numeric_code(secret, RECOVER, wrong(numeric_code), now=now)
        seen.append(list(statements))

    assert seen[0] == seen[1]
    assert len(seen[0]) > 5


def test_em_06_codes_are_six_uniform_digits(idp_context: Flask, now: datetime) -> None:
    challenge_id = found(start(make_account(), now)[0]).id
    with transaction() as session:
        row = session.get_one(CodeChallenge, challenge_id)
        drawn = []
        for _ in range(500):
            row.codes_sent_at = None
            session.flush()
            drawn.append(challenges.issue_numeric_code(challenge_id, now=now))

    assert all(re.fullmatch(r"[0-9]{6}", numeric_code) for numeric_code in drawn)
    assert len(set(drawn)) > 490
    for place in range(6):
        assert all(25 <= count <= 80 for count in Counter(code[place] for code in drawn).values())


def test_sm_04_ten_thousand_codes_follow_no_pattern() -> None:
    drawn = [int(new_numeric_code(SystemRandom())) for _ in range(10_000)]

    assert len(set(drawn)) > 9_800
    for place in range(6):
        counts = Counter(code // 10**place % 10 for code in drawn)
        assert all(800 <= counts[digit] <= 1_200 for digit in range(10))
    # None follows from the one before.
    steps = Counter((later - earlier) % 10**6 for earlier, later in pairwise(drawn))
    assert max(steps.values()) < 5


def test_em_07_neither_code_nor_cookie_is_stored(idp_context: Flask, now: datetime) -> None:
    secret, numeric_code = start(make_account(), now)

    stored = [
        getattr(row, column.key)
        for table in (CodeChallenge, NumericCode)
        for row in db.session.scalars(select(table))
        for column in table.__table__.columns
        if column.key != "id"
    ]

    assert secret not in stored
    assert numeric_code not in " ".join(str(value) for value in stored)
    # Nor a plain hash of six digits, which is no secret.
    assert digest(numeric_code) not in stored


def test_ended_challenges_are_over(idp_context: Flask, now: datetime) -> None:
    mine, theirs = make_account(), make_account()
    secret, numeric_code = start(mine, now)
    other_secret, other_code = start(theirs, now)
    challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)

    with transaction():
        challenges.end_challenges(RECOVER, mine, now=now)

    with pytest.raises(ChallengeRefused):
        complete(secret, now)
    challenges.verify_numeric_code(other_secret, RECOVER, other_code, now=now)


def test_old_challenges_are_purged_with_their_codes(idp_context: Flask, clock: FrozenClock) -> None:
    start(make_account(), clock.now)
    clock.advance(minutes=89)
    kept, _ = start(make_account(), clock.now)
    clock.advance(minutes=1)

    with transaction():
        gone = challenges.purge_challenges(now=clock.now)

    assert gone == 1
    assert [row.id for row in db.session.scalars(select(CodeChallenge))] == [found(kept).id]
    assert len(db.session.scalars(select(NumericCode)).all()) == 1


def test_rc_02_fifty_completions_at_once_and_one_wins(idp_app: Flask, now: datetime) -> None:
    with idp_app.app_context():
        secret, numeric_code = start(make_account(), now)
        challenges.verify_numeric_code(secret, RECOVER, numeric_code, now=now)
    barrier = Barrier(20)

    def attempt(_number: int) -> bool:
        with idp_app.app_context():
            barrier.wait()
            try:
                complete(secret, now)
            except ChallengeRefused:
                return False
            return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1


def start(account_id: AccountId | None, now: datetime) -> tuple[str, str]:
    """A challenge with one code: the browser's secret, the digits. Without an account, a decoy."""
    with transaction():
        challenge, secret = challenges.start_challenge(
            RECOVER,
            account_id=account_id,
            channel=Channel.EMAIL,
            channel_address=ADDRESS if account_id else None,
            subject="c.lhenoret",
            now=now,
        )
        return secret, challenges.issue_numeric_code(challenge.id, now=now)


def issue(challenge_id: object, now: datetime) -> str:
    with transaction():
        return challenges.issue_numeric_code(challenge_id, now=now)  # type: ignore[arg-type]


def complete(secret: str, now: datetime) -> Challenge:
    with transaction():
        return challenges.complete_challenge(secret, RECOVER, now=now)


def found(secret: str) -> Challenge:
    challenge = challenges.find_challenge(secret, RECOVER)
    assert challenge is not None
    return challenge


def wrong(*numeric_codes: str) -> str:
    """Six digits that are none of these."""
    return next(f"{number:06d}" for number in range(9) if f"{number:06d}" not in numeric_codes)
