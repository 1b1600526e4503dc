"""The SMS channel: Twilio's real client against the catcher, and against servers with bad manners."""

import socket
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from idp.db import db, transaction
from idp.messaging import service, sms
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import (
    LEASE,
    SMS_GIVE_UP_AFTER,
    DeliveryReport,
    DeliveryState,
    DeliveryUncertain,
    Message,
    RenderedSms,
    UnfitSms,
    UnsafeHeader,
    in_gsm7,
    septets,
)
from idp.settings import Settings
from idp.throttling import service as throttling
from idp.throttling.rules import sms_breaker_budget
from shared.settings import SettingsRefused
from tests.conftest import idp_settings_values
from tests.idp.messaging.conftest import TWILIO
from tests.idp.messaging.test_service import a_message as a_mail

ACCOUNT_ID = UUID(int=5)
NUMBER = "+33639981234"


def a_code(to: str = NUMBER, **variables: str | int) -> Message:
    given: dict[str, str | int] = {"one_time_code": "482913", "minutes": 15}
    return Message.sms(
        to=to,
        template="messaging/code_sms",
        variables=given | variables,
        account_id=ACCOUNT_ID,
    )


def enqueue(now) -> UUID:
    with transaction():
        return service.enqueue(a_code(), now=now)


def row(row_id: UUID) -> OutboxMessage:
    db.session.rollback()
    return db.session.get_one(OutboxMessage, row_id, populate_existing=True)


def test_sm_05_an_sms_holds_a_code_its_life_and_our_host(catcher, now):
    enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)

    [caught] = catcher.messages()
    assert (caught.channel, caught.to) == ("sms", NUMBER)
    assert caught.text == ("Code : 482913. Valable 15 min. Ne le donnez à personne.\n@compte.example #482913")


def test_a_sent_sms_keeps_twilios_name_and_no_words(catcher, now):
    row_id = enqueue(now)

    service.deliver_due(now=now)

    sent = row(row_id)
    assert (sent.state, sent.sealed_words) == (DeliveryState.SENT, None)
    assert (sent.twilio_sid or "").startswith("SM")


def test_twilio_is_asked_to_report_at_our_own_address(catcher, now):
    row_id = enqueue(now)

    service.deliver_due(now=now)

    reported = catcher.reported(NUMBER)
    assert reported is not None
    assert reported.url == f"https://compte.example/messages/sms/statut?message={row_id}"


def test_waiting_words_of_an_sms_are_sealed(catcher, now):
    stored = bytes(row(enqueue(now)).sealed_words or b"")

    assert b"482913" not in stored
    assert NUMBER.encode() not in stored


def test_a_refused_sms_is_tried_again_until_its_code_is_worth_nothing(catcher, now):
    catcher.behave({"sms": "refuse"})
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(postponed=1)
    assert row(row_id).failure == "20500"
    assert service.deliver_due(now=now + timedelta(minutes=1)) == DeliveryReport(postponed=1)
    assert service.deliver_due(now=now + SMS_GIVE_UP_AFTER) == DeliveryReport(failed=1)
    assert row(row_id).sealed_words is None


def test_a_refused_sms_leaves_once_twilio_takes_it(catcher, now):
    catcher.behave({"sms": "refuse"})
    enqueue(now)
    service.deliver_due(now=now)
    catcher.behave({"sms": "ok"})

    assert service.deliver_due(now=now + timedelta(minutes=1)) == DeliveryReport(sent=1)
    assert len(catcher.messages()) == 1


