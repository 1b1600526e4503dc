"""/compte/telephone: a number is given, confirmed by a code, told to the one before it, and taken back."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from idp.accounts.models import Account
from idp.messaging.rules import RenderedMail, RenderedSms
from tests.conftest import Browser, FrozenClock
from tests.idp.my_account.conftest import EMAIL, Parent, send
from tests.signing_in import sign_in_as
from tests.web import form_values

PAGE, CODE = "/compte/telephone", "/compte/telephone/code"
TYPED, NUMBER, OLD = "06 39 98 12 34", "+33639981234", "+33639985678"
Phones = Callable[[], list[RenderedSms]]
Read = Callable[[Parent], Account]

pytestmark = pytest.mark.usefixtures("sms_on")


def test_a_number_is_confirmed_by_the_code_sent_to_it(
    parent: Parent,
    browser: Browser,
    account: Read,
    phones: Phones,
    mailbox: Callable[[], list[RenderedMail]],
    now: datetime,
):
    asked = ask(browser)
    assert (asked.status_code, asked.location) == (303, CODE)
    assert "06\u00a039\u00a098\u00a012\u00a034" in browser.get(CODE).text
    assert account(parent).phone is None
    assert [sms.to for sms in phones()] == [NUMBER]

    answer = type_code(browser, sent_code(phones))

    assert (answer.status_code, answer.location) == (303, "/compte")
    assert "Votre portable est confirmé" in browser.get("/compte").text
    confirmed = account(parent)
    assert (confirmed.phone, confirmed.phone_confirmed_at) == (NUMBER, now)
    assert confirmed.phone_recovers_from == now + timedelta(hours=24)
    (told,) = mailbox()
    assert told.to == EMAIL
    assert "votre téléphone a changé" in told.subject


def test_sm_08_the_number_before_is_told_and_the_mailbox_too(
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    idp_app: Flask,
    phones: Phones,
    mailbox: Callable[[], list[RenderedMail]],
    now: datetime,
):
    parent, browser = new_parent(phone=OLD, phone_confirmed_at=now, phone_recovers_from=now), new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)
    ask(browser)

    type_code(browser, sent_code(phones))

    assert phones()[-1].to == OLD
    assert "Ce n'est pas vous ?" in phones()[-1].text
    assert [mail.to for mail in mailbox()] == [EMAIL]


def test_sm_08_an_old_session_needs_the_password(
    parent: Parent, browser: Browser, account: Read, phones: Phones, clock: FrozenClock
):
    csrf = token(browser)
    clock.advance(minutes=10)

    for page in (PAGE, CODE):
        assert browser.get(page).location == f"/compte/confirmer?suite={page}"
        answer = browser.post(page, data={"csrf_token": csrf, "phone": TYPED})
        assert answer.location == f"/compte/confirmer?suite={page}"
    assert phones() == []


@pytest.mark.parametrize(
    "typed", ["", "06 39 98 12", "03 53 01 00 00", "+44 7700 900000", "+883 510 000 000", "0899 12 34 56"]
)
def test_sm_01_only_french_mobiles_are_written_to(browser: Browser, phones: Phones, typed: str):
    answer = ask(browser, typed)

    assert answer.status_code == 422
    assert "Saisissez un portable français" in answer.text
    assert phones() == []


def test_the_number_in_force_is_not_confirmed_again(
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    idp_app: Flask,
    phones: Phones,
    now: datetime,
):
    parent, browser = new_parent(phone=NUMBER, phone_confirmed_at=now), new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)

    answer = ask(browser)

    assert answer.status_code == 422
    assert "Ce numéro est déjà celui de votre compte" in answer.text
    assert phones() == []


def test_a_wrong_code_is_said_and_five_of_them_end_it(
    parent: Parent, browser: Browser, account: Read, phones: Phones
):
    ask(browser)
    right = sent_code(phones)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"

    first = type_code(browser, wrong)
    short = type_code(browser, "482")
    for _try in range(4):
        last = type_code(browser, wrong)

    assert first.status_code == short.status_code == last.status_code == 422
    assert "Ce code n’est pas le bon" in first.text
    assert "vous en avez saisi 3" in short.text
    assert "Recommencer" in last.text
    assert browser.post(CODE, data={"csrf_token": token(browser), "one_time_code": right}).status_code == 422
    assert account(parent).phone is None


def test_another_code_is_sent_after_a_pause_and_both_work(
    parent: Parent, browser: Browser, account: Read, phones: Phones, clock: FrozenClock
):
    ask(browser)
    first = sent_code(phones)
    soon = act(browser, CODE, "send_again")
    clock.advance(seconds=31)
    assert act(browser, CODE, "send_again").location == CODE
    assert "Un autre code est parti" in browser.get(CODE).text
    assert len(phones()) == 2

    type_code(browser, f"{first[:3]}-{first[3:]} ")

    assert soon.status_code == 422
    assert "Vous pourrez le renvoyer dans 30 secondes" in soon.text
    assert account(parent).phone == NUMBER


def test_the_code_is_worth_nothing_in_another_browser_or_account(
    parent: Parent,
    browser: Browser,
    idp_app: Flask,
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    account: Read,
    phones: Phones,
    now: datetime,
):
    ask(browser)
    same_account, other, others_browser = new_browser(), new_parent(), new_browser()
    sign_in_as(idp_app, same_account, parent.account_id, now=now)
    sign_in_as(idp_app, others_browser, other.account_id, now=now)
    stolen = browser.get_cookie("__Host-idp_phone", domain="compte.example")
    assert stolen is not None
    others_browser.set_cookie("__Host-idp_phone", stolen.value, domain="compte.example", secure=True)

    for stranger in (same_account, others_browser):
        values = {"csrf_token": token(stranger), "one_time_code": sent_code(phones)}
        assert stranger.post(CODE, data=values).location == PAGE
        assert stranger.get(CODE).location == PAGE

    assert (account(parent).phone, account(other).phone) == (None, None)


def test_rc_01_a_code_sent_twice_has_one_effect(
    parent: Parent, browser: Browser, phones: Phones, journal: Callable[[Parent], list[str]]
):
    ask(browser)
    values = form_values(browser.get(CODE).text, action=CODE) | {"one_time_code": sent_code(phones)}
    assert browser.post(CODE, data=values).location == "/compte"

    assert browser.post(CODE, data=values).location == PAGE

    assert journal(parent).count("account:channel:changed") == 1


def test_a_number_is_removed_and_put_back(
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    idp_app: Flask,
    account: Read,
    now: datetime,
):
    parent = new_parent(phone=OLD, phone_confirmed_at=now, phone_recovers_from=now)
    browser, elsewhere = new_browser(), new_browser()
    for one in (browser, elsewhere):
        sign_in_as(idp_app, one, parent.account_id, now=now)

    assert act(browser, PAGE, "remove").location == PAGE
    assert account(parent).phone is None
    answer = act(browser, PAGE, "undo")

    assert answer.location == PAGE
    assert (account(parent).phone, account(parent).phone_recovers_from) == (OLD, now)
    assert elsewhere.get("/compte").location == "/connexion"


def test_where_no_sms_are_sent_no_number_is_asked_for(
    idp_app: Flask, browser: Browser, phones: Phones, monkeypatch: pytest.MonkeyPatch
):
    settings = idp_app.extensions["settings"].model_copy(update={"twilio_account_sid": ""})
    monkeypatch.setitem(idp_app.extensions, "settings", settings)

    page = browser.get(PAGE)
    answer = browser.post(PAGE, data={"csrf_token": token(browser), "phone": TYPED})

    assert "Les SMS ne sont pas proposés ici" in page.text
    assert answer.status_code == 422
    assert "Nous ne pouvons pas envoyer de SMS" in answer.text
    assert phones() == []


def test_once_the_operators_cap_is_reached_nothing_leaves(
    idp_app: Flask, browser: Browser, phones: Phones, monkeypatch: pytest.MonkeyPatch
):
    settings = idp_app.extensions["settings"].model_copy(update={"sms_per_hour": 1})
    monkeypatch.setitem(idp_app.extensions, "settings", settings)
    ask(browser)

    answer = ask(browser, "06 39 98 56 78")

    assert answer.status_code == 422
    assert "Réessayez dans une heure" in answer.text
    assert len(phones()) == 1


def ask(browser: Browser, typed: str = TYPED) -> Any:
    return send(browser, PAGE, {"phone": typed, "act": ""})


def type_code(browser: Browser, numeric_code: str) -> Any:
    return send(browser, CODE, {"one_time_code": numeric_code})


def act(browser: Browser, address: str, name: str) -> Any:
    """Press one of the page's other buttons."""
    change = re.search(r'name="change" value="([^"]+)"', browser.get(address).text)
    values = {"act": name, "change": change[1] if change else ""}
    return browser.post(address, data={"csrf_token": token(browser)} | values)


def sent_code(phones: Phones) -> str:
    found = re.search(r"#([0-9]{6})$", phones()[-1].text)
    assert found is not None
    return found[1]


def token(browser: Browser) -> str:
    return form_values(browser.get("/compte").text)["csrf_token"]
