"""Activation, case by case: what parents type, miss, lose and do twice."""

import unicodedata
from contextlib import suppress
from datetime import date
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.activation import service
from idp.activation.rules import AddressOutcome
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Child
from idp.families.rules import SchoolTaskKind
from idp.messaging.models import OutboxMessage
from idp.passwords import service as passwords
from idp.passwords.rules import Busy
from idp.sign_in.rules import SignInRefused, SignInSlowed
from tests.factories import make_child, make_link
from tests.idp.activation.conftest import CHOSEN_PASSWORD, EMAIL, begin, form_filled
from tests.web import form_values


def test_bf_09_the_tenth_wrong_date_tells_the_school_once(parent, new_browser, clock, idp_app):
    """Nor do a new session, another network or another browser help."""
    for day in range(4):
        browser = new_browser()
        browser.client.environ_base["REMOTE_ADDR"] = f"192.0.{day}.7"
        browser.sign_in(parent.identifier, parent.provisional_password)
        for _ in range(4):
            answer = browser.fill("/activation", form_filled(birth_day="15"), action="/activation")
        clock.advance(days=1, minutes=1)

    assert "Trop de dates essayées avec ce courrier" in answer.text
    with idp_app.app_context():
        (task,) = families.open_tasks("0990001N")
        assert (task.kind, task.child_name) == (SchoolTaskKind.BIRTH_DATE_BLOCKED, "Maël N’GUYEN")
        assert [row.account_id for row in db.session.scalars(select(OutboxMessage))] == [None]


def test_bf_09_three_wrong_dates_are_no_affair_of_the_schools_yet(parent, browser, idp_app):
    begin(browser, parent, birth_day="15")
    for day in ("16", "17"):
        browser.fill("/activation", form_filled(birth_day=day), action="/activation")

    with idp_app.app_context():
        assert families.open_tasks("0990001N") == ()


def test_bf_09_a_new_letter_starts_at_zero(parent, browser, new_browser, clock, idp_app, account):
    begin(browser, parent, birth_day="15")
    for _ in range(3):
        spent = browser.fill("/activation", form_filled(birth_day="16"), action="/activation")
    assert "Réessayez demain" in spent.text
    with idp_app.app_context(), transaction():
        letter = passwords.reissue_provisional_password(parent.account_id, now=clock.now)

    with_new_letter = new_browser()
    with_new_letter.sign_in(parent.identifier, letter.provisional_password)
    with_new_letter.fill("/activation", form_filled(), action="/activation")

    assert account(parent).state is AccountState.ACTIVATING


@pytest.mark.parametrize("address", ["/connexion", "/activation", "/activation/message-envoye", "/aide", "/"])
def test_bf_10_no_birth_date_is_asked_before_a_secret_is_right(parent, browser, address):
    assert "birth_day" not in browser.get(address, follow_redirects=True).text


def test_bf_10_dates_sprayed_without_a_letter_meet_no_account(new_parent, browser, idp_app):
    """Identifiers can be guessed; without a letter's password, a right date is typed into nothing."""
    for parent in [new_parent() for _ in range(5)]:
        browser.sign_in(parent.identifier, "ABCD2345")
        sent = form_values(browser.get("/activation").text) | form_filled()
        assert browser.client.post("/activation", data=sent).status_code == 422

    with idp_app.app_context():
        states = db.session.scalars(select(Account.state)).all()
    assert set(states) == {AccountState.NOTIFIED}


@pytest.mark.parametrize(
    "typed",
    [
        ("00", "00", "0000"),
        ("31", "02", "2017"),
        ("29", "02", "2017"),
        ("14", "3", "-1"),
        ("14", "3", "99999"),
        ("1e1", "3", "2017"),
        ("١٤", "٣", "٢٠١٧"),
        ("9223372036854775808", "3", "2017"),
        ("14", "3", "NaN"),
        ("14", "3", "17"),
        ("", "", ""),
    ],
)
def test_in_16_a_birth_date_that_cannot_be_is_a_form_error_and_costs_no_try(parent, browser, typed):
    day, month, year = typed

    refused = begin(browser, parent, birth_day=day, birth_month=month, birth_year=year)
    wrong = browser.fill("/activation", form_filled(birth_day="15"), action="/activation")

    assert refused.status_code == 422
    assert "Il y a un problème" in refused.text
    assert "Il vous reste 2 essais aujourd’hui" in wrong.text


@pytest.mark.parametrize("year", ["9999", "0001", "1900"])
def test_in_16_a_date_of_another_age_is_a_wrong_date(parent, browser, year):
    assert "Il vous reste 2 essais" in begin(browser, parent, birth_year=year).text


