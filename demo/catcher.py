"""The end of the line for mails and SMS: takes them by SMTP and by Twilio's REST call, shows them, keeps them in memory.

It misbehaves on demand, so that retries can be seen. For loopback only: it believes whoever speaks to it.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from requests import RequestException
from requests import post as post_form
from twilio.request_validator import RequestValidator

from shared.clock import utc_now

Channel = Literal["email", "sms"]
BEHAVIOURS = ("ok", "refuse", "delay")
# Less than what senders wait: a late message arrives once, not once more at each retry.
DELAY_SECONDS = 5
KEPT_MESSAGES = 5000
SMTP_TAKEN = "250 OK"
SMTP_REFUSED = "451 4.3.0 The catcher was told to refuse"
ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
RECEIPT_SECONDS = 5
TWILIO_PATH = "/2010-04-01/Accounts/<account_sid>/Messages.json"


@dataclass(frozen=True, slots=True)
class CaughtMessage:
    """What arrived. `at` is ISO 8601 in UTC; an SMS has no subject and no html."""

    channel: Channel
    to: str
    subject: str
    text: str
    html: str
    at: str


@dataclass(frozen=True, slots=True)
class ReportedSms:
    """Where reports on one SMS go, as its sender asked, and what signs them."""

    to: str
    sid: str
    account_sid: str
    auth_token: str
    url: str

    def report(self, status: str, error_code: str) -> int:
        """Tell the sender what became of it, signed as Twilio signs (its « Webhooks security » page).

        Returns the status that the sender answers. Raises RequestException when it does not.
        """
        form = {
            "AccountSid": self.account_sid,
            "MessageSid": self.sid,
            "MessageStatus": status,
            "To": self.to,
            **({"ErrorCode": error_code} if error_code else {}),
        }
        signature = RequestValidator(self.auth_token).compute_signature(self.url, form)
        answer = post_form(
            self.url, data=form, headers={"X-Twilio-Signature": signature}, timeout=RECEIPT_SECONDS
        )
        return answer.status_code


class Mailbox:
    """The caught messages, newest last, and how each channel behaves. Safe between threads."""

    def __init__(
        self, *, clock: Callable[[], datetime] = utc_now, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._messages: list[CaughtMessage] = []
        self._behaviour: dict[str, str] = {"email": "ok", "sms": "ok"}
        self._reported: dict[str, ReportedSms] = {}

    def take(self, channel: Channel, *, to: str, subject: str, text: str, html: str) -> bool:
        """Keep a message, late if told so. False when the channel refuses: nothing is kept."""
        behaviour = self._behaviour[channel]
        if behaviour == "refuse":
            return False
        if behaviour == "delay":
            self._sleep(DELAY_SECONDS)
        caught = CaughtMessage(channel, to, subject, text, html, self._clock().isoformat())
        with self._lock:
            self._messages = [*self._messages, caught][-KEPT_MESSAGES:]
        return True

    def messages(self) -> list[CaughtMessage]:
        """All that is kept, newest last."""
        with self._lock:
            return list(self._messages)

    def expect_report(self, sms: ReportedSms) -> None:
        """Keep where to report on the newest SMS to a number."""
        with self._lock:
            self._reported[sms.to] = sms

    def reported(self, to: str) -> ReportedSms | None:
        """The newest SMS to a number, None when its sender asked for no report."""
        with self._lock:
            return self._reported.get(to)

    def behave(self, changes: dict[str, str]) -> dict[str, str]:
        """Change how channels behave, and say how all do now. Raises ValueError on an unknown word."""
        if not set(changes) <= set(self._behaviour) or not set(changes.values()) <= set(BEHAVIOURS):
            raise ValueError(f"channels are email and sms, behaviours {', '.join(BEHAVIOURS)}")
        with self._lock:
            self._behaviour.update(changes)
            return dict(self._behaviour)


class MailHandler:
    """aiosmtpd's handler: one caught message a recipient."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """RFC 5321 4.1.1.4. In a thread, for a delay must not hold the other senders."""
        mail = message_from_bytes(_as_bytes(envelope.content), policy=policy.default)
        taken = [await asyncio.to_thread(self._take, to, mail) for to in envelope.rcpt_tos]
        return SMTP_TAKEN if all(taken) else SMTP_REFUSED

    def _take(self, to: str, mail: Any) -> bool:
        return self._mailbox.take(
            "email",
            to=to,
            subject=str(mail["subject"] or ""),
            text=_part(mail, "plain"),
            html=_part(mail, "html"),
        )


