"""The one door to addresses that others registered: what is there is fetched once, briefly, and never from inside.

Whoever registers an address could name one that only our network reaches, or a name that resolves to two places. So
the name is resolved once, every address it gives must be public, and the connection goes to one of those very
addresses: nothing is resolved a second time.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import cast
from urllib.parse import urlencode, urlsplit

from flask import Flask, current_app

from shared.settings import is_loopback

LONGEST_FETCH_SECONDS = 5.0
MAXIMUM_BYTES = 64 * 1024
MAXIMUM_URL_LENGTH = 2048
PORTS = {"https": 443, "http": 80}
PRINTABLE = re.compile(r"[\x21-\x7e]+")
FORM = "application/x-www-form-urlencoded"
# As many names as may be looked up at once: a name server that never answers holds one, not a request.
LOOKUPS = 8

Resolve = Callable[[str, int], Sequence[str]]


class FetchRefused(Exception):
    """Nothing usable was fetched. `reason`: constant English words, without the address, for logs and answers."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. host: lower case. resource: path and query, what is asked of the host."""

    scheme: str
    host: str
    port: int
    resource: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, whole."""

    status: int
    content_type: str
    content: bytes


def read_target(url: str) -> Target:
    """The parts of an http address; a fragment is never sent. Raises FetchRefused."""
    if len(url) > MAXIMUM_URL_LENGTH or not PRINTABLE.fullmatch(url) or "\\" in url:
        raise FetchRefused("not an address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchRefused("not an address") from None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise FetchRefused("not an address")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme], resource)


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's: not of a private, local, shared, reserved or translated network."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed.sixtofour is not None or parsed.teredo is not None:
            return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system resolves a name to, IP addresses as text. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedFetcher:
    """Fetches registered addresses: https, public, one connection, no redirect, 5 s and 64 KiB in all.

    exempt_hosts: names, or a name and its port (`localhost:8001`), that may resolve to this or a private network,
    and be plain http on loopback. ca_file: certificates trusted besides the system's. Shared by threads.
    """

    def __init__(
        self,
        exempt_hosts: frozenset[str],
        *,
        ca_file: Path | None = None,
        resolve: Resolve = system_addresses,
        seconds: float = LONGEST_FETCH_SECONDS,
    ) -> None:
        self._exempt_hosts = exempt_hosts
        self._resolve = resolve
        self._seconds = seconds
        self._lookups = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")
        self._ca_file = ca_file

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Read at the first fetch: most commands make none."""
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context

    def get(self, url: str, *, accept: str) -> bytes:
        """The content of a document.

        accept: media types, separated by commas, of which it must be one. Raises FetchRefused.
        """
        answer = self._ask("GET", url, {"Accept": accept}, None)
        if answer.status != http.HTTPStatus.OK:
            raise FetchRefused(f"status {answer.status}")
        if answer.content_type not in {name.strip().lower() for name in accept.split(",")}:
            raise FetchRefused("another content type")
        return answer.content

    def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        """Post a form and return the status, which no redirect is. Raises FetchRefused."""
        headers = {"Content-Type": FORM, "Accept": "*/*"}
        return self._ask("POST", url, headers, urlencode(fields).encode()).status

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        target, deadline = read_target(url), time.monotonic() + self._seconds
        is_exempt = bool(self._exempt_hosts & {target.host, f"{target.host}:{target.port}"})
        if target.scheme != "https" and not (is_exempt and is_loopback(target.host)):
            raise FetchRefused("not https")
        addresses = self._addresses_of(target, deadline)
        if not is_exempt and not all(map(is_public, addresses)):
            raise FetchRefused("address not public")
        try:
            with self._connected(target, addresses, deadline) as connection:
                connection.request(method, target.resource, body, _whole_headers(headers))
                with connection.getresponse() as response:
                    return _read_answer(response, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchRefused(_reason(error, deadline)) from None

    def _addresses_of(self, target: Target, deadline: float) -> Sequence[str]:
        """Resolved once. Raises FetchRefused."""
        try:
            lookup = self._lookups.submit(self._resolve, target.host, target.port)
            addresses = lookup.result(timeout=deadline - time.monotonic())
        except TimeoutError:
            raise FetchRefused("too slow") from None
        except (OSError, UnicodeError):
            raise FetchRefused("host unknown") from None
        if not addresses:
            raise FetchRefused("host unknown")
        return addresses

    @contextmanager
    def _connected(
        self, target: Target, addresses: Sequence[str], deadline: float
    ) -> Iterator[http.client.HTTPConnection]:
        """A connection to one of these addresses, under the host's name; cut off at the deadline whatever it does."""
        plain = _connect(addresses, target.port, deadline)
        with plain, _cut_off(plain, deadline):
            if target.scheme == "https":
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(target.host, target.port)
                connection.sock = self._tls.wrap_socket(plain, server_hostname=target.host)
            else:
                connection = http.client.HTTPConnection(target.host, target.port)
                connection.sock = plain
            try:
                yield connection
            finally:
                connection.close()


def init_fetcher(app: Flask, fetcher: GuardedFetcher) -> None:
    """Give the application its fetcher; one for all, so that look-ups are bounded together."""
    app.extensions["fetcher"] = fetcher


def current_fetcher() -> GuardedFetcher:
    """The fetcher of the running application."""
    return cast("GuardedFetcher", current_app.extensions["fetcher"])


def _connect(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """Raises OSError when none of the addresses takes the connection in time."""
    refused: OSError = TimeoutError()
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            refused = error
    raise refused


@contextmanager
def _cut_off(connected: socket.socket, deadline: float) -> Iterator[None]:
    """Bound the sum of all waits: a peer that sends a byte a second would pass each of them.

    A second handle on the same connection: wrapping it for TLS closes the first.
    """
    handle = connected.dup()
    watch = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, [handle])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        watch.join()
        handle.close()


def _shut_down(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the peer was quicker


def _read_answer(response: http.client.HTTPResponse, deadline: float) -> Answer:
    """Raises FetchRefused on a redirect, a compressed, cut or endless body."""
    if 300 <= response.status < 400:
        raise FetchRefused("redirect")
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise FetchRefused("compressed")
    content = response.read(MAXIMUM_BYTES + 1)
    _check_time(deadline)
    if len(content) > MAXIMUM_BYTES:
        raise FetchRefused("too long")
    if response.length:
        raise FetchRefused("cut short")
    return Answer(response.status, response.headers.get_content_type(), content)


def _check_time(deadline: float) -> None:
    """A body without length ends when the connection does: one that we cut off is not whole."""
    if time.monotonic() >= deadline:
        raise FetchRefused("too slow")


def _whole_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {"Accept-Encoding": "identity", "User-Agent": "compte-ecole", "Connection": "close", **headers}


def _reason(error: Exception, deadline: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate not trusted"
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return "too slow"
    return "unreachable" if isinstance(error, OSError) else "not an HTTP answer"
