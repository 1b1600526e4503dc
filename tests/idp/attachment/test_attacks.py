"""Attacks on attaching, named after their cases."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import AccountState
from idp.attachment import service
from idp.attachment.rules import AlreadyAttached, AttachRefused
from idp.audit.models import AuditEntry
from idp.db import db
from idp.errors import DomainError
from idp.families.models import AccountMerge, Link, SchoolTask
from tests.conftest import browser_at
from tests.factories import make_link
from tests.hashing import CountingHasher
from tests.idp.attachment.conftest import (
    ORIGIN,
    RIGHT_DATE,
    Other,
    attach,
    find_session,
    send_couple,
    send_form,
    to_preview,
    undo,
    undo_address,
)
from tests.idp.my_account.conftest import PASSWORD
from tests.signing_in import sign_in_as
from tests.statements import recorded_statements
from tests.web import form_values

REFUSED = "Ce compte n’a pas pu être rattaché. Vérifiez vos réponses, ou demandez à l’école."
ATTACHING = (
    "/compte/enfants/rattacher",
    "/compte/enfants/rattacher/naissance",
    "/compte/enfants/rattacher/confirmer",
)


def page_of(answer) -> str:
    """An answer's page without what is new each time: the form token, and the identifier that was typed."""
    without_token = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)
    return re.sub(r'(id="other_identifier"[^>]*) value="[^"]*"', r"\1", without_token)


def tried(app: Flask, account_id) -> list[tuple[str, str | None]]:
    """Why each try of an account was refused, and whose secret was right, oldest first."""
    with app.app_context():
        refused = AuditEntry.name == "attachment:account:refused"
        entries = select(AuditEntry).where(refused, AuditEntry.account_id == account_id)
        rows = db.session.scalars(entries.order_by(AuditEntry.id))
        return [(row.details["cause"], row.details["other_account_id"]) for row in rows]


def tasks(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.execute(select(SchoolTask.kind, SchoolTask.school_uai))
        return sorted((row.kind.value, row.school_uai) for row in rows)


def wrong_couple(kind: str, letter: Other, new_used: Callable[..., Other]) -> Other:
    if kind == "unknown":
        return Other(letter.account_id, "x.inconnu", "Absinthe7", letter.child_id)
    state = {"active": AccountState.ACTIVE, "disabled": AccountState.DISABLED}.get(kind)
    other = new_used(state=state) if state else letter
    return Other(other.account_id, other.identifier, "Absinthe7", other.child_id)


@pytest.mark.parametrize("kind", ["letter", "active", "disabled"])
def test_en_06_until_the_secret_is_right_everything_says_and_costs_the_same(
    idp_app, parent, browser, letter, new_used, password_hasher: CountingHasher, kind
):
    answers, costs = [], []
    for other in (wrong_couple("unknown", letter, new_used), wrong_couple(kind, letter, new_used)):
        page = browser.get("/compte/enfants/rattacher")
        typed = form_values(page.text, action="/compte/enfants/rattacher") | other.couple
        before = (password_hasher.verified, password_hasher.hashed)
        with idp_app.app_context(), recorded_statements(db.engine) as statements:
            answers.append(browser.post("/compte/enfants/rattacher", data=typed))
        costs.append((statements, password_hasher.verified - before[0], password_hasher.hashed - before[1]))

    assert costs[0] == costs[1]
    assert costs[0][1:] == (1, 0)
    unknown, known = answers
    assert (
        (unknown.status_code, page_of(unknown))
        == (known.status_code, page_of(known))
        == (422, page_of(known))
    )
    assert [name for name, _value in unknown.headers] == [name for name, _value in known.headers]
    assert REFUSED in unknown.text


@pytest.mark.parametrize("names", [{"given_name": "Gaëtan"}, {"family_name": "N’GUYEN"}])
@pytest.mark.parametrize("kind", ["letter", "used"])
def test_pc_11_another_familys_letter_or_account_is_refused_told_and_counted(
    idp_app, parent, browser, new_letter, new_used, state_of, mailbox, kind, names
):
    other = {"letter": new_letter, "used": new_used}[kind](**names)

    answer = send_couple(browser, other)

    assert (answer.status_code, REFUSED in answer.text) == (422, True)
    assert tried(idp_app, parent.account_id) == [("other_names", str(other.account_id))]
    assert tasks(idp_app) == [("attach_refused", "0990002P")]
    assert len([mail for mail in mailbox() if mail.to == "direction@ecole.example"]) == 1
    for _try in range(4):
        assert send_couple(browser, other).status_code == 422
    spent = send_couple(browser, other)
    assert (spent.status_code, spent.headers["Retry-After"]) == (429, "86400")
    assert state_of(other.account_id) is not AccountState.MERGED


def test_pc_11_a_letter_in_wrong_hands_opens_nothing_without_the_birth_date(
    idp_app, parent, browser, letter, state_of
):
    step = send_couple(browser, letter).location

    wrong = send_form(browser, step, RIGHT_DATE | {"birth_day": "3"})
    skipped = browser.post(
        step.replace("/naissance", "/confirmer"), data={"csrf_token": form_values(wrong.text)["csrf_token"]}
    )

    assert (wrong.status_code, REFUSED in wrong.text) == (422, True)
    assert (skipped.status_code, REFUSED in skipped.text) == (422, True)
    assert tried(idp_app, parent.account_id)[0] == ("birth_date", str(letter.account_id))
    assert tasks(idp_app) == [("attach_refused", "0990002P")]
    assert state_of(letter.account_id) is AccountState.NOTIFIED


def test_pc_11_birth_dates_spend_the_letters_own_tries_with_those_of_activation(
    idp_app, parent, browser, letter, clock, state_of
):
    step = send_couple(browser, letter).location
    for day in ("3", "4", "5"):
        send_form(browser, step, RIGHT_DATE | {"birth_day": day})

    right_too_late = send_form(browser, step, RIGHT_DATE)

    assert (right_too_late.status_code, REFUSED in right_too_late.text) == (422, True)
    clock.advance(days=1)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)
    assert attach(browser, letter).status_code == 303
    assert state_of(letter.account_id) is AccountState.MERGED


