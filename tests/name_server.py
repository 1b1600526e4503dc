"""A name server on loopback that answers what a test publishes, in the protocol's own messages (RFC 1035)."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

Zone = dict[str, list[str]]
"""TXT records by name, without the final dot."""


class _Handler(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        wire, connection = self.request
        if self.server.is_silent:
            return
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        name = query.question[0].name
        texts = self.server.zone.get(name.to_text(omit_final_dot=True))
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            # One record may be several strings of at most 255 bytes.
            quoted = [
                " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in texts
            ]
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", quoted))
        connection.sendto(answer.to_wire(), self.client_address)


class _Server(socketserver.UDPServer):
    def __init__(self, zone: Zone, *, is_silent: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zone, self.is_silent = zone, is_silent


@contextmanager
def name_server(zone: Zone, *, is_silent: bool = False) -> Iterator[None]:
    """Everybody who asks the system's resolver asks this one meanwhile. is_silent: it never answers."""
    with _Server(zone, is_silent=is_silent) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.server_address[1]
        before, dns.resolver.default_resolver = dns.resolver.default_resolver, resolver
        try:
            yield
        finally:
            dns.resolver.default_resolver = before
            server.shutdown()
            thread.join()
