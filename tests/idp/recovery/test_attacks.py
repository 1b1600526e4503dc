"""The attacks on recovery, by their ids."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.cli import idp as command
from idp.db import db, transaction
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import Channel, DeliveryState
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.models import CodeChallenge, NumericCode
from idp.one_time_codes.rules import ChallengeRefused, Purpose
from idp.passwords import service as passwords
from idp.recovery import service as recovery
from idp.sessions.models import AccountSession
from idp.throttling import service as throttling
from idp.throttling.models import ThrottleCounter
from idp.throttling.rules import code_guess_budget, network_of
from tests.conftest import FrozenClock
from tests.factories import make_child, make_link
from tests.hashing import CountingHasher
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
from tests.statements import recorded_statements
from tests.web import form_values

COOKIE = "__Host-idp_recovery"
UNKNOWN = "c.inconnuxxxxx"
PAGES = ("/identifiant-perdu", "/identifiant-perdu/message-envoye", "/mot-de-passe-perdu")

Messages = Callable[[], list[Any]]
Code = Callable[[], str]


# --- the state machine


@pytest.mark.parametrize("step", ["nothing", "started", "wrong code"])
def test_re_01_the_new_password_needs_the_code(
    browser: Browser, holder: Holder, account_of: Callable[[Holder], Account], sent_code: Code, step: str
) -> None:
    if step != "nothing":
        start(browser, holder.identifier)
    if step == "wrong code":
        enter(browser, wrong(sent_code()))
    shown = browser.get("/mot-de-passe-perdu/nouveau?etape=3&proven=1")
    token = form_values(browser.get("/mot-de-passe-perdu").text)["csrf_token"]
    sent = browser.client.post(
        "/mot-de-passe-perdu/nouveau",
        data={
            "csrf_token": token,
            "new_password": NEW_PASSWORD,
            "new_password_confirmation": NEW_PASSWORD,
            "proven_at": "2026-01-01",
            "account_id": str(holder.account_id),
        },
    )

    back = "/mot-de-passe-perdu" if step == "nothing" else "/mot-de-passe-perdu/code"
    assert (shown.location, sent.location) == (back, back)
    assert account_of(holder).password_hash == account_before(browser, holder)


def test_re_01_no_answer_holds_the_code(browser: Browser, holder: Holder, sent_code: Code) -> None:
    answers = [start(browser, holder.identifier), browser.get("/mot-de-passe-perdu/code")]
    answers.append(enter(browser, wrong(sent_code())))
    numeric_code = sent_code()

    for answer in answers:
        everything = f"{answer.headers} {answer.text}"
        assert numeric_code not in everything
        assert f"{numeric_code[:3]} {numeric_code[3:]}" not in everything


def test_re_01_a_code_is_good_in_the_browser_that_asked_alone(
    browser: Browser, new_browser: Callable[[], Browser], holder: Holder, sent_code: Code
) -> None:
    start(browser, holder.identifier)
    stolen = sent_code()
    thief = new_browser()
    start(thief, UNKNOWN)

    assert enter(thief, stolen).status_code == 422
    assert enter(browser, stolen).location == "/mot-de-passe-perdu/nouveau"


def test_re_01_the_last_step_checks_again_at_the_end(
    idp_context: Flask, browser: Browser, holder: Holder, sent_code: Code, clock: FrozenClock
) -> None:
    secret = proven(browser, holder, sent_code)
    clock.advance(minutes=30)

    with pytest.raises(ChallengeRefused):
        recovery.replace_password(secret, NEW_PASSWORD, now=clock.now)


def test_re_01_nothing_is_told_or_hashed_before_the_code(
    idp_context: Flask, browser: Browser, holder: Holder, clock: FrozenClock, password_hasher: CountingHasher
) -> None:
    start(browser, holder.identifier)
    cookie = browser.client.get_cookie(COOKIE, domain="compte.example")
    assert cookie is not None
    before = (password_hasher.hashed, password_hasher.verified)

    with pytest.raises(ChallengeRefused):
        recovery.proven_identifier(cookie.value, now=clock.now)
    with pytest.raises(ChallengeRefused):
        recovery.replace_password(cookie.value, NEW_PASSWORD, now=clock.now)

    assert (password_hasher.hashed, password_hasher.verified) == before


@pytest.mark.usefixtures("sms_on")
def test_re_02_everything_ends_and_nobody_is_signed_in(
    idp_app: Flask,
    browser: Browser,
    new_browser: Callable[[], Browser],
    holder: Holder,
    sent_code: Code,
) -> None:
    others = [new_browser() for _ in range(3)]
    for other in others:
        assert other.sign_in(holder.identifier, OLD_PASSWORD).location == "/compte"
    browser.sign_in(holder.identifier, OLD_PASSWORD)
    replaced = recover(browser, holder, sent_code)

    assert replaced.location == "/connexion"
    assert [who.get("/compte").status_code for who in [browser, *others]] == [303] * 4
    with idp_app.app_context():
        living = select(func.count()).where(AccountSession.ended_at.is_(None))
        assert db.session.scalar(living.select_from(AccountSession)) == 0
    assert browser.sign_in(holder.identifier, OLD_PASSWORD).status_code == 422


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(
    "values",
    [
        {"state": AccountState.CREATED},
        {"state": AccountState.NOTIFIED},
        {"state": AccountState.ACTIVATING, "pending_email": EMAIL},
        {"state": AccountState.ACTIVE},
    ],
)
def test_re_03_re_07_nothing_is_sent_to_what_was_never_confirmed(
    browser: Browser,
    new_holder: Callable[..., Holder],
    waiting_messages: Messages,
    channel: str,
    values: dict[str, Any],
) -> None:
    """Not even to the address or number that the school's data hold."""
    unconfirmed = {"email_confirmed_at": None, "phone_confirmed_at": None}
    holder = new_holder(**unconfirmed | values)
    known = [start(browser, holder.identifier, channel), browser.get("/mot-de-passe-perdu/code")]
    ask(browser, EMAIL)
    ask(browser, PHONE)
    unknown = [start(browser, UNKNOWN, channel), browser.get("/mot-de-passe-perdu/code")]

    assert waiting_messages() == []
    for one, other in zip(known, unknown, strict=True):
        assert bare(one, holder.identifier) == bare(other, UNKNOWN)
    assert "Sinon, utilisez le courrier de l’école" in unescaped(known[1])


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MERGED, AccountState.NOTIFIED])
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_re_03_an_account_that_is_not_active_is_told_by_mail_only_to_turn_to_the_school(
    browser: Browser,
    new_holder: Callable[..., Holder],
    waiting_messages: Messages,
    state: AccountState,
    channel: str,
) -> None:
    holder = new_holder(state=state)
    start(browser, holder.identifier, channel)

    [mail] = waiting_messages()
    assert mail.to == EMAIL
    assert "adressez-vous à l’école" in mail.text
    assert re.search(r"\b\d{3}\s?\d{3}\b", mail.text) is None
    assert enter(browser, "000000").status_code == 422


