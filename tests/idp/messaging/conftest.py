"""Real SMTP servers, in this process: plain, with STARTTLS, with TLS, and with bad manners."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from demo.catcher import Mailbox, create_catcher
from idp.messaging.mail import init_mail
from idp.settings import Settings

TWILIO = {
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": "tests only",
    "twilio_from": "+33639980000",
}


@dataclass
class Postman:
    """A mail server's handler that keeps what it took, and refuses as told."""

    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    rcpt_reply: str = "250 OK"
    data_reply: str = "250 OK"
    hangs_up_at_quit: bool = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.rcpt_reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_reply

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_reply.startswith("250"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients.append(envelope.rcpt_tos)
        return self.data_reply

    async def handle_QUIT(self, server: SMTP, _session: Any, _envelope: Any) -> str:  # noqa: N802
        if self.hangs_up_at_quit:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "221 Bye"


@dataclass(frozen=True)
class MailServer:
    """A running server: where it is, and what it took."""

    port: int
    postman: Postman


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate and its key, in one file."""

    path: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        return context


StartServer = Callable[..., MailServer]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Starts mail servers on free loopback ports; stops them at the end."""
    controllers: list[Controller] = []

    def start(postman: Postman | None = None, **options: Any) -> MailServer:
        postman = postman or Postman()
        controller = Controller(postman, hostname="127.0.0.1", port=free_port(), **options)
        controllers.append(controller)
        controller.start()
        return MailServer(controller.port, postman)

    yield start
    for controller in controllers:
        controller.stop()


def free_port() -> int:
    """A port that nothing listens on: the server's controller cannot tell one that the system chose."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def mail_server(start_server: StartServer) -> MailServer:
    return start_server()


@pytest.fixture
def use_mail_server(idp_context: Flask) -> Iterator[Callable[..., None]]:
    """Points the application at a mail server, with other settings for one test."""
    before: Settings = idp_context.extensions["settings"]

    def use(server: MailServer, **changed: Any) -> None:
        values = {"mail_host": "127.0.0.1", "mail_port": server.port} | changed
        settings = before.model_copy(update=values)
        idp_context.extensions["settings"] = settings
        init_mail(idp_context, settings)

    yield use
    idp_context.extensions["settings"] = before
    init_mail(idp_context, before)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture(scope="session")
def other_host_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.9")


def make_certificate(folder: Path, address: str) -> Certificate:
    """A certificate for one address, valid around the real present: TLS reads the real clock."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Certificate(path)


@dataclass
class AnsweringTwilio:
    """Answers every call in one way, and counts them."""

    status: int
    error_code: int
    calls: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def app(self) -> Flask:
        app = Flask("twilio")

        @app.post("/2010-04-01/Accounts/<sid>/Messages.json")
        def create(sid: str) -> ResponseReturnValue:
            self.calls += 1
            return jsonify(
                code=self.error_code, message=f"refused for {sid}", status=self.status
            ), self.status

        return app


@pytest.fixture
def use_twilio(idp_context: Flask) -> Iterator[Callable[..., None]]:
    """Points the application at what stands for Twilio."""
    before: Settings = idp_context.extensions["settings"]

    def use(**changed: str) -> None:
        idp_context.extensions["settings"] = before.model_copy(update=TWILIO | changed)

    yield use
    idp_context.extensions["settings"] = before


@pytest.fixture
def catcher(use_twilio: Callable[..., None], serve: Callable[[Flask], str]) -> Mailbox:
    """The demonstration's catcher, standing for Twilio."""
    mailbox = Mailbox()
    use_twilio(twilio_url=serve(create_catcher(mailbox)))
    return mailbox


@pytest.fixture
def answering(
    use_twilio: Callable[..., None], serve: Callable[[Flask], str]
) -> Callable[[int, int], AnsweringTwilio]:
    def answer(status: int, error_code: int) -> AnsweringTwilio:
        twilio = AnsweringTwilio(status, error_code)
        use_twilio(twilio_url=serve(twilio.app()))
        return twilio

    return answer
