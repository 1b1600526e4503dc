"""« Je ne suis pas le représentant légal de cet élève », behind a letter and in one's own account."""

from collections.abc import Callable
from datetime import datetime
from typing import cast
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import Child, Link, LinkState
from idp.messaging.models import OutboxMessage
from tests.conftest import Browser as SignedBrowser
from tests.factories import make_account, make_child, make_link
from tests.idp.activation.conftest import Browser, Parent, form_filled
from tests.signing_in import sign_in_as
from tests.web import form_values

SAYS_FROZEN = "est suspendu, l’école est prévenue. Référence\N{NO-BREAK SPACE}: E"


def test_the_only_child_of_a_letter_is_reported_and_the_page_stops_with_a_reference(
    parent: Parent, at_form: Browser, idp_app: Flask
) -> None:
    asked = at_form.get("/activation/signaler")
    assert "Maël" in asked.text
    assert "GUYEN" not in asked.text

    stopped = follow(at_form, at_form.send(asked, {}, action="/activation/signaler"))

    assert stopped.status_code == 200
    assert SAYS_FROZEN in stopped.text
    assert "03 53 01 00 00" in stopped.text
    assert 'name="new_password"' not in stopped.text
    assert SAYS_FROZEN in at_form.get("/activation").text, "the reference outlives a reload"
    assert link_states(idp_app, parent.account_id) == {"Maël": LinkState.FROZEN}


def test_the_form_goes_on_with_the_other_child(parent: Parent, at_form: Browser, idp_app: Flask) -> None:
    with idp_app.app_context():
        make_link(parent.account_id, make_child(given_name="Zoé", birth_date=datetime(2019, 5, 2).date()))
    asked = at_form.get("/activation/signaler")
    assert asked.text.index("Zoé") < asked.text.index("Maël")

    gone_on = follow(
        at_form, at_form.send(asked, {"link": link_of(idp_app, "Zoé")}, action="/activation/signaler")
    )

    assert SAYS_FROZEN in gone_on.text
    assert "Enfant : Maël" in gone_on.text
    assert link_states(idp_app, parent.account_id) == {"Maël": LinkState.ACTIVE, "Zoé": LinkState.FROZEN}


def test_with_several_children_one_must_be_chosen(parent: Parent, at_form: Browser, idp_app: Flask) -> None:
    with idp_app.app_context():
        make_link(parent.account_id, make_child(given_name="Zoé"))

    refused = at_form.fill("/activation/signaler", {}, action="/activation/signaler")

    assert refused.status_code == 422
    assert "Choisissez un élève" in refused.text
    assert set(link_states(idp_app, parent.account_id).values()) == {LinkState.ACTIVE}


def test_a_report_sent_twice_freezes_one_child(parent: Parent, at_form: Browser, idp_app: Flask) -> None:
    asked = at_form.get("/activation/signaler")
    with idp_app.app_context():
        make_link(parent.account_id, make_child(given_name="Zoé"))

    for _ in range(2):
        at_form.send(asked, {}, action="/activation/signaler")

    assert link_states(idp_app, parent.account_id) == {"Maël": LinkState.FROZEN, "Zoé": LinkState.ACTIVE}
    with idp_app.app_context():
        assert len(families.open_tasks("0990001N")) == 1


def test_the_birth_date_asked_afterwards_is_the_next_childs(
    parent: Parent, at_form: Browser, idp_app: Flask, account: Callable[[Parent], Account]
) -> None:
    with idp_app.app_context():
        make_link(parent.account_id, make_child(given_name="Zoé", birth_date=datetime(2019, 5, 2).date()))
    asked = at_form.get("/activation/signaler")
    at_form.send(asked, {"link": link_of(idp_app, "Zoé")}, action="/activation/signaler")

    at_form.fill("/activation", form_filled(), action="/activation")

    assert account(parent).state is AccountState.ACTIVATING


def test_the_other_guardian_keeps_access_and_hears_nothing(
    parent: Parent, at_form: Browser, idp_app: Flask
) -> None:
    with idp_app.app_context():
        (link,) = families.links_of(parent.account_id)
        other = make_account(email="autre@exemple.fr", state=AccountState.ACTIVE)
        make_link(other, link.child_id)

    at_form.fill("/activation/signaler", {}, action="/activation/signaler")

    with idp_app.app_context():
        assert [child.given_name for child in families.children_of(other)] == ["Maël"]
        assert db.session.scalars(select(OutboxMessage.account_id)).all() == [None]


@pytest.mark.parametrize("link_id", ["", "x", "0" * 36, "019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10"])
def test_what_names_no_child_of_the_account_freezes_nothing(
    parent: Parent, at_form: Browser, idp_app: Flask, link_id: str
) -> None:
    answer = at_form.fill("/activation/signaler", {"link": link_id}, action="/activation/signaler")

    assert answer.status_code in {303, 422}
    assert link_states(idp_app, parent.account_id) == {"Maël": LinkState.ACTIVE}


