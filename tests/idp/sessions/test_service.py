import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.sessions import service as sessions
from idp.sessions.models import AccountSession
from idp.sessions.rules import OpenedWith, SessionEndReason
from idp.sessions.service import OpenedSession
from shared.secrets import digest
from tests.conftest import FrozenClock
from tests.factories import make_account


def test_an_open_session_is_found_with_who_and_what_it_opens(idp_context: Flask, now: datetime) -> None:
    account_id = make_account(state=AccountState.ACTIVE)
    opened = open_session(account_id, now)

    found = sessions.find_session(opened.session_id, now=now)

    assert found is not None
    assert (found.account_id, found.sid, found.signed_in_at) == (account_id, opened.sid, now)
    assert found.is_full


def test_se_03_the_cookies_secret_is_not_the_public_sid_and_only_its_digest_is_stored(
    idp_context: Flask, now: datetime
) -> None:
    opened = open_session(make_account(state=AccountState.ACTIVE), now)

    row = db.session.scalars(select(AccountSession)).one()

    stored = " ".join(str(getattr(row, column.key)) for column in AccountSession.__table__.columns)
    assert opened.session_id not in stored
    assert row.session_digest == digest(opened.session_id)
    assert opened.sid != opened.session_id
    assert sessions.find_session(opened.sid, now=now) is None


def test_se_05_session_secrets_are_256_random_bits(idp_context: Flask, now: datetime) -> None:
    account_id = make_account(state=AccountState.ACTIVE)
    with transaction():
        opened = [sessions.open_session(account_id, OpenedWith.CHOSEN, now=now) for _ in range(300)]

    secrets = {session.session_id for session in opened} | {session.sid for session in opened}
    assert len(secrets) == 600
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in secrets)
    for place in range(42):
        assert len({secret[place] for secret in secrets}) > 50


@pytest.mark.parametrize(("seconds", "lives"), [(-1, True), (0, False), (1, False)])
def test_se_06_a_session_ends_after_30_idle_minutes(
    idp_context: Flask, clock: FrozenClock, seconds: int, lives: bool
) -> None:
    opened = open_session(make_account(state=AccountState.ACTIVE), clock.now)

    found = sessions.find_session(opened.session_id, now=clock.advance(minutes=30, seconds=seconds))

    assert (found is not None) is lives


@pytest.mark.parametrize(("seconds", "lives"), [(-1, True), (0, False), (1, False)])
def test_se_06_a_session_in_use_ends_after_8_hours(
    idp_context: Flask, clock: FrozenClock, seconds: int, lives: bool
) -> None:
    opened = open_session(make_account(state=AccountState.ACTIVE), clock.now)
    for _ in range(20):
        use(opened, clock.advance(minutes=23))

    clock.advance(minutes=20, seconds=seconds)

    assert (sessions.find_session(opened.session_id, now=clock.now) is not None) is lives


def test_the_last_seen_time_is_written_at_most_once_a_minute(idp_context: Flask, clock: FrozenClock) -> None:
    opened = open_session(make_account(state=AccountState.ACTIVE), clock.now)
    begun = clock.now

    use(opened, clock.advance(seconds=59))
    assert last_seen(opened) == begun

    use(opened, clock.advance(seconds=1))
    assert last_seen(opened) == clock.now


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MERGED, AccountState.CREATED])
def test_a_suspended_account_has_no_session(idp_context: Flask, now: datetime, state: AccountState) -> None:
    account_id = make_account(state=AccountState.ACTIVE)
    opened = open_session(account_id, now)

    with transaction() as session:
        session.execute(update(Account).where(Account.id == account_id).values(state=state))

    assert sessions.find_session(opened.session_id, now=now) is None


def test_se_01_a_new_session_ends_the_one_that_the_browser_held(idp_context: Flask, now: datetime) -> None:
    former = open_session(make_account(state=AccountState.ACTIVE), now)
    someone_else = make_account(state=AccountState.ACTIVE)

    with transaction():
        opened = sessions.open_session(someone_else, OpenedWith.CHOSEN, replacing=former.session_id, now=now)

    assert sessions.find_session(former.session_id, now=now) is None
    assert opened.session_id != former.session_id
    assert opened.sid != former.sid


def test_se_01_a_letters_session_that_gains_the_account_gets_a_new_secret(
    idp_context: Flask, now: datetime
) -> None:
    account_id = make_account(state=AccountState.ACTIVE)
    with transaction():
        former = sessions.open_session(account_id, OpenedWith.PROVISIONAL, issue_number=2, now=now)
    held = sessions.find_session(former.session_id, now=now)
    assert held is not None
    assert not held.is_full

    with transaction():
        renewed = sessions.renew_session(held)

    found = sessions.find_session(renewed.session_id, now=now)
    assert found is not None
    assert found.is_full
    assert (found.issue_number, found.signed_in_at) == (None, held.signed_in_at)
    assert sessions.find_session(former.session_id, now=now) is None
    assert renewed.sid != former.sid


def test_se_07_all_sessions_but_one_end_together(idp_context: Flask, now: datetime) -> None:
    account_id = make_account(state=AccountState.ACTIVE)
    kept, *others = [open_session(account_id, now) for _ in range(4)]
    stranger = open_session(make_account(state=AccountState.ACTIVE), now)

    with transaction():
        ended = sessions.end_all_sessions(
            account_id, SessionEndReason.PASSWORD_CHOSEN, keeping=kept.id, now=now
        )

    assert ended == 3
    assert [sessions.find_session(other.session_id, now=now) for other in others] == [None] * 3
    assert sessions.find_session(kept.session_id, now=now) is not None
    assert sessions.find_session(stranger.session_id, now=now) is not None


def test_a_session_ended_by_ten_requests_at_once_ends_once(idp_app: Flask, now: datetime) -> None:
    with idp_app.app_context():
        opened = open_session(make_account(state=AccountState.ACTIVE), now)
    barrier = Barrier(10)

    def end(_number: int) -> None:
        with idp_app.app_context():
            barrier.wait()
            with transaction():
                sessions.end_session(opened.id, now=now)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(end, range(10)))

    with idp_app.app_context():
        ended = select(func.count()).where(AuditEntry.name == "account:sessions:ended")
        assert sessions.find_session(opened.session_id, now=now) is None
        assert db.session.scalar(ended) == 1


def test_a_long_user_agent_is_cut(idp_context: Flask, now: datetime) -> None:
    account_id = make_account(state=AccountState.ACTIVE)

    with transaction():
        sessions.open_session(account_id, OpenedWith.CHOSEN, user_agent="é" * 5000, now=now)

    assert db.session.scalar(select(func.length(AccountSession.user_agent))) == 300


def open_session(account_id: AccountId, now: datetime) -> OpenedSession:
    with transaction():
        return sessions.open_session(account_id, OpenedWith.CHOSEN, now=now)


def use(opened: OpenedSession, now: datetime) -> None:
    found = sessions.find_session(opened.session_id, now=now)
    assert found is not None
    sessions.touch(found, now=now)


def last_seen(opened: OpenedSession) -> datetime | None:
    return db.session.scalar(select(AccountSession.last_seen_at).where(AccountSession.id == opened.id))
