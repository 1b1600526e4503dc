"""Attacks on activation and on its mail, named after their cases."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from html import unescape
from itertools import pairwise
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import Account, AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.messaging.models import OutboxMessage
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.models import OneTimeCode
from idp.one_time_codes.rules import OneTimeCodeRefused, Purpose
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from shared.secrets import digest, new_secret
from tests.factories import LETTER_LIFE, make_account, make_child, make_link, make_school
from tests.idp.activation.conftest import BIRTH_DATE, CHOSEN_PASSWORD, EMAIL, begin, form_filled
from tests.idp.activation.test_views import correct, csrf, letter_that_meets_the_rules, send_again

COOKIE = "__Host-idp_session"
LIFE = timedelta(hours=24)
VICTIM = "victime@exemple.fr"


def snapshot(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in db.metadata.sorted_tables
        }


def code_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["code"][0]


def page_of(answer) -> str:
    """An answer's page without what is new each time: form tokens, and the identifier that was typed."""
    without_token = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)
    return re.sub(r'id="identifier"[^>]*value="[^"]*"', "", without_token)


def refused_like_a_wrong_password(browser, identifier, password) -> bool:
    wrong = browser.sign_in(identifier, "Nimportequoi1")
    tried = browser.sign_in(identifier, password)
    return (tried.status_code, page_of(tried)) == (wrong.status_code, page_of(wrong)) == (422, page_of(wrong))


def reissue(app: Flask, parent, now) -> str:
    """What printing a new letter does."""
    with app.app_context(), transaction():
        issued = passwords.reissue_provisional_password(parent.account_id, now=now)
        sessions.end_all_sessions(parent.account_id, SessionEndReason.LETTER_REISSUED, now=now)
        return issued.provisional_password


# --- the letter


@pytest.mark.parametrize("is_completed", [False, True])
def test_ac_01_an_accepted_form_ends_the_provisional_password(
    activating, browser, new_browser, mailed_address, is_completed
):
    if is_completed:
        browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    assert refused_like_a_wrong_password(
        new_browser(), activating.identifier, activating.provisional_password
    )


@pytest.mark.parametrize("minutes", [0, 5])
def test_ac_02_after_90_days_the_letter_is_over_and_the_page_names_the_school(
    parent, browser, clock, idp_app, minutes
):
    clock.advance(seconds=LETTER_LIFE.total_seconds(), minutes=minutes)

    answer = browser.sign_in(parent.identifier, parent.provisional_password)

    assert answer.status_code == 422
    assert "n’est plus valable depuis le 21 février 2027" in answer.text
    assert "École du Lac" in answer.text
    assert "École du Lac" not in browser.sign_in(parent.identifier, "Nimportequoi1").text
    newer = reissue(idp_app, parent, clock.now)
    assert browser.sign_in(parent.identifier, newer).location == "/activation"


@pytest.mark.parametrize("minutes", [5, 0.02])
def test_ac_02_until_then_it_works(parent, browser, clock, minutes):
    clock.advance(seconds=LETTER_LIFE.total_seconds(), minutes=-minutes)

    assert browser.sign_in(parent.identifier, parent.provisional_password).location == "/activation"


def test_ac_02_a_letter_that_ends_while_the_form_is_open_is_refused(parent, browser, clock, account):
    clock.advance(seconds=LETTER_LIFE.total_seconds(), minutes=-5)
    browser.sign_in(parent.identifier, parent.provisional_password)
    page = browser.get("/activation")
    clock.advance(minutes=5)

    answer = browser.send(page, form_filled(), action="/activation")

    assert answer.status_code == 422
    assert "n’est plus valable depuis le" in answer.text
    assert account(parent).state is AccountState.NOTIFIED


def test_ac_03_a_letter_issued_again_kills_the_older_one_and_its_open_form(
    parent, browser, new_browser, clock, idp_app, account
):
    browser.sign_in(parent.identifier, parent.provisional_password)
    page = browser.get("/activation")

    newer = reissue(idp_app, parent, clock.now)

    answer = browser.send(page, form_filled(), action="/activation")
    assert answer.status_code == 422
    assert account(parent).state is AccountState.NOTIFIED
    assert refused_like_a_wrong_password(new_browser(), parent.identifier, parent.provisional_password)
    assert new_browser().sign_in(parent.identifier, newer).location == "/activation"