def test_re_03_a_disabled_account_is_not_enabled_by_a_recovery_begun_before(
    idp_app: Flask,
    browser: Browser,
    holder: Holder,
    sent_code: Code,
    account_of: Callable[[Holder], Account],
) -> None:
    start(browser, holder.identifier)
    enter(browser, sent_code())
    page = browser.get("/mot-de-passe-perdu/nouveau")
    change(idp_app, holder, state=AccountState.DISABLED)
    sent = browser.send(page, both_fields(), action="/mot-de-passe-perdu/nouveau")

    assert sent.location == "/mot-de-passe-perdu"
    assert account_of(holder).state is AccountState.DISABLED
    assert not passwords.verify(account_of(holder).password_hash, NEW_PASSWORD)


def test_re_05_a_code_is_used_once(
    browser: Browser, holder: Holder, sent_code: Code, account_of: Callable[[Holder], Account]
) -> None:
    start(browser, holder.identifier)
    code_page = browser.get("/mot-de-passe-perdu/code")
    numeric_code = sent_code()
    enter(browser, numeric_code)
    password_page = browser.get("/mot-de-passe-perdu/nouveau")
    choose(browser)
    again = browser.send(code_page, {"one_time_code": numeric_code}, action="/mot-de-passe-perdu/code")
    values = both_fields("Origan2026xy")
    late = browser.send(password_page, values, action="/mot-de-passe-perdu/nouveau")

    assert again.status_code == 422
    assert late.location == "/connexion"
    assert passwords.verify(account_of(holder).password_hash, NEW_PASSWORD)


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "autre@exemple.fr"},
        {"email": None, "email_confirmed_at": None},
        {"email_confirmed_at": None},
    ],
)
@pytest.mark.parametrize("moment", ["before the code", "after the code"])
def test_re_05_a_code_is_dead_once_the_address_has_changed(
    idp_app: Flask,
    browser: Browser,
    holder: Holder,
    sent_code: Code,
    account_of: Callable[[Holder], Account],
    changed: dict[str, Any],
    moment: str,
) -> None:
    start(browser, holder.identifier)
    numeric_code = sent_code()
    if moment == "before the code":
        change(idp_app, holder, **changed)
    enter(browser, numeric_code)
    page = browser.get("/mot-de-passe-perdu/nouveau")
    if moment == "after the code":
        change(idp_app, holder, **changed)
        page = browser.send(page, both_fields(), action="/mot-de-passe-perdu/nouveau")

    assert page.location == "/mot-de-passe-perdu"
    assert passwords.verify(account_of(holder).password_hash, OLD_PASSWORD)


