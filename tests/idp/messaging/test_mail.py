"""The mail channel against real SMTP servers."""

import socket
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiosmtpd.smtp import AuthResult
from flask import current_app

from idp.messaging import mail
from idp.messaging.mail import Envelope
from idp.messaging.rules import DeliveryRefused, Message, RenderedMail
from idp.settings import Settings
from shared.settings import SettingsRefused
from tests.conftest import idp_settings_values
from tests.idp.messaging.conftest import Postman

ENVELOPE = Envelope(UUID(int=7), datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
WORDS = RenderedMail(
    to="celine@exemple.fr",
    subject="Services en ligne de l’école - activation du compte",
    text="Bonjour,\n\nÉté\n",
    html="<p>Bonjour,</p><p>Été</p>",
)


def deliver(words: RenderedMail = WORDS) -> list[str]:
    taken: list[str] = []
    mail.send(words, ENVELOPE, on_taken=lambda: taken.append("taken"))
    return taken


def test_a_mail_is_handed_over_with_both_parts_and_its_headers(mail_server, use_mail_server):
    use_mail_server(mail_server)

    assert deliver() == ["taken"]

    [received] = mail_server.postman.taken
    assert received["Subject"] == WORDS.subject
    assert received["To"] == "celine@exemple.fr"
    assert received["From"] == "Administrateur des services en ligne <ne-pas-repondre@localhost>"
    assert received["Message-ID"] == f"<{UUID(int=7)}@compte.example>"
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["Date"].datetime == ENVELOPE.enqueued_at
    assert received.get_body(("plain",)).get_content().splitlines() == WORDS.text.splitlines()
    assert received.get_body(("html",)).get_content().strip() == WORDS.html
    assert mail_server.postman.recipients == [["celine@exemple.fr"]]
    assert not list(received.iter_attachments())


def test_a_second_attempt_gives_the_same_headers(mail_server, use_mail_server):
    use_mail_server(mail_server)

    deliver()
    deliver()

    first, second = mail_server.postman.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


def test_starttls_with_a_trusted_certificate_delivers(start_server, use_mail_server, certificate):
    server = start_server(tls_context=certificate.server_context(), require_starttls=True)
    use_mail_server(server, mail_security="starttls", mail_ca_file=certificate.path)

    assert deliver() == ["taken"]


def test_starttls_with_an_unknown_certificate_is_refused(start_server, use_mail_server, certificate):
    server = start_server(tls_context=certificate.server_context(), require_starttls=True)
    use_mail_server(server, mail_security="starttls")

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert refused.value.reason == "SSLCertVerificationError"
    assert not refused.value.is_permanent
    assert not server.postman.taken


def test_starttls_with_another_hosts_certificate_is_refused(
    start_server, use_mail_server, other_host_certificate
):
    server = start_server(tls_context=other_host_certificate.server_context(), require_starttls=True)
    use_mail_server(server, mail_security="starttls", mail_ca_file=other_host_certificate.path)

    with pytest.raises(DeliveryRefused):
        deliver()

    assert not server.postman.taken


def test_a_server_without_starttls_gets_nothing_in_clear(mail_server, use_mail_server):
    use_mail_server(mail_server, mail_security="starttls")

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert refused.value.reason == "SMTPNotSupportedError"
    assert not mail_server.postman.taken


@pytest.mark.parametrize("reply_code", [421, 450, 451, 452])
def test_a_4xx_may_pass(mail_server, use_mail_server, reply_code):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = f"{reply_code} later"

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert (refused.value.reason, refused.value.is_permanent) == (str(reply_code), False)


@pytest.mark.parametrize("reply", ["rcpt_reply", "data_reply"])
def test_a_5xx_about_the_recipient_or_the_words_is_final(mail_server, use_mail_server, reply):
    use_mail_server(mail_server)
    setattr(mail_server.postman, reply, "550 no such person")

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert (refused.value.reason, refused.value.is_permanent) == ("550", True)


def test_refused_credentials_are_our_fault_and_may_pass(start_server, use_mail_server, certificate):
    server = start_server(
        tls_context=certificate.server_context(),
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )
    use_mail_server(
        server,
        mail_security="starttls",
        mail_ca_file=certificate.path,
        mail_username="idp",
        mail_password="wrong",
    )

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert (refused.value.reason, refused.value.is_permanent) == ("535", False)


def test_a_server_that_hangs_up_at_quit_has_taken_the_mail(start_server, use_mail_server):
    server = start_server(Postman(hangs_up_at_quit=True))
    use_mail_server(server)

    assert deliver() == ["taken"]
    assert len(server.postman.taken) == 1


def test_nothing_listening_may_pass(use_mail_server, mail_server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        use_mail_server(mail_server, mail_port=unused.getsockname()[1])

    with pytest.raises(DeliveryRefused) as refused:
        deliver()

    assert (refused.value.reason, refused.value.is_permanent) == ("ConnectionRefusedError", False)


def test_a_silent_server_is_left_after_the_time_out(use_mail_server, mail_server, monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_mail_server(mail_server, mail_port=silent.getsockname()[1])

        with pytest.raises(DeliveryRefused) as refused:
            deliver()

    assert not refused.value.is_permanent


def test_debugging_the_application_never_prints_mails(idp_context):
    assert current_app.extensions["mail"].debug == 0


def test_em_16_typed_text_is_escaped_and_never_a_link(idp_context):
    hostile = "O'<svg onload=x> https://compte.example/piege"
    message = Message.mail(
        to="a@exemple.fr",
        subject="activation du compte",
        template="activation/confirm_email",
        variables={
            "identifier": hostile,
            "url": "https://compte.example/activation/adresse?code=x&y",
            "hours": 24,
        },
    )

    rendered = mail.render(message)

    assert "<svg" not in rendered.html
    assert rendered.html.count("<a ") == 2  # the link of the mail and the help page
    assert "https://compte.example/piege</a>" not in rendered.html


@pytest.mark.parametrize("host", ["smtp.exemple.fr", "10.0.0.5", "localhost.exemple.fr"])
def test_plain_smtp_is_refused_for_any_host_but_this_machine(host):
    plain = idp_settings_values("sqlite://") | {"mail_security": "none"}

    with pytest.raises(SettingsRefused):
        Settings.load(**plain | {"mail_host": host})
    assert Settings.load(**plain | {"mail_host": "127.0.0.1"}).mail_security == "none"