def test_ac_03_even_if_the_older_letters_session_lived_on(parent, browser, clock, idp_app, account):
    browser.sign_in(parent.identifier, parent.provisional_password)
    page = browser.get("/activation")
    with idp_app.app_context(), transaction():
        passwords.reissue_provisional_password(parent.account_id, now=clock.now)

    answer = browser.send(page, form_filled(), action="/activation")

    assert answer.status_code == 422
    assert "L’école a émis un nouveau courrier" in answer.text
    assert account(parent).state is AccountState.NOTIFIED


def test_ac_03_reissued_while_activating_the_form_comes_again(
    activating, clock, idp_app, new_browser, account
):
    newer = reissue(idp_app, activating, clock.now)
    browser = new_browser()

    assert browser.sign_in(activating.identifier, newer).location == "/activation"
    answer = browser.fill("/activation", form_filled(email="autre@exemple.fr"), action="/activation")

    assert answer.location == "/activation/message-envoye"
    assert account(activating).pending_email == "autre@exemple.fr"


@pytest.mark.parametrize(
    "address", ["/compte", "/activation/message-envoye", "/activation/terminee", "/connexion"]
)
def test_ac_04_the_provisional_password_opens_the_activation_page_alone(parent, browser, address):
    browser.sign_in(parent.identifier, parent.provisional_password)

    answer = browser.get(address)

    assert (answer.status_code, answer.location) == (303, "/activation")


def test_ac_04_no_service_opens_before_activation(parent, browser, authorization_address):
    browser.sign_in(parent.identifier, parent.provisional_password)

    answer = browser.get(authorization_address)

    assert answer.location.startswith("/activation?demande=")


def test_ac_04_the_provisional_password_never_becomes_the_chosen_one(new_parent, browser, account):
    parent, in_mixed_case = letter_that_meets_the_rules(new_parent)

    answer = begin(browser, parent, new_password=in_mixed_case)

    assert answer.status_code == 422
    assert account(parent).password_hash is None


def test_ac_05_without_signing_in_the_form_does_nothing(browser, idp_app, parent):
    page = browser.get("/activation")
    before = snapshot(idp_app)
    token = re.search(r'name="csrf_token" value="([^"]*)"', page.text)
    assert token is not None

    answer = browser.client.post("/activation", data=form_filled() | {"csrf_token": token[1]})

    assert answer.status_code == 422
    assert "Connectez-vous pour continuer" in answer.text
    assert snapshot(idp_app) == before


def test_ac_05_no_step_reads_who_it_is_from_the_form(new_parent, browser, account):
    mine, other = new_parent(), new_parent()
    browser.sign_in(mine.identifier, mine.provisional_password)
    identity = {
        "identifier": other.identifier,
        "account_id": str(other.account_id),
        "state": "active",
        "email_confirmed_at": "2026-11-23",
    }

    answer = browser.fill("/activation", form_filled() | identity, action="/activation")

    assert answer.status_code == 303
    assert account(other).state is AccountState.NOTIFIED
    assert (account(mine).state, account(mine).email) == (AccountState.ACTIVATING, None)


@pytest.mark.parametrize("left_out", [*form_filled(), "everything"])
def test_ac_05_a_form_with_a_field_left_out_is_refused(parent, browser, account, left_out):
    browser.sign_in(parent.identifier, parent.provisional_password)
    token = {
        "csrf_token": re.findall(r'name="csrf_token" value="([^"]*)"', browser.get("/activation").text)[0]
    }
    kept = {} if left_out == "everything" else {k: v for k, v in form_filled().items() if k != left_out}

    answer = browser.client.post("/activation", data=kept | token)

    assert answer.status_code == 422
    assert account(parent).state is AccountState.NOTIFIED


def test_ac_05_an_earlier_form_again_changes_nothing(activating, browser, account, mailbox):
    changed = form_filled(email="pirate@exemple.fr", new_password="Piratage42")
    before = account(activating)

    answer = browser.client.post("/activation", data=changed | csrf(browser))

    assert answer.status_code == 303
    after = account(activating)
    assert (after.pending_email, after.password_hash) == (EMAIL, before.password_hash)
    assert [mail.to for mail in mailbox()] == [EMAIL]