def test_re_05_a_recovery_ends_the_other_ones_of_its_account(
    browser: Browser,
    new_browser: Callable[[], Browser],
    holder: Holder,
    sent_code: Code,
    account_of: Callable[[Holder], Account],
) -> None:
    thief = new_browser()
    start(thief, holder.identifier)
    enter(thief, sent_code())
    page = thief.get("/mot-de-passe-perdu/nouveau")
    recover(browser, holder, sent_code)
    late = thief.send(page, both_fields("Voleur2026xy"), action="/mot-de-passe-perdu/nouveau")

    assert late.location == "/connexion"
    assert passwords.verify(account_of(holder).password_hash, NEW_PASSWORD)


def test_re_05_a_letter_issued_meanwhile_ends_recovery(
    idp_app: Flask,
    browser: Browser,
    holder: Holder,
    sent_code: Code,
    account_of: Callable[[Holder], Account],
    waiting_messages: Messages,
    clock: FrozenClock,
) -> None:
    """The school has taken the account in hand, perhaps because somebody else holds its mailbox."""
    start(browser, holder.identifier)
    enter(browser, sent_code())
    page = browser.get("/mot-de-passe-perdu/nouveau")
    with idp_app.app_context(), transaction():
        passwords.issue_provisional_password(holder.account_id, now=clock.now - timedelta(days=80))
        passwords.reissue_provisional_password(holder.account_id, now=clock.now)
    sent = browser.send(page, both_fields(), action="/mot-de-passe-perdu/nouveau")
    start(browser, holder.identifier)

    assert sent.location == "/mot-de-passe-perdu"
    assert account_of(holder).password_hash is None
    assert "un nouveau courrier" in waiting_messages()[-1].text


@pytest.mark.usefixtures("sms_on")
def test_re_06_every_confirmed_channel_is_told(
    browser: Browser, holder: Holder, sent_code: Code, waiting_messages: Messages
) -> None:
    recover(browser, holder, sent_code)

    told = waiting_messages()[1:]
    assert {message.to for message in told} == {EMAIL, PHONE}
    assert all("mot de passe" in message.text for message in told)


def test_re_06_the_holder_is_told_and_the_journal_tells(
    browser: Browser, holder: Holder, sent_code: Code, waiting_messages: Messages, journal: Callable[[], Any]
) -> None:
    recover(browser, holder, sent_code)

    told = waiting_messages()[-1]
    assert told.to == EMAIL
    assert "a été remplacé" in told.text
    links = re.findall(r"https://compte\.example(/\S*)", told.text)
    assert all(browser.get(link).status_code < 500 for link in links)
    assert browser.sign_in(holder.identifier, NEW_PASSWORD).location == "/compte"
    names = [name for name, _details in journal()]
    assert ("recovery:password:replaced", {"account_id": str(holder.account_id), "channel": "email"}) in (
        journal()
    )
    assert names.count("recovery:password:asked") == 1
    assert names.count("recovery:code:accepted") == 1
    assert browser.get("/compte/journal").text.count("mot de passe a été remplacé") == 1


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize(("channel", "column"), [("email", "email"), ("sms", "phone")])
@pytest.mark.parametrize(("seconds", "is_served"), [(-1, False), (0, True)])
def test_re_08_a_channel_serves_a_day_after_its_change(
    browser: Browser,
    new_holder: Callable[..., Holder],
    clock: FrozenClock,
    waiting_messages: Messages,
    channel: str,
    column: str,
    seconds: int,
    is_served: bool,
) -> None:
    values: dict[str, Any] = {
        f"{column}_confirmed_at": clock.now,
        f"{column}_recovers_from": clock.now + timedelta(hours=24),
    }
    holder = new_holder(**values)
    clock.advance(hours=24, seconds=seconds)
    start(browser, holder.identifier, channel)
    if channel == "email":
        ask(browser, EMAIL)

    assert bool(waiting_messages()) is is_served


