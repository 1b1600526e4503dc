"""The mail channel: words from templates, and the one door to SMTP."""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr
from urllib.parse import urlsplit
from uuid import UUID

import flask_mail
from flask import Flask, current_app, render_template
from flask_babel import force_locale, gettext

from idp.messaging.rules import DeliveryRefused, Message, RenderedMail, own_urls, paragraphs
from idp.settings import Settings, current

TIMEOUT_SECONDS = 10
PERMANENT = range(500, 600)
# RFC 3463: 5.7 is about us (a block list, a policy), not about the address.
POLICY = re.compile(rb"\s*5\.7\.")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What identifies one delivery: the same for each attempt, so that a second copy is recognisable."""

    row_id: UUID
    enqueued_at: datetime

    def message_id(self, domain: str) -> str:
        """RFC 5322 3.6.4."""
        return f"<{self.row_id}@{domain}>"


class CheckedConnection(flask_mail.Connection):
    """Flask-Mail's connection, with what it leaves out: certificate checks, time-outs, a quiet goodbye."""

    def configure_host(self) -> smtplib.SMTP:
        """Connected, encrypted unless the server is this machine, and signed in. Raises OSError."""
        host = self._connect()
        try:
            if self.mail.use_tls:
                host.starttls(context=_tls_context())
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def _connect(self) -> smtplib.SMTP:
        # The name given in EHLO is ours to say: looking it up may hang on a machine without DNS.
        name = _mail_domain()
        if self.mail.use_ssl:
            return smtplib.SMTP_SSL(
                self.mail.server,
                self.mail.port,
                local_hostname=name,
                timeout=TIMEOUT_SECONDS,
                context=_tls_context(),
            )
        return smtplib.SMTP(self.mail.server, self.mail.port, local_hostname=name, timeout=TIMEOUT_SECONDS)

    def __exit__(self, *_error: object) -> None:
        # A server that hangs up at QUIT has taken the mail already; its manners must not hide an earlier error.
        if self.host is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self.host.quit()
            self.host.close()


def init_mail(app: Flask, settings: Settings) -> None:
    """Configure Flask-Mail from our settings."""
    app.config.update(
        MAIL_SERVER=settings.mail_host,
        MAIL_PORT=settings.mail_port,
        MAIL_USE_TLS=settings.mail_security == "starttls",
        MAIL_USE_SSL=settings.mail_security == "tls",
        MAIL_USERNAME=settings.mail_username,
        MAIL_PASSWORD=settings.mail_password,
        # At its default it follows app.debug and prints whole mails.
        MAIL_DEBUG=0,
        MAIL_SUPPRESS_SEND=False,
    )
    flask_mail.Mail(app)


def render(message: Message) -> RenderedMail:
    """Text and HTML with the same words: the HTML is made from the rendered text, in the message's language.

    Raises ForeignUrl when a variable named `url` or `…_url` is not an address of ours (ADR 0003).
    """
    settings = current()
    variables = {**message.variables, "help_url": f"{settings.issuer}/aide"}
    urls = own_urls(variables, settings.issuer)
    with force_locale(message.locale):
        subject = f"{settings.service_name} - {gettext(message.subject)}"
        # Jinja escapes by suffix: nothing in text, everything in HTML.
        text = render_template(f"{message.template}.txt", service_name=settings.service_name, **variables)
        html = render_template(
            "messaging/mail.html",
            subject=subject,
            paragraphs=paragraphs(text),
            urls=urls,
            locale=message.locale,
        )
    return RenderedMail(to=message.to, subject=subject, text=text.strip() + "\n", html=html)


def send(mail: RenderedMail, envelope: Envelope, *, on_taken: Callable[[], None]) -> None:
    """Hand the mail to the server; `on_taken` runs once it has it, before the goodbye that may fail.

    Raises DeliveryRefused when the server did not take it.
    """
    try:
        with CheckedConnection(current_app.extensions["mail"]) as connection:
            connection.send(_mime(mail, envelope))
            on_taken()
    except (smtplib.SMTPException, OSError) as error:
        raise _refusal(error) from error


def check_server() -> None:
    """Whether the mail server answers, encrypted as the settings say, and lets us in. Sends nothing.

    Raises DeliveryRefused.
    """
    try:
        with CheckedConnection(current_app.extensions["mail"]):
            pass  # connected, encrypted and signed in: all that a delivery needs
    except (smtplib.SMTPException, OSError) as error:
        raise _refusal(error) from error


def _mime(mail: RenderedMail, envelope: Envelope) -> flask_mail.Message:
    settings = current()
    message = flask_mail.Message(
        subject=mail.subject,
        recipients=[mail.to],
        body=mail.text,
        html=mail.html,
        sender=formataddr((settings.mail_sender_name, settings.mail_sender_address)),
        date=envelope.enqueued_at.timestamp(),
        extra_headers={"Auto-Submitted": "auto-generated"},
    )
    message.msgId = envelope.message_id(_mail_domain())
    return message


def _refusal(error: Exception) -> DeliveryRefused:
    """5xx about this recipient or these words is final; everything else may pass (RFC 5321 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reply_code, words = next(iter(error.recipients.values()))
        is_final = reply_code in PERMANENT
        return DeliveryRefused(
            str(reply_code), is_permanent=is_final, is_returned=is_final and not POLICY.match(words)
        )
    if isinstance(error, smtplib.SMTPResponseException):
        # Refused credentials or a refused sender are faults of ours: the message waits until they are mended.
        final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code in PERMANENT
        return DeliveryRefused(str(error.smtp_code), is_permanent=final)
    return DeliveryRefused(type(error).__name__, is_permanent=False)


def _mail_domain() -> str:
    return urlsplit(current().issuer).hostname or "localhost"


def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=current().mail_ca_file)
