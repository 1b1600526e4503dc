"""Delivery reports as mail servers write them, and as forgers do."""

from uuid import UUID

import pytest

from idp.messaging.reports import COMPLAINT, ReturnedMail, read_report

MESSAGE_ID = UUID("01a209d1-c3bf-709a-a79c-adb314081d76")
DOMAIN = "compte.example"


def a_report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    message_id: str = f"<{MESSAGE_ID}@{DOMAIN}>",
    returned_as: str = "message/rfc822",
    kind: str = "multipart/report; report-type=delivery-status",
) -> bytes:
    """RFC 3464, appendix E: what Postfix and Exim send back."""
    return f"""From: MAILER-DAEMON@mx.exemple.fr
To: ne-pas-repondre@compte.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <20261123080000.1A2B3C@mx.exemple.fr>
MIME-Version: 1.0
Content-Type: {kind}; boundary="frontier"

--frontier
Content-Type: text/plain; charset=utf-8

Désolé, votre message n'a pas pu être remis.

--frontier
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.exemple.fr
Arrival-Date: Mon, 23 Nov 2026 08:00:00 +0000

Final-Recipient: rfc822; celine@exemple.fr
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user

--frontier
Content-Type: {returned_as}

From: ne-pas-repondre@compte.example
To: celine@exemple.fr
Message-ID: {message_id}
Subject: activation du compte

Bonjour
--frontier--
""".encode()


@pytest.mark.parametrize("returned_as", ["message/rfc822", "text/rfc822-headers"])
@pytest.mark.parametrize("status", ["5.1.1", "5.2.1", "5.0.0", "5.4.14"])
def test_em_21_a_final_report_names_our_mail_and_why(status, returned_as):
    report = a_report(status=status, returned_as=returned_as)

    assert read_report(report, domain=DOMAIN) == ReturnedMail(MESSAGE_ID, status)


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "delayed", "status": "4.4.1"},
        {"action": "delivered", "status": "2.1.5"},
        {"action": "relayed", "status": "2.1.9"},
        {"action": "failed", "status": "4.2.2"},
        {"action": "failed", "status": "nonsense"},
        {"message_id": f"<{MESSAGE_ID}@autre.example>"},
        {"message_id": "<20261123@compte.example>"},
        {"message_id": "' OR 1=1"},
        {"kind": "multipart/mixed"},
    ],
)
def test_what_is_not_final_or_not_ours_changes_nothing(changed):
    assert read_report(a_report(**changed), domain=DOMAIN) is None


def test_em_21_a_complaint_counts_like_a_return():
    written = (
        a_report(kind="multipart/report; report-type=feedback-report")
        .replace(b"message/delivery-status", b"message/feedback-report")
        .replace(b"Reporting-MTA: dns; mx.exemple.fr", b"Feedback-Type: abuse")
    )

    assert read_report(written, domain=DOMAIN) == ReturnedMail(MESSAGE_ID, COMPLAINT)


def test_the_reports_own_name_is_not_the_returned_mails():
    written = a_report(message_id="<x@y>").replace(
        b"<20261123080000.1A2B3C@mx.exemple.fr>", f"<{MESSAGE_ID}@{DOMAIN}>".encode()
    )

    assert read_report(written, domain=DOMAIN) is None


@pytest.mark.parametrize("cut", [0, 1, 60, 300, 500, 700, 900])
def test_a_cut_report_is_read_or_refused_and_never_an_error(cut):
    read_report(a_report()[:cut], domain=DOMAIN)


@pytest.mark.parametrize(
    "written", [b"", b"\x00\xff" * 400, b"Content-Type: multipart/report\n\n", b"a" * 2_000_000]
)
def test_noise_is_no_report(written):
    assert read_report(written, domain=DOMAIN) is None