def test_re_11_no_command_chooses_or_shows_a_password() -> None:
    """Staff issue a letter, or the guardian recovers; nothing of theirs takes a password."""

    def options(group: Any) -> list[str]:
        own = [name for parameter in group.params for name in parameter.opts]
        return own + [name for child in getattr(group, "commands", {}).values() for name in options(child)]

    assert [name for name in options(command) if "password" in name] == []


def test_re_12_there_is_no_secret_question_and_no_birth_date(
    browser: Browser, holder: Holder, sent_code: Code
) -> None:
    asked = [names(browser.get("/identifiant-perdu")), names(browser.get("/mot-de-passe-perdu"))]
    start(browser, holder.identifier)
    asked.append(names(browser.get("/mot-de-passe-perdu/code")))
    enter(browser, sent_code())
    asked.append(names(browser.get("/mot-de-passe-perdu/nouveau")))

    assert asked == [
        {"contact"},
        {"identifier", "channel"},
        {"one_time_code", "act"},
        {"new_password", "new_password_confirmation"},
    ]


# --- nothing told


KINDS: dict[str, dict[str, Any] | None] = {
    "unknown": None,
    "served": {},
    "unconfirmed": {"email_confirmed_at": None, "phone_confirmed_at": None},
    "notified": {
        "state": AccountState.NOTIFIED,
        "email": None,
        "email_confirmed_at": None,
        "phone": None,
        "password_hash": None,
    },
    "disabled": {"state": AccountState.DISABLED},
    "changed a moment ago": {"email_recovers_from": "tomorrow", "phone_recovers_from": "tomorrow"},
}


@pytest.fixture
def identifier_of(new_holder: Callable[..., Holder], clock: FrozenClock) -> Callable[[str], str]:
    """The identifier of one person of a kind; as long for each."""

    def make(kind: str) -> str:
        values = KINDS[kind]
        identifier = f"c.{re.sub('[^a-z]', '', kind):x<20}"
        if values is not None:
            tomorrow = clock.now + timedelta(days=1)
            dated = {key: tomorrow if value == "tomorrow" else value for key, value in values.items()}
            new_holder(identifier=identifier, **dated)
        return identifier

    return make


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unknown"])
def test_en_03_lost_password_answers_and_asks_the_database_the_same(
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    identifier_of: Callable[[str], str],
    password_hasher: CountingHasher,
    clock: FrozenClock,
    channel: str,
    kind: str,
) -> None:
    seen = []
    for identifier in (identifier_of(kind), identifier_of("unknown")):
        browser = new_browser()
        before = (password_hasher.hashed, password_hasher.verified)
        with idp_app.app_context():
            engine = db.engine
        with recorded_statements(engine) as statements:
            answers = [start(browser, identifier, channel), browser.get("/mot-de-passe-perdu/code")]
            answers.append(enter(browser, "000000"))
            clock.advance(seconds=120)
            answers.append(send_again(browser))
            answers.append(browser.get("/mot-de-passe-perdu/code"))
        assert (password_hasher.hashed, password_hasher.verified) == before
        seen.append(([bare(answer, identifier) for answer in answers], [*statements]))

    assert seen[0][0] == seen[1][0]
    assert seen[0][1] == seen[1][1]


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("kind", ["served", "unconfirmed", "disabled", "changed a moment ago"])
@pytest.mark.parametrize(("theirs", "nobodys"), [(EMAIL, "delphine@exemple.fr"), (PHONE, "+33639989999")])
def test_en_03_lost_identifier_answers_and_asks_the_database_the_same(
    idp_app: Flask,
    new_browser: Callable[[], Browser],
    identifier_of: Callable[[str], str],
    kind: str,
    theirs: str,
    nobodys: str,
) -> None:
    identifier_of(kind)
    seen = []
    for contact in (theirs, nobodys):
        browser = new_browser()
        with idp_app.app_context():
            engine = db.engine
        with recorded_statements(engine) as statements:
            answers = [ask(browser, contact), browser.get("/identifiant-perdu/message-envoye")]
        seen.append(([bare(answer, contact) for answer in answers], [*statements]))

    assert seen[0] == seen[1]