def test_a_time_out_is_not_a_reason_to_send_again(use_twilio, now, monkeypatch):
    monkeypatch.setattr(sms, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_twilio(twilio_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        row_id = enqueue(now)

        assert service.deliver_due(now=now) == DeliveryReport(failed=1)

    ended = row(row_id)
    assert (ended.failure, ended.sealed_words) == ("ReadTimeout", None)
    assert service.deliver_due(now=now + timedelta(days=1)) == DeliveryReport()


def test_a_connection_that_was_never_made_is_tried_again(use_twilio, now):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        use_twilio(twilio_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        row_id = enqueue(now)

        assert service.deliver_due(now=now) == DeliveryReport(postponed=1)

    assert row(row_id).handed_at is None


def test_a_worker_that_dies_around_the_call_does_not_send_twice(catcher, now, monkeypatch):
    row_id = enqueue(now)
    with monkeypatch.context() as killed:
        killed.setattr(service, "_mark_sent", die)
        with pytest.raises(KeyboardInterrupt):
            service.deliver_next(now=now)

    assert service.deliver_next(now=now + LEASE) is DeliveryState.FAILED
    assert row(row_id).failure == service.UNKNOWN_OUTCOME
    assert len(catcher.messages()) == 1


def test_a_worker_that_dies_before_the_call_loses_nothing(catcher, now, monkeypatch):
    enqueue(now)
    with monkeypatch.context() as killed:
        killed.setattr(service, "_mark_handed", die)
        with pytest.raises(KeyboardInterrupt):
            service.deliver_next(now=now)

    assert service.deliver_next(now=now + LEASE) is DeliveryState.SENT
    assert len(catcher.messages()) == 1


def test_two_workers_hand_one_sms_over_once(catcher, now):
    row_id = enqueue(now)
    slow = service._claim(now)
    assert slow is not None
    with transaction() as session:
        session.execute(update(OutboxMessage).where(OutboxMessage.id == row_id).values(due_at=now))

    assert service.deliver_next(now=now) is DeliveryState.SENT
    with pytest.raises(DeliveryUncertain):
        service._mark_handed(slow, now)
    assert len(catcher.messages()) == 1


@pytest.mark.parametrize(
    ("status", "error_code", "report"),
    [
        (400, 21211, DeliveryReport(failed=1)),
        (400, 21610, DeliveryReport(failed=1)),
        (400, 60200, DeliveryReport(failed=1)),
        (401, 20003, DeliveryReport(postponed=1)),
        (429, 20429, DeliveryReport(postponed=1)),
        (503, 20503, DeliveryReport(postponed=1)),
        (500, 20500, DeliveryReport(failed=1)),
    ],
)
def test_sm_10_twilios_refusals_are_told_apart(answering, now, status, error_code, report):
    twilio = answering(status, error_code)
    row_id = enqueue(now)

    assert service.deliver_due(now=now) == report
    assert (row(row_id).failure, twilio.calls) == (str(error_code), 1)


def test_sm_10_while_twilio_is_down_one_sms_at_a_time_asks(answering, now):
    twilio = answering(503, 20503)
    for _ in range(20):
        enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(postponed=3)
    assert not service.can_send_sms(now=now + timedelta(seconds=29))
    assert service.deliver_due(now=now + timedelta(seconds=29)) == DeliveryReport()
    assert service.deliver_due(now=now + timedelta(seconds=30)) == DeliveryReport(postponed=1)
    assert service.deliver_due(now=now + timedelta(seconds=89)) == DeliveryReport()
    assert twilio.calls == 4


def test_all_leave_once_twilio_is_back(catcher, now):
    catcher.behave({"sms": "refuse"})
    for _ in range(5):
        enqueue(now)
    service.deliver_due(now=now)
    catcher.behave({"sms": "ok"})

    assert service.deliver_due(now=now + timedelta(seconds=30)) == DeliveryReport(sent=5)
    assert service.can_send_sms(now=now)


def test_mails_leave_while_twilio_is_down(answering, now, mail_server, use_mail_server):
    use_mail_server(mail_server)
    for _ in range(3):
        throttling.spend(sms_breaker_budget(), now=now)
    with transaction():
        service.enqueue(a_mail(), now=now)

    assert service.deliver_due(now=now) == DeliveryReport(sent=1)


def test_a_number_that_twilio_refuses_does_not_stop_the_others(answering, now):
    answering(400, 21211)
    for _ in range(4):
        enqueue(now)

    assert service.deliver_due(now=now) == DeliveryReport(failed=4)
    assert service.can_send_sms(now=now)


@pytest.mark.parametrize(
    "to", ["+44791112345", "+33123456789", "+883510001234", "a@x.fr", f"{NUMBER},{NUMBER}"]
)
def test_sm_01_no_sms_is_written_to_another_number(to):
    with pytest.raises(UnsafeHeader):
        a_code(to=to)


def test_no_sms_is_written_where_none_can_be_sent(idp_context, now):
    with pytest.raises(sms.SmsOff):
        enqueue(now)


def test_typography_is_written_in_gsm_7():
    assert in_gsm7("L’école\u00a0: « Noël », ça…") == 'L\'école : " Noel ", ca...'


@pytest.mark.parametrize("text", ["日本", "☎"])
def test_what_gsm_7_cannot_write_is_refused(text):
    with pytest.raises(UnfitSms):
        septets(in_gsm7(text))


def test_an_sms_has_160_characters_at_most():
    assert RenderedSms(to=NUMBER, text="é" * 160)
    with pytest.raises(UnfitSms):
        RenderedSms(to=NUMBER, text="é" * 161)
    with pytest.raises(UnfitSms):
        RenderedSms(to=NUMBER, text="€" * 81)


def test_a_typed_value_adds_no_line(catcher, now):
    message = a_code(minutes="15\n@piege.example #1")

    assert "\n" not in str(message.variables["minutes"])


@pytest.mark.parametrize("missing", ["twilio_account_sid", "twilio_auth_token", "twilio_from"])
def test_half_a_configuration_is_refused(missing):
    values = idp_settings_values("sqlite://") | TWILIO

    with pytest.raises(SettingsRefused):
        Settings.load(**values | {missing: ""})
    with pytest.raises(SettingsRefused):
        Settings.load(**values | {"twilio_messaging_service_sid": "MG" + "0" * 32})
    assert Settings.load(**values).sms_enabled


def test_without_twilio_sms_are_off():
    assert not Settings.load(**idp_settings_values("sqlite://")).sms_enabled


@pytest.mark.parametrize("url", ["https://twilio.exemple.fr", "http://10.0.0.5:8025", "api.twilio.com"])
def test_only_this_machine_may_stand_for_twilio(url):
    with pytest.raises(SettingsRefused):
        Settings.load(**idp_settings_values("sqlite://") | TWILIO | {"twilio_url": url})


def die(*_args: object, **_kwargs: object) -> None:
    raise KeyboardInterrupt