def test_five_failed_tries_a_day_and_right_ones_cost_none(
    idp_app, parent, browser, used, new_used, clock, state_of
):
    wrong = Other(used.account_id, "x.inconnu", "Absinthe7", used.child_id)
    for _try in range(4):
        assert send_couple(browser, wrong).status_code == 422
    assert send_couple(browser, used).status_code == 303
    assert send_couple(browser, wrong).status_code == 422

    assert send_couple(browser, used).status_code == 429
    clock.advance(days=1, seconds=-1)
    sign_in_as(idp_app, browser, parent.account_id, now=clock.now)
    assert send_couple(browser, used).status_code == 429
    clock.advance(seconds=1)
    assert send_couple(browser, used).status_code == 303


def test_bf_04_attaching_and_signing_in_spend_one_budget_of_the_other_secret(browser, used, new_browser):
    stranger = new_browser()
    wrong = {"identifier": used.identifier, "password": "Absinthe7"}
    for _try in range(3):
        send_couple(browser, used, other_password="Absinthe7")
    for _try in range(2):
        send_form(stranger, "/connexion", wrong)

    right = send_form(stranger, "/connexion", wrong | {"password": used.secret})
    attached = send_couple(browser, used)

    assert (right.status_code, attached.status_code) == (429, 429)


def test_bf_08_an_outsider_keeps_nobody_from_attaching_on_a_device_that_signed_in_to_the_other_account(
    idp_app, parent, used, new_browser, clock
):
    owners, stranger = new_browser(), new_browser()
    send_form(owners, "/connexion", {"identifier": used.identifier, "password": used.secret})
    sign_in_as(idp_app, owners, parent.account_id, now=clock.now)
    for _try in range(6):
        slowed = send_form(stranger, "/connexion", {"identifier": used.identifier, "password": "Absinthe7"})

    attached = send_couple(owners, used)

    assert (slowed.status_code, attached.status_code) == (429, 303)