@pytest.mark.usefixtures("sms_on")
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_en_03_the_throttle_is_the_same(
    new_browser: Callable[[], Browser], identifier_of: Callable[[str], str], clock: FrozenClock, channel: str
) -> None:
    seen = []
    for identifier in (identifier_of("served"), identifier_of("unknown")):
        answers = []
        for _ in range(6):
            answers.append(start(new_browser(), identifier, channel))
            clock.advance(minutes=3)
        seen.append(
            [(answer.status_code, answer.headers.get("Retry-After"), answer.location) for answer in answers]
        )

    assert seen[0] == seen[1]
    assert [status for status, *_rest in seen[0]] == [303, 303, 303, 429, 429, 429]


def test_en_03_a_known_device_recovers_whatever_an_outsider_spends(
    browser: Browser,
    new_browser: Callable[[], Browser],
    holder: Holder,
    waiting_messages: Messages,
    clock: FrozenClock,
) -> None:
    """Ten messages of a day are spent elsewhere; the device that signed in before has its own, to the letter."""
    browser.sign_in(holder.identifier, OLD_PASSWORD)
    told = len(waiting_messages())

    def asked(asker: Browser, times: int) -> list[int]:
        return [start(asker, holder.identifier).status_code for _ in range(times)]

    for asker in (new_browser(), browser):
        for _hour in range(3):
            assert asked(asker, 4) == [303, 303, 303, 429]
            clock.advance(hours=1)
        assert asked(asker, 2) == [303, 429]
    assert len(waiting_messages()) == told + 20
    assert asked(new_browser(), 1) == [429]


def test_en_03_a_shared_mailbox_is_not_betrayed_by_its_limit(
    new_browser: Callable[[], Browser], new_holder: Callable[..., Holder], waiting_messages: Messages
) -> None:
    """The limit of a stored address is kept, and not told: two identifiers would be known to share it."""
    identifiers = [new_holder().identifier for _ in range(3)]
    answers = [start(new_browser(), identifier) for identifier in identifiers for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303] * 6
    assert len(waiting_messages()) == 3


def test_en_03_what_is_stored_of_the_unknown_is_as_much(
    idp_app: Flask, new_browser: Callable[[], Browser], identifier_of: Callable[[str], str]
) -> None:
    """The size of what a transaction writes shows in its time."""
    for kind in ("served", "unknown"):
        start(new_browser(), identifier_of(kind))

    with idp_app.app_context():
        rows = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    served, unknown = (len(row.sealed_words or b"") for row in rows)
    assert abs(served - unknown) < 100
    assert [row.state for row in rows] == [DeliveryState.WAITING] * 2


def test_en_03_unknown_and_known_take_the_same_time(
    idp_app: Flask, holder: Holder, clock: FrozenClock
) -> None:
    """A short form of `make bench`'s: the faster of many runs of each, interleaved."""
    taken: dict[str, list[float]] = {holder.identifier: [], UNKNOWN: []}
    with idp_app.app_context():
        for number in range(40):
            for identifier, times in taken.items():
                clock.advance(hours=9)
                began = time.perf_counter()
                recovery.start_recovery(
                    identifier, Channel.EMAIL, network=f"10.0.{number}.0/24", now=clock.now
                )
                times.append(time.perf_counter() - began)

    known, unknown = (min(times) for times in taken.values())
    assert abs(known - unknown) < 0.5 * max(known, unknown)


