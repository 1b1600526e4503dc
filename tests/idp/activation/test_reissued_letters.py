"""A letter that the school issues anew, in each state of the account, from the command to the parent's last step."""

from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from idp.accounts.models import Account, AccountState
from idp.db import db, transaction
from idp.letters import service as letters
from idp.letters.rules import LetterKind, Selection
from idp.one_time_codes.rules import OneTimeCodeRefused
from idp.passwords import service as passwords
from tests.conftest import FrozenClock
from tests.factories import SCHOOL_UAI
from tests.idp.activation.conftest import (
    CHOSEN_PASSWORD,
    EMAIL,
    Browser,
    Parent,
    begin,
    form_filled,
)
from tests.killing import every_point, run_until_killed

NEW_PASSWORD = "Ciboulette8"
PHONE = "+33639981234"
WITHOUT_ADDRESS = {
    name: value for name, value in form_filled(new_password=NEW_PASSWORD).items() if "email" not in name
}

Reissue = Callable[[Parent], str]
AccountOf = Callable[[Parent], Account]


def test_on_an_active_account_password_and_date_are_asked_and_the_channels_stay(
    active: Parent, browser: Browser, new_browser, reissue: Reissue, mailbox, account: AccountOf
) -> None:
    before = account(active)
    newer = reissue(active)

    assert browser.get("/compte").location.startswith("/connexion")
    parent = new_browser()
    assert parent.sign_in(active.identifier, newer).location == "/activation"
    page = parent.get("/activation")
    assert "c•••@exemple.fr" in page.text
    assert 'name="email"' not in page.text
    assert parent.send(page, WITHOUT_ADDRESS, action="/activation").location == "/compte"

    after = account(active)
    assert (after.state, after.email, after.phone) == (AccountState.ACTIVE, EMAIL, PHONE)
    assert (after.email_confirmed_at, after.phone_confirmed_at) == (
        before.email_confirmed_at,
        before.phone_confirmed_at,
    )
    assert new_browser().sign_in(active.identifier, NEW_PASSWORD).location == "/compte"
    assert [mail.subject.partition(" - ")[2] for mail in mailbox()[-3:-1]] == [
        "un nouveau courrier a été émis",
        "votre mot de passe a changé",
    ]


def test_the_confirmed_address_is_told_and_can_object(active: Parent, reissue: Reissue, mailbox) -> None:
    reissue(active)

    told = mailbox()[-1]
    assert (told.to, told.subject.partition(" - ")[2]) == (EMAIL, "un nouveau courrier a été émis")
    assert "https://compte.example/ce-n-est-pas-moi?code=" in told.text
    assert "Votre mot de passe ne sert plus" in told.text


@pytest.mark.parametrize("step", ["activating", "active"])
def test_ac_03_what_was_chosen_before_opens_nothing_any_more(
    step: str, request: pytest.FixtureRequest, new_browser, reissue: Reissue, account: AccountOf
) -> None:
    """The school issues anew because somebody else may hold the letter, and what was chosen with it."""
    parent = request.getfixturevalue(step)
    newer = reissue(parent)

    assert new_browser().sign_in(parent.identifier, CHOSEN_PASSWORD).status_code == 422
    assert new_browser().sign_in(parent.identifier, parent.provisional_password).status_code == 422
    assert account(parent).password_changed_at == account(parent).updated_at
    assert new_browser().sign_in(parent.identifier, newer).location == "/activation"


def test_ac_03_reissued_while_activating_the_mailed_url_and_the_pending_address_are_dead(
    activating: Parent, browser: Browser, new_browser, reissue: Reissue, mailed_address, account: AccountOf
) -> None:
    older_url = mailed_address()
    newer = reissue(activating)

    assert account(activating).pending_email is None
    assert browser.get("/activation/message-envoye").location.startswith("/connexion")
    assert OneTimeCodeRefused.sentence in unescape(new_browser().get(older_url).text)
    assert new_browser().sign_in(activating.identifier, CHOSEN_PASSWORD, older_url).status_code == 422
    parent = new_browser()
    assert parent.sign_in(activating.identifier, newer, older_url).location == "/activation"
    parent.fill("/activation", form_filled(email="autre@exemple.fr"), action="/activation")
    assert parent.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address()).status_code == 303
    assert (account(activating).state, account(activating).email) == (AccountState.ACTIVE, "autre@exemple.fr")