def test_pc_12_the_same_account_twice_and_a_letter_for_a_child_already_linked_make_one_link(
    idp_app, parent, browser, letter, used
):
    with idp_app.app_context():
        make_link(parent.account_id, letter.child_id)
    address = to_preview(browser, letter)
    page = browser.get(address).text

    first = browser.post(address, data=form_values(page, action="/compte/enfants/rattacher/confirmer"))
    second = browser.post(address, data=form_values(page, action="/compte/enfants/rattacher/confirmer"))

    assert (first.status_code, second.status_code) == (303, 303)
    assert "C’est déjà fait" in browser.get("/compte/enfants").text
    with idp_app.app_context():
        links = select(func.count()).where(
            Link.account_id == parent.account_id, Link.child_id == letter.child_id
        )
        assert db.session.scalar(links) == 1
        assert db.session.scalar(select(func.count()).select_from(AccountMerge)) == 1


@pytest.mark.parametrize("address", ATTACHING)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ch_01_attaching_asks_the_password_of_this_account_again_after_ten_minutes(
    idp_app, parent, browser, used, clock, address, method, state_of
):
    proof = to_preview(browser, used).partition("?")[2]
    page = browser.get("/compte/enfants/rattacher").text
    clock.advance(minutes=10, seconds=1)

    answer = browser.open(
        f"{address}?{proof}", method=method, data=form_values(page, action="/rattacher") | used.couple
    )

    assert answer.status_code == 303
    assert answer.location.startswith("/compte/confirmer?suite=")
    assert state_of(used.account_id) is AccountState.ACTIVE
    again = send_form(browser, answer.location, {"password": PASSWORD})
    assert again.location.startswith("/compte/enfants/rattacher")


def test_one_sessions_proof_is_nothing_to_another_session_of_the_same_account(
    idp_app, parent, browser, used, new_browser, now, state_of
):
    address = to_preview(browser, used)
    thief = new_browser()
    sign_in_as(idp_app, thief, parent.account_id, now=now)

    shown = thief.get(address)
    sent = thief.post(address, data=form_values(shown.text))

    assert "Cette étape a expiré" in shown.text
    assert (sent.status_code, state_of(used.account_id)) == (422, AccountState.ACTIVE)


@pytest.mark.parametrize("proof", ["", "x", "A" * 200, "é", "A" * 5000])
def test_a_proof_that_is_not_ours_proves_nothing(browser, proof):
    shown = browser.get("/compte/enfants/rattacher/confirmer", query_string={"preuve": proof})

    assert (shown.status_code, "Cette étape a expiré" in shown.text) == (200, True)


def test_a_proof_from_before_an_undo_proves_nothing(browser, used, state_of):
    address = to_preview(browser, used)
    page = browser.get(address).text
    send_form(browser, address, {})
    undo(browser)

    again = browser.post(address, data=form_values(page, action="/compte/enfants/rattacher/confirmer"))

    assert (again.status_code, state_of(used.account_id)) == (422, AccountState.ACTIVE)


def test_nobody_undoes_anothers_merge_and_learns_nothing_of_it(
    idp_app, parent, browser, used, new_parent, now, state_of
):
    attach(browser, used)
    address = undo_address(browser.get("/compte/enfants").text)
    stranger = browser_at(idp_app, ORIGIN)
    sign_in_as(idp_app, stranger, new_parent(email="autre@exemple.fr").account_id, now=now)
    form = form_values(stranger.get("/compte/enfants").text)

    refused = stranger.post(address, data=form)
    unknown = stranger.post(f"/compte/enfants/regroupements/{uuid4()}/annuler", data=form)

    assert (refused.status_code, page_of(refused)) == (unknown.status_code, page_of(unknown))
    assert state_of(used.account_id) is AccountState.MERGED
    assert used.identifier not in stranger.get("/compte/enfants").text


def test_ones_own_account_is_refused_like_any_wrong_couple(idp_app, parent, browser, letter):
    own = Other(parent.account_id, parent.identifier, PASSWORD, letter.child_id)

    answer = send_couple(browser, own)

    assert (answer.status_code, REFUSED in answer.text) == (422, True)
    assert tried(idp_app, parent.account_id) == [("same_account", str(parent.account_id))]


