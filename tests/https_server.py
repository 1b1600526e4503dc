"""A real https server on this machine, for what the provider fetches: it answers as told, byte by byte if need be."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "client.test"
Behaviour = Callable[[socket.socket], None]


def answer(
    content: bytes, *, content_type: str = "application/json", status: str = "200 OK", headers: str = ""
) -> Behaviour:
    """One whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return lambda peer: peer.sendall(head.encode() + content)


@dataclass
class HttpsServer:
    """A running server. behaviour: what it does once a request was read. requests: the heads and bodies it got."""

    port: int
    behaviour: Behaviour = field(default_factory=lambda: answer(b"{}"))
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it is, under its certificate's name."""
        return f"https://{HOST}:{self.port}"


def make_certificate(folder: Path, name: str = HOST) -> Path:
    """A self-signed certificate and its key in one file, valid around the real present: TLS reads the real clock."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def running_https_server(certificate: Path) -> Iterator[HttpsServer]:
    """A server on a free loopback port while the block runs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = HttpsServer(listening.getsockname()[1])
        context.sni_callback = lambda _socket, name, _context: server.names.append(name)
        thread = threading.Thread(target=_serve, args=(server, listening, context), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            # A connection of our own wakes the thread that waits for one.
            socket.create_connection(("127.0.0.1", server.port)).close()
            thread.join()


def _serve(server: HttpsServer, listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        plain, _ = listening.accept()
        if server.stopping.is_set():
            plain.close()
            return
        threading.Thread(target=_answer, args=(server, plain, context), daemon=True).start()


def _answer(server: HttpsServer, plain: socket.socket, context: ssl.SSLContext) -> None:
    plain.settimeout(10)
    try:
        with plain, context.wrap_socket(plain, server_side=True) as peer:
            server.requests.append(_read_request(peer))
            server.behaviour(peer)
    except OSError:
        return  # the client went away, which tests provoke


def _read_request(peer: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += peer.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body
