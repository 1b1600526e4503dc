"""A service's back-channel logout endpoint, real HTTP on this machine: it keeps what it gets and answers as told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug import Request, Response

from shared.fetching import GuardedFetcher
from tests.serving import served


@dataclass
class Receiver:
    """status: what it answers. requests: method, type and form of each post. port: where it is."""

    status: int = 200
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What a client registers as its `backchannel_logout_uri`."""
        return f"http://localhost:{self.port}/deconnexion"

    @property
    def tokens(self) -> list[str]:
        """The logout tokens, oldest first."""
        return [str(request["form"]["logout_token"]) for request in self.requests]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.requests.append(
            {
                "method": request.method,
                "type": request.mimetype,
                "form": request.form.to_dict(),
                "query": request.query_string,
            }
        )
        return Response(status=self.status)(environ, start_response)


@pytest.fixture
def receiver(idp_app: Flask) -> Iterator[Receiver]:
    """A running one, which the provider's fetcher may reach."""
    found = Receiver()
    usual = idp_app.extensions["fetcher"]
    idp_app.extensions["fetcher"] = GuardedFetcher(frozenset({"localhost"}), seconds=1)
    with served(found) as server:
        found.port = server.server_port
        yield found
    idp_app.extensions["fetcher"] = usual