def _as_bytes(content: bytes | str | None) -> bytes:
    return content.encode() if isinstance(content, str) else content or b""


def _part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body(preferencelist=(subtype,))
    return str(body.get_content()).replace("\r\n", "\n") if body is not None else ""


def start_smtp(mailbox: Mailbox, *, port: int) -> Controller:
    """A listening SMTP server on loopback; the caller stops it. Raises OSError when the port is taken."""
    controller = Controller(MailHandler(mailbox), hostname="127.0.0.1", port=port)
    controller.start()
    return controller


def create_catcher(mailbox: Mailbox) -> Flask:
    """The catcher's pages and Twilio's endpoint, as a WSGI application."""
    app = Flask("demo")

    @app.get("/")
    def page() -> str:
        return render_template(
            "catcher.html", messages=mailbox.messages()[::-1], behaviour=mailbox.behave({})
        )

    @app.get("/messages")
    def messages() -> ResponseReturnValue:
        return jsonify([asdict(message) for message in mailbox.messages()])

    @app.post("/control")
    def control() -> ResponseReturnValue:
        try:
            return jsonify(mailbox.behave(request.get_json()))
        except (ValueError, TypeError, AttributeError) as error:
            return jsonify(error=str(error)), 400

    _stand_for_twilio(app, mailbox)
    return app


def _stand_for_twilio(app: Flask, mailbox: Mailbox) -> None:
    @app.post("/receipt")
    def receipt() -> ResponseReturnValue:
        """Report on the newest SMS to a number: `{"to": "+33…", "status": "undelivered", "error_code": "30003"}`."""
        order = request.get_json()
        sms = mailbox.reported(str(order.get("to")))
        if sms is None:
            return jsonify(error="no SMS to this number that asks for reports"), 404
        try:
            return jsonify(
                answered=sms.report(str(order.get("status", "delivered")), str(order.get("error_code", "")))
            )
        except RequestException as error:
            return jsonify(error=type(error).__name__), 502

    @app.post(TWILIO_PATH)
    def sms(account_sid: str) -> ResponseReturnValue:
        if not _is_signed_in(account_sid):
            return jsonify(code=20003, message="Authenticate", status=401), 401
        if not mailbox.take("sms", to=request.form["To"], subject="", text=request.form["Body"], html=""):
            return jsonify(code=20500, message="The catcher was told to refuse", status=503), 503
        answer = _twilio_answer(account_sid, len(mailbox.messages()))
        if "StatusCallback" in request.form:
            mailbox.expect_report(_to_report(answer))
        return jsonify(answer), 201


def _is_signed_in(account_sid: str) -> bool:
    """Basic credentials in Twilio's form: the account of the path, and some secret."""
    given = request.authorization
    if given is None or given.type != "basic" or not given.password:
        return False
    return given.username == account_sid and ACCOUNT_SID.fullmatch(account_sid) is not None


def _to_report(answer: dict[str, Any]) -> ReportedSms:
    given = request.authorization
    return ReportedSms(
        to=answer["to"],
        sid=answer["sid"],
        account_sid=answer["account_sid"],
        auth_token=(given.password if given else None) or "",
        url=request.form["StatusCallback"],
    )


def _twilio_answer(account_sid: str, number: int) -> dict[str, Any]:
    """What Twilio answers to a created message (its Messages resource), as far as its client reads it."""
    return {
        "account_sid": account_sid,
        "sid": f"SM{number:032x}",
        "to": request.form["To"],
        "from": request.form.get("From"),
        "messaging_service_sid": request.form.get("MessagingServiceSid"),
        "body": request.form["Body"],
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "error_code": None,
        "error_message": None,
    }
