"""/ce-n-est-pas-moi: what opening it changes, what freezes the account, and what is left afterwards."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.devices import service as devices
from idp.devices.models import KnownDevice
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.notices.rules import Notice
from idp.notices.service import notify
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.models import AccountSession
from idp.sessions.rules import OpenedWith
from tests.conftest import MORNING
from tests.factories import make_account, make_child, make_link
from tests.web import form_values

CHOSEN = "Kx7mPq2w"
INTRUDERS = "Zw9nRt4k"
RIGHT_DATE = {"birth_day": "14", "birth_month": "3", "birth_year": "2017"}
WRONG_DATE = RIGHT_DATE | {"birth_day": "15"}


@pytest.fixture
def account_id(idp_app):
    with idp_app.app_context():
        account_id = make_account(
            identifier="c.lhenoret2",
            state=AccountState.ACTIVE,
            email="celine@exemple.fr",
            email_confirmed_at=MORNING,
            email_recovers_from=MORNING,
            activated_at=MORNING,
            password_hash=passwords.hash_password(CHOSEN),
        )
        make_link(account_id, make_child(birth_date=date(2017, 3, 14)))
    return account_id


@pytest.fixture
def told(idp_app, account_id):
    """Tells of something that happened, and returns the path that its mail carries."""

    def tell(notice, now, **variables) -> str:
        with idp_app.app_context():
            with transaction():
                notify(account_id, notice, now=now, **variables)
            row = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)).one()
            words = messaging._open(row).text
        return next(line for line in words.splitlines() if "/ce-n-est-pas-moi?" in line).removeprefix(
            "https://compte.example"
        )

    return tell


@pytest.fixture
def taken_over(idp_app, account_id, clock):
    """Somebody signed in, changed the address and is still there. Returns their session's secret."""
    with idp_app.app_context(), transaction():
        accounts.set_pending_email(account_id, "intrus@exemple.fr", now=clock.now)
        accounts.change_email(account_id, "intrus@exemple.fr", now=clock.now)
        devices.remember(account_id, "c.lhenoret2", "d" * 43, now=clock.now)
        return sessions.open_session(account_id, OpenedWith.CHOSEN, now=clock.now).session_id


def post(client, path, values):
    page = client.get(path)
    return client.post(path, data={"csrf_token": form_values(page.text)["csrf_token"]} | values)


def account_of(app, account_id) -> Account:
    with app.app_context():
        return db.session.get_one(Account, account_id)


def is_frozen(app, account_id) -> bool:
    return account_of(app, account_id).password_hash is None


@pytest.mark.parametrize(
    "notice", [notice for notice in Notice if notice not in {"new_device", "new_service"}]
)
def test_the_page_says_what_happened_and_when(idp_client, told, notice, clock):
    page = idp_client.get(told(notice, clock.now))

    assert page.status_code == 200
    assert "23 novembre 2026 à 09:00" in page.text
    assert "c.lhenoret2" in page.text
    assert "École du Lac" in page.text


def test_g13_opening_it_changes_nothing_however_often(idp_app, idp_client, told, account_id, clock):
    path = told(Notice.PASSWORD_CHANGED, clock.now)
    for method in ("get", "head", "options", "get"):
        getattr(idp_client, method)(path)
    idp_client.post(path, data={})  # a scanner that submits every form, without a token
    page = idp_client.get(path)
    empty = form_values(page.text)

    assert idp_client.post(path, data=empty).status_code == 422
    assert idp_client.post(path, data=empty | {"password": ""}).status_code == 422
    assert idp_client.post(path, data=empty | {"password": "password"}).status_code == 422
    assert idp_client.post(path, data=empty | WRONG_DATE).status_code == 422
    assert not is_frozen(idp_app, account_id)


@pytest.mark.parametrize("proof", [RIGHT_DATE, {"password": CHOSEN}], ids=["birth date", "password"])
def test_either_proof_takes_the_account_out_of_everybody_s_hands(
    idp_app, idp_client, told, account_id, taken_over, clock, proof
):
    path = told(Notice.EMAIL_CHANGED, clock.now, to="celine@exemple.fr")

    answer = post(idp_client, path, proof)

    assert (answer.status_code, answer.location) == (303, path)
    account = account_of(idp_app, account_id)
    assert (account.state, account.password_hash, account.email) == (
        AccountState.ACTIVE,
        None,
        "celine@exemple.fr",
    )
    assert account.password_changed_at == clock.now
    with idp_app.app_context():
        assert sessions.find_session(taken_over, now=clock.now) is None
        assert db.session.scalar(select(func.count()).select_from(KnownDevice)) == 0
        frozen = db.session.scalars(
            select(AuditEntry.details).where(AuditEntry.name == "account:not_me:frozen")
        ).one()
    assert (frozen["notice"], frozen["changes_undone"]) == ("email_changed", 1)


def test_nobody_signs_in_until_it_is_given_back(idp_app, idp_client, told, account_id, clock):
    post(idp_client, told(Notice.NEW_DEVICE, clock.now, browser="Firefox", system="Mac"), RIGHT_DATE)

    page = idp_client.get("/connexion")
    refused = idp_client.post(
        "/connexion", data=form_values(page.text) | {"identifier": "c.lhenoret2", "password": CHOSEN}
    )
    assert refused.status_code == 422