def test_a_child_born_on_the_29th_of_february_activates(parent, browser, idp_app, account):
    with idp_app.app_context(), transaction() as session:
        session.execute(update(Child).values(birth_date=date(2016, 2, 29)))

    begin(browser, parent, birth_day="29", birth_month="02", birth_year="2016")

    assert account(parent).state is AccountState.ACTIVATING


def test_in_16_a_birth_date_has_no_time_zone(parent, browser, clock, account):
    """Typed at midnight in France, an hour earlier in UTC: the same date."""
    clock.now = clock.now.replace(hour=23, minute=30)

    begin(browser, parent)

    assert account(parent).state is AccountState.ACTIVATING


@pytest.mark.parametrize(
    ("email", "confirmation"),
    [
        (EMAIL, EMAIL.upper()),
        (f"{EMAIL} ", EMAIL),
        (f"\t{EMAIL}", f"{EMAIL}\u00a0"),
        ("Celine@Exemple.FR", EMAIL),
    ],
)
def test_an_address_is_compared_without_case_and_spaces(parent, browser, account, email, confirmation):
    begin(browser, parent, email=email, email_confirmation=confirmation)

    assert (account(parent).pending_email or "").lower() == EMAIL
    assert " " not in (account(parent).pending_email or "")


@pytest.mark.parametrize(
    ("password", "is_accepted"),
    [
        ("Cib0ule", False),
        ("Cib0ulet", True),
        ("Ciboulette7Persil"[:16], True),
        ("Ciboulette7Persil", False),
        ("Ciboule7 ", True),
        ("Cib0ule ", True),
        ("Ciboulé7", True),
        ("Ωmega789x", True),
    ],
)
def test_a_password_of_8_to_16_characters_whatever_they_are(parent, browser, account, password, is_accepted):
    answer = begin(browser, parent, new_password=password)

    assert answer.status_code == (303 if is_accepted else 422)
    assert (account(parent).state is AccountState.ACTIVATING) is is_accepted


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_password_typed_in_another_unicode_form_is_the_same(
    parent, browser, new_browser, mailed_address, account, forms
):
    chosen, typed = (unicodedata.normalize(form, "Éléphant7") for form in forms)
    begin(browser, parent, new_password=chosen)

    new_browser().sign_in(parent.identifier, typed, mailed_address())

    assert account(parent).state is AccountState.ACTIVE


def test_the_letters_password_pasted_with_a_space_opens_the_form(parent, browser):
    typed = f" {parent.provisional_password[:4]} {parent.provisional_password[4:].lower()} "

    assert browser.sign_in(f" {parent.identifier.upper()} ", typed).location == "/activation"


def test_rc_13_two_accounts_confirm_one_address_and_neither_hears_of_the_other(
    new_parent, new_browser, mailed_address, account
):
    """Couples share a mailbox."""
    pages = []
    for _ in range(2):
        one, browser = new_parent(), new_browser()
        begin(browser, one)
        pages.append(browser.get("/activation/message-envoye").text)
        done = browser.sign_in(one.identifier, CHOSEN_PASSWORD, mailed_address())
        assert done.location == "/activation/terminee"
        assert (account(one).email, account(one).state) == (EMAIL, AccountState.ACTIVE)

    first, second = (strip_token(page) for page in pages)
    assert first == second


def test_the_mailed_link_after_the_address_changed_is_dead_and_the_new_one_works(
    activating, browser, mailed_address, account
):
    older = mailed_address()
    browser.fill(
        "/activation/message-envoye",
        {"act": "correct", "email": "autre@exemple.fr", "email_confirmation": "autre@exemple.fr"},
        action="/activation/message-envoye",
    )

    assert (
        browser.sign_in(activating.identifier, CHOSEN_PASSWORD, older).location
        == "/activation/message-envoye"
    )
    assert account(activating).email is None
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())
    assert account(activating).email == "autre@exemple.fr"


def test_the_address_is_corrected_by_signing_in_again_elsewhere(activating, new_browser, account, mailbox):
    other = new_browser()
    other.sign_in(activating.identifier, CHOSEN_PASSWORD)

    other.fill(
        "/activation/message-envoye",
        {"act": "correct", "email": "juste@exemple.fr", "email_confirmation": "juste@exemple.fr"},
        action="/activation/message-envoye",
    )

    assert account(activating).pending_email == "juste@exemple.fr"
    assert [mail.to for mail in mailbox()] == ["juste@exemple.fr"]