def test_ac_03_the_mail_of_a_reissue_does_not_give_a_hijacked_account_back_to_its_mailbox(
    active: Parent, new_browser, reissue: Reissue, mailbox, idp_app: Flask, clock: FrozenClock
) -> None:
    """Who activated with a stolen letter has the mailbox and the birth date: objecting must gain them nothing."""
    reissue(active)
    url = mailbox()[-1].text.partition("https://compte.example")[2].split()[0]
    thief = new_browser()
    clock.advance(minutes=1)
    date = dict(zip(("birth_day", "birth_month", "birth_year"), ("14", "3", "2017"), strict=True))
    frozen = thief.fill(url, date | {"act": "birth_date"}, action="/ce-n-est-pas-moi")

    assert frozen.status_code == 303
    outcome = thief.get(frozen.location)
    assert "Demandez un nouveau courrier à l’école" in outcome.text
    before = len(mailbox())
    lost = {"identifier": active.identifier, "contact": EMAIL}
    thief.fill("/mot-de-passe-perdu", lost, action="/mot-de-passe-perdu")
    assert all("un code" not in mail.subject for mail in mailbox()[before:])
    assert "un nouveau courrier" in mailbox()[-1].text


def test_rc_03_issued_anew_while_the_form_is_sent_the_newer_letter_is_the_one_that_opens(
    parent: Parent, browser: Browser, new_browser, reissue: Reissue, account: AccountOf, monkeypatch
) -> None:
    """The parent's form is accepted between the reading of the accounts and the issuing."""
    made: list[bytes] = []

    def compile_while_the_parent_activates(*_arguments: object, **_options: object) -> bytes:
        if not made:
            assert begin(browser, parent).status_code == 303
        made.append(b"%PDF")
        return made[-1]

    monkeypatch.setattr(letters, "compile_pdf", compile_while_the_parent_activates)

    newer = reissue(parent)

    assert len(made) == 2
    after = account(parent)
    assert (after.state, after.password_hash, after.pending_email) == (AccountState.ACTIVATING, None, None)
    assert new_browser().sign_in(parent.identifier, CHOSEN_PASSWORD).status_code == 422
    assert new_browser().sign_in(parent.identifier, newer).location == "/activation"


def test_killed_anywhere_a_reissue_happened_whole_or_not_at_all(
    active: Parent,
    idp_app: Flask,
    clock: FrozenClock,
    tmp_path: Path,
    mailbox,
    account: AccountOf,
    monkeypatch,
) -> None:
    monkeypatch.setattr(letters, "compile_pdf", lambda *_arguments, **_options: b"%PDF")
    clock.advance(days=1)

    def issue() -> None:
        with idp_app.app_context():
            letters.reissue_letters(named(active), tmp_path / "letter.pdf", now=clock.now)

    issue()  # ends the session, which the rounds do not have
    choose_again(idp_app, active)
    points = run_until_killed(idp_app, issue).points
    for point in every_point(points):
        choose_again(idp_app, active)
        mails, was = len(mailbox()), issue_number(idp_app, active)

        assert run_until_killed(idp_app, issue, before=point).is_killed

        is_done = issue_number(idp_app, active) == was + 1
        assert is_done == (point == points)  # the last one is the answer, after the commit
        assert (account(active).password_hash is None) == is_done
        assert len(mailbox()) == mails + is_done


def named(parent: Parent) -> Selection:
    return Selection(SCHOOL_UAI, identifiers=frozenset({parent.identifier}))


def issue_number(app: Flask, parent: Parent) -> int:
    with app.app_context():
        return passwords.provisional_state(parent.account_id).issue_number


def choose_again(app: Flask, parent: Parent) -> None:
    """The parent has a chosen password once more."""
    with app.app_context(), transaction() as session:
        session.get_one(Account, parent.account_id).password_hash = "a hash"


@pytest.fixture
def active(
    activating: Parent, browser: Browser, mailed_address, idp_app: Flask, clock: FrozenClock
) -> Parent:
    """The parent with an active account, signed in on `browser`, with a confirmed phone."""
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())
    with idp_app.app_context(), transaction() as session:
        account = session.get_one(Account, activating.account_id)
        account.phone, account.phone_confirmed_at = PHONE, clock.now
        account.phone_recovers_from = clock.now
    return activating


@pytest.fixture
def reissue(idp_app: Flask, clock: FrozenClock, tmp_path: Path) -> Reissue:
    """What `idp letters reissue --identifier` does, five minutes later; returns the new letter's password."""

    def issue(parent: Parent) -> str:
        with idp_app.app_context():
            plan = letters.reissue_letters(
                named(parent), tmp_path / "letter.pdf", now=clock.advance(minutes=5)
            )
            assert [page.kind for page in plan.pages] == [LetterKind.RENEWED]
            db.session.rollback()
            issued = passwords.provisional_password_of(parent.account_id)
        assert issued is not None
        return issued.provisional_password

    return issue
