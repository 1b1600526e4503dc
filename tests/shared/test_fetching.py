"""The guarded fetcher, against a real https server and resolvers that lie."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shared.fetching import MAXIMUM_BYTES, FetchRefused, GuardedFetcher, is_public
from tests.https_server import HOST, HttpsServer, answer, make_certificate, running_https_server

JSON = "application/json"
SECONDS = 0.5
PUBLIC = "93.184.215.14"
NEVER_SET = threading.Event()


class Names:
    """A resolver that answers from a table, each name in turn if it holds several answers; and counts."""

    def __init__(self, **table: Sequence[Sequence[str]]) -> None:
        self.table = {name.replace("_", "."): list(answers) for name, answers in table.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.table.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: Path) -> Iterator[HttpsServer]:
    with running_https_server(certificate) as running:
        yield running


@pytest.fixture
def fetcher(certificate: Path) -> GuardedFetcher:
    """Knows the server's name and trusts its certificate; the server's host is exempt of the address rule."""
    return fetcher_with(Names(client_test=[["127.0.0.1"]]), certificate, HOST)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a connection is tried to; none is made."""
    tried: list[str] = []

    def refuse(address: tuple[str, int], **options: object) -> socket.socket:
        tried.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("shared.fetching.socket.create_connection", refuse)
    return tried


def fetcher_with(names: Names, certificate: Path | None = None, *exempt: str) -> GuardedFetcher:
    return GuardedFetcher(frozenset(exempt), ca_file=certificate, resolve=names, seconds=SECONDS)


def reason(fetcher: GuardedFetcher, url: str, accept: str = JSON) -> str:
    started = time.monotonic()
    with pytest.raises(FetchRefused) as refused:
        fetcher.get(url, accept=accept)
    assert time.monotonic() - started < SECONDS + 1.5
    return refused.value.reason


def test_a_document_is_fetched_under_the_hosts_name(server: HttpsServer, fetcher: GuardedFetcher):
    server.behaviour = answer(b'{"keys": []}', content_type="application/jwk-set+json; charset=utf-8")

    content = fetcher.get(f"{server.url}/cles?a=b#fragment", accept=f"{JSON}, application/jwk-set+json")

    assert content == b'{"keys": []}'
    assert server.names == [HOST]
    head = server.requests[0].decode()
    assert head.startswith("GET /cles?a=b HTTP/1.1\r\n")
    assert f"\r\nHost: {HOST}:{server.port}\r\n" in head
    assert "\r\nAccept-Encoding: identity\r\n" in head


def test_a_form_is_posted_and_its_status_told(server: HttpsServer, fetcher: GuardedFetcher):
    server.behaviour = answer(b"", status="400 Bad Request")

    assert fetcher.post_form(f"{server.url}/canal-arriere", {"logout_token": "a b&c"}) == 400
    assert server.requests[0].endswith(b"\r\n\r\nlogout_token=a+b%26c")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b::7f00:1", "64:ff9b::808:808",
        "", "localhost", "2130706433", "0x7f.1",
    ],
)  # fmt: skip
def test_ad_08_what_is_not_anybodys_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_anybodys_is_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
        "127.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]", "169.254.169.254",
        "[fd00:ec2::254]", "10.0.0.1",
    ],
)  # fmt: skip
def test_ad_08_no_spelling_of_an_inner_address_is_connected_to(host: str, attempts: list[str]):
    """With the system's own resolver, which reads decimal, octal and hexadecimal forms."""
    fetcher = GuardedFetcher(frozenset(), seconds=SECONDS)

    assert reason(fetcher, f"https://{host}/") in {"address not public", "host unknown"}
    assert attempts == []


def test_ad_08_a_name_is_resolved_once_and_the_checked_address_is_the_one_used(attempts: list[str]):
    """DNS rebinding: the second answer, an inner one, is never asked for."""
    names = Names(rebinding_test=[[PUBLIC], ["127.0.0.1"]])

    assert reason(fetcher_with(names), "https://rebinding.test/") == "unreachable"
    assert names.asked == ["rebinding.test"]
    assert attempts == [PUBLIC]


@pytest.mark.parametrize("answers", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"], []])
def test_ad_08_every_address_of_a_name_must_be_public(answers: list[str], attempts: list[str]):
    assert reason(fetcher_with(Names(two_test=[answers])), "https://two.test/") in {
        "address not public",
        "host unknown",
    }
    assert attempts == []


def test_only_the_exempt_name_is_exempt(server: HttpsServer, certificate: Path):
    fetcher = fetcher_with(Names(client_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]]), certificate, HOST)

    assert reason(fetcher, f"https://other.test:{server.port}/") == "address not public"
    assert server.requests == []


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_ad_08_no_redirect_is_followed(server: HttpsServer, fetcher: GuardedFetcher, status: str):
    server.behaviour = answer(b"", status=status, headers=f"Location: {server.url}/ailleurs\r\n")

    assert reason(fetcher, server.url) == "redirect"
    assert len(server.requests) == 1
    with pytest.raises(FetchRefused):
        fetcher.post_form(server.url, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://client.test/", "not https"),
        ("http://8.8.8.8/", "not https"),
        ("ftp://client.test/", "not an address"),
        ("file:///etc/passwd", "not an address"),
        ("gopher://client.test/", "not an address"),
        ("https://user@client.test/", "not an address"),
        ("https://client.test\\@evil.test/", "not an address"),
        ("https://client.test/\r\nX: y", "not an address"),
        ("https://client.test/ x", "not an address"),
        ("https://client.test:99999/", "not an address"),
        ("https://[::1/", "not an address"),
        ("https:///x", "not an address"),
        ("https://client.test/" + "a" * 2048, "not an address"),
        ("", "not an address"),
    ],
)
def test_ad_08_what_is_no_https_address_is_not_tried(
    fetcher: GuardedFetcher, attempts: list[str], url: str, expected: str
):
    assert reason(fetcher, url) == expected
    assert attempts == []


