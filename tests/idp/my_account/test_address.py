"""/compte/adresse: another address is asked, confirmed from its mailbox, told to the old one, and taken back."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from idp.accounts.models import Account
from idp.db import transaction
from idp.messaging import returns
from idp.messaging.models import UndeliverableAddress
from idp.messaging.rules import RenderedMail
from tests.conftest import Browser, FrozenClock
from tests.idp.my_account.conftest import EMAIL, PASSWORD, Parent, send
from tests.signing_in import sign_in_as
from tests.web import form_values

PAGE = "/compte/adresse"
NEW = "celine.nouvelle@exemple.fr"
Mailbox = Callable[[], list[RenderedMail]]
Read = Callable[[Parent], Account]


def test_em_15_the_old_address_stays_in_force_until_the_new_one_is_confirmed(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox
):
    answer = ask(browser, NEW)

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert (account(parent).email, account(parent).pending_email) == (EMAIL, NEW)
    page = browser.get(PAGE).text
    assert "En attente de confirmation" in page
    assert f"Un message est parti à {NEW}" in page
    to_new, to_old = mailbox()
    assert (to_new.to, to_old.to) == (NEW, EMAIL)
    assert "confirmez votre nouvelle adresse" in to_new.subject
    assert "votre adresse va changer" in to_old.subject
    assert "/compte/adresse\n" in to_old.text
    assert "/ce-n-est-pas-moi?code=" in to_old.text


def test_em_21_an_address_that_mails_came_back_from_is_told_and_may_be_confirmed_again(
    parent: Parent, browser: Browser, mailbox: Mailbox, idp_app: Flask, now: datetime
):
    with idp_app.app_context():
        with transaction() as session:
            session.add(
                UndeliverableAddress(digest=returns.recipient_digest(EMAIL), since=now, reason="5.1.1")
            )
        assert returns.is_undeliverable(EMAIL)
    told = "n’a pas pu être remis"
    assert told in browser.get("/compte").text

    ask(browser, EMAIL)
    press_confirm(browser, mailed_address(mailbox))

    assert told not in browser.get("/compte").text
    with idp_app.app_context():
        assert not returns.is_undeliverable(EMAIL)


def test_a_mistyped_domain_is_asked_about_and_one_press_writes_to_the_one_that_was_meant(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox
):
    ask(browser, "celine@gmial.com")

    page = browser.get(PAGE).text
    assert "Vouliez-vous dire gmail.com" in page
    assert mailbox()[0].to == "celine@gmial.com"
    [meant] = [form for form in page.split("<form") if "Envoyer à celine@gmail.com" in form]
    browser.post(PAGE, data=form_values(f"<form{meant}"))
    assert account(parent).pending_email == "celine@gmail.com"
    assert "Vouliez-vous dire" not in browser.get(PAGE).text


def test_the_signed_in_session_confirms_by_a_button(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox, now: datetime
):
    ask(browser, NEW)

    answer = press_confirm(browser, mailed_address(mailbox))

    assert (answer.status_code, answer.location) == (303, "/compte")
    assert "Votre nouvelle adresse est confirmée" in browser.get("/compte").text
    changed = account(parent)
    assert (changed.email, changed.pending_email) == (NEW, None)
    assert changed.email_recovers_from == now + timedelta(hours=24)
    assert [mail.to for mail in mailbox() if "votre adresse a changé" in mail.subject] == [EMAIL]


def test_on_another_device_signing_in_confirms(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser], account: Read, mailbox: Mailbox
):
    ask(browser, NEW)
    phone = new_browser()
    page = phone.get(mailed_address(mailbox))
    assert f'value="{parent.identifier}"' in page.text
    values = form_values(page.text, action="/compte/adresse/confirmer") | {"password": PASSWORD}

    answer = phone.post(mailed_address(mailbox), data=values)

    assert answer.location == "/compte"
    assert account(parent).email == NEW
    assert phone.get("/compte").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_em_01_opening_the_url_changes_nothing(
    parent: Parent,
    browser: Browser,
    new_browser: Callable[[], Browser],
    account: Read,
    mailbox: Mailbox,
    method: str,
):
    ask(browser, NEW)

    for _time in range(3):
        assert new_browser().open(mailed_address(mailbox), method=method).status_code == 200
        assert browser.open(mailed_address(mailbox), method=method).status_code == 200

    assert account(parent).email == EMAIL


def test_em_04_only_the_newest_url_works(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox, clock: FrozenClock
):
    ask(browser, NEW)
    first = mailed_address(mailbox)
    clock.advance(seconds=61)
    act(browser, "send_again")
    second = mailed_address(mailbox)
    browser.post(first, data={"csrf_token": token(browser)})
    assert account(parent).email == EMAIL
    ask(browser, "troisieme@exemple.fr")
    third = mailed_address(mailbox)

    for dead in (first, second):
        assert "Ce lien n’est plus valable" in browser.get(dead).text
        assert browser.post(dead, data={"csrf_token": token(browser)}).status_code == 303
        assert account(parent).email == EMAIL
    press_confirm(browser, third)

    assert account(parent).email == "troisieme@exemple.fr"


def test_em_05_after_a_day_the_url_is_refused_with_a_way_to_another(
    parent: Parent, browser: Browser, idp_app: Flask, account: Read, mailbox: Mailbox, clock: FrozenClock
):
    ask(browser, NEW)
    clock.advance(hours=24)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)

    page = browser.get(mailed_address(mailbox))
    browser.post(mailed_address(mailbox), data={"csrf_token": token(browser)})

    assert "Ce lien n’est plus valable" in page.text
    assert f'href="{PAGE}"' in page.text
    assert account(parent).email == EMAIL


def test_ch_02_the_url_of_one_account_never_confirms_another(
    parent: Parent,
    browser: Browser,
    new_parent: Callable[..., Parent],
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    account: Read,
    mailbox: Mailbox,
    now: datetime,
):
    other, others_browser = new_parent(), new_browser()
    sign_in_as(idp_app, others_browser, other.account_id, now=now)
    ask(browser, NEW)
    url = mailed_address(mailbox)
    ask(others_browser, "attaquant@exemple.fr")

    assert "Ce lien est celui d’un autre compte" in others_browser.get(url).text
    others_browser.post(url, data={"csrf_token": token(others_browser)})
    stranger = new_browser()
    values = {"identifier": other.identifier, "password": PASSWORD}
    answer = send(stranger, url, values)

    assert answer.location == url
    assert "Ce lien est celui d’un autre compte" in stranger.get(url).text
    assert (account(parent).email, account(other).email) == (EMAIL, EMAIL)
    press_confirm(browser, url)
    assert (account(parent).email, account(other).email) == (NEW, EMAIL)


def test_se_07_every_other_session_ends_and_this_one_gets_a_new_secret(
    parent: Parent,
    browser: Browser,
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    mailbox: Mailbox,
    now: datetime,
):
    elsewhere = new_browser()
    sign_in_as(idp_app, elsewhere, parent.account_id, now=now)
    before = secret_of(browser)
    ask(browser, NEW)

    press_confirm(browser, mailed_address(mailbox))

    assert elsewhere.get("/compte").location == "/connexion"
    assert secret_of(browser) != before
    assert browser.get("/compte").status_code == 200


def test_en_07_an_address_that_another_account_uses_is_changed_to_like_any_other(
    parent: Parent,
    browser: Browser,
    new_parent: Callable[..., Parent],
    account: Read,
    mailbox: Mailbox,
):
    shared = "couple@exemple.fr"
    other = new_parent(email=shared)

    taken = ask(browser, shared)
    page = browser.get(PAGE).text
    press_confirm(browser, mailed_address(mailbox))

    assert taken.status_code == 303
    assert other.identifier not in page
    assert all(other.identifier not in mail.text for mail in mailbox())
    assert {mail.to for mail in mailbox()} == {EMAIL}
    assert account(parent).email == account(other).email == shared


def test_rc_13_two_accounts_confirm_one_address_at_the_same_time(
    idp_app: Flask,
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    account: Read,
    mailbox: Mailbox,
    now: datetime,
):
    parents = [new_parent(email=f"p{number}@exemple.fr") for number in range(2)]
    urls, browsers = [], []
    for one in parents:
        browser = new_browser()
        sign_in_as(idp_app, browser, one.account_id, now=now)
        ask(browser, "couple@exemple.fr")
        urls.append(mailed_address(mailbox))
        browsers.append((browser, token(browser)))
    together = Barrier(2)

    def confirm(number: int) -> int:
        browser, csrf = browsers[number]
        together.wait()
        return browser.post(urls[number], data={"csrf_token": csrf}).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(confirm, range(2)))

    assert statuses == [303, 303]
    assert [account(one).email for one in parents] == ["couple@exemple.fr"] * 2


def test_rc_01_a_double_click_confirms_once_and_the_second_page_says_so(
    parent: Parent, browser: Browser, mailbox: Mailbox, journal: Callable[[Parent], list[str]]
):
    ask(browser, NEW)
    url = mailed_address(mailbox)
    press_confirm(browser, url)

    again = browser.post(url, data={"csrf_token": token(browser)})

    assert again.location == url
    assert browser.get(url).location == "/compte"
    assert "C’est déjà fait" in browser.get("/compte").text
    assert journal(parent).count("account:channel:changed") == 1


def test_ch_05_a_stolen_session_needs_the_password_first(
    parent: Parent, browser: Browser, account: Read, clock: FrozenClock
):
    csrf = token(browser)
    clock.advance(minutes=11)

    assert browser.get(PAGE).location == "/compte/confirmer?suite=/compte/adresse"
    answer = browser.post(PAGE, data={"csrf_token": csrf, "email": NEW, "email_confirmation": NEW})

    assert answer.location == "/compte/confirmer?suite=/compte/adresse"
    assert account(parent).pending_email is None


def test_the_change_is_taken_back_within_a_week(
    parent: Parent,
    browser: Browser,
    idp_app: Flask,
    account: Read,
    mailbox: Mailbox,
    clock: FrozenClock,
):
    before = account(parent).email_recovers_from
    ask(browser, NEW)
    press_confirm(browser, mailed_address(mailbox))
    clock.advance(days=6, hours=23)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)

    answer = act(browser, "undo")

    assert answer.location == PAGE
    assert "Votre ancienne adresse est rétablie" in browser.get(PAGE).text
    restored = account(parent)
    assert (restored.email, restored.email_recovers_from) == (EMAIL, before)
    assert {mail.to for mail in mailbox()[-2:]} == {EMAIL, NEW}


def test_after_a_week_nothing_is_offered_to_take_back(
    parent: Parent, browser: Browser, idp_app: Flask, mailbox: Mailbox, clock: FrozenClock
):
    ask(browser, NEW)
    press_confirm(browser, mailed_address(mailbox))
    clock.advance(days=7)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)

    assert "Changements récents" not in browser.get(PAGE).text


@pytest.mark.parametrize("change", ["", "x", "018f0000-0000-7000-8000-000000000000"])
def test_what_cannot_be_undone_says_so(browser: Browser, change: str):
    answer = browser.post(PAGE, data={"csrf_token": token(browser), "act": "undo", "change": change})

    assert answer.status_code == 422
    assert "Ce changement ne peut plus être annulé" in answer.text


def test_a_change_is_cancelled_and_its_url_is_dead(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox
):
    ask(browser, NEW)
    url = re.search(r"^https://compte\.example(/\S+confirmer\S+)$", mailbox()[0].text, re.M)
    assert url is not None

    act(browser, "cancel")

    assert account(parent).pending_email is None
    assert "Ce lien n’est plus valable" in browser.get(url[1]).text
    assert "Le changement d’adresse est annulé" in browser.get(PAGE).text
    assert act(browser, "send_again", on="/compte").status_code == 422


def test_a_message_is_sent_again_after_a_minute_three_an_hour(browser: Browser, clock: FrozenClock):
    ask(browser, NEW)
    soon = act(browser, "send_again")
    clock.advance(seconds=61)
    assert act(browser, "send_again").status_code == 303
    clock.advance(seconds=61)
    assert act(browser, "send_again").status_code == 303
    clock.advance(seconds=61)
    spent = act(browser, "send_again")

    assert soon.status_code == 422
    assert "Vous pourrez le renvoyer dans 60 secondes" in soon.text
    assert spent.status_code == 429
    assert int(spent.headers["Retry-After"]) > 3000


def test_em_22_many_accounts_do_not_flood_one_mailbox(
    idp_app: Flask,
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    mailbox: Mailbox,
    now: datetime,
):
    for _number in range(5):
        browser = new_browser()
        sign_in_as(idp_app, browser, new_parent().account_id, now=now)
        ask(browser, "victime@exemple.fr")

    assert sum(mail.to == "victime@exemple.fr" for mail in mailbox()) == 3


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"email": "celine@"}, "Saisissez une adresse complète"),
        ({"email_confirmation": "autre@exemple.fr"}, "Les deux adresses ne sont pas identiques"),
        ({"email": "a@x.fr,b@y.fr", "email_confirmation": "a@x.fr,b@y.fr"}, "Saisissez une adresse complète"),
        (
            {"email": EMAIL.upper(), "email_confirmation": EMAIL},
            "Cette adresse est déjà celle de votre compte",
        ),
    ],
)
def test_a_refused_address_says_why_and_keeps_what_was_typed(
    browser: Browser, mailbox: Mailbox, typed: dict[str, str], sentence: str
):
    answer = send(browser, PAGE, {"email": NEW, "email_confirmation": NEW} | typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<title>Erreur" in answer.text
    assert mailbox() == []


@pytest.mark.parametrize(
    "tail", ["\r\nBcc: x@y.fr", "\nBcc: x@y.fr", "%0d%0aBcc: x@y.fr", "\u2028Bcc: x@y.fr"]
)
def test_mh_01_no_line_of_a_mail_comes_from_the_address(browser: Browser, mailbox: Mailbox, tail: str):
    answer = send(browser, PAGE, {"email": NEW + tail, "email_confirmation": NEW + tail})

    assert answer.status_code == 422
    assert mailbox() == []


def test_a_password_change_ends_a_change_of_address_that_waits(
    parent: Parent, browser: Browser, account: Read, mailbox: Mailbox
):
    ask(browser, NEW)
    url = re.search(r"^https://compte\.example(/\S+confirmer\S+)$", mailbox()[0].text, re.M)
    assert url is not None
    values = {
        "current_password": PASSWORD,
        "new_password": "Romarin2026",
        "new_password_confirmation": "Romarin2026",
    }
    assert send(browser, "/compte/mot-de-passe", values).status_code == 303

    browser.post(url[1], data={"csrf_token": token(browser)})

    assert (account(parent).email, account(parent).pending_email) == (EMAIL, None)


def test_the_mailed_page_is_signed_in_at_with_a_wrong_password_in_vain(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser], account: Read, mailbox: Mailbox
):
    ask(browser, NEW)

    answer = send(new_browser(), mailed_address(mailbox), {"password": "Ciboulette8"})

    assert answer.status_code == 422
    assert account(parent).email == EMAIL


def test_signing_in_at_a_dead_url_says_so(
    parent: Parent, browser: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox
):
    ask(browser, NEW)
    url = mailed_address(mailbox)
    act(browser, "cancel")
    stranger = new_browser()

    answer = send(stranger, url, {"identifier": parent.identifier, "password": PASSWORD})

    assert answer.location == "/compte"
    assert "Ce lien n’est plus valable" in stranger.get("/compte").text


def ask(browser: Browser, address: str) -> Any:
    return send(browser, PAGE, {"email": address, "email_confirmation": address, "act": ""})


def act(browser: Browser, name: str, *, on: str = PAGE) -> Any:
    """Press one of the page's other buttons."""
    page = browser.get(on).text
    change = re.search(r'name="change" value="([^"]+)"', page)
    values = {"act": name, "change": change[1] if change else ""}
    return browser.post(PAGE, data={"csrf_token": token(browser)} | values)


def press_confirm(browser: Browser, url: str) -> Any:
    page = browser.get(url)
    assert page.status_code == 200, page.location
    return browser.post(url, data=form_values(page.text, action="/compte/adresse/confirmer"))


def mailed_address(mailbox: Mailbox) -> str:
    """Path and query of the newest URL that confirms an address."""
    for mail in reversed(mailbox()):
        found = re.search(r"^https://compte\.example(/compte/adresse/confirmer\?code=\S+)$", mail.text, re.M)
        if found is not None:
            return found[1]
    raise AssertionError("no mail asks to confirm an address")


def token(browser: Browser) -> str:
    return form_values(browser.get("/compte").text)["csrf_token"]


def secret_of(browser: Browser) -> str:
    cookie = browser.get_cookie("__Host-idp_session", domain="compte.example")
    assert cookie is not None
    return cookie.value