@pytest.mark.parametrize("query", ["", "?code=", "?code=abc", f"?code={'a' * 43}", f"?code={'a' * 5000}"])
def test_ac_05_the_mailed_address_without_its_code_is_the_plain_sign_in(activating, browser, account, query):
    assert browser.get(f"/activation/adresse{query}").location == "/connexion"

    page = browser.get("/activation/message-envoye")
    token = re.findall(r'name="csrf_token" value="([^"]*)"', page.text)[0]
    couple = {"identifier": activating.identifier, "password": CHOSEN_PASSWORD, "csrf_token": token}
    answer = browser.client.post(f"/activation/adresse{query}", data=couple)

    assert answer.location == "/activation/message-envoye"
    assert account(activating).state is AccountState.ACTIVATING


@pytest.mark.parametrize("_round", range(5))
def test_ac_07_and_rc_03_two_browsers_use_one_letter_at_the_same_time(
    parent, new_browser, idp_app, account, _round
):
    browsers = [new_browser() for _ in range(6)]
    pages = []
    for browser in browsers:
        browser.sign_in(parent.identifier, parent.provisional_password)
        pages.append(browser.get("/activation"))
    start = Barrier(len(browsers))

    def send(number: int) -> str:
        start.wait()
        filled = form_filled(email=f"parent{number}@exemple.fr", new_password=f"Ciboulette{number}")
        answer = browsers[number].send(pages[number], filled, action="/activation")
        return f"{answer.status_code} {answer.location}"

    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(send, range(len(browsers))))

    assert answers.count("303 /activation/message-envoye") == 1, answers
    winner = answers.index("303 /activation/message-envoye")
    assert account(parent).pending_email == f"parent{winner}@exemple.fr"
    with idp_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(OutboxMessage)) == 1
        assert db.session.scalar(select(func.count()).select_from(OneTimeCode)) == 1
        accepted = AuditEntry.name == "activation:form:accepted"
        assert db.session.scalar(select(func.count()).select_from(AuditEntry).where(accepted)) == 1
    loser = browsers[(winner + 1) % len(browsers)]
    assert f"parent{winner}@exemple.fr" not in loser.get("/activation").text
    assert loser.get("/activation/message-envoye").location.startswith("/connexion")


def test_ac_07_the_holder_of_the_same_letter_cannot_redirect_the_mail(
    parent, browser, new_browser, account, mailbox
):
    thief = new_browser()
    thief.sign_in(parent.identifier, parent.provisional_password)
    page = thief.get("/activation")
    begin(browser, parent)
    token = re.findall(r'name="csrf_token" value="([^"]*)"', page.text)[0]
    stolen = {"act": "correct", "email": "voleur@exemple.fr", "email_confirmation": "voleur@exemple.fr"}

    thief.client.post("/activation/message-envoye", data=stolen | {"csrf_token": token})

    assert account(parent).pending_email == EMAIL
    assert [mail.to for mail in mailbox()] == [EMAIL]


def test_ac_09_the_mailed_link_works_on_another_device_with_the_chosen_password_alone(
    activating, browser, new_browser, mailed_address, account
):
    phone = new_browser()

    page = phone.get(mailed_address())
    assert page.status_code == 200
    assert COOKIE not in str(page.headers)
    assert phone.get("/compte").location.startswith("/connexion")
    refused = phone.send(
        page,
        {"identifier": activating.identifier, "password": activating.provisional_password},
        action="/activation/adresse",
    )
    assert refused.status_code == 422
    assert account(activating).state is AccountState.ACTIVATING

    done = phone.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    assert done.location == "/activation/terminee"
    assert account(activating).state is AccountState.ACTIVE
    # The first device is not signed in by what happened on the second.
    assert browser.get("/compte").location.startswith("/connexion")


def test_ac_10_a_victims_mailbox_is_of_no_use_to_the_attacker_nor_to_the_victim(
    parent, new_parent, browser, new_browser, mailed_address, account
):
    begin(browser, parent, email=VICTIM)
    victim = new_browser()
    neighbour = new_parent()

    page = victim.get(mailed_address())
    victim.send(
        page, {"identifier": parent.identifier, "password": "Nimportequoi1"}, action="/activation/adresse"
    )
    victim.sign_in(neighbour.identifier, neighbour.provisional_password, mailed_address())

    unchanged = account(parent)
    assert (unchanged.state, unchanged.email) == (AccountState.ACTIVATING, None)
    assert browser.get("/compte").location == "/activation/message-envoye"
    assert victim.get("/compte").location != "/activation/message-envoye"


