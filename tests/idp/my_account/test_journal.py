"""/compte/journal and /compte/mes-donnees: one's own, all of it, and nothing of anybody else's."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from lxml import html

from idp.audit import service as audit
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families.models import LinkState
from idp.my_account.sentences import SENTENCES, sentence_of
from idp.passwords.rules import ChoiceReason, PasswordChosen
from idp.sign_in.rules import RefusalReason, SignInFailed
from scripts.generate_docs import import_everything, leaves
from tests.conftest import Browser, FrozenClock
from tests.factories import make_child, make_link
from tests.idp.my_account.conftest import Parent, sign_in
from tests.signing_in import sign_in_as

PAGE, FILE = "/compte/journal", "/compte/mes-donnees/fichier"


def test_pc_21_the_journal_tells_ones_own_events_in_sentences(
    parent: Parent, idp_app: Flask, browser: Browser, new_parent: Callable[..., Parent], now: datetime
):
    other = new_parent()
    with idp_app.app_context(), transaction():
        audit.record(PasswordChosen(parent.account_id, ChoiceReason.CHANGE), now=now)
        audit.record(SignInFailed(other.account_id, RefusalReason.WRONG), now=now)

    page = browser.get(PAGE).text

    assert "Le mot de passe a été changé depuis" in page
    assert "23 novembre 2026 à 09:00" in page
    assert "Une connexion a été refusée" not in page
    assert "account:password:chosen" not in page


def test_what_has_no_sentence_is_not_shown(parent: Parent, idp_app: Flask, browser: Browser, now: datetime):
    with idp_app.app_context(), transaction() as session:
        session.add(
            AuditEntry(name="later:thing:happened", account_id=parent.account_id, recorded_at=now, details={})
        )

    page = browser.get(PAGE)

    assert page.status_code == 200
    assert "Rien pour l’instant" in page.text


def test_pages_follow_each_other_by_links(
    parent: Parent, idp_app: Flask, browser: Browser, clock: FrozenClock
):
    with idp_app.app_context(), transaction():
        for _time in range(60):
            audit.record(PasswordChosen(parent.account_id, ChoiceReason.CHANGE), now=clock.now)

    first, last = browser.get(PAGE).text, browser.get(f"{PAGE}?page=3").text

    assert "Page 1 sur 3" in first
    assert f'href="{PAGE}?page=2" rel="next"' in first
    assert "Page suivante" not in last
    assert last.count("Le mot de passe a été changé") == 10


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "x", "%00", "2&page=3"])
def test_pc_05_in_07_a_page_that_is_not_there_shows_the_nearest(browser: Browser, page: str):
    assert browser.get(f"{PAGE}?page={page}").status_code == 200


def test_every_event_of_an_account_has_a_sentence_or_is_left_out_on_purpose():
    """A new event of a feature is a decision: is it the person's to read?"""
    from idp.audit.rules import AuditEvent

    import_everything()
    of_accounts = {event.name for event in leaves(AuditEvent) if "account_id" in event.__dataclass_fields__}

    assert of_accounts - SENTENCES.keys() <= NOT_FOR_ITS_PERSON
    assert SENTENCES.keys() <= of_accounts


NOT_FOR_ITS_PERSON = {
    "account:password:typed_again",
    "family:school:told",
    "family:school_task:settled",
    "oidc:authorization_code:misused",
    "oidc:grant:ended",
    "oidc:refresh_token:misused",
    "phone_activation:code:asked",
    # « account:password:chosen » says it already.
    "recovery:password:replaced",
}


def test_a_sentence_is_found_for_any_details(idp_app: Flask):
    with idp_app.test_request_context():
        for name in SENTENCES:
            assert sentence_of(name, {}).endswith(".")
            assert sentence_of(name, {"reason": "later", "by": "later", "channel": "later"}).endswith(".")


def test_ch_12_the_file_holds_ones_own_data_and_nothing_of_another_guardian(
    idp_app: Flask,
    new_parent: Callable[..., Parent],
    new_browser: Callable[[], Browser],
    now: datetime,
):
    mine = new_parent(given_name="Céline", email="celine@exemple.fr", phone="+33639981234")
    other = new_parent(given_name="Zacharie", family_name="Œuvrard", email="zacharie@exemple.fr")
    with idp_app.app_context():
        shared = make_child(given_name="Anaïs")
        for one in (mine, other):
            make_link(one.account_id, shared)
        make_link(other.account_id, make_child(given_name="Ysé"))
        make_link(mine.account_id, make_child(given_name="Ulysse"), state=LinkState.FROZEN)
    browser = new_browser()
    sign_in(browser, mine.identifier)

    answer = browser.get(FILE)

    assert answer.headers["Content-Disposition"] == 'attachment; filename="mes-donnees.html"'
    assert answer.headers["Cache-Control"] == "no-store, private"
    told = written(answer.text)
    assert told["account"]["identifier"] == mine.identifier
    assert {child["given_name"] for child in told["children"]} == {"Anaïs", "Maël"}
    assert told["journal"][0]["sentence"] == "Connexion réussie."
    for foreign in ("Zacharie", "Œuvrard", "zacharie@exemple.fr", other.identifier, "Ysé", "Ulysse"):
        assert foreign not in answer.text
    for secret in ("argon2", "digest", "password_hash"):
        assert secret not in answer.text
    with idp_app.app_context():
        assert str(mine.account_id) not in answer.text
        assert db.session.query(AuditEntry).count() == 1


def test_the_file_needs_a_fresh_sign_in(browser: Browser, clock: FrozenClock):
    assert browser.get("/compte/mes-donnees").status_code == 200
    clock.advance(minutes=10)

    assert browser.get(FILE).location == f"/compte/confirmer?suite={FILE}"


def test_the_file_is_escaped(
    idp_app: Flask, new_parent: Callable[..., Parent], new_browser: Callable[[], Browser], now: datetime
):
    parent, browser = new_parent(given_name="</pre><svg onload=alert(1)>"), new_browser()
    sign_in_as(idp_app, browser, parent.account_id, now=now)

    page = browser.get(FILE).text

    assert "<svg" not in page
    assert written(page)["account"]["given_name"] == "</pre><svg onload=alert(1)>"


def written(page: str) -> Any:
    return json.loads(html.fromstring(page).get_element_by_id("json").text_content())