def test_ac_12_a_childs_name_ine_or_birth_date_is_nobodys(
    idp_app: Flask, browser: Browser, holder: Holder, waiting_messages: Messages
) -> None:
    with idp_app.app_context():
        make_link(
            holder.account_id,
            make_child(
                given_name="Léa", family_name="DUPONT", ine="123456789AB", birth_date=date(2017, 3, 14)
            ),
        )
    for typed in ("Léa DUPONT", "l.dupont", "123456789AB", "14/03/2017", "14032017"):
        known = [start(browser, typed), browser.get("/mot-de-passe-perdu/code")]
        unknown = [start(browser, f"zz{typed}"), browser.get("/mot-de-passe-perdu/code")]
        assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
        assert ask(browser, typed).status_code == 422

    assert waiting_messages() == []


# --- codes and messages


def test_bf_12_five_wrong_codes_end_it_and_a_new_code_does_not_help(
    browser: Browser, holder: Holder, sent_code: Code, clock: FrozenClock
) -> None:
    start(browser, holder.identifier)
    page = browser.get("/mot-de-passe-perdu/code")
    for _ in range(5):
        browser.send(page, {"one_time_code": wrong(sent_code())}, action="/mot-de-passe-perdu/code")
    clock.advance(minutes=2)
    another = browser.send(page, {"act": "send_again"}, action="/mot-de-passe-perdu/code")
    right = browser.send(page, {"one_time_code": sent_code()}, action="/mot-de-passe-perdu/code")

    assert (another.status_code, right.status_code) == (422, 422)
    assert browser.get("/mot-de-passe-perdu/nouveau").location == "/mot-de-passe-perdu/code"


def test_bf_12_guessing_is_slowed_by_network(
    idp_app: Flask, browser: Browser, holder: Holder, clock: FrozenClock
) -> None:
    """New recoveries give new tries: a network has 300 an hour in all."""
    start(browser, holder.identifier)
    with idp_app.app_context():
        for _ in range(299):
            throttling.spend(code_guess_budget(network_of("127.0.0.1")), now=clock.now)

    assert [enter(browser, "0000").status_code for _ in range(2)] == [422, 429]


def test_em_07_a_dump_holds_no_code(
    idp_app: Flask, browser: Browser, holder: Holder, sent_code: Code
) -> None:
    start(browser, holder.identifier)
    numeric_code = sent_code()

    with idp_app.app_context():
        for table in (CodeChallenge, NumericCode, OutboxMessage, ThrottleCounter):
            for row in db.session.execute(select(table.__table__)):
                for value in row:
                    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    assert f"{numeric_code[:3]} {numeric_code[3:]}" not in text
                    assert not isinstance(value, str) or numeric_code not in value


def test_em_09_a_secret_of_another_purpose_is_nothing_here(
    idp_app: Flask, browser: Browser, holder: Holder, clock: FrozenClock
) -> None:
    with idp_app.app_context(), transaction():
        mailed = one_time_codes.issue_one_time_code(
            Purpose.NOT_ME,
            holder.account_id,
            channel_address=EMAIL,
            valid_for=timedelta(days=7),
            now=clock.now,
        )
    browser.client.set_cookie(COOKIE, mailed, domain="compte.example", secure=True)

    assert browser.get("/mot-de-passe-perdu/code").location == "/mot-de-passe-perdu"
    assert browser.get("/mot-de-passe-perdu/nouveau").location == "/mot-de-passe-perdu"


@pytest.mark.parametrize(
    "typed",
    [
        "celine\uff20exemple.fr",
        "CELINE@EXEMPLE.FR",
        "\uff43eline@exemple.fr",
        "celine@exemple\u3002fr",
        "cel\u0131ne@exemple.fr",
        "cel\u0130ne@exemple.fr",
        "c\u00e9line@exemple.fr",
        "ce\u0301line@exemple.fr",
        "celine@exemple.f\u0280",
        "celine@\u00e9xemple.fr",
        "celine@exemple.fr\u200b",
        "celine@exemple.fr.evil.example",
    ],
)
def test_em_19_a_message_goes_to_the_stored_address(
    browser: Browser, holder: Holder, waiting_messages: Messages, typed: str
) -> None:
    ask(browser, typed)

    assert {message.to for message in waiting_messages()} <= {EMAIL}


@pytest.mark.parametrize(
    ("stored", "typed"),
    [("strasse@exemple.fr", "stra\u00dfe@exemple.fr"), ("a@strasse.fr", "a@stra\u00dfe.fr")],
)
def test_em_19_sharp_s_is_not_ss(
    browser: Browser, new_holder: Callable[..., Holder], waiting_messages: Messages, stored: str, typed: str
) -> None:
    new_holder(email=stored)
    ask(browser, typed)

    assert waiting_messages() == []


