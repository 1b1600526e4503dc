import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, text

from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.models import OneTimeCode
from idp.one_time_codes.rules import KnownCode, OneTimeCodeRefused, Purpose, Standing
from shared.secrets import digest
from tests.conftest import FrozenClock
from tests.factories import make_account

CONFIRM = Purpose.CONFIRM_ACTIVATION_ADDRESS
ADDRESS = "celine@exemple.fr"


def test_a_code_is_consumed_once(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    secret = issue(account_id, now)

    consumed = consume(secret, account_id, now)

    assert (consumed.account_id, consumed.channel_address) == (account_id, ADDRESS)
    with pytest.raises(OneTimeCodeRefused):
        consume(secret, account_id, now)


def test_twenty_threads_consume_one_code_and_one_wins(idp_app: Flask, now: datetime) -> None:
    with idp_app.app_context():
        account_id = make_account()
        secret = issue(account_id, now)
    barrier = Barrier(20)

    def attempt(_number: int) -> bool:
        with idp_app.app_context():
            barrier.wait()
            try:
                consume(secret, account_id, now)
            except OneTimeCodeRefused:
                return False
            return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1


def test_a_code_may_leave_the_older_ones_alive(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    secrets = []
    for about in ("password_changed", "new_device"):
        with transaction():
            secret = one_time_codes.issue_one_time_code(
                Purpose.NOT_ME,
                account_id,
                channel_address=ADDRESS,
                valid_for=timedelta(days=7),
                about=about,
                keeps_older=True,
                now=now,
            )
        secrets.append(secret)

    known = [one_time_codes.find_one_time_code(secret, Purpose.NOT_ME, now=now) for secret in secrets]

    assert [(code.standing, code.about) for code in known if code] == [
        (Standing.USABLE, "password_changed"),
        (Standing.USABLE, "new_device"),
    ]


@pytest.mark.parametrize(("seconds", "is_usable"), [(-1, True), (0, False), (1, False)])
def test_em_05_a_code_is_dead_at_its_end(
    idp_context: Flask, clock: FrozenClock, seconds: int, is_usable: bool
) -> None:
    account_id = make_account()
    secret = issue(account_id, clock.now)
    clock.advance(hours=24, seconds=seconds)

    known = one_time_codes.find_one_time_code(secret, CONFIRM, now=clock.now)

    assert known is not None
    assert (known.standing is Standing.USABLE) is is_usable
    if not is_usable:
        with pytest.raises(OneTimeCodeRefused):
            consume(secret, account_id, clock.now)


def test_em_04_a_newer_code_supersedes_the_older(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    older = issue(account_id, now)
    newer = issue(account_id, now)

    with pytest.raises(OneTimeCodeRefused):
        consume(older, account_id, now)

    known = one_time_codes.find_one_time_code(older, CONFIRM, now=now)
    assert known is not None
    assert known.standing is Standing.SUPERSEDED
    assert consume(newer, account_id, now).standing is Standing.CONSUMED


def test_a_newer_code_may_leave_the_older_ones_alone(idp_context: Flask, now: datetime) -> None:
    """« Ce n’est pas moi » in yesterday's mail works beside today's."""
    account_id = make_account()
    with transaction():
        secrets = [
            one_time_codes.issue_one_time_code(
                Purpose.NOT_ME,
                account_id,
                channel_address=ADDRESS,
                valid_for=timedelta(days=7),
                keeps_older=True,
                now=now,
            )
            for _ in range(2)
        ]

    known = [one_time_codes.find_one_time_code(secret, Purpose.NOT_ME, now=now) for secret in secrets]

    assert [code.standing for code in known if code] == [Standing.USABLE] * 2


def test_em_04_codes_of_other_accounts_stay(idp_context: Flask, now: datetime) -> None:
    mine, theirs = make_account(), make_account()
    their_secret = issue(theirs, now)

    issue(mine, now)

    assert consume(their_secret, theirs, now).account_id == theirs


def test_em_06_secrets_are_256_random_bits(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    with transaction():
        secrets = [issue_in_transaction(account_id, now) for _ in range(500)]

    assert len(set(secrets)) == len(secrets)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in secrets)
    # No part of a secret stays the same or counts up: every place takes most of the 64 characters.
    for place in range(42):
        assert len(Counter(secret[place] for secret in secrets)) > 50


def test_em_07_only_digests_are_stored(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    secret = issue(account_id, now)

    row = db.session.scalars(select(OneTimeCode)).one()

    stored = " ".join(str(getattr(row, column.key)) for column in OneTimeCode.__table__.columns)
    assert row.digest == digest(secret)
    assert secret[:16] not in stored
    with pytest.raises(OneTimeCodeRefused):
        consume(row.digest.hex(), account_id, now)


@pytest.mark.parametrize("other_purpose", ["change_address", "recover_password", "undo_change"])
def test_em_09_a_secret_of_one_purpose_is_refused_for_another(
    idp_context: Flask, now: datetime, other_purpose: str
) -> None:
    account_id = make_account()
    secret = issue(account_id, now)
    with transaction() as session:
        # Past the model: a purpose that another journey will bring.
        session.execute(text("UPDATE one_time_codes SET purpose = :purpose"), {"purpose": other_purpose})

    with pytest.raises(OneTimeCodeRefused):
        consume(secret, account_id, now)

    assert one_time_codes.find_one_time_code(secret, CONFIRM, now=now) is None


def test_em_09_a_secret_of_one_account_is_refused_for_another(idp_context: Flask, now: datetime) -> None:
    mine, theirs = make_account(), make_account()
    secret = issue(mine, now)

    with pytest.raises(OneTimeCodeRefused):
        consume(secret, theirs, now)

    assert consume(secret, mine, now).account_id == mine


@pytest.mark.parametrize("guessed", ["", " ", "null", "A" * 43, "é" * 43])
def test_a_guessed_secret_is_nothing(idp_context: Flask, now: datetime, guessed: str) -> None:
    account_id = make_account()
    issue(account_id, now)

    with pytest.raises(OneTimeCodeRefused):
        consume(guessed, account_id, now)

    assert one_time_codes.find_one_time_code(guessed, CONFIRM, now=now) is None


def test_a_code_keeps_the_request_that_the_person_came_with(idp_context: Flask, now: datetime) -> None:
    account_id = make_account()
    secret = issue(account_id, now, demande="sealed")

    assert consume(secret, account_id, now).demande == "sealed"


def issue(account_id: AccountId, now: datetime, demande: str | None = None) -> str:
    with transaction():
        return issue_in_transaction(account_id, now, demande)


def issue_in_transaction(account_id: AccountId, now: datetime, demande: str | None = None) -> str:
    return one_time_codes.issue_one_time_code(
        CONFIRM,
        account_id,
        channel_address=ADDRESS,
        valid_for=timedelta(hours=24),
        demande=demande,
        now=now,
    )


def consume(secret: str, account_id: AccountId, now: datetime) -> KnownCode:
    with transaction():
        return one_time_codes.consume_one_time_code(secret, CONFIRM, account_id, now=now)
