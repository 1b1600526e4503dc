"""The pages of recovery, as a person meets them."""

from collections.abc import Callable
from typing import Any

import pytest

from idp.accounts.models import Account
from tests.conftest import FrozenClock
from tests.idp.activation.conftest import Browser
from tests.idp.recovery.conftest import (
    EMAIL,
    NEW_PASSWORD,
    OLD_PASSWORD,
    PHONE,
    Holder,
    choose,
    enter,
    start,
)
from tests.web import form_values


def test_a_lost_password_is_replaced_by_mail(
    browser: Browser, holder: Holder, sent_code: Callable[[], str], waiting_messages: Callable[[], list[Any]]
) -> None:
    assert start(browser, f" {holder.identifier.upper()} ").location == "/mot-de-passe-perdu/code"
    assert waiting_messages()[-1].to == EMAIL
    assert enter(browser, sent_code()).location == "/mot-de-passe-perdu/nouveau"
    replaced = choose(browser)

    assert (replaced.status_code, replaced.location) == (303, "/connexion")
    assert "Votre mot de passe est remplacé" in browser.get("/connexion").text
    assert browser.sign_in(holder.identifier, NEW_PASSWORD).location == "/compte"


@pytest.mark.usefixtures("sms_on")
def test_a_lost_password_is_replaced_by_sms(
    browser: Browser, holder: Holder, sent_code: Callable[[], str], waiting_messages: Callable[[], list[Any]]
) -> None:
    start(browser, holder.identifier, "sms")
    assert waiting_messages()[-1].to == PHONE
    enter(browser, sent_code())

    assert choose(browser).location == "/connexion"
    assert browser.sign_in(holder.identifier, NEW_PASSWORD).location == "/compte"


@pytest.mark.usefixtures("sms_on")
def test_the_other_channel_is_one_press_away(
    browser: Browser, holder: Holder, waiting_messages: Callable[[], list[Any]], sent_code: Callable[[], str]
) -> None:
    start(browser, holder.identifier)
    changed = browser.client.post(
        "/mot-de-passe-perdu/code",
        data={"act": "other_channel", "csrf_token": csrf(browser, "/mot-de-passe-perdu/code")},
    )

    assert changed.location == "/mot-de-passe-perdu/code"
    assert [message.to for message in waiting_messages()] == [EMAIL, PHONE]
    assert enter(browser, sent_code()).location == "/mot-de-passe-perdu/nouveau"


def test_without_sms_the_page_offers_mail_alone(browser: Browser, holder: Holder) -> None:
    page = browser.get("/mot-de-passe-perdu").text
    refused = start(browser, holder.identifier, "sms")

    assert 'type="radio"' not in page
    assert refused.status_code == 422


@pytest.mark.usefixtures("sms_on")
def test_while_twilio_takes_none_sms_are_offered_to_nobody(
    browser: Browser,
    holder: Holder,
    stop_twilio: Callable[[], None],
    clock: FrozenClock,
    waiting_messages: Callable[[], list[Any]],
) -> None:
    start(browser, holder.identifier, "sms")
    stop_twilio()
    code = browser.get("/mot-de-passe-perdu/code").text
    pages = [browser.get(address).text for address in ("/mot-de-passe-perdu", "/identifiant-perdu")]
    answers = [start(browser, identifier, "sms") for identifier in (holder.identifier, "u.known")]
    by_phone = ask(browser, PHONE)

    assert all("Les SMS ne partent pas en ce moment" in page for page in (code, *pages))
    assert "Recevoir le code par courriel" in code
    assert 'type="radio"' not in pages[0]
    assert [answer.status_code for answer in (*answers, by_phone)] == [422] * 3
    assert len(waiting_messages()) == 1
    clock.advance(seconds=30)
    assert 'type="radio"' in browser.get("/mot-de-passe-perdu").text


