"""Activation by phone, as a parent without a letter meets it."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Guardian
from idp.families.rules import SchoolTaskKind
from idp.passwords import service as passwords
from tests.conftest import FrozenClock
from tests.idp.activation.conftest import Browser
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

COOKIE = "__Host-idp_phone_activation"
BORN_LATER = date(2019, 5, 2)


def test_a_parent_without_a_letter_activates(
    parent: AccountId,
    browser: Browser,
    sent: Callable[[], list[Any]],
    sent_code: Callable[[], str],
    account: Callable[[AccountId], Account],
) -> None:
    assert browser.fill(START, TYPED, action=START).location == CODE
    assert [message.to for message in sent()] == [PHONE]
    assert enter(browser, sent_code()).location == LAST
    assert account(parent).identifier in browser.get(LAST).text

    assert finish(browser).location == "/activation/terminee"

    active = account(parent)
    assert active.state is AccountState.ACTIVE
    assert (active.phone, active.email, active.pending_email) == (PHONE, None, None)
    assert active.phone_confirmed_at == active.phone_recovers_from == active.activated_at
    assert active.identifier in browser.get("/activation/terminee").text
    assert browser.get("/compte").status_code == 200


def test_while_twilio_takes_none_everybody_is_told_and_keeps_what_was_typed(
    parent: AccountId,
    browser: Browser,
    stop_twilio: Callable[[], None],
    clock: FrozenClock,
    sent: Callable[[], list[Any]],
) -> None:
    stop_twilio()
    answers = [browser.fill(START, TYPED | changed, action=START) for changed in ({}, {"given_name": "Zoé"})]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("Les SMS ne partent pas en ce moment" in answer.text for answer in answers)
    assert f'value="{TYPED["phone"]}"' in answers[0].text
    assert sent() == []
    clock.advance(seconds=30)
    assert browser.fill(START, TYPED, action=START).location == CODE


def test_the_chosen_password_signs_in_afterwards(
    at_last_step: Browser,
    new_browser: Callable[[], Browser],
    parent: AccountId,
    account: Callable[..., Account],
) -> None:
    finish(at_last_step)

    assert new_browser().sign_in(account(parent).identifier, NEW_PASSWORD).location == "/compte"


def test_the_waiting_service_gets_its_answer(
    parent: AccountId, browser: Browser, authorization_address: str, sent_code: Callable[[], str]
) -> None:
    query = "?" + browser.get(authorization_address).location.partition("?")[2]
    assert f"{START}{query[:9]}" in browser.get(f"/activation{query}").text
    started = browser.fill(START + query, TYPED, action=START)
    entered = browser.fill(started.location, {"one_time_code": sent_code()}, action=CODE)
    last = browser.get(entered.location)
    assert "Livret scolaire" in last.text
    key = last.text.partition('name="birth_day_')[2][:32]
    typed = {"new_password": NEW_PASSWORD, "new_password_confirmation": NEW_PASSWORD}
    typed |= {f"birth_day_{key}": "14", f"birth_month_{key}": "3", f"birth_year_{key}": "2017"}

    activated = browser.send(last, typed, action=LAST)

    assert activated.location.startswith("/oauth/authorize/resume?demande=")
    assert browser.get(activated.location).location.startswith("/autorisation?demande=")


@pytest.mark.parametrize("state", [AccountState.CREATED, AccountState.NOTIFIED, AccountState.ACTIVATING])
def test_whoever_is_not_active_yet_may_activate(
    new_parent: Callable[..., AccountId],
    browser: Browser,
    sent_code: Callable[[], str],
    account: Callable[..., Account],
    state: AccountState,
) -> None:
    account_id = new_parent(state=state, pending_email="celine@exemple.fr")
    browser.fill(START, TYPED, action=START)
    enter(browser, sent_code())

    finish(browser)

    assert (account(account_id).state, account(account_id).pending_email) == (AccountState.ACTIVE, None)


@pytest.mark.parametrize(
    "typed",
    [
        {"phone": "+33 6 39 98 12 34"},
        {"phone": "0033639981234"},
        {"phone": "06.39.98.12.34"},
        {"family_name": "  L’Hénoret "},
        {"family_name": "LHENORET", "given_name": "Céline Marie"},
    ],
)
def test_names_and_number_are_read_as_people_write_them(
    parent: AccountId, browser: Browser, sent: Callable[[], list[Any]], typed: dict[str, str]
) -> None:
    browser.fill(START, TYPED | typed, action=START)

    assert [message.to for message in sent()] == [PHONE]


def test_the_birth_date_of_every_child_is_asked(
    new_parent: Callable[..., AccountId],
    browser: Browser,
    sent_code: Callable[[], str],
    account: Callable[..., Account],
) -> None:
    account_id = new_parent(birth_dates=(BIRTH_DATE, BORN_LATER))
    browser.fill(START, TYPED, action=START)
    enter(browser, sent_code())

    wrong = finish(browser, BIRTH_DATE, BIRTH_DATE)
    assert wrong.status_code == 422
    assert "Une de ces dates n’est pas celle de l’école. Il vous reste 2 essais aujourd’hui." in wrong.text
    assert account(account_id).state is AccountState.CREATED

    assert finish(browser, BIRTH_DATE, BORN_LATER).status_code == 303


def test_a_missing_date_and_a_weak_password_are_said_at_once_and_cost_no_try(
    at_last_step: Browser, clock: FrozenClock
) -> None:
    key = at_last_step.get(LAST).text.partition('name="birth_day_')[2][:32]

    refused = finish(at_last_step, password="abc", **{f"birth_month_{key}": ""})
    wrong = finish(at_last_step, BORN_LATER)

    assert refused.status_code == 422
    assert "Indiquez aussi le mois" in refused.text
    assert "il en compte 3" in refused.text
    assert 'value="14"' in refused.text
    assert "Cette date n’est pas celle de l’école. Il vous reste 2 essais aujourd’hui." in wrong.text


def test_bf_09_three_dates_a_day_then_the_school_is_named(at_last_step: Browser, parent: AccountId) -> None:
    for _ in range(3):
        spent = finish(at_last_step, BORN_LATER)
    right_but_late = finish(at_last_step)

    assert "Réessayez demain" in spent.text
    assert "École du Lac, 03 53 01 00 00" in right_but_late.text
    assert right_but_late.status_code == 422


def test_bf_09_ten_dates_in_all_tell_the_school(
    parent: AccountId,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    clock: FrozenClock,
    idp_app: Flask,
) -> None:
    for _day in range(4):
        browser = new_browser()
        browser.fill(START, TYPED, action=START)
        enter(browser, sent_code())
        for _ in range(3):
            refused = finish(browser, BORN_LATER)
        clock.advance(days=1, minutes=1)

    assert "Trop de dates essayées. L’école est prévenue" in refused.text
    with idp_app.app_context():
        assert [task.kind for task in families.open_tasks("0990001N")] == [SchoolTaskKind.BIRTH_DATE_BLOCKED]


def test_bf_04_dates_are_guessed_no_oftener_because_there_is_a_letter_too(
    new_parent: Callable[..., AccountId],
    browser: Browser,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    idp_app: Flask,
    clock: FrozenClock,
    account: Callable[..., Account],
) -> None:
    account_id = new_parent(state=AccountState.NOTIFIED)
    with idp_app.app_context(), transaction():
        letter = passwords.issue_provisional_password(account_id, now=clock.now)
    browser.fill(START, TYPED, action=START)
    enter(browser, sent_code())
    for _ in range(2):
        finish(browser, BORN_LATER)

    from tests.idp.activation.conftest import form_filled

    with_letter = new_browser()
    with_letter.sign_in(account(account_id).identifier, letter.provisional_password)
    third = with_letter.fill("/activation", form_filled(birth_day="15"), action="/activation")

    assert "Réessayez demain" in third.text


def test_the_letter_in_circulation_dies(
    new_parent: Callable[..., AccountId],
    browser: Browser,
    new_browser: Callable[[], Browser],
    sent_code: Callable[[], str],
    idp_app: Flask,
    clock: FrozenClock,
    account: Callable[..., Account],
) -> None:
    account_id = new_parent(state=AccountState.NOTIFIED)
    with idp_app.app_context(), transaction():
        letter = passwords.issue_provisional_password(account_id, now=clock.now)
    with_letter = new_browser()
    with_letter.sign_in(account(account_id).identifier, letter.provisional_password)
    browser.fill(START, TYPED, action=START)
    enter(browser, sent_code())

    finish(browser)

    assert "new_password" not in with_letter.get("/activation").text, "the letter's session has ended"
    again = new_browser().sign_in(account(account_id).identifier, letter.provisional_password)
    assert again.status_code == 422


def test_another_code_may_be_asked_for_and_both_work(
    parent: AccountId, browser: Browser, sent_code: Callable[[], str], clock: FrozenClock
) -> None:
    browser.fill(START, TYPED, action=START)
    first = sent_code()
    too_soon = send_again(browser)
    clock.advance(seconds=30)
    assert send_again(browser).location == CODE

    assert "Vous pourrez le renvoyer dans 30 secondes" in too_soon.text
    assert enter(browser, first).location == LAST


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"family_name": " "}, "Saisissez votre nom"),
        ({"given_name": ""}, "Saisissez votre prénom"),
        ({"phone": "03 53 01 00 00"}, "Saisissez un portable français"),
        ({"phone": "+371 2123 4567"}, "Saisissez un portable français"),
        ({"phone": ""}, "Saisissez un portable français"),
    ],
)
def test_what_is_not_a_name_or_a_mobile_is_said_at_its_field(
    browser: Browser, typed: dict[str, str], words: str
) -> None:
    refused = browser.fill(START, TYPED | typed, action=START)

    assert refused.status_code == 422
    assert words in refused.text


@pytest.mark.parametrize("page", [CODE, LAST])
def test_a_page_opened_by_itself_leads_to_the_beginning(browser: Browser, page: str) -> None:
    assert browser.get(page).location == START


def test_the_last_page_waits_for_the_code_and_the_code_page_goes_on(
    parent: AccountId, browser: Browser, sent_code: Callable[[], str]
) -> None:
    browser.fill(START, TYPED, action=START)
    assert browser.get(LAST).location == CODE
    enter(browser, sent_code())
    assert browser.get(CODE).location == LAST


def test_an_attempt_that_succeeded_says_so_and_serves_once(
    at_last_step: Browser, new_browser: Callable[[], Browser], idp_app: Flask
) -> None:
    kept = at_last_step.client.get_cookie(COOKIE, domain="compte.example")
    assert kept is not None
    finish(at_last_step)
    second = new_browser()
    second.client.set_cookie(COOKIE, kept.value, domain="compte.example", secure=True)

    assert second.get(LAST).location == "/connexion"
    with idp_app.app_context():
        names = db.session.scalars(select(AuditEntry.name)).all()
    assert names.count("phone_activation:account:activated") == 1


def test_an_import_that_changes_the_number_ends_the_attempt(
    at_last_step: Browser, parent: AccountId, idp_app: Flask, account: Callable[..., Account]
) -> None:
    page = at_last_step.get(LAST)
    with idp_app.app_context(), transaction() as session:
        session.execute(update(Guardian).values(roster_phone="+33639985678"))

    assert at_last_step.get(LAST).location == START
    assert at_last_step.send(page, {"new_password": NEW_PASSWORD}, action=LAST).location == START
    assert account(parent).state is AccountState.CREATED


def test_switched_off_the_pages_are_absent_and_nothing_leads_there(
    browser: Browser, idp_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = idp_app.extensions["settings"].model_copy(update={"phone_activation": False})
    monkeypatch.setitem(idp_app.extensions, "settings", changed)

    assert [browser.get(page).status_code for page in (START, CODE, LAST)] == [404] * 3
    for page in ("/", "/activation"):
        assert START not in browser.get(page).text


def test_the_portal_and_the_activation_page_lead_there(browser: Browser) -> None:
    for page in ("/", "/activation"):
        assert START in browser.get(page).text


def test_who_is_signed_in_goes_on(at_last_step: Browser) -> None:
    finish(at_last_step)

    assert at_last_step.get(START).location == "/compte"