def test_a_domain_that_looks_mistyped_is_asked_about_and_never_blocks(parent, browser, mailbox, account):
    begin(browser, parent, email="celine@gmial.com")
    waiting = browser.get("/activation/message-envoye")
    assert "Vouliez-vous dire gmail.com" in waiting.text
    assert [mail.to for mail in mailbox()] == ["celine@gmial.com"]

    meant = [form for form in waiting.text.split("<form") if "Envoyer à celine@gmail.com" in form]
    assert len(meant) == 1
    browser.client.post("/activation/message-envoye", data=form_values(f"<form{meant[0]}"))

    assert account(parent).pending_email == "celine@gmail.com"
    assert [mail.to for mail in mailbox()] == ["celine@gmail.com"]
    assert "Vouliez-vous dire" not in browser.get("/activation/message-envoye").text


def test_a_usual_domain_is_not_asked_about(activating, browser):
    assert "Vouliez-vous dire" not in browser.get("/activation/message-envoye").text


def test_the_waiting_page_speaks_of_the_spam_folder(activating, browser):
    assert "Courriers indésirables" in browser.get("/activation/message-envoye").text


def test_em_05_the_links_hours_count_from_the_sending(
    activating, new_browser, mailed_address, clock, idp_app, account
):
    """The mail server was away for twenty hours: the link is worth its 24 hours all the same."""
    address = mailed_address()
    sent_after(idp_app, clock, hours=20)
    clock.advance(hours=24, seconds=-1)

    new_browser().sign_in(activating.identifier, CHOSEN_PASSWORD, address)

    assert account(activating).state is AccountState.ACTIVE


def test_em_05_and_not_a_second_more(activating, new_browser, mailed_address, clock, idp_app, account):
    address = mailed_address()
    sent_after(idp_app, clock, hours=20)
    clock.advance(hours=24)
    browser = new_browser()

    assert "Ce lien n’est plus valable" in browser.get(address).text
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, address)

    assert account(activating).state is AccountState.ACTIVATING


def test_a_second_tab_of_the_form_goes_on_to_the_waiting_page(parent, browser):
    browser.sign_in(parent.identifier, parent.provisional_password)
    second_tab = browser.get("/activation")
    browser.fill("/activation", form_filled(), action="/activation")

    answer = browser.send(second_tab, form_filled(email="autre@exemple.fr"), action="/activation")

    assert answer.location == "/activation"
    assert browser.get("/activation").location == "/activation/message-envoye"
    assert "C’est déjà fait" in browser.get("/activation/message-envoye").text


def test_an_account_that_is_active_already_goes_to_its_own_page(activating, browser, mailed_address):
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    for address in ("/activation", "/activation/message-envoye"):
        assert browser.get(address).location == "/compte"


def test_both_papers_in_hand_the_newer_one_activates(parent, browser, new_browser, clock, idp_app, account):
    with idp_app.app_context(), transaction():
        newer = passwords.reissue_provisional_password(parent.account_id, now=clock.now)

    older_one = browser.sign_in(parent.identifier, parent.provisional_password)
    assert older_one.status_code == 422
    with_newer = new_browser()
    with_newer.sign_in(parent.identifier, newer.provisional_password)
    with_newer.fill("/activation", form_filled(), action="/activation")

    assert account(parent).state is AccountState.ACTIVATING


SCANNERS = {
    "get": lambda browser, url: browser.client.get(url),
    "head": lambda browser, url: browser.client.head(url),
    "prefetch": lambda browser, url: browser.client.get(url, headers={"Sec-Purpose": "prefetch"}),
    "preview": lambda browser, url: browser.client.get(
        url, headers={"User-Agent": "Slackbot-LinkExpanding 1.0"}
    ),
    "twenty times": lambda browser, url: [browser.client.get(url) for _ in range(20)],
    "two networks": lambda browser, url: [
        browser.client.get(url, environ_base={"REMOTE_ADDR": address})
        for address in ("192.0.2.7", "198.51.100.7")
    ],
    "submits the empty form": lambda browser, url: browser.send(
        browser.get(url), {}, action="/activation/adresse"
    ),
    "submits words of its own": lambda browser, url: browser.send(
        browser.get(url), {"password": "test", "identifier": "test"}, action="/activation/adresse"
    ),
    "posts without a page": lambda browser, url: browser.client.post(url, data={}),
    "follows every link": lambda browser, url: [
        browser.get(link) for link in set(links_of(browser.get(url).text))
    ],
}


@pytest.mark.parametrize("behaviour", SCANNERS)
def test_g13_and_em_01_a_mail_scanner_changes_nothing(
    activating, new_browser, mailed_address, idp_app, account, behaviour
):
    url, before = mailed_address(), dump(idp_app)

    SCANNERS[behaviour](new_browser(), url)

    assert dump(idp_app) == before
    new_browser().sign_in(activating.identifier, CHOSEN_PASSWORD, url)
    assert account(activating).state is AccountState.ACTIVE