def test_em_19_an_internationalised_domain_is_found_in_either_form_of_unicode(
    browser: Browser, new_holder: Callable[..., Holder], waiting_messages: Messages
) -> None:
    new_holder(email="celine@xn--cole-9oa.fr")
    for typed in ("celine@\u00e9cole.fr", "celine@e\u0301cole.fr", "celine@xn--cole-9oa.fr"):
        ask(browser, typed)

    assert [message.to for message in waiting_messages()] == ["celine@xn--cole-9oa.fr"] * 3


@pytest.mark.usefixtures("sms_on")
def test_sm_04_sm_05_an_sms_holds_a_code_bound_to_our_pages_and_no_name(
    browser: Browser, holder: Holder, waiting_messages: Messages, sent_code: Code
) -> None:
    start(browser, holder.identifier, "sms")

    [sms] = waiting_messages()
    code = sent_code()
    assert sms.text == f"Code : {code}. Valable 15 min. Ne le donnez à personne.\n@compte.example #{code}"
    assert holder.identifier not in sms.text


@pytest.mark.usefixtures("sms_on")
def test_sm_04_two_people_never_share_a_code(
    new_browser: Callable[[], Browser], new_holder: Callable[..., Holder], waiting_messages: Messages
) -> None:
    """The same six digits in two recoveries prove each its own."""
    one, other = new_browser(), new_browser()
    start(one, new_holder().identifier)
    start(other, new_holder(email="paul@exemple.fr").identifier)
    codes = [digits(message.text) for message in waiting_messages()]

    if codes[0] != codes[1]:
        assert enter(one, codes[1]).status_code == 422
        assert enter(other, codes[0]).status_code == 422
    assert enter(one, codes[0]).location == "/mot-de-passe-perdu/nouveau"


# --- pages and races


def test_em_11_br_19_pages_keep_to_themselves(browser: Browser, holder: Holder, sent_code: Code) -> None:
    pages = [browser.get(address) for address in PAGES]
    start(browser, holder.identifier)
    pages.append(browser.get("/mot-de-passe-perdu/code"))
    enter(browser, sent_code())
    pages.append(browser.get("/mot-de-passe-perdu/nouveau"))

    for page in pages:
        assert page.status_code == 200
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert page.headers["Cache-Control"] == "no-store, private"
        tree = html.fromstring(page.text)
        fetched = tree.xpath("//*/@src | //link/@href | //form/@action | //a/@href")
        assert [address for address in fetched if not re.match(r"[/#]|tel:|mailto:", address)] == []


def test_rc_01_a_form_sent_twice_has_one_effect(
    browser: Browser,
    holder: Holder,
    sent_code: Code,
    waiting_messages: Messages,
    journal: Callable[[], Any],
) -> None:
    start(browser, holder.identifier)
    code_page = browser.get("/mot-de-passe-perdu/code")
    typed = {"one_time_code": sent_code()}
    twice = [browser.send(code_page, typed, action="/mot-de-passe-perdu/code") for _ in range(2)]
    page = browser.get("/mot-de-passe-perdu/nouveau")
    sent = [browser.send(page, both_fields(), action="/mot-de-passe-perdu/nouveau") for _ in range(2)]

    assert [answer.location for answer in twice] == ["/mot-de-passe-perdu/nouveau"] * 2
    assert [answer.location for answer in sent] == ["/connexion"] * 2
    assert "C’est déjà fait" in browser.get("/connexion").text
    assert [name for name, _ in journal()].count("recovery:password:replaced") == 1
    assert len(waiting_messages()) == 2


def test_rc_02_fifty_completions_at_once_are_one(
    idp_app: Flask,
    browser: Browser,
    holder: Holder,
    sent_code: Code,
    clock: FrozenClock,
    journal: Callable[[], Any],
    waiting_messages: Messages,
) -> None:
    secret = proven(browser, holder, sent_code)
    barrier = Barrier(16)

    def complete(number: int) -> bool:
        with idp_app.app_context():
            if number < 16:
                barrier.wait()
            try:
                recovery.replace_password(secret, f"Romarin20{number:02}x", now=clock.now)
            except ChallengeRefused:
                return False
            return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(complete, range(50))) == 1

    assert [name for name, _ in journal()].count("recovery:password:replaced") == 1
    assert len(waiting_messages()) == 2


