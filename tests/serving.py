"""Applications served for real on loopback ports, for as long as a test needs them."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

POLL_SECONDS = 0.02
"""How long a server may take to see that it is to stop: half a second by default, which every test would wait."""


@contextmanager
def served(
    app: Any, host: str = "localhost", port: int = 0, ssl_context: ssl.SSLContext | None = None
) -> Iterator[BaseWSGIServer]:
    """A running server of `app`; port 0 takes a free one. Stopped, and its port free, when the block ends."""
    server = make_server(host, port, app, threaded=True, ssl_context=ssl_context)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