def test_another_code_may_be_asked_for_and_both_work(
    browser: Browser, holder: Holder, sent_code: Callable[[], str], clock: FrozenClock
) -> None:
    start(browser, holder.identifier)
    first = sent_code()
    too_soon = send_again(browser)
    clock.advance(seconds=30)
    sent = send_again(browser)

    assert too_soon.status_code == 422
    assert "Vous pourrez le renvoyer dans 30 secondes" in too_soon.text
    assert sent.location == "/mot-de-passe-perdu/code"
    assert "un autre code vient de partir" in browser.get("/mot-de-passe-perdu/code").text
    assert enter(browser, first).location == "/mot-de-passe-perdu/nouveau"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Le code comporte 6 chiffres, vous en avez saisi 0"),
        ("4829", "Le code comporte 6 chiffres, vous en avez saisi 4"),
    ],
)
def test_what_is_no_code_is_said_at_the_field(
    browser: Browser, holder: Holder, typed: str, sentence: str
) -> None:
    start(browser, holder.identifier)
    refused = enter(browser, typed)

    assert refused.status_code == 422
    assert sentence in refused.text
    assert "<title>Erreur" in refused.text


def test_after_five_wrong_codes_the_page_offers_another_start(
    browser: Browser, holder: Holder, sent_code: Callable[[], str]
) -> None:
    start(browser, holder.identifier)
    wrong = "000000" if sent_code() != "000000" else "111111"
    answers = [enter(browser, wrong) for _ in range(4)]
    assert all("Ce code n’est pas le bon" in answer.text for answer in answers)
    page = browser.get("/mot-de-passe-perdu/code")
    fifth = browser.send(page, {"one_time_code": wrong}, action="/mot-de-passe-perdu/code")

    assert "Ce code ne sert plus" in fifth.text
    assert "Recommencer" in fifth.text
    assert 'name="one_time_code"' not in fifth.text
    late = browser.send(page, {"one_time_code": sent_code()}, action="/mot-de-passe-perdu/code")
    assert late.status_code == 422


def test_an_expired_code_is_said_and_another_one_offered(
    browser: Browser, holder: Holder, sent_code: Callable[[], str], clock: FrozenClock
) -> None:
    start(browser, holder.identifier)
    clock.advance(minutes=15)
    refused = enter(browser, sent_code())

    assert "Ce code ne sert plus. Demandez-en un autre." in refused.text
    assert send_again(browser).location == "/mot-de-passe-perdu/code"
    assert enter(browser, sent_code()).location == "/mot-de-passe-perdu/nouveau"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"new_password": "", "new_password_confirmation": ""}, "Choisissez un mot de passe"),
        ({"new_password_confirmation": "Autre2026x"}, "Les deux mots de passe ne sont pas identiques"),
        ({"new_password": "court1A", "new_password_confirmation": "court1A"}, "il en compte 7"),
        (
            {"new_password": OLD_PASSWORD, "new_password_confirmation": OLD_PASSWORD},
            "Choisissez un mot de passe différent de l’actuel",
        ),
    ],
)
def test_a_password_that_breaks_a_rule_is_said_at_its_field(
    browser: Browser,
    holder: Holder,
    sent_code: Callable[[], str],
    account_of: Callable[[Holder], Account],
    values: dict[str, str],
    sentence: str,
) -> None:
    before = account_of(holder).password_hash
    start(browser, holder.identifier)
    enter(browser, sent_code())
    refused = choose(browser, **values)

    assert refused.status_code == 422
    assert sentence in refused.text
    assert account_of(holder).password_hash == before
    assert choose(browser).location == "/connexion"


def test_the_last_page_shows_the_identifier_to_password_managers(
    browser: Browser, holder: Holder, sent_code: Callable[[], str]
) -> None:
    start(browser, holder.identifier)
    enter(browser, sent_code())
    page = browser.get("/mot-de-passe-perdu/nouveau").text

    assert f'value="{holder.identifier}" autocomplete="username" readonly' in page
    assert page.count('autocomplete="new-password"') == 2
    assert "De 8 à 16 caractères" in page