@pytest.mark.parametrize(
    "values",
    [
        {"other_identifier": ["c.dupont", "c.autre"], "other_password": "Absinthe7"},
        {"other_identifier": "c.du\0pont", "other_password": "Absinthe7"},
        {"other_identifier": "c" * 500, "other_password": "Absinthe7"},
    ],
)
def test_what_no_page_of_ours_sends_is_refused_before_anything_is_hashed(browser, values, password_hasher):
    page = browser.get("/compte/enfants/rattacher").text
    before = password_hasher.verified

    answer = browser.post("/compte/enfants/rattacher", data=form_values(page, action="/rattacher") | values)

    assert (answer.status_code, password_hasher.verified) == (400, before)


def test_the_merged_accounts_sessions_end_at_once(idp_app, browser, used, new_browser, now):
    elsewhere = new_browser()
    sign_in_as(idp_app, elsewhere, used.account_id, now=now)
    assert elsewhere.get("/compte").status_code == 200

    attach(browser, used)

    assert elsewhere.get("/compte").location.startswith("/connexion")
    undo(browser)
    assert elsewhere.get("/compte").location.startswith("/connexion")


def test_rc_01_two_confirmations_at_once_have_one_effect(idp_app, parent, browser, used, now):
    session = find_session(idp_app, browser, now)
    with idp_app.app_context():
        sealed = service.prove_couple(
            session, (used.identifier, used.secret), network="192.0.2.0/24", now=now
        )

    outcomes = at_once(idp_app, [lambda: service.attach(session, sealed, now=now)] * 4)

    assert sorted(map(repr, outcomes)) == sorted(["None", *[repr(AlreadyAttached())] * 3])
    with idp_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(AccountMerge)) == 1
        attached = AuditEntry.name == "attachment:account:attached"
        assert db.session.scalar(select(func.count()).where(attached)) == 1


@pytest.mark.parametrize("round_", range(5))
def test_rc_01_a_into_b_while_b_into_a_one_wins_and_nobody_waits_for_ever(
    idp_app, new_parent, used, now, state_of, round_
):
    parent = new_parent(activated_at=now)
    browsers = [browser_at(idp_app, ORIGIN) for _ in range(2)]
    for browser, account_id in zip(browsers, (parent.account_id, used.account_id), strict=True):
        sign_in_as(idp_app, browser, account_id, now=now)
    mine, theirs = (find_session(idp_app, browser, now) for browser in browsers)
    with idp_app.app_context():
        there = service.prove_couple(mine, (used.identifier, used.secret), network="a", now=now)
        back = service.prove_couple(theirs, (parent.identifier, PASSWORD), network="b", now=now)
        assert service.open_proof(theirs, back, now=now).is_complete

    outcomes = at_once(
        idp_app,
        [
            lambda: service.attach(mine, there, now=now),
            lambda: service.attach(theirs, back, now=now),
        ],
    )

    assert sorted(map(repr, outcomes)) == sorted(["None", repr(AttachRefused())])
    states = {state_of(parent.account_id), state_of(used.account_id)}
    assert states == {AccountState.ACTIVE, AccountState.MERGED}


def test_rc_01_an_undo_pressed_twice_at_once_has_one_effect(idp_app, parent, browser, used, now, state_of):
    attach(browser, used)
    session = find_session(idp_app, browser, now)
    with idp_app.app_context():
        merge_id = service.view_children(session).merges[0].merge_id

    outcomes = at_once(idp_app, [lambda: service.undo_attach(session, merge_id, now=now)] * 3)

    assert sum(outcome is None for outcome in outcomes) == 1
    assert state_of(used.account_id) is AccountState.ACTIVE


def at_once(app: Flask, acts: list[Callable[[], None]]) -> list[Exception | None]:
    """Run all at the same moment, each in a context of its own; what each raised."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], None]) -> Exception | None:
        with app.app_context():
            barrier.wait()
            try:
                act()
            except DomainError as error:
                return error
            return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
