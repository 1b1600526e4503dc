"""The only door to the provider: Authlib's session with limits on time, size and redirects."""

import time
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session

TIMEOUT_SECONDS = 5.0
MAXIMUM_ANSWER_BYTES = 256 * 1024
CHUNK_BYTES = 16 * 1024


class AnswerTooBig(requests.RequestException):
    """The provider's answer is longer than any honest one."""


class AnswerTooSlow(requests.RequestException):
    """The provider's answer did not end in time."""


class BoundedSession(OAuth2Session):
    """No redirect is followed, no body is compressed, and an answer ends within its time and size.

    `requests` alone bounds each wait, not their sum: a body sent byte by byte would hold a worker for ever.
    """

    def request(self, method: str, url: Any, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send and read within the limits. Raises requests.RequestException."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        kwargs.update(allow_redirects=False, stream=True, timeout=TIMEOUT_SECONDS)
        kwargs["headers"] = {**(kwargs.get("headers") or {}), "Accept-Encoding": "identity"}
        response = super().request(method, url, *args, **kwargs)
        try:
            read_within(response, deadline)
        finally:
            response.close()
        return response


def read_within(response: requests.Response, deadline: float) -> None:
    """Fill `response.content`. `deadline`: of `time.monotonic`. Raises AnswerTooBig, AnswerTooSlow."""
    content = bytearray()
    while chunk := _read_chunk(response):
        content += chunk
        if len(content) > MAXIMUM_ANSWER_BYTES:
            raise AnswerTooBig
        if time.monotonic() > deadline:
            raise AnswerTooSlow
    response._content = bytes(content)  # noqa: SLF001 - what `requests` itself fills when it reads
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001


def _read_chunk(response: requests.Response) -> bytes:
    try:
        return bytes(response.raw.read1(CHUNK_BYTES, decode_content=False))
    except Exception as error:
        # urllib3 raises its own tree here, and sockets theirs.
        raise requests.ConnectionError(type(error).__name__) from error