def test_the_page_then_says_how_to_come_back(idp_client, told, clock):
    path = told(Notice.PASSWORD_CHANGED, clock.now)
    post(idp_client, path, RIGHT_DATE)

    page = idp_client.get(path)
    assert "Le compte est bloqué" in page.text
    assert 'href="/mot-de-passe-perdu"' in page.text
    assert "École du Lac" in page.text


def test_sent_twice_it_acts_once(idp_app, idp_client, told, clock):
    path = told(Notice.PASSWORD_CHANGED, clock.now)
    token = form_values(idp_client.get(path).text)
    answers = [idp_client.post(path, data=token | RIGHT_DATE) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    with idp_app.app_context():
        frozen = select(func.count()).where(AuditEntry.name == "account:not_me:frozen")
        assert db.session.scalar(frozen) == 1


def test_the_birth_date_is_asked_three_times_a_day_whatever_mail_led_here(
    idp_app, idp_client, told, account_id, clock
):
    for _ in range(3):
        path = told(Notice.PASSWORD_CHANGED, clock.now)
        assert post(idp_client, path, WRONG_DATE).status_code == 422

    slowed = post(idp_client, told(Notice.PHONE_CHANGED, clock.now), RIGHT_DATE)
    assert slowed.status_code == 429
    assert slowed.headers["Retry-After"] == "86400"
    assert "École du Lac" in slowed.text
    assert not is_frozen(idp_app, account_id)

    clock.advance(days=1, seconds=-1)
    assert post(idp_client, path, RIGHT_DATE).status_code == 429
    clock.advance(seconds=1)
    assert post(idp_client, path, RIGHT_DATE).status_code == 303


def test_ten_wrong_dates_in_all_and_then_only_the_password_or_the_school(
    idp_app, idp_client, told, account_id, clock
):
    for number in range(10):
        if number % 3 == 0 and number:
            clock.advance(days=1)
        path = told(Notice.PASSWORD_CHANGED, clock.now)
        assert post(idp_client, path, WRONG_DATE).status_code == 422

    clock.advance(days=1)
    spent = post(idp_client, path, RIGHT_DATE)
    assert spent.status_code == 429
    assert "Retry-After" not in spent.headers
    assert post(idp_client, path, {"password": CHOSEN}).status_code == 303


def test_bf_04_passwords_here_are_counted_with_those_of_sign_in(idp_client, told, clock):
    path = told(Notice.PASSWORD_CHANGED, clock.now)
    for _ in range(5):
        assert post(idp_client, path, {"password": INTRUDERS}).status_code == 422

    assert post(idp_client, path, {"password": CHOSEN}).status_code == 429
    page = idp_client.get("/connexion")
    slowed = idp_client.post(
        "/connexion", data=form_values(page.text) | {"identifier": "c.lhenoret2", "password": CHOSEN}
    )
    assert slowed.status_code == 429


@pytest.mark.parametrize(("seconds", "is_open"), [(-1, True), (0, False), (1, False)])
def test_the_way_to_object_is_open_for_seven_days(idp_client, told, clock, seconds, is_open):
    path = told(Notice.PASSWORD_CHANGED, clock.now)
    clock.now += timedelta(days=7, seconds=seconds)

    assert ("Bloquer le compte" in idp_client.get(path).text) is is_open


@pytest.mark.parametrize("query", ["", "?code=", "?code=" + "x" * 43, "?code=" + "x" * 5000])
def test_a_url_that_is_not_ours_is_no_dead_end(idp_client, query):
    page = idp_client.get(f"/ce-n-est-pas-moi{query}")

    assert page.status_code == 200
    assert 'href="/mot-de-passe-perdu"' in page.text


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MERGED])
def test_an_account_that_serves_no_more_has_nothing_to_freeze(
    idp_app, idp_client, told, account_id, clock, state
):
    path = told(Notice.ACCOUNT_CLOSED, clock.now)
    token = form_values(idp_client.get(path).text)
    with idp_app.app_context(), transaction():
        accounts.change_state(account_id, from_states={AccountState.ACTIVE}, to=state, now=clock.now)

    assert "Ce compte ne sert plus" in idp_client.get(path).text
    assert idp_client.post(path, data=token | RIGHT_DATE).status_code == 303
    assert not is_frozen(idp_app, account_id)


def test_a_secret_of_another_purpose_does_not_open_it(idp_app, idp_client, account_id, clock):
    from idp.one_time_codes.rules import Purpose
    from idp.one_time_codes.service import issue_one_time_code

    with idp_app.app_context(), transaction():
        secret = issue_one_time_code(
            Purpose.CONFIRM_NEW_ADDRESS,
            account_id,
            channel_address="x@exemple.fr",
            valid_for=timedelta(days=1),
            now=clock.now,
        )

    assert "Ce lien ne peut plus servir" in idp_client.get(f"/ce-n-est-pas-moi?code={secret}").text


def test_another_account_of_the_same_mailbox_is_not_touched(idp_app, idp_client, told, account_id, clock):
    with idp_app.app_context():
        other = make_account(
            state=AccountState.ACTIVE,
            email="celine@exemple.fr",
            email_confirmed_at=MORNING,
            password_hash=passwords.hash_password(CHOSEN),
        )
        with transaction():
            sessions.open_session(other, OpenedWith.CHOSEN, now=clock.now)

    post(idp_client, told(Notice.PASSWORD_CHANGED, clock.now), RIGHT_DATE)

    assert not is_frozen(idp_app, other)
    with idp_app.app_context():
        ended = db.session.scalars(
            select(AccountSession.ended_at).where(AccountSession.account_id == other)
        ).all()
    assert ended == [None]
