"""Delivery reports, as mail servers write them (RFC 3464), and complaints (RFC 5965): pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message as Mime
from uuid import UUID

LARGEST_REPORT = 1_000_000
"""Bytes read of a report; what follows is the returned mail itself."""

COMPLAINT = "complaint"
OUR_MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([^<>@\s]+)>")
STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
FINAL = "5"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """One of our mails that will never arrive. reason: its status (`5.1.1`, RFC 3463), or `complaint`."""

    message_id: UUID
    reason: str


def read_report(written: bytes, *, domain: str) -> ReturnedMail | None:
    """What a report says of a mail of ours; None when it is none, not final, or about nobody's mail.

    domain: the one in our Message-IDs. A report that says « delayed » or a status 4.x.x is not final.
    """
    report = message_from_bytes(written[:LARGEST_REPORT], policy=policy.compat32)
    if report.get_content_type() != "multipart/report":
        return None
    reason = _reason(report)
    message_id = _our_message_id(report, domain)
    return None if reason is None or message_id is None else ReturnedMail(message_id, reason)


def _reason(report: Mime) -> str | None:
    for part in report.walk():
        if part.get_content_type() == "message/feedback-report":
            return COMPLAINT
        if part.get_content_type() == "message/delivery-status":
            return _final_status(part)
    return None


def _final_status(part: Mime) -> str | None:
    """RFC 3464 2.3: the status of the recipient for whom delivery failed for good."""
    for fields in _groups(part):
        status = STATUS.match(fields.get("Status", "").strip())
        if fields.get("Action", "").strip().lower() == FAILED and status and status[1] == FINAL:
            return status[0]
    return None


def _groups(part: Mime) -> Iterator[Mime]:
    """The groups of fields: the parser makes each a message of its own."""
    payload = part.get_payload()
    return (group for group in payload if isinstance(group, Mime)) if isinstance(payload, list) else iter(())


def _our_message_id(report: Mime, domain: str) -> UUID | None:
    """Of the returned mail or of its headers; never of the report's own."""
    for part in report.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            found = OUR_MESSAGE_ID.search(_returned_message_id(part))
            if found is not None and found[2].lower() == domain:
                return UUID(found[1])
    return None


def _returned_message_id(part: Mime) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        returned = payload[0] if payload else part
        return str(returned.get("Message-ID", "")) if isinstance(returned, Mime) else ""
    headers = message_from_bytes(part.get_payload(decode=True) or b"", policy=policy.compat32)  # type: ignore[arg-type]
    return str(headers.get("Message-ID", ""))
