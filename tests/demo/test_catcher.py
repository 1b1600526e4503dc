import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from flask.testing import FlaskClient
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from demo.catcher import DELAY_SECONDS, Mailbox, create_catcher, start_smtp
from demo.processes import free_port
from tests.serving import served

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_mail_sent_by_smtp_is_caught_with_both_its_parts(smtp_port: int, catcher: FlaskClient):
    send(smtp_port, a_mail())

    assert catcher.get("/messages").json == [
        {
            "channel": "email",
            "to": "celine@famille.example",
            "subject": "Confirmez votre adresse à l’école",
            "text": "Bonjour Céline\nhttp://localhost/activation/adresse?code=abc\n",
            "html": "<p>Bonjour Céline</p>\n",
            "at": "2026-11-23T08:00:00+00:00",
        }
    ]


def test_messages_are_given_newest_last(smtp_port: int, catcher: FlaskClient):
    for subject in ("premier", "second"):
        send(smtp_port, a_mail(subject=subject))

    assert [message["subject"] for message in messages(catcher)] == ["premier", "second"]


def test_each_recipient_has_a_message(smtp_port: int, catcher: FlaskClient):
    send(smtp_port, a_mail(to="a@famille.example, b@famille.example"))

    assert sorted(message["to"] for message in messages(catcher)) == [
        "a@famille.example",
        "b@famille.example",
    ]


def test_an_sms_sent_by_the_twilio_client_is_caught(twilio: Client, catcher: FlaskClient):
    created = twilio.messages.create(to="+33639980001", from_="+33639980000", body="Code : 482913")

    assert (created.status, created.to, created.sid[:2]) == ("queued", "+33639980001", "SM")
    assert [(one["channel"], one["to"], one["text"]) for one in messages(catcher)] == [
        ("sms", "+33639980001", "Code : 482913")
    ]


def test_a_refused_mail_is_a_temporary_smtp_error_and_is_not_kept(smtp_port: int, catcher: FlaskClient):
    catcher.post("/control", json={"email": "refuse"})

    with pytest.raises(smtplib.SMTPDataError) as refusal:
        send(smtp_port, a_mail())

    assert refusal.value.smtp_code == 451
    assert messages(catcher) == []


def test_a_refused_sms_is_an_error_for_twilios_client(twilio: Client, catcher: FlaskClient):
    catcher.post("/control", json={"sms": "refuse"})

    with pytest.raises(TwilioRestException) as refusal:
        twilio.messages.create(to="+33639980001", from_="+33639980000", body="Code")

    assert refusal.value.status == 503
    assert messages(catcher) == []


def test_a_delayed_mail_arrives_late(smtp_port: int, catcher: FlaskClient, slept: list[float]):
    catcher.post("/control", json={"email": "delay"})

    send(smtp_port, a_mail())

    assert (slept, len(messages(catcher))) == ([DELAY_SECONDS], 1)


@pytest.mark.parametrize(
    "credentials",
    [None, ("AC" + "1" * 32, "tests only"), ("AC" + "0" * 32, ""), ("somebody", "tests only")],
)
def test_an_sms_without_the_accounts_credentials_is_refused(
    catcher: FlaskClient, credentials: tuple[str, str] | None
):
    answer = catcher.post(
        f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json",
        data={"To": "+33639980001", "Body": "Code"},
        auth=credentials,
    )

    assert (answer.status_code, messages(catcher)) == (401, [])


def test_no_report_is_made_that_nobody_asked_for(twilio: Client, catcher: FlaskClient):
    twilio.messages.create(to="+33639980001", from_="+33639980000", body="Code")

    assert catcher.post("/receipt", json={"to": "+33639980001"}).status_code == 404


def test_good_behaviour_comes_back(smtp_port: int, catcher: FlaskClient):
    catcher.post("/control", json={"email": "refuse", "sms": "delay"})

    answer = catcher.post("/control", json={"email": "ok"})

    assert answer.json == {"email": "ok", "sms": "delay"}
    send(smtp_port, a_mail())
    assert len(messages(catcher)) == 1


@pytest.mark.parametrize("order", [{"email": "explode"}, {"pigeon": "ok"}, ["email"], "x", {"email": None}])
def test_an_unknown_order_changes_nothing(catcher: FlaskClient, order: Any):
    answer = catcher.post("/control", json=order)

    assert answer.status_code == 400
    assert catcher.post("/control", json={}).json == {"email": "ok", "sms": "ok"}


def test_the_page_shows_messages_newest_first_and_escapes_them(smtp_port: int, catcher: FlaskClient):
    send(smtp_port, a_mail(subject="<script>alert(1)</script>"))
    send(smtp_port, a_mail(subject="le dernier"))

    page = catcher.get("/").text

    assert "<script>" not in page
    assert page.index("le dernier") < page.index("alert(1)")
    assert 'href="http://localhost/activation/adresse?code=abc"' in page


def a_mail(
    *, subject: str = "Confirmez votre adresse à l’école", to: str = "celine@famille.example"
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ne-pas-repondre@compte.example", to, subject
    mail.set_content("Bonjour Céline\nhttp://localhost/activation/adresse?code=abc\n")
    mail.add_alternative("<p>Bonjour Céline</p>\n", subtype="html")
    return mail


def send(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
        server.send_message(mail)


def messages(catcher: FlaskClient) -> list[dict[str, str]]:
    caught: list[dict[str, str]] = json.loads(catcher.get("/messages").data)
    return caught


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def mailbox(slept: list[float]) -> Mailbox:
    return Mailbox(clock=lambda: AT, sleep=slept.append)


@pytest.fixture
def catcher(mailbox: Mailbox) -> FlaskClient:
    return create_catcher(mailbox).test_client()


@pytest.fixture
def smtp_port(mailbox: Mailbox) -> Iterator[int]:
    controller = start_smtp(mailbox, port=free_port())
    yield controller.port
    controller.stop()


class CatcherHttpClient(TwilioHttpClient):  # type: ignore[misc]  # Twilio's library is untyped
    """Twilio's own HTTP client, its host replaced: the library fixes it."""

    def __init__(self, port: int) -> None:
        super().__init__(timeout=5, max_retries=0)
        self._port = port

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        here = url.replace("https://api.twilio.com", f"http://127.0.0.1:{self._port}")
        return super().request(method, here, *arguments, **options)


@pytest.fixture
def twilio(mailbox: Mailbox) -> Iterator[Client]:
    with served(create_catcher(mailbox), "127.0.0.1") as server:
        client = Client("AC" + "0" * 32, "tests only", http_client=CatcherHttpClient(server.server_port))
        yield client
        client.http_client.session.close()