@pytest.mark.parametrize("typed", ["Maël N’GUYEN", "m.nguyen", "120890177AB", "14032017", "2017-03-14"])
def test_ac_12_a_child_is_not_an_account(parent, browser, typed, idp_app):
    with idp_app.app_context():
        make_link(parent.account_id, make_child(ine="120890177AB", birth_date=BIRTH_DATE))
    unknown = browser.sign_in("z.personne", "14032017")
    tried = browser.sign_in(typed, "14032017")
    from_activation = browser.send(
        browser.get("/activation"), {"identifier": typed, "password": "14032017"}, action="/connexion"
    )

    assert page_of(tried) == page_of(unknown) == page_of(from_activation)
    assert tried.status_code == unknown.status_code == from_activation.status_code == 422


def test_ac_13_each_letter_proves_its_own_link(
    idp_app, new_parent, new_browser, account, mailed_address, now
):
    here = new_parent()
    with idp_app.app_context():
        make_school("0990002P", name="École du Bois")
        there_id = make_account(state=AccountState.NOTIFIED, school_uai="0990002P")
        make_link(there_id, make_child(school_uai="0990002P", given_name="Zoé", birth_date=date(2019, 5, 6)))
        with transaction():
            passwords.issue_provisional_password(there_id, now=now)
    browser = new_browser()
    begin(browser, here, birth_day="6", birth_month="5", birth_year="2019")
    assert account(here).state is AccountState.NOTIFIED

    browser.fill("/activation", form_filled(), action="/activation")
    browser.sign_in(here.identifier, CHOSEN_PASSWORD, mailed_address())

    page = browser.get("/compte").text
    assert "Maël" in page
    assert "Zoé" not in page
    with idp_app.app_context():
        assert db.session.get_one(Account, there_id).state is AccountState.NOTIFIED


# --- the mailed link


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_em_01_opening_the_link_changes_nothing_however_often(
    activating, browser, new_browser, mailed_address, idp_app, method, account
):
    address, before = mailed_address(), snapshot(idp_app)

    for number in range(20):
        scanner = new_browser()
        scanner.client.environ_base["REMOTE_ADDR"] = f"203.0.{113 + number % 2}.7"
        headers = {"Sec-Purpose": "prefetch", "Purpose": "prefetch"} if number % 3 else {}
        assert scanner.client.open(address, method=method, headers=headers).status_code == 200

    assert snapshot(idp_app) == before
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, address)
    assert account(activating).state is AccountState.ACTIVE


def test_em_01_a_scanner_that_submits_the_form_changes_nothing_of_the_account(
    activating, new_browser, mailed_address, account
):
    scanner = new_browser()
    page = scanner.get(mailed_address())

    for _time in range(3):
        scanner.send(page, {}, action="/activation/adresse")

    assert account(activating).state is AccountState.ACTIVATING


@pytest.mark.parametrize("renew", ["send_again", "correct"])
def test_em_04_only_the_newest_link_works(activating, browser, mailed_address, clock, account, renew):
    older = mailed_address()
    clock.advance(seconds=61)
    if renew == "correct":
        correct(browser, "celine@exemple.org")
    else:
        send_again(browser)

    answer = browser.sign_in(activating.identifier, CHOSEN_PASSWORD, older)
    assert answer.location == "/activation/message-envoye"
    assert "Ce lien n’est plus valable" in browser.get("/activation/message-envoye").text
    assert account(activating).state is AccountState.ACTIVATING

    assert browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address()).status_code == 303
    assert account(activating).state is AccountState.ACTIVE


def test_em_05_the_link_works_for_24_hours_and_then_offers_a_new_one(
    activating, new_browser, mailed_address, clock, account
):
    clock.advance(hours=24)
    browser = new_browser()

    page = browser.get(mailed_address())
    assert "Ce lien n’est plus valable" in page.text
    couple = {"identifier": activating.identifier, "password": CHOSEN_PASSWORD}
    assert browser.send(page, couple, action="/activation/adresse").location == "/activation/message-envoye"
    waiting = browser.get("/activation/message-envoye")
    assert "Renvoyer le message" in waiting.text
    assert account(activating).state is AccountState.ACTIVATING

    send_again(browser)
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())
    assert account(activating).state is AccountState.ACTIVE


