"""Twilio's reports, as the catcher and forgers send them."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from twilio.request_validator import RequestValidator

from idp.messaging import service, sms
from idp.messaging.rules import DeliveryState, DeliveryUncertain, SmsReceipt
from tests.conftest import browser_at
from tests.idp.messaging.conftest import TWILIO
from tests.idp.messaging.test_sms import NUMBER, enqueue, row

SID = "SM" + "a" * 32
ISSUER = "https://compte.example"


def report(
    message_id: object,
    status: str = "delivered",
    *,
    sid: str = SID,
    error_code: str = "",
    key: str = TWILIO["twilio_auth_token"],
    signed_host: str = ISSUER,
) -> dict[str, Any]:
    """What a test client posts: a report, and the signature that `key` makes of it."""
    form = {"MessageSid": sid, "MessageStatus": status, "To": NUMBER}
    form |= {"ErrorCode": error_code} if error_code else {}
    target = f"/messages/sms/statut?{urlencode({'message': str(message_id)})}"
    signature = RequestValidator(key).compute_signature(f"{signed_host}{target}", form)
    return {"path": target, "data": form, "headers": {"X-Twilio-Signature": signature}}


def post(client, request: dict[str, Any], **changed: Any) -> int:
    request = request | changed
    return int(client.post(request.pop("path"), **request).status_code)


@pytest.fixture
def client(idp_context):
    return browser_at(idp_context, ISSUER)


@pytest.fixture
def sent(catcher, now) -> UUID:
    """An SMS that Twilio took under the name SID."""
    row_id = enqueue(now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sms, "send", lambda *_args: SID)
        service.deliver_next(now=now)
    return row_id


def test_a_signed_report_is_kept(client, sent):
    assert post(client, report(sent, "delivered")) == 204

    delivered = row(sent)
    assert (delivered.receipt, delivered.state) == (SmsReceipt.DELIVERED, DeliveryState.SENT)


def test_the_catcher_reports_as_twilio_signs(catcher, client, now):
    row_id = enqueue(now)
    service.deliver_next(now=now)
    reported = catcher.reported(NUMBER)
    assert reported is not None

    form = {"MessageSid": reported.sid, "MessageStatus": "sent", "To": NUMBER}
    signature = RequestValidator(reported.auth_token).compute_signature(reported.url, form)
    target = reported.url.removeprefix(ISSUER)

    assert post(client, {"path": target, "data": form, "headers": {"X-Twilio-Signature": signature}}) == 204
    assert row(row_id).receipt is SmsReceipt.SENT


def test_sm_09_forged_and_unsigned_reports_are_refused(client, sent):
    genuine = report(sent, "delivered")
    other = report(uuid4(), "delivered")

    assert post(client, genuine, headers={}) == 403
    assert post(client, genuine, headers={"X-Twilio-Signature": "é"}) == 403
    assert post(client, report(sent, key="another secret")) == 403
    assert post(client, report(sent, key="")) == 403
    assert post(client, report(sent, signed_host="https://piege.example")) == 403
    assert post(client, genuine, data={**genuine["data"], "MessageStatus": "failed"}) == 403
    assert post(client, genuine, path=other["path"]) == 403
    assert post(client, genuine, path="/messages/sms/statut") == 403
    assert post(client, other) == 403, "signed, but about no SMS of ours"
    assert post(client, report(sent, sid="SM" + "b" * 32)) == 403, "signed, but about another SMS"
    assert row(sent).receipt is None


def test_sm_09_a_forged_host_header_does_not_choose_what_is_signed(idp_context, sent):
    elsewhere = browser_at(idp_context, "https://piege.example")

    assert post(elsewhere, report(sent, signed_host="https://piege.example")) in {400, 403}
    assert row(sent).receipt is None


def test_sm_09_a_replayed_report_is_refused_and_changes_nothing(client, sent, clock):
    genuine = report(sent, "delivered")
    assert post(client, genuine) == 204
    before = row(sent).receipt_at
    clock.advance(hours=1)

    assert post(client, genuine) == 403
    assert row(sent).receipt_at == before


@pytest.mark.parametrize("late", ["accepted", "queued", "sending", "sent"])
def test_a_report_that_was_overtaken_changes_nothing(client, sent, late):
    post(client, report(sent, "delivered"))

    assert post(client, report(sent, late)) == 204
    assert row(sent).receipt is SmsReceipt.DELIVERED


@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_the_end_does_not_change_any_more(client, sent, status):
    post(client, report(sent, "delivered"))

    assert post(client, report(sent, status, error_code="30003")) == 204
    assert row(sent).state is DeliveryState.SENT


@pytest.mark.parametrize("error_code", ["30003", "30004", "30005", "30006", "30007", "30008", "21610"])
def test_sm_10_an_sms_that_never_arrives_is_failed_and_not_sent_again(client, sent, now, error_code, catcher):
    assert post(client, report(sent, "undelivered", error_code=error_code)) == 204

    assert (row(sent).state, row(sent).failure) == (DeliveryState.FAILED, error_code)
    assert service.last_delivery(UUID(int=5), "messaging/code_sms") is DeliveryState.FAILED
    assert service.deliver_next(now=now + timedelta(days=1)) is None
    assert catcher.messages() == []


def test_a_report_ends_the_doubt_about_an_sms(client, catcher, now, monkeypatch):
    row_id = enqueue(now)
    with monkeypatch.context() as patch:
        patch.setattr(sms, "send", doubt)
        assert service.deliver_next(now=now) is DeliveryState.FAILED

    assert post(client, report(row_id, "sent")) == 204

    known = row(row_id)
    assert (known.state, known.failure, known.twilio_sid) == (DeliveryState.SENT, None, SID)


def test_nothing_is_believed_of_an_sms_that_was_not_handed_over(client, catcher, now):
    row_id = enqueue(now)

    assert post(client, report(row_id)) == 403
    assert row(row_id).state is DeliveryState.WAITING


@pytest.mark.parametrize(
    "changed",
    [
        {"sid": "' OR 1=1"},
        {"status": "exploded"},
        {"error_code": "<script>"},
        {"error_code": "1" * 400},
    ],
)
def test_a_signed_report_that_makes_no_sense_is_refused(client, sent, changed):
    assert post(client, report(sent, **({"status": "sent"} | changed))) == 403
    assert row(sent).receipt is None


@pytest.mark.parametrize("message_id", ["", "x", "0" * 5000, "\x00"])
def test_a_report_about_nothing_is_refused(client, sent, message_id):
    assert post(client, report(message_id)) == 403


def test_without_sms_nobody_reports(idp_context):
    assert post(browser_at(idp_context, ISSUER), report(uuid4())) == 403


def doubt(*_args: object) -> str:
    raise DeliveryUncertain("ReadTimeout")
