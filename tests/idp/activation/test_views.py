"""The pages of activation, as browsers meet them."""

from sqlalchemy import select

from idp.accounts.models import AccountState
from idp.db import transaction
from idp.messaging.models import OutboxMessage
from idp.passwords import service as passwords
from tests.idp.activation.conftest import CHOSEN_PASSWORD, EMAIL, begin, form_filled
from tests.web import form_values


def test_a_parent_activates_from_the_letter(parent, browser, mailed_address, account):
    assert begin(browser, parent).location == "/activation/message-envoye"
    waiting = browser.get("/activation/message-envoye")
    assert EMAIL in waiting.text
    assert account(parent).state is AccountState.ACTIVATING

    done = browser.sign_in(parent.identifier, CHOSEN_PASSWORD, mailed_address())

    assert (done.status_code, done.location) == (303, "/activation/terminee")
    activated = account(parent)
    assert (activated.state, activated.email, activated.pending_email) == (AccountState.ACTIVE, EMAIL, None)
    assert activated.email_confirmed_at is not None
    assert browser.get("/activation/terminee").status_code == 200


def test_the_mailed_page_knows_the_identifier_and_says_what_is_left(activating, new_browser, mailed_address):
    page = new_browser().get(mailed_address()).text

    assert f'value="{activating.identifier}"' in page
    assert "Connectez-vous avec le mot de passe que vous avez choisi" in page


def test_the_form_has_the_leaflets_labels_in_order(parent, browser):
    browser.sign_in(parent.identifier, parent.provisional_password)

    page = browser.get("/activation").text

    labels = [
        "Activation du compte",
        "Céline L’HÉNORET",
        "Email",
        "Confirmez votre email",
        "Nouveau mot de passe",
        "De 8 à 16 caractères, avec au moins une majuscule, une minuscule et un chiffre.",
        "Confirmez votre mot de passe",
        "Date de naissance de votre enfant",
        "Maël",
        "Activer mon compte",
    ]
    places = [page.index(label) for label in labels]
    assert places == sorted(places)


def test_signed_out_the_page_says_what_is_needed_and_begins(parent, browser):
    page = browser.get("/activation")
    assert "Il vous faut" in page.text

    signed_in = browser.send(
        page, {"identifier": parent.identifier, "password": parent.provisional_password}, action="/connexion"
    )

    assert signed_in.location == "/activation"


def test_a_refused_form_keeps_what_was_typed_but_secrets(parent, browser):
    answer = begin(browser, parent, email_confirmation="autre@exemple.fr", birth_month="")

    assert answer.status_code == 422
    assert f'value="{EMAIL}"' in answer.text
    assert CHOSEN_PASSWORD not in answer.text
    assert "Les deux adresses ne sont pas identiques" in answer.text
    assert "Indiquez aussi le mois" in answer.text
    assert "<title>Erreur\N{NO-BREAK SPACE}: Étape 2 sur 3" in answer.text


def test_a_missing_password_is_said_in_one_sentence(parent, browser):
    answer = begin(browser, parent, new_password="", new_password_confirmation="")

    assert answer.status_code == 422
    assert "Choisissez un mot de passe" in answer.text
    assert "il en compte 0" not in answer.text


def test_every_broken_password_rule_is_said(parent, browser):
    answer = begin(browser, parent, new_password="abc")

    assert answer.status_code == 422
    assert "de 8 à 16 caractères, il en compte 3" in answer.text
    assert "Ajoutez une majuscule" in answer.text
    assert "Ajoutez un chiffre" in answer.text


def test_the_new_password_is_not_the_letters_in_any_case(new_parent, browser):
    parent, in_mixed_case = letter_that_meets_the_rules(new_parent)

    answer = begin(browser, parent, new_password=in_mixed_case)

    assert answer.status_code == 422
    assert "Choisissez un mot de passe différent de l’actuel" in answer.text