def test_em_05_one_second_before_it_still_works(activating, new_browser, mailed_address, clock, account):
    clock.advance(hours=24, seconds=-1)

    new_browser().sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    assert account(activating).state is AccountState.ACTIVE


def test_em_05_a_used_link_is_the_plain_sign_in(activating, browser, new_browser, mailed_address):
    address = mailed_address()
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, address)

    assert new_browser().get(address).location == "/connexion"


def test_em_06_ten_thousand_secrets_have_nothing_in_common(idp_context, now):
    account_id = make_account()
    with transaction():
        secrets = [
            one_time_codes.issue_one_time_code(
                Purpose.CONFIRM_ACTIVATION_ADDRESS, account_id, channel_address=EMAIL, valid_for=LIFE, now=now
            )
            for _ in range(50)
        ]
    secrets += [new_secret() for _ in range(9_950)]

    assert len(set(secrets)) == 10_000
    assert {len(secret) for secret in secrets} == {43}
    for place in range(42):
        assert len({secret[place] for secret in secrets}) == 64
    assert not any(secret.startswith(other[:8]) for secret, other in pairwise(secrets))


def test_em_07_the_database_holds_no_link_that_works(activating, mailed_address, idp_app):
    code = code_of(mailed_address())

    dump = repr(snapshot(idp_app))

    assert code not in dump
    assert CHOSEN_PASSWORD not in dump
    assert activating.provisional_password not in dump
    with idp_app.app_context():
        assert db.session.scalars(select(OneTimeCode.digest)).all() == [digest(code)]


def test_em_09_a_secret_of_another_kind_is_no_link(activating, browser, account, mailed_address):
    session_secret = browser.client.get_cookie(COOKIE, domain="compte.example").value

    answer = browser.get(f"/activation/adresse?code={session_secret}")

    assert answer.location == "/connexion"


def test_em_09_a_link_is_no_session(activating, new_browser, mailed_address):
    browser = new_browser()
    browser.client.set_cookie(COOKIE, code_of(mailed_address()), domain="compte.example", secure=True)

    assert browser.get("/activation/message-envoye").location.startswith("/connexion")


def test_em_09_a_link_serves_its_own_account_and_purpose(
    activating, mailed_address, new_parent, idp_app, now
):
    other = new_parent()
    with idp_app.app_context(), transaction(), pytest.raises(OneTimeCodeRefused):
        one_time_codes.consume_one_time_code(
            code_of(mailed_address()), Purpose.CONFIRM_ACTIVATION_ADDRESS, other.account_id, now=now
        )


def test_the_link_of_one_account_tells_another_and_changes_neither(
    activating, new_parent, new_browser, mailed_address, account
):
    address = mailed_address()
    second, theirs = new_browser(), new_parent()
    begin(second, theirs, email="paul@exemple.fr")

    answer = second.sign_in(theirs.identifier, CHOSEN_PASSWORD, address)

    assert answer.location == "/activation/adresse/autre-compte"
    page = second.get(answer.location)
    assert theirs.identifier in page.text
    assert activating.identifier not in page.text
    assert account(activating).state is AccountState.ACTIVATING
    assert account(theirs).state is AccountState.ACTIVATING


