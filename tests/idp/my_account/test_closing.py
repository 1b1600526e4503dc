"""/compte/fermer: for ever, and everywhere at once."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask
from sqlalchemy import select

from idp.accounts.models import Account, AccountState
from idp.db import db, transaction
from idp.families.models import Link, LinkState
from idp.messaging.rules import RenderedMail
from idp.oidc.models import Consent
from idp.passwords import service as passwords
from tests.conftest import Browser, FrozenClock
from tests.factories import LONG_AGO
from tests.idp.my_account.conftest import EMAIL, PASSWORD, Parent, sign_in
from tests.signing_in import sign_in_as
from tests.web import form_values

PAGE = "/compte/fermer"


def test_ch_09_a_closed_account_is_closed_everywhere(
    parent: Parent,
    browser: Browser,
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    account: Callable[[Parent], Account],
    now: datetime,
):
    elsewhere = new_browser()
    sign_in_as(idp_app, elsewhere, parent.account_id, now=now)

    answer = close(browser)

    assert (answer.status_code, answer.location) == (303, "/compte/ferme")
    assert "Votre compte est fermé" in browser.get("/compte/ferme").text
    assert {one.get("/compte").location for one in (browser, elsewhere)} == {"/connexion"}
    assert sign_in(new_browser(), parent.identifier, PASSWORD).status_code == 422
    closed = account(parent)
    assert (closed.state, closed.closed_at) == (AccountState.DISABLED, now)
    assert (closed.email, closed.phone, closed.password_hash) == (None, None, None)


def test_ch_09_neither_a_letter_nor_an_operator_opens_it_again(
    parent: Parent, browser: Browser, idp_app: Flask, new_browser: Callable[[], Browser], now: datetime
):
    from idp.accounts import service as accounts

    with idp_app.app_context(), transaction():
        letter = passwords.reissue_provisional_password(parent.account_id, now=now)
    close(browser)

    answer = sign_in(new_browser(), parent.identifier, letter.provisional_password)

    assert answer.status_code == 422
    with idp_app.app_context(), transaction():
        assert accounts.restore_state(parent.account_id, from_state=AccountState.DISABLED, now=now) is None


def test_ch_09_links_and_agreements_are_gone(parent: Parent, browser: Browser, idp_app: Flask, now: datetime):
    with idp_app.app_context():
        agree_to_a_service(parent, now)

    close(browser)

    with idp_app.app_context():
        assert db.session.scalars(select(Consent)).all() == []
        assert [link.state for link in db.session.scalars(select(Link))] == [LinkState.DETACHED]


def test_its_holder_is_told_by_mail(browser: Browser, mailbox: Callable[[], list[RenderedMail]]):
    close(browser)

    (told,) = mailbox()
    assert told.to == EMAIL
    assert "votre compte est fermé" in told.subject


def test_ch_01_the_password_comes_first(browser: Browser, clock: FrozenClock):
    csrf = form_values(browser.get(PAGE).text, action=PAGE)
    clock.advance(minutes=10)

    assert browser.get(PAGE).location == f"/compte/confirmer?suite={PAGE}"
    assert browser.post(PAGE, data=csrf).location == f"/compte/confirmer?suite={PAGE}"


def test_opening_the_page_closes_nothing_and_says_what_would(browser: Browser):
    page = browser.get(PAGE).text

    assert "Un compte fermé ne se rouvre pas" in page
    assert "Télécharger mes données" in page
    assert "03 53 01 00 00" in page
    assert browser.get("/compte").status_code == 200


def test_rc_01_closing_twice_is_as_once(
    parent: Parent, browser: Browser, journal: Callable[[Parent], list[str]]
):
    page = browser.get(PAGE)
    values = form_values(page.text, action=PAGE)
    browser.post(PAGE, data=values)

    again = browser.post(PAGE, data=values)

    assert again.status_code in {303, 400}
    assert journal(parent).count("account:account:closed") == 1


def close(browser: Browser):
    page = browser.get(PAGE)
    return browser.post(PAGE, data=form_values(page.text, action=PAGE))


def agree_to_a_service(parent: Parent, now: datetime) -> None:
    from idp.oidc import clients, consents
    from idp.oidc.registration import ClientMetadata

    clients.add_client(
        ClientMetadata(
            client_id="livret",
            name="Livret scolaire",
            redirect_uris=("https://livret.example/retour",),
            scope="openid",
        ),
        now=LONG_AGO,
    )
    consents.agree(parent.account_id, "livret", ["openid"], now=now)