def test_rc_02_one_mailed_link_completed_50_times_in_parallel_succeeds_once(
    activating, mailed_address, idp_app, clock
):
    one_time_code = mailed_address().partition("code=")[2]
    barrier, outcomes = Barrier(50), []

    def complete() -> None:
        barrier.wait()
        # So many tries at once are slowed; none may be a second success.
        with idp_app.app_context(), suppress(SignInSlowed, Busy, SignInRefused):
            signed_in = service.sign_in_at_address(
                (activating.identifier, CHOSEN_PASSWORD),
                one_time_code,
                network="192.0.2.0/24",
                user_agent="",
                browser_secret=None,
                now=clock.now,
            )
            outcomes.append(signed_in.outcome)

    in_parallel(complete, 50)

    assert outcomes.count(AddressOutcome.CONFIRMED) == 1


def test_rc_03_two_browsers_activate_with_one_letter_at_once(new_parent, new_browser, idp_app, account):
    """One owner; the other is told."""
    for _round in range(3):
        parent, browsers = new_parent(), [new_browser() for _ in range(2)]
        for browser in browsers:
            browser.sign_in(parent.identifier, parent.provisional_password)
        pages = [browser.get("/activation") for browser in browsers]
        barrier = Barrier(2)
        answers: dict[str, str] = {}

        def send(browser, page, address, barrier=barrier, answers=answers):
            barrier.wait()
            typed = form_filled(email=address, email_confirmation=address)
            answers[address] = browser.send(page, typed, action="/activation").location or ""

        addresses = ["une@exemple.fr", "autre@exemple.fr"]
        threads = [Thread(target=send, args=one) for one in zip(browsers, pages, addresses, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answers.values()) == ["/activation", "/activation/message-envoye"]
        (owner,) = [address for address, led_to in answers.items() if led_to != "/activation"]
        assert account(parent).pending_email == owner


def test_rc_01_a_double_press_on_the_mailed_page_is_one_activation_and_no_wrong_password(
    activating, mailed_address, idp_app, clock
):
    one_time_code, barrier, outcomes = mailed_address().partition("code=")[2], Barrier(2), []

    def press() -> None:
        barrier.wait()
        with idp_app.app_context():
            outcomes.append(
                service.sign_in_at_address(
                    (activating.identifier, CHOSEN_PASSWORD),
                    one_time_code,
                    network="192.0.2.0/24",
                    user_agent="",
                    browser_secret=None,
                    now=clock.now,
                ).outcome
            )

    in_parallel(press, 2)

    assert sorted(outcomes) == [AddressOutcome.CONFIRMED, AddressOutcome.PLAIN_SIGN_IN]


def test_freezing_the_only_child_while_the_form_is_open_stops_it(parent, browser, idp_app, clock, account):
    browser.sign_in(parent.identifier, parent.provisional_password)
    page = browser.get("/activation")
    with idp_app.app_context():
        (link,) = families.links_of(parent.account_id)
        with transaction():
            families.dispute_link(parent.account_id, link.link_id, now=clock.now)

    stopped = browser.send(page, form_filled(), action="/activation")

    assert stopped.status_code == 422
    assert "03 53 01 00 00" in stopped.text
    assert account(parent).state is AccountState.NOTIFIED


def test_a_child_who_left_school_is_not_the_one_that_is_asked_for(parent, browser, idp_app, now):
    with idp_app.app_context():
        gone = make_child(given_name="Zoé", birth_date=date(2019, 5, 2), left_at=now)
        make_link(parent.account_id, gone)

    browser.sign_in(parent.identifier, parent.provisional_password)

    assert "Enfant : Maël" in browser.get("/activation").text


def sent_after(app, clock, **duration):
    """The newest message leaves, that much later."""
    clock.advance(**duration)
    with app.app_context(), transaction() as session:
        session.execute(update(OutboxMessage).values(sent_at=clock.now))


def strip_token(page):
    return "".join(line for line in page.splitlines() if "csrf_token" not in line)


def links_of(page):
    from lxml import html

    return [link for _, _, link, _ in html.fromstring(page).iterlinks() if link.startswith("/")]


def dump(app):
    """Every account, code and session, as it is."""
    from idp.one_time_codes.models import OneTimeCode
    from idp.sessions.models import AccountSession

    with app.app_context():
        return [
            tuple(row)
            for model in (Account, OneTimeCode, AccountSession)
            for row in db.session.execute(select(*model.__table__.columns).order_by(model.id))
        ]


def in_parallel(act, times):
    threads = [Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
