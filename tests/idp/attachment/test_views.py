"""The pages of attaching, as browsers meet them."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from idp.accounts import service as accounts
from idp.accounts.models import AccountState
from idp.db import db, transaction
from idp.families import merges
from idp.families.models import Guardian
from idp.families.rules import LinkState
from idp.passwords import service as passwords
from idp.passwords.rules import ChoiceReason
from tests.factories import make_child, make_link
from tests.idp.attachment.conftest import (
    RIGHT_DATE,
    attach,
    send_couple,
    send_form,
    to_preview,
    undo,
    undo_address,
)
from tests.idp.my_account.conftest import PASSWORD
from tests.signing_in import sign_in_as
from tests.web import form_values

NBSP = "\N{NO-BREAK SPACE}"


def test_a_letter_never_used_is_attached_with_its_childs_birth_date(
    parent, browser, letter, children_of, state_of, mailbox, journal
):
    step = send_couple(browser, letter)
    assert "/compte/enfants/rattacher/naissance" in step.location
    page = browser.get(step.location).text
    assert f"Enfant{NBSP}: Zoé" in page

    shown = browser.get(send_form(browser, step.location, RIGHT_DATE).location).text
    assert "Zoé N’GUYEN" in shown
    assert f"Le compte {letter.identifier} est fermé" in shown
    assert f"Vous gardez votre identifiant {parent.identifier}" in shown
    assert state_of(letter.account_id) is AccountState.NOTIFIED

    done = attach(browser, letter)

    assert (done.status_code, done.location) == (303, "/compte/enfants")
    listed = browser.get("/compte/enfants").text
    assert "Les deux comptes sont regroupés" in listed
    assert "par vous, avec votre autre compte" in listed
    assert letter.child_id in children_of(parent.account_id)
    assert state_of(letter.account_id) is AccountState.MERGED
    assert "les enfants de votre compte ont changé" in mailbox()[-1].subject
    assert "attachment:account:attached" in journal(parent)


def test_an_account_in_use_is_attached_without_a_birth_date(parent, browser, used, children_of):
    answer = send_couple(browser, used)

    assert "/compte/enfants/rattacher/confirmer" in answer.location
    send_form(browser, answer.location, {})
    assert used.child_id in children_of(parent.account_id)


def test_the_other_account_signs_in_nowhere_afterwards(parent, browser, letter, used, new_browser):
    for other in (letter, used):
        attach(browser, other)

        answer = send_form(
            new_browser(), "/connexion", {"identifier": other.identifier, "password": other.secret}
        )

        assert answer.status_code == 422
        assert f"Ce compte a été regroupé. Connectez-vous avec {parent.identifier}." in answer.text
        assert answer.text.count('aria-invalid="true"') == 0


def test_both_schools_are_told_without_a_name(browser, letter, mailbox):
    attach(browser, letter)

    told = [mail for mail in mailbox() if mail.to == "direction@ecole.example"]
    assert len(told) == 2
    assert not any("Zoé" in mail.text or "HÉNORET" in mail.text for mail in told)


def test_an_undo_gives_back_children_password_and_letter(
    parent, browser, letter, used, children_of, state_of, new_browser
):
    for other, state in ((letter, AccountState.NOTIFIED), (used, AccountState.ACTIVE)):
        attach(browser, other)

        answer = undo(browser)

        assert (answer.status_code, answer.location) == (303, "/compte/enfants")
        assert "Le regroupement est annulé" in browser.get("/compte/enfants").text
        assert state_of(other.account_id) is state
        assert children_of(other.account_id) == {other.child_id}
        assert other.child_id not in children_of(parent.account_id)
        signed_in = send_form(
            new_browser(), "/connexion", {"identifier": other.identifier, "password": other.secret}
        )
        assert signed_in.status_code == 303


def test_an_undo_works_on_day_30_and_not_on_day_31(parent, browser, used, clock, idp_app, children_of):
    attach(browser, used)
    page = browser.get("/compte/enfants").text
    assert "23 décembre 2026" in page
    clock.advance(days=31)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)
    late = browser.get("/compte/enfants").text
    assert "Le délai pour annuler est passé" in late
    assert "/annuler" not in late
    refused = browser.post(undo_address(page), data={"csrf_token": form_values(late)["csrf_token"]})
    assert refused.status_code == 422
    assert "ne peut plus être annulé" in refused.text
    clock.now -= timedelta(days=1)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)

    assert undo(browser).status_code == 303
    assert children_of(used.account_id) == {used.child_id}


def test_what_is_attached_already_says_so_and_to_a_third_account_names_the_one_that_stands_for_it(
    idp_app, parent, browser, used, new_parent, new_browser, now
):
    attach(browser, used)
    third = new_parent(email="autre@exemple.fr")
    stranger = new_browser()
    sign_in_as(idp_app, stranger, third.account_id, now=now)

    again, elsewhere = send_couple(browser, used), send_couple(stranger, used)

    assert (again.status_code, again.location) == (303, "/compte/enfants")
    assert "C’est déjà fait" in browser.get("/compte/enfants").text
    assert elsewhere.status_code == 422
    assert f"Connectez-vous avec {parent.identifier}." in elsewhere.text


def test_an_expired_letter_says_so_behind_its_right_secret(browser, letter, clock, parent, idp_app):
    clock.advance(days=91)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)

    answer = send_couple(browser, letter)

    assert answer.status_code == 422
    assert "Ce courrier n’est plus valable depuis le 21 février 2027" in answer.text


def test_a_missing_field_is_said_at_the_field_and_what_was_typed_stays(browser, letter):
    answer = send_couple(browser, letter, other_password="")

    assert answer.status_code == 422
    assert "Saisissez le mot de passe de l’autre compte" in answer.text
    assert f'value="{letter.identifier}"' in answer.text


def test_the_fields_are_in_a_section_of_their_own_for_password_managers(browser):
    page = browser.get("/compte/enfants/rattacher").text

    assert 'autocomplete="section-other username"' in page
    assert 'autocomplete="section-other current-password"' in page


def test_a_wrong_couple_is_one_alert_and_both_fields_are_marked(browser, letter):
    answer = send_couple(browser, letter, other_password="Absinthe7")

    assert answer.status_code == 422
    assert "Ce compte n’a pas pu être rattaché" in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert "Absinthe7" not in answer.text


def test_back_after_attaching_says_that_it_is_done(browser, letter):
    address = to_preview(browser, letter)
    send_form(browser, address, {})
    browser.get("/compte/enfants")

    back = browser.get(address)

    assert (back.status_code, back.location) == (303, "/compte/enfants")
    assert "C’est déjà fait" in browser.get("/compte/enfants").text


def test_a_page_kept_too_long_begins_again(browser, used, clock, state_of):
    address = to_preview(browser, used)
    clock.advance(minutes=10)
    asked = browser.get(address)
    proven = send_form(browser, asked.location, {"password": PASSWORD})

    page = browser.get(proven.location)
    sent = browser.post(address, data=form_values(page.text))

    assert "Cette étape a expiré" in page.text
    assert (sent.status_code, "Cette étape a expiré" in sent.text) == (422, True)
    assert state_of(used.account_id) is AccountState.ACTIVE


@pytest.mark.parametrize("change", ["merged elsewhere", "disabled"])
def test_an_account_taken_or_closed_after_the_first_page_is_not_attached(
    idp_app, parent, browser, used, new_parent, now, change, children_of
):
    address = to_preview(browser, used)
    page = browser.get(address).text
    with idp_app.app_context():
        third = new_parent(email="autre@exemple.fr").account_id
        to = AccountState.MERGED if change == "merged elsewhere" else AccountState.DISABLED
        with transaction():
            if change == "merged elsewhere":
                merges.merge_links(third, used.account_id, now=now)
            accounts.change_state(used.account_id, from_states={AccountState.ACTIVE}, to=to, now=now)

    sent = browser.post(address, data=form_values(page, action="/compte/enfants/rattacher/confirmer"))

    assert sent.status_code == 422
    assert used.child_id not in children_of(parent.account_id)


@pytest.mark.parametrize("change", ["password", "letter"])
def test_a_secret_changed_after_the_first_page_ends_the_proof(
    browser, letter, used, change, idp_app, now, state_of
):
    other = {"password": used, "letter": letter}[change]
    address = to_preview(browser, other)
    page = browser.get(address).text
    with idp_app.app_context():
        new_hash = passwords.hash_password("Absinthe7")
        with transaction():
            if change == "letter":
                passwords.reissue_provisional_password(other.account_id, now=now)
            else:
                passwords.choose(other.account_id, new_hash, ChoiceReason.CHANGE, now=now)

    sent = browser.post(address, data=form_values(page, action="/compte/enfants/rattacher/confirmer"))

    assert sent.status_code == 422
    assert state_of(other.account_id) is not AccountState.MERGED


def test_the_children_page_says_level_class_school_since_and_state(parent, browser, idp_app):
    with idp_app.app_context():
        make_link(parent.account_id, make_child(given_name="Enzo", level=None))

    page = browser.get("/compte/enfants").text

    assert f"CE2 – classe{NBSP}: CE2 B – École du Lac" in page
    assert f"Depuis le 1 septembre 2026, par l’école{NBSP}: École du Lac." in page
    assert "Vous avez accès à son dossier" in page


@pytest.mark.parametrize("state", [LinkState.FROZEN, LinkState.DETACHED])
def test_az_01_the_class_is_for_who_has_access_to_the_child(parent, browser, idp_app, state):
    with idp_app.app_context():
        child_id = make_child(given_name="Enzo", level=None, class_label="ULIS du lac")
        make_link(parent.account_id, child_id, state=state)

    listed, taken_away = browser.get("/compte/enfants"), browser.get("/compte/mes-donnees/fichier")

    assert "Enzo" in listed.text
    assert "ULIS" not in listed.text + taken_away.text


def test_a_child_of_both_accounts_is_shown_as_already_there(parent, browser, used, idp_app):
    with idp_app.app_context():
        make_link(parent.account_id, used.child_id)

    page = browser.get(to_preview(browser, used)).text

    assert "Aucun nouvel enfant" in page
    assert f"Déjà dans votre compte, et une seule fois{NBSP}: Zoé." in page


@pytest.mark.parametrize(
    ("stated", "names", "is_proposed"),
    [
        ({"roster_email": "celine@exemple.fr"}, {}, True),
        ({"roster_phone": "+33639980001"}, {}, True),
        ({"roster_email": "celine@exemple.fr"}, {"given_name": "Gaëtan"}, False),
        ({"roster_email": "autre@exemple.fr", "roster_phone": "+33639980099"}, {}, False),
        ({"roster_email": "celine@exemple.fr"}, {"state": AccountState.DISABLED}, False),
        ({"roster_email": "celine@exemple.fr"}, {"state": AccountState.CREATED}, True),
    ],
)
def test_a_second_letter_is_proposed_by_names_and_a_confirmed_channel_together_and_names_nothing(
    idp_app, new_parent, new_letter, new_browser, now, stated, names, is_proposed
):
    parent = new_parent(phone="+33639980001", phone_confirmed_at=now)
    letter = new_letter(**names)
    with idp_app.app_context(), transaction():
        db.session.execute(update(Guardian).where(Guardian.account_id == letter.account_id).values(**stated))
    browser = new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)

    page = browser.get("/compte/enfants").text

    assert ("Vous avez peut-être un autre compte" in page) is is_proposed
    assert letter.identifier not in page
    assert "Zoé" not in page


@pytest.mark.parametrize("unconfirmed", ["email", "phone"])
def test_a_channel_that_is_not_confirmed_proposes_nothing(
    idp_app, new_parent, new_letter, new_browser, now, unconfirmed
):
    parent = new_parent(phone="+33639980001", **{f"{unconfirmed}_confirmed_at": None})
    letter = new_letter()
    stated = (
        {"roster_email": "celine@exemple.fr"} if unconfirmed == "email" else {"roster_phone": "+33639980001"}
    )
    with idp_app.app_context(), transaction():
        db.session.execute(update(Guardian).where(Guardian.account_id == letter.account_id).values(**stated))
    browser = new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)

    assert "Vous avez peut-être un autre compte" not in browser.get("/compte/enfants").text