def test_the_child_of_another_account_is_not_frozen(
    parent: Parent, new_parent: Callable[..., Parent], at_form: Browser, idp_app: Flask
) -> None:
    other = new_parent(identifier="j.darc")
    with idp_app.app_context():
        (link,) = families.links_of(other.account_id)

    at_form.fill("/activation/signaler", {"link": str(link.link_id)}, action="/activation/signaler")

    assert link_states(idp_app, other.account_id) == {"Maël": LinkState.ACTIVE}


@pytest.mark.parametrize("fields", [{"link": ["a", "b"]}, {"link": "a\0"}], ids=["twice", "nul"])
def test_what_no_page_sends_is_a_400(at_form: Browser, fields: dict[str, object]) -> None:
    page = at_form.get("/activation/signaler")
    sent = form_values(page.text, action="/activation/signaler") | fields

    assert at_form.client.post("/activation/signaler", data=sent).status_code == 400


def test_signed_out_one_is_sent_to_the_letter(browser: Browser) -> None:
    assert browser.get("/activation/signaler").location == "/activation"


def test_who_waits_for_the_mail_goes_on_waiting(activating: Parent, browser: Browser) -> None:
    assert browser.get("/activation/signaler").location == "/activation/message-envoye"


def test_the_service_waited_for_is_kept(parent: Parent, browser: Browser, authorization_address: str) -> None:
    sign_in_address = browser.get(authorization_address).location
    at_form = browser.get(browser.sign_in(*letter(parent), address=sign_in_address).location)

    assert "/activation/signaler?demande=" in at_form.text
    asked = browser.get("/activation/signaler?" + sign_in_address.partition("?")[2])
    reported = browser.send(asked, {}, action="/activation/signaler")
    stopped = browser.get(reported.location)

    assert "demande=" in reported.location
    assert "Livret scolaire" in stopped.text
    assert "/connexion/annuler?demande=" in stopped.text


def test_an_active_account_gives_one_child_back_and_keeps_the_other(
    idp_app: Flask, mine: AccountId, browser: Browser
) -> None:
    address = f"/compte/enfants/{link_of(idp_app, 'Maël')}/signaler"
    assert "Maël" in browser.get(address).text

    told = follow(browser, browser.fill(address, {}, action="/signaler"))

    assert SAYS_FROZEN in told.text
    assert link_states(idp_app, mine) == {"Maël": LinkState.FROZEN, "Léa": LinkState.ACTIVE}
    with idp_app.app_context():
        assert [child.given_name for child in families.children_of(mine)] == ["Léa"]
        # The school first, then the holder.
        assert db.session.scalars(select(OutboxMessage.account_id).order_by(OutboxMessage.id)).all() == [
            None,
            mine,
        ]


@pytest.mark.parametrize("state", [LinkState.DETACHED, LinkState.MERGED, LinkState.FROZEN])
def test_en_11_what_is_not_ones_own_or_has_ended_is_absent(
    idp_app: Flask, mine: AccountId, browser: Browser, state: LinkState
) -> None:
    own = link_of(idp_app, "Maël")
    with idp_app.app_context():
        others = make_link(make_account(), make_child()).id
        with transaction() as session:
            session.execute(update(Link).where(Link.id == UUID(own)).values(state=state))

    answers = [
        browser.get(f"/compte/enfants/{link}/signaler")
        for link in (own, others, "019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10")
    ]

    assert [answer.status_code for answer in answers] == [404] * 3


def test_the_child_of_another_account_is_not_frozen_by_its_address(
    idp_app: Flask, mine: AccountId, browser: Browser
) -> None:
    with idp_app.app_context():
        other = make_account()
        others = make_link(other, make_child(given_name="Zoé")).id
    page = browser.get(f"/compte/enfants/{link_of(idp_app, 'Maël')}/signaler")

    sent = browser.client.post(
        f"/compte/enfants/{others}/signaler", data=form_values(page.text, action="/signaler")
    )

    assert sent.status_code == 404
    assert link_states(idp_app, other) == {"Zoé": LinkState.ACTIVE}


def follow(browser: Browser, answer: TestResponse) -> TestResponse:
    assert answer.status_code == 303
    return browser.get(answer.location)


def letter(parent: Parent) -> tuple[str, str]:
    return parent.identifier, parent.provisional_password


def link_of(app: Flask, given_name: str) -> str:
    with app.app_context():
        named = select(Link.id).join(Child, Child.id == Link.child_id).where(Child.given_name == given_name)
        return str(db.session.scalars(named).first())


def link_states(app: Flask, account_id: AccountId) -> dict[str, LinkState]:
    with app.app_context():
        return {link.given_name: link.state for link in families.links_of(account_id)}


@pytest.fixture
def at_form(parent: Parent, browser: Browser) -> Browser:
    """The browser, signed in with the letter."""
    browser.sign_in(*letter(parent))
    return browser


@pytest.fixture
def mine(idp_app: Flask, browser: Browser, now: datetime) -> AccountId:
    """An active account of two children; `browser` is signed in."""
    with idp_app.app_context():
        account_id = make_account(
            state=AccountState.ACTIVE, email="celine@exemple.fr", email_confirmed_at=now
        )
        for given_name in ("Maël", "Léa"):
            make_link(account_id, make_child(given_name=given_name))
    sign_in_as(idp_app, cast("SignedBrowser", browser.client), account_id, now=now)
    return account_id
