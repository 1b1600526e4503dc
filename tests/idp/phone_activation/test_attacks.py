"""What somebody who is not the parent could try with activation by phone."""

import re
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState, Names
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families.models import Guardian, Link
from idp.families.rules import LinkState
from idp.one_time_codes.models import CodeChallenge
from idp.one_time_codes.rules import ChallengeRefused
from idp.passwords import service as passwords
from idp.phone_activation import service
from idp.phone_activation.rules import TypedPerson
from idp.throttling import service as throttling
from tests.conftest import FrozenClock
from tests.hashing import CountingHasher
from tests.idp.activation.conftest import Browser, form_filled
from tests.idp.phone_activation.conftest import (
    BIRTH_DATE,
    CODE,
    LAST,
    NEW_PASSWORD,
    PHONE,
    START,
    TYPED,
    enter,
    finish,
    send_again,
)
from tests.statements import recorded_statements
from tests.web import form_values

UNKNOWN = {
    "another name": {"family_name": "Dupont"},
    "another given name": {"given_name": "Jeanne"},
    "another number": {"phone": "06 39 98 99 99"},
}
UNSERVED = [AccountState.ACTIVE, AccountState.DISABLED, AccountState.MERGED]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_en_03_a_match_and_none_have_one_answer_at_one_cost(
    parent: AccountId,
    new_browser: Callable[[], Browser],
    idp_app: Flask,
    password_hasher: CountingHasher,
    clock: FrozenClock,
    unknown: str,
) -> None:
    known = told(new_browser(), idp_app, TYPED)
    clock.advance(days=1, minutes=1)

    assert told(new_browser(), idp_app, TYPED | {"phone": "06 39 98 12 34"} | UNKNOWN[unknown]) == known
    assert password_hasher.verified == 0


def told(browser: Browser, app: Flask, typed: dict[str, str]) -> list[Any]:
    """Status, headers, bytes and statements of the whole exchange, with what was typed struck out."""
    answers, told_so_far = [], []
    with app.app_context():
        engine = db.engine
    page = browser.get(START)
    for step in (
        lambda: browser.send(page, typed, action=START),
        lambda: browser.get(CODE),
        lambda: browser.fill(CODE, {"one_time_code": "000000"}, action=CODE),
        lambda: browser.fill(CODE, {"act": "send_again"}, action=CODE),
    ):
        with recorded_statements(engine) as statements:
            answers.append(step())
        told_so_far.append(list(statements))
    return [
        (
            answer.status_code,
            sorted((name, struck(value)) for name, value in answer.headers if name != "Content-Length"),
            struck(answer.text),
            asked,
        )
        for answer, asked in zip(answers, told_so_far, strict=True)
    ]


def struck(text: str) -> str:
    text = re.sub(r"(?:\d\d\u00a0){4}\d\d", "NUMBER", text)
    text = re.sub(r'name="csrf_token" value="[^"]*"', "TOKEN", text)
    text = re.sub(r"Expires=[^;]*", "EXPIRES", text)
    text = re.sub(r"(idp_phone_activation|session)=[^;]*", r"\1=SECRET", text)
    return re.sub(r"dans \d+ secondes|data-countdown=\"\d+\"", "WAIT", text)


@pytest.mark.parametrize("state", UNSERVED)
def test_en_03_an_account_that_is_active_or_ended_gets_nothing(
    new_parent: Callable[..., AccountId], browser: Browser, sent: Callable[[], list[Any]], state: AccountState
) -> None:
    new_parent(state=state)

    assert browser.fill(START, TYPED, action=START).location == CODE
    assert sent() == []


def test_en_03_the_pace_tells_no_right_name_from_a_wrong_one(
    parent: AccountId, new_browser: Callable[[], Browser]
) -> None:
    """A wrong name first, then the guess: waits must not say which it was."""
    statuses = []
    for guess in ({"given_name": "Céline"}, {"given_name": "Julie"}):
        phone = {"phone": "0639981234"} if guess["given_name"] == "Céline" else {"phone": "0639985678"}
        new_browser().fill(START, TYPED | phone | {"given_name": "Xavier"}, action=START)
        statuses.append(new_browser().fill(START, TYPED | phone | guess, action=START).status_code)

    assert statuses == [429, 429]


def test_en_03_a_shared_phone_is_decided_by_the_names(
    new_parent: Callable[..., AccountId], browser: Browser, sent: Callable[[], list[Any]], idp_app: Flask
) -> None:
    new_parent(given_name="Gaëtan")
    celine = new_parent()

    browser.fill(START, TYPED, action=START)

    assert [message.to for message in sent()] == [PHONE]
    with idp_app.app_context():
        assert db.session.scalars(select(CodeChallenge.account_id)).all() == [celine]


def test_en_03_two_of_one_name_and_number_get_nothing(
    new_parent: Callable[..., AccountId], browser: Browser, sent: Callable[[], list[Any]]
) -> None:
    for _ in range(2):
        new_parent()

    assert browser.fill(START, TYPED, action=START).location == CODE
    assert sent() == []