def test_plain_http_is_for_an_exempt_loopback_name_alone(attempts: list[str]):
    names = Names(localhost=[["127.0.0.1"]], inner_test=[["127.0.0.1"]])
    fetcher = fetcher_with(names, None, "localhost", "inner.test")

    assert reason(fetcher, "http://localhost:1/") == "unreachable"
    assert reason(fetcher, "http://inner.test:1/") == "not https"
    assert attempts == ["127.0.0.1"]


def test_the_certificate_must_be_trusted_and_of_the_host(server: HttpsServer, certificate: Path):
    strangers = fetcher_with(Names(client_test=[["127.0.0.1"]]), None, HOST)
    elsewhere = fetcher_with(Names(other_test=[["127.0.0.1"]]), certificate, "other.test")

    assert reason(strangers, server.url) == "certificate not trusted"
    assert reason(elsewhere, f"https://other.test:{server.port}/") == "certificate not trusted"
    assert server.requests == []


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (answer(b"{}", status="404 Not Found"), "status 404"),
        (answer(b"{}", status="204 No Content"), "status 204"),
        (answer(b"{}", content_type="text/html"), "another content type"),
        (answer(b"{}", content_type=""), "another content type"),
        (answer(b"{}", headers="Content-Encoding: gzip\r\n"), "compressed"),
        (answer(b"a" * (MAXIMUM_BYTES + 1)), "too long"),
        (lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}"), "cut short"),
        (lambda peer: peer.sendall(b"SSH-2.0-OpenSSH\r\n"), "not an HTTP answer"),
        (lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "not an HTTP answer"),
        (lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), "not an HTTP answer"),
        (lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "not an HTTP answer"),
    ],
)  # fmt: skip
def test_ad_08_an_answer_that_is_not_plainly_good_is_refused(
    server: HttpsServer, fetcher: GuardedFetcher, behaviour, expected: str
):
    server.behaviour = behaviour

    assert reason(fetcher, server.url) == expected


def test_a_body_of_the_whole_size_is_taken(server: HttpsServer, fetcher: GuardedFetcher):
    server.behaviour = answer(b"a" * MAXIMUM_BYTES)

    assert len(fetcher.get(server.url, accept=JSON)) == MAXIMUM_BYTES


def trickle(head: bytes, drop: bytes):
    """A peer that sends something often enough to pass every single wait, and never ends."""

    def send(peer: socket.socket) -> None:
        peer.sendall(head)
        for _ in range(100):
            peer.sendall(drop)
            NEVER_SET.wait(0.05)

    return send


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda peer: peer.recv(1),
        trickle(b"", b"H"),
        trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" "),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", b" "),
        trickle(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\n \r\n",
        ),
        trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_ad_08_a_peer_that_never_ends_is_cut_off(server: HttpsServer, fetcher: GuardedFetcher, behaviour):
    server.behaviour = behaviour

    assert reason(fetcher, server.url) == "too slow"


def test_an_endless_body_is_read_up_to_its_limit(server: HttpsServer, fetcher: GuardedFetcher):
    def pour(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            peer.sendall(b" " * 65536)

    server.behaviour = pour

    assert reason(fetcher, server.url) == "too long"


def test_a_peer_that_never_shakes_hands_is_cut_off(certificate: Path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetcher = fetcher_with(Names(client_test=[["127.0.0.1"]]), certificate, HOST)

        assert reason(fetcher, f"https://{HOST}:{silent.getsockname()[1]}/") == "too slow"


def test_a_name_server_that_never_answers_holds_nobody(certificate: Path):
    def stuck(host: str, port: int) -> Sequence[str]:
        NEVER_SET.wait(SECONDS + 0.3)
        return ["127.0.0.1"]

    fetcher = GuardedFetcher(frozenset(), resolve=stuck, seconds=SECONDS)

    assert reason(fetcher, "https://slow.test/") == "too slow"


def test_a_name_that_cannot_be_one_is_unknown():
    def strange(host: str, port: int) -> Sequence[str]:
        raise UnicodeError

    assert reason(GuardedFetcher(frozenset(), resolve=strange), "https://a.test/") == "host unknown"
