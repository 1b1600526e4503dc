"""The limits on what the provider may answer."""

import gzip
import select
import time
from collections.abc import Iterator

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from livret_service.sign_in import transport
from livret_service.sign_in.transport import AnswerTooBig, AnswerTooSlow, BoundedSession


def fetch(server: HTTPServer) -> requests.Response:
    with BoundedSession() as session:
        return session.request("GET", server.url_for("/document"), withhold_token=True)


def test_an_answer_within_the_limits_is_read_whole(httpserver: HTTPServer):
    httpserver.expect_request("/document").respond_with_json({"a": "b" * 100_000})

    assert len(fetch(httpserver).json()["a"]) == 100_000


def test_an_answer_beyond_the_size_is_dropped(httpserver: HTTPServer):
    httpserver.expect_request("/document").respond_with_data("x" * 400_000)

    with pytest.raises(AnswerTooBig):
        fetch(httpserver)


def test_an_answer_that_trickles_is_dropped(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 0.3)
    ends_at = time.monotonic() + 2

    def trickle(_request: Request) -> Response:
        def drops() -> Iterator[bytes]:
            while time.monotonic() < ends_at:
                # A byte now and then: each wait is short, only their sum is too long.
                select.select([], [], [], 0.02)
                yield b"x"

        return Response(drops())

    httpserver.expect_request("/document").respond_with_handler(trickle)

    with pytest.raises(AnswerTooSlow):
        fetch(httpserver)
    assert time.monotonic() < ends_at


def test_no_redirect_is_followed(httpserver: HTTPServer):
    httpserver.expect_request("/document").respond_with_data(status=302, headers={"Location": "/elsewhere"})

    assert fetch(httpserver).status_code == 302
    assert [request.path for request, _ in httpserver.log] == ["/document"]


def test_a_compressed_answer_is_not_unpacked(httpserver: HTTPServer):
    bomb = gzip.compress(b"0" * 10_000_000)
    httpserver.expect_request("/document").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})

    assert fetch(httpserver).content == bomb
    assert httpserver.log[0][0].headers["Accept-Encoding"] == "identity"