@pytest.mark.parametrize(
    "address", ["/mot-de-passe-perdu", "/mot-de-passe-perdu/nouveau", "/identifiant-perdu"]
)
def test_pw_02_a_huge_field_is_refused_before_anything_is_hashed(
    browser: Browser, holder: Holder, sent_code: Code, password_hasher: CountingHasher, address: str
) -> None:
    start(browser, holder.identifier)
    enter(browser, sent_code())
    page = browser.get("/mot-de-passe-perdu/nouveau")
    before = (password_hasher.hashed, password_hasher.verified)
    token = form_values(page.text)["csrf_token"]
    huge = "Aa1" * 350_000
    began = time.perf_counter()
    sent = browser.client.post(
        address, data={"csrf_token": token, "new_password": huge, "identifier": huge, "contact": huge}
    )

    assert sent.status_code in {400, 413}
    assert time.perf_counter() - began < 0.5
    assert (password_hasher.hashed, password_hasher.verified) == before


@pytest.mark.parametrize("field", ["identifier", "channel"])
def test_a_field_sent_twice_is_not_ours(browser: Browser, field: str) -> None:
    page = browser.get("/mot-de-passe-perdu")
    values = form_values(page.text) | {"identifier": "c.dupont", "channel": "email"}
    doubled = [*values.items(), (field, "x")]
    body = "&".join(f"{name}={value}" for name, value in doubled)
    sent = browser.client.post(
        "/mot-de-passe-perdu", data=body, content_type="application/x-www-form-urlencoded"
    )

    assert sent.status_code == 400


# --- what tests do


def recover(browser: Browser, holder: Holder, sent_code: Code) -> TestResponse:
    """The whole way."""
    start(browser, holder.identifier)
    enter(browser, sent_code())
    return choose(browser)  # type: ignore[no-any-return]


def proven(browser: Browser, holder: Holder, sent_code: Code) -> str:
    """As far as the last page; returns the cookie's secret."""
    start(browser, holder.identifier)
    enter(browser, sent_code())
    cookie = browser.client.get_cookie(COOKIE, domain="compte.example")
    assert cookie is not None
    return str(cookie.value)


def ask(browser: Browser, contact: str) -> TestResponse:
    return browser.fill("/identifiant-perdu", {"contact": contact}, action="/identifiant-perdu")


def send_again(browser: Browser) -> TestResponse:
    page = browser.get("/mot-de-passe-perdu/code")
    return browser.send(page, {"act": "send_again"}, action="/mot-de-passe-perdu/code")


def both_fields(password: str = NEW_PASSWORD) -> dict[str, str]:
    return {"new_password": password, "new_password_confirmation": password}


def change(app: Flask, holder: Holder, **values: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Account).where(Account.id == holder.account_id).values(**values))


def account_before(browser: Browser, holder: Holder) -> str | None:
    with browser.client.application.app_context():
        return db.session.scalar(select(Account.password_hash).where(Account.id == holder.account_id))


def names(page: TestResponse) -> set[str]:
    """The names of every field of the page's main part, but for the form token."""
    fields = html.fromstring(page.text).xpath("//main//input/@name")
    return set(fields) - {"csrf_token"}


def bare(answer: TestResponse, typed: str) -> tuple[int, list[tuple[str, str]], str]:
    """Status, headers and bytes, but for what is random and for what was typed."""

    def without(text: str) -> str:
        text = re.sub(r'name="csrf_token" value="[^"]*"', "csrf", text)
        return re.sub(r"(idp_recovery|idp_form|idp_browser_state|Expires)=[^;]*", r"\1", text).replace(
            typed, "typed"
        )

    headers = sorted((name, without(value)) for name, value in answer.headers if name != "Content-Length")
    return answer.status_code, headers, without(answer.text)


def unescaped(page: TestResponse) -> str:
    return str(html.fromstring(page.text).text_content())


def digits(text: str) -> str:
    found = re.search(r"\b(\d{3})\s?(\d{3})\b", text)
    assert found is not None
    return found[1] + found[2]


def wrong(numeric_code: str) -> str:
    return next(f"{n:06d}" for n in (0, 1) if f"{n:06d}" != numeric_code)