def test_a_form_sent_twice_says_that_it_is_done(activating, browser, mailbox):
    again = browser.client.post("/activation", data=form_filled() | csrf(browser))

    assert (again.status_code, again.location) == (303, "/activation")
    follow = browser.get("/activation")
    assert follow.location == "/activation/message-envoye"
    assert "C’est déjà fait. Ouvrez votre messagerie." in browser.get("/activation/message-envoye").text
    assert len(mailbox()) == 1


def test_a_wrong_birth_date_says_how_many_tries_are_left(parent, browser, account):
    first = begin(browser, parent, birth_day="15")
    second = browser.fill("/activation", form_filled(birth_day="16"), action="/activation")
    third = browser.fill("/activation", form_filled(birth_day="17"), action="/activation")
    fourth = browser.fill("/activation", form_filled(), action="/activation")

    assert "Il vous reste 2 essais aujourd’hui" in first.text
    assert "Il vous reste 1 essai aujourd’hui" in second.text
    assert "Réessayez demain" in third.text
    assert "École du Lac, 03 53 01 00 00" in third.text
    assert fourth.status_code == 422
    assert "Réessayez demain" in fourth.text
    assert account(parent).state is AccountState.NOTIFIED


def test_a_mistake_elsewhere_costs_no_birth_date_try(parent, browser):
    begin(browser, parent, birth_day="15", email="celine@")
    for wrong in ({"new_password": "abc"}, {"email_confirmation": "x@y.fr"}, {"birth_month": "13"}):
        browser.fill("/activation", form_filled(birth_day="15", **wrong), action="/activation")

    answer = browser.fill("/activation", form_filled(birth_day="15"), action="/activation")

    assert "Il vous reste 2 essais aujourd’hui" in answer.text


def test_the_next_day_there_are_new_tries_but_ten_in_all(parent, browser, clock):
    sent = 0
    for _day in range(4):
        browser.sign_in(parent.identifier, parent.provisional_password)
        for _try in range(3):
            answer = browser.fill("/activation", form_filled(birth_day="15"), action="/activation")
            sent += 1
            if sent == 10:
                assert "Trop de dates essayées avec ce courrier" in answer.text
        clock.advance(days=1, minutes=1)

    browser.sign_in(parent.identifier, parent.provisional_password)
    answer = browser.fill("/activation", form_filled(), action="/activation")
    assert "Trop de dates essayées avec ce courrier" in answer.text


def test_without_a_linked_child_the_page_stops_with_the_schools_contact(new_parent, browser):
    childless = new_parent(with_child=False)
    browser.sign_in(childless.identifier, childless.provisional_password)

    page = browser.get("/activation")

    assert "Aucun enfant n’est rattaché à ce compte" in page.text
    assert "new_password" not in page.text


def test_who_signs_in_without_the_link_waits(activating, new_browser):
    other = new_browser()

    answer = other.sign_in(activating.identifier, CHOSEN_PASSWORD)

    assert answer.location == "/activation/message-envoye"
    assert other.get("/compte").location == "/activation/message-envoye"


def test_the_message_is_sent_again_after_waits_that_grow_five_times_a_day(
    activating, browser, new_browser, mailbox, clock
):
    assert "60 secondes" in send_again(browser).text
    for minutes in (1, 2, 5, 15, 60):
        clock.advance(minutes=minutes, seconds=-1)
        browser = new_browser()
        browser.sign_in(activating.identifier, CHOSEN_PASSWORD)
        assert send_again(browser).status_code == 422
        clock.advance(seconds=1)
        assert send_again(browser).status_code == 303
    clock.advance(hours=2)
    browser = new_browser()
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD)

    spent = send_again(browser)

    assert spent.status_code == 422
    assert "Vous pourrez le renvoyer demain" in spent.text
    # What had not left yet was withdrawn: its URL was dead.
    assert len(mailbox()) == 1


def test_a_wait_that_has_grown_is_said_in_minutes(activating, browser, clock):
    clock.advance(minutes=1)
    send_again(browser)

    assert "Vous pourrez le renvoyer dans 2 minutes" in send_again(browser).text