def test_a_lost_identifier_is_sent_with_every_other_of_that_address(
    browser: Browser, new_holder: Callable[..., Holder], waiting_messages: Callable[[], list[Any]]
) -> None:
    both = [new_holder(identifier="c.dupont"), new_holder(identifier="j.dupont", phone=None)]
    asked = ask(browser, f" {EMAIL.upper()} ")

    assert asked.location == "/identifiant-perdu/message-envoye"
    [mail] = waiting_messages()
    assert mail.to == EMAIL
    assert all(holder.identifier in mail.text for holder in both)
    assert "un message vient de partir" in browser.get(asked.location).text


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("typed", ["06 39 98 12 34", "+33 6 39 98 12 34", "0033639981234"])
def test_a_lost_identifier_is_sent_to_a_confirmed_number(
    browser: Browser,
    new_holder: Callable[..., Holder],
    waiting_messages: Callable[[], list[Any]],
    typed: str,
) -> None:
    new_holder(identifier="c.dupont")
    new_holder(identifier="j.dupont", email="jean@exemple.fr")
    ask(browser, typed)

    [sms] = waiting_messages()
    assert (sms.to, sms.text) == (PHONE, "Identifiants : c.dupont, j.dupont")


@pytest.mark.parametrize("typed", ["", "celine", "celine@", "06 39 98 12 34", "c@x.fr,d@x.fr"])
def test_what_cannot_be_written_to_is_said_at_the_field(browser: Browser, typed: str) -> None:
    refused = ask(browser, typed)

    assert refused.status_code == 422
    assert "Saisissez une adresse complète, par exemple nom@exemple.fr" in refused.text


def test_without_identifier_nothing_starts(browser: Browser) -> None:
    refused = start(browser, "  ")

    assert refused.status_code == 422
    assert "Saisissez votre identifiant" in refused.text


@pytest.mark.parametrize("address", ["/mot-de-passe-perdu/code", "/mot-de-passe-perdu/nouveau"])
def test_a_page_without_its_challenge_leads_to_the_start(browser: Browser, address: str) -> None:
    assert browser.get(address).location == "/mot-de-passe-perdu"


def test_the_carried_request_is_kept_to_the_end(
    browser: Browser, holder: Holder, sent_code: Callable[[], str], authorization_address: str
) -> None:
    sign_in = browser.get(authorization_address).location
    demande = sign_in.partition("?")[2]
    page = browser.get(sign_in).text
    assert f"/mot-de-passe-perdu?{demande}" in page
    assert f"/identifiant-perdu?{demande}" in page

    started = browser.fill(
        f"/mot-de-passe-perdu?{demande}",
        {"identifier": holder.identifier, "channel": "email"},
        action="/mot-de-passe-perdu",
    )
    code_page = browser.get(started.location)
    assert "Livret scolaire" in code_page.text
    entered = browser.send(code_page, {"one_time_code": sent_code()}, action="/mot-de-passe-perdu/code")
    values = {"new_password": NEW_PASSWORD, "new_password_confirmation": NEW_PASSWORD}
    replaced = browser.fill(entered.location, values, action="/mot-de-passe-perdu/nouveau")

    assert replaced.location == f"/connexion?{demande}"
    signed_in = browser.sign_in(holder.identifier, NEW_PASSWORD, replaced.location)
    resumed = browser.get(signed_in.location)
    assert resumed.location.startswith("/autorisation?demande=")


def ask(browser: Browser, contact: str) -> Any:
    return browser.fill("/identifiant-perdu", {"contact": contact}, action="/identifiant-perdu")


def csrf(browser: Browser, address: str) -> str:
    return form_values(browser.get(address).text)["csrf_token"]


def send_again(browser: Browser) -> Any:
    return browser.client.post(
        "/mot-de-passe-perdu/code",
        data={"act": "send_again", "csrf_token": csrf(browser, "/mot-de-passe-perdu/code")},
    )