def test_en_03_without_an_active_link_nothing_is_sent(
    parent: AccountId, browser: Browser, sent: Callable[[], list[Any]], idp_app: Flask
) -> None:
    with idp_app.app_context(), transaction() as session:
        session.execute(update(Link).values(state=LinkState.FROZEN))

    browser.fill(START, TYPED, action=START)

    assert sent() == []


def test_sm_02_the_sms_goes_to_the_schools_number_alone(
    parent: AccountId, browser: Browser, sent: Callable[[], list[Any]]
) -> None:
    browser.fill(START, TYPED | {"phone": "06 39 98 99 99"}, action=START)

    assert sent() == []


def test_sm_05_the_sms_names_nobody_and_is_bound_to_our_pages(
    parent: AccountId, browser: Browser, sent: Callable[[], list[Any]], sent_code: Callable[[], str]
) -> None:
    browser.fill(START, TYPED, action=START)

    text = sent()[-1].text
    assert text.splitlines()[-1] == f"@compte.example #{sent_code()}"
    assert not any(name in text for name in ("Céline", "HÉNORET", "Maël", "lhenoret"))


def test_sm_03_codes_asked_for_in_a_loop_wait_longer_and_end_at_five_a_day(
    parent: AccountId, new_browser: Callable[[], Browser], clock: FrozenClock, sent: Callable[[], list[Any]]
) -> None:
    for seconds in (30, 60, 120, 120, 120):
        assert new_browser().fill(START, TYPED, action=START).status_code == 303
        clock.advance(seconds=seconds - 1)
        assert new_browser().fill(START, TYPED, action=START).status_code == 429
        clock.advance(seconds=1)

    assert new_browser().fill(START, TYPED, action=START).status_code == 429
    assert len(sent()) == 5


def test_bf_12_five_wrong_codes_end_the_attempt_and_a_new_code_does_not_reset_them(
    parent: AccountId, browser: Browser, sent_code: Callable[[], str], clock: FrozenClock
) -> None:
    browser.fill(START, TYPED, action=START)
    wrong = "000000" if sent_code() != "000000" else "111111"
    for _ in range(3):
        enter(browser, wrong)
    clock.advance(seconds=30)
    send_again(browser)
    page = browser.get(CODE)
    for _ in range(2):
        enter(browser, wrong)

    right = browser.client.post(CODE, data=form_values(page.text) | {"one_time_code": sent_code()})

    assert right.status_code == 422
    over = browser.get(CODE)
    assert "Recommencer" in over.text
    assert 'name="one_time_code"' not in over.text


def test_sm_04_the_code_is_worth_nothing_in_another_browser(
    parent: AccountId,
    browser: Browser,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    clock: FrozenClock,
) -> None:
    browser.fill(START, TYPED, action=START)
    victims_code = sent_code()
    attacker = new_browser()
    clock.advance(seconds=30)
    attacker.fill(START, TYPED | {"given_name": "Xavier"}, action=START)

    assert enter(attacker, victims_code).status_code == 422
    assert enter(browser, victims_code).location == LAST


def test_no_code_solves_a_decoy(browser: Browser, idp_app: Flask) -> None:
    browser.fill(START, TYPED, action=START)

    assert enter(browser, "123456").status_code == 422
    assert browser.get(LAST).location == CODE


def test_bf_10_no_birth_date_is_asked_before_the_code_is_right(parent: AccountId, browser: Browser) -> None:
    browser.fill(START, TYPED, action=START)

    for page in (START, CODE):
        assert "birth_day" not in browser.get(page).text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(CODE).text)
    assert csrf is not None
    assert browser.client.post(LAST, data={"csrf_token": csrf[1]}).location == CODE


def test_every_proof_is_checked_again_at_the_last_step(
    at_last_step: Browser, parent: AccountId, idp_app: Flask, account: Callable[..., Account]
) -> None:
    page = at_last_step.get(LAST)
    with idp_app.app_context(), transaction() as session:
        session.execute(update(Account).values(state=AccountState.DISABLED))

    key = page.text.partition('name="birth_day_')[2][:32]
    typed = {"new_password": NEW_PASSWORD, "new_password_confirmation": NEW_PASSWORD}
    typed |= {f"birth_day_{key}": "14", f"birth_month_{key}": "3", f"birth_year_{key}": "2017"}

    assert at_last_step.send(page, typed, action=LAST).location == START
    assert account(parent).state is AccountState.DISABLED
    assert account(parent).password_hash is None


def test_a_number_that_an_import_changes_during_the_last_step_activates_nothing(
    at_last_step: Browser,
    parent: AccountId,
    idp_app: Flask,
    password_hasher: CountingHasher,
    monkeypatch: pytest.MonkeyPatch,
    account: Callable[..., Account],
) -> None:
    hash_password = password_hasher.hash

    def hash_while_a_roster_is_imported(prepared: str) -> str:
        with idp_app.app_context(), transaction() as session:
            session.execute(update(Guardian).values(roster_phone="+33639985678"))
        return hash_password(prepared)

    monkeypatch.setattr(password_hasher, "hash", hash_while_a_roster_is_imported)

    assert finish(at_last_step).location == START
    assert account(parent).state is AccountState.CREATED