@pytest.mark.parametrize(
    "page", ["/activation", "/activation/adresse", "/activation/message-envoye", "signed out"]
)
def test_em_11_and_br_19_pages_of_the_mail_send_no_referrer_and_load_nothing_foreign(
    parent, browser, new_browser, mailed_address, page
):
    if page == "/activation":
        browser.sign_in(parent.identifier, parent.provisional_password)
    elif page != "signed out":
        begin(browser, parent)
    address = {"/activation/adresse": mailed_address, "signed out": lambda: "/activation"}.get(
        page, lambda: page
    )()

    answer = (new_browser() if page == "/activation/adresse" else browser).get(address)

    assert answer.status_code == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', answer.text) == []
    if page == "/activation/adresse":
        code = code_of(address)
        links = re.findall(r'<a [^>]*href="([^"]*)"', answer.text)
        # The same page in another language alone: the code stays at home.
        assert all(link.startswith("/activation/adresse?") for link in links if code in link)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"X-Forwarded-Host": "evil.test"},
        {"Forwarded": "host=evil.test;proto=http"},
        {"X-Original-Host": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil"},
    ],
)
def test_hh_01_and_em_14_a_forged_host_never_reaches_a_mail(parent, browser, mailbox, clock, headers):
    browser.sign_in(parent.identifier, parent.provisional_password)
    token = csrf_of(browser.get("/activation"))

    answer = browser.client.post("/activation", data=form_filled() | token, headers=headers)

    if headers.get("Host"):
        assert answer.status_code == 400
        assert "Cette adresse n’est pas la nôtre" in answer.text
        assert mailbox() == []
        return
    assert answer.status_code == 303
    clock.advance(seconds=61)
    again = browser.client.post(
        "/activation/message-envoye", data={"act": "resend"} | csrf(browser), headers=headers
    )
    assert again.status_code == 303
    for mail in mailbox():
        urls = re.findall(r"\w+://[^\s<\"]+", mail.text + unescape(mail.html))
        assert len(urls) >= 2
        assert all(url.startswith("https://compte.example/") for url in urls)
        assert "evil" not in mail.text + mail.html


def test_em_16_a_name_that_holds_html_or_an_address_never_reaches_the_mail(new_parent, browser, mailbox):
    hostile = new_parent(given_name="<b>Zoé</b> https://piege.example", family_name="O'<svg onload=x>")

    begin(browser, hostile)

    [mail] = mailbox()
    assert "piege" not in mail.text + mail.html
    assert "svg" not in mail.text + mail.html
    assert hostile.identifier in mail.text
    assert mail.html.count("<a ") == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "a@exemple.fr,b@exemple.fr"},
        {"email": "a@exemple.fr;b@exemple.fr"},
        {"email": ["a@exemple.fr", "b@exemple.fr"]},
        {"email": None, "email[]": "a@exemple.fr"},
        {"email": '["a@exemple.fr"]'},
        {"email": "a@exemple.fr\r\nBcc: b@exemple.fr"},
        {"email": "a@exemple.fr\x00"},
    ],
)
def test_em_17_anything_but_one_address_is_refused(parent, browser, mailbox, fields):
    browser.sign_in(parent.identifier, parent.provisional_password)
    token = csrf_of(browser.get("/activation"))
    twice = {"email_confirmation": fields["email"]} if fields["email"] is not None else {}
    data = {
        name: value for name, value in (form_filled() | fields | twice | token).items() if value is not None
    }

    answer = browser.client.post("/activation", data=data)

    assert answer.status_code in {400, 422}
    assert mailbox() == []


def test_em_17_a_json_body_is_refused(parent, browser, mailbox):
    browser.sign_in(parent.identifier, parent.provisional_password)
    token = csrf_of(browser.get("/activation"))["csrf_token"]

    answer = browser.client.post("/activation", json=form_filled(), headers={"X-CSRFToken": token})

    assert answer.status_code in {400, 422}
    assert mailbox() == []


def test_se_01_completed_activation_gives_a_new_session_and_ends_the_others(
    activating, browser, mailed_address, idp_app
):
    before = browser.client.get_cookie(COOKIE, domain="compte.example").value

    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    after = browser.client.get_cookie(COOKIE, domain="compte.example").value
    assert after != before
    browser.client.set_cookie(COOKIE, before, domain="compte.example", secure=True)
    assert browser.get("/compte").location.startswith("/connexion")
    browser.client.set_cookie(COOKIE, after, domain="compte.example", secure=True)
    assert browser.get("/compte").status_code == 200


def test_nothing_of_a_refused_form_is_written_but_its_count(parent, browser, idp_app):
    browser.sign_in(parent.identifier, parent.provisional_password)
    before = snapshot(idp_app)

    browser.fill("/activation", form_filled(birth_day="15"), action="/activation")

    changed = {name for name, rows in snapshot(idp_app).items() if rows != before[name]}
    assert changed == {"throttle_counter", "audit_entry"} or changed == {"throttle_counters", "audit_entries"}


def csrf_of(page) -> dict[str, str]:
    return {"csrf_token": re.findall(r'name="csrf_token" value="([^"]*)"', page.text)[0]}