def test_sending_again_says_where_the_message_went(activating, browser, clock):
    clock.advance(seconds=61)
    send_again(browser)

    page = browser.get("/activation/message-envoye")

    assert f"Un message est parti à {EMAIL}. Regardez aussi dans" in page.text


def test_the_address_is_corrected_in_the_page(activating, browser, mailbox, account):
    answer = correct(browser, "celine@exemple.org")

    assert answer.status_code == 303
    assert [mail.to for mail in mailbox()] == ["celine@exemple.org"]
    assert account(activating).pending_email == "celine@exemple.org"
    assert "celine@exemple.org" in browser.get("/activation/message-envoye").text


def test_a_correction_that_is_no_address_is_refused_in_the_page(activating, browser, mailbox):
    answer = correct(browser, "celine@")

    assert answer.status_code == 422
    assert "Saisissez une adresse complète" in answer.text
    assert "<details" in answer.text
    assert [mail.to for mail in mailbox()] == [EMAIL]


def test_the_waiting_page_goes_on_once_activated_in_another_tab(activating, browser, mailed_address):
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())

    assert browser.get("/activation/message-envoye").location == "/compte"
    assert browser.get("/activation").location == "/compte"


def test_a_message_that_came_back_is_said_on_the_waiting_page(activating, browser, idp_app, now):
    with idp_app.app_context(), transaction() as session:
        session.scalars(select(OutboxMessage)).one().failed_at = now

    page = browser.get("/activation/message-envoye").text

    assert "Le message n’a pas pu être remis" in page
    assert '<details id="correction" open' in page


def test_a_letter_issued_again_on_an_active_account_asks_for_password_and_date_alone(
    activating, browser, new_browser, mailed_address, mailbox, idp_app, clock, account
):
    browser.sign_in(activating.identifier, CHOSEN_PASSWORD, mailed_address())
    with idp_app.app_context(), transaction():
        newer = passwords.reissue_provisional_password(
            activating.account_id, now=clock.now
        ).provisional_password
    other = new_browser()
    other.sign_in(activating.identifier, newer)
    page = other.get("/activation")
    assert 'name="email"' not in page.text
    letters_secret = other.client.get_cookie("__Host-idp_session", domain="compte.example")
    changed = {
        name: value for name, value in form_filled(new_password="Ciboulette8").items() if "email" not in name
    }

    answer = other.send(page, changed, action="/activation")

    assert answer.location == "/compte"
    assert other.get("/compte").status_code == 200
    # SE-01: the account opens to a secret that the letter's session never held.
    assert (
        other.client.get_cookie("__Host-idp_session", domain="compte.example").value != letters_secret.value
    )
    assert browser.get("/compte").location.startswith("/connexion")
    assert (account(activating).state, account(activating).email) == (AccountState.ACTIVE, EMAIL)
    assert mailbox()[-1].subject.endswith("votre mot de passe a changé")
    assert mailbox()[-1].to == EMAIL
    assert new_browser().sign_in(activating.identifier, "Ciboulette8").location == "/compte"


def send_again(browser):
    page = browser.get("/activation/message-envoye")
    return browser.send(page, {"act": "resend"}, action="/activation/message-envoye")


def correct(browser, address):
    page = browser.get("/activation/message-envoye")
    values = {"act": "correct", "email": address, "email_confirmation": address}
    return browser.send(page, values, action="/activation/message-envoye")


def csrf(browser):
    page = browser.get("/activation/message-envoye")
    return {"csrf_token": form_values(page.text)["csrf_token"]}


def letter_that_meets_the_rules(new_parent):
    """A parent whose provisional password, its first letter in lower case, meets every rule but one."""
    while True:
        parent = new_parent()
        password = parent.provisional_password
        letters = [character for character in password if character.isalpha()]
        if 2 <= len(letters) < len(password) and letters[0] not in letters[1:]:
            return parent, password.replace(letters[0], letters[0].lower())