def test_a_proof_half_an_hour_old_is_worth_nothing(at_last_step: Browser, clock: FrozenClock) -> None:
    clock.advance(minutes=30)

    assert at_last_step.get(LAST).location == CODE
    assert "Recommencer" in at_last_step.get(CODE).text


def test_se_01_the_session_is_a_new_one_and_every_other_has_ended(
    at_last_step: Browser, parent: AccountId, idp_app: Flask
) -> None:
    from idp.sessions.models import AccountSession

    finish(at_last_step)

    with idp_app.app_context():
        living = select(AccountSession.opened_with).where(AccountSession.ended_at.is_(None))
        assert [row.value for row in db.session.scalars(living)] == ["chosen"]


def test_se_01_whoever_waited_with_the_letter_is_signed_out(
    new_parent: Callable[..., AccountId],
    browser: Browser,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    clock: FrozenClock,
    idp_app: Flask,
    account: Callable[..., Account],
) -> None:
    """A chosen password's session that waited for the mail must not open with the account."""
    account_id = new_parent(state=AccountState.NOTIFIED)
    with idp_app.app_context(), transaction():
        letter = passwords.issue_provisional_password(account_id, now=clock.now)
    with_letter = new_browser()
    with_letter.sign_in(account(account_id).identifier, letter.provisional_password)
    with_letter.fill("/activation", form_filled(), action="/activation")
    assert with_letter.get("/compte").location == "/activation/message-envoye"
    browser.fill(START, TYPED, action=START)
    enter(browser, sent_code())

    finish(browser, password="Romarin2026x")

    assert with_letter.get("/compte").location == "/connexion"


def test_nothing_is_shown_or_done_for_a_code_that_was_not_typed(
    parent: AccountId, idp_app: Flask, clock: FrozenClock
) -> None:
    person = TypedPerson(Names("Céline", "L’HÉNORET"), PHONE)
    with idp_app.app_context():
        secret = service.start(person, demande=None, network="192.0.2.0/24", now=clock.now)

        for act in (
            lambda: service.view_last_step(secret, now=clock.now),
            lambda: service.activate(
                secret, [BIRTH_DATE], NEW_PASSWORD, user_agent="", replacing=None, now=clock.now
            ),
        ):
            with pytest.raises(ChallengeRefused):
                act()


def test_en_03_a_number_whose_sms_are_spent_elsewhere_is_answered_as_ever(
    parent: AccountId, browser: Browser, idp_app: Flask, clock: FrozenClock, sent: Callable[[], list[Any]]
) -> None:
    with idp_app.app_context():
        for _ in range(5):
            throttling.spend_sms(number=PHONE, account="c.lhenoret", network="192.0.2.0/24", now=clock.now)
            clock.advance(seconds=120)

    assert browser.fill(START, TYPED, action=START).location == CODE
    assert sent() == []


def test_rc_03_two_browsers_activate_one_account_at_once(
    parent: AccountId,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    clock: FrozenClock,
    idp_app: Flask,
) -> None:
    browsers = []
    for _ in range(2):
        browser = new_browser()
        browser.fill(START, TYPED, action=START)
        enter(browser, sent_code())
        browsers.append(browser)
        clock.advance(seconds=30)
    barrier, answers = Barrier(2), []

    def act(browser: Browser, password: str) -> None:
        barrier.wait()
        answers.append(finish(browser, BIRTH_DATE, password=password).location)

    threads = [
        Thread(target=act, args=(browser, f"{NEW_PASSWORD}{number}"))
        for number, browser in enumerate(browsers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count("/activation/terminee") == 1
    with idp_app.app_context():
        names = db.session.scalars(select(AuditEntry.name)).all()
    assert names.count("phone_activation:account:activated") == 1


@pytest.mark.parametrize(
    "fields", [{"phone": ["06", "07"]}, {"family_name": "a\0"}, {"given_name": "a" * 401}]
)
def test_in_04_what_no_page_sends_is_a_400(browser: Browser, fields: dict[str, Any]) -> None:
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(START).text)
    assert csrf is not None

    assert browser.client.post(START, data=TYPED | {"csrf_token": csrf[1]} | fields).status_code == 400


def test_an_account_without_a_known_number_is_not_found_by_an_empty_one(
    new_parent: Callable[..., AccountId], browser: Browser, sent: Callable[[], list[Any]], idp_app: Flask
) -> None:
    new_parent(phone="")

    browser.fill(START, TYPED, action=START)

    assert sent() == []
    with idp_app.app_context():
        assert db.session.scalars(select(Guardian.roster_phone)).all() == [""]
