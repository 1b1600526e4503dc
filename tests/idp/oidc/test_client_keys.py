"""Keys behind a `jwks_uri`: kept a while, fetched again for an unknown id, and not as often as strangers ask."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.oidc import clients
from idp.oidc.client_keys import ClientKeys, read_keys
from idp.oidc.clients import RegisteredClient
from idp.oidc.registration import ClientMetadata
from shared.fetching import FetchRefused
from tests.conftest import FrozenClock

URI = "https://client.test/keys"
FIRST = ECKey.generate_key("P-256", {"kid": "first"})
SECOND = ECKey.generate_key("P-256", {"kid": "second"})


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def short_rsa_key() -> dict[str, str]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = numbers.n.to_bytes(128)
    return {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()}


class Served:
    """What is behind the address, how often it was fetched, and a clock that is told."""

    def __init__(self) -> None:
        self.document: bytes | None = key_set(FIRST)
        self.fetches = 0
        self.seconds = 0.0
        self.keys = ClientKeys(self.fetch, lambda: self.seconds)

    def fetch(self, _uri: str) -> bytes:
        self.fetches += 1
        if self.document is None:
            raise FetchRefused("unreachable")
        return self.document


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def client(idp_context: Flask, clock: FrozenClock) -> RegisteredClient:
    metadata = ClientMetadata("livret", "Livret", ("https://livret.example/retour",), "openid")
    clients.add_client(metadata, now=clock.now)
    found = clients.find_client("livret", now=clock.now)
    assert found is not None
    return replace(found, jwks_uri=URI)


def ids(served: Served, client: RegisteredClient, kid: str | None) -> list[str | None] | None:
    keys = served.keys.keys_of(client, kid)
    return None if keys is None else [key.kid for key in keys]


def test_known_keys_are_fetched_once(served: Served, client: RegisteredClient):
    assert [ids(served, client, kid) for kid in ("first", None, "first")] == [["first"]] * 3
    assert served.fetches == 1


def test_an_unknown_id_is_looked_for_at_once(served: Served, client: RegisteredClient):
    """oidc T5."""
    ids(served, client, "first")
    served.document = key_set(FIRST, SECOND)

    assert ids(served, client, "second") == ["first", "second"]
    assert served.fetches == 2


def test_an_unknown_id_is_looked_for_once_a_minute(served: Served, client: RegisteredClient):
    ids(served, client, "first")
    for seconds in (1, 30, 60, 61.5):
        served.seconds = seconds
        ids(served, client, "unknown")

    assert served.fetches == 3


def test_many_unknown_ids_are_no_more_than_a_few_fetches_a_minute(served: Served, client: RegisteredClient):
    for number in range(100):
        ids(served, client, f"unknown-{number}")
    assert served.fetches == 5
    served.seconds = 60
    ids(served, client, "unknown")

    assert served.fetches == 6


def test_a_key_taken_away_works_no_longer_than_ten_minutes(served: Served, client: RegisteredClient):
    ids(served, client, "first")
    served.document = key_set(SECOND)
    served.seconds = 599
    assert ids(served, client, "first") == ["first"]
    served.seconds = 600

    assert ids(served, client, "first") == ["second"]


def test_an_outage_shuts_nobody_out_at_once_and_nothing_counts_for_ever(
    served: Served, client: RegisteredClient
):
    ids(served, client, "first")
    served.document = None
    served.seconds = 300
    assert ids(served, client, "second") == ["first"]
    served.seconds = 600

    assert ids(served, client, "first") is None


def test_keys_of_the_registration_are_never_fetched(served: Served, client: RegisteredClient):
    assert served.keys.keys_of(replace(client, jwks_uri=None), "x") is None
    assert served.fetches == 0


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b"null", b'{"keys": 1}', b"\xff", b'{"keys": [' + b"{}," * 60 + b"{}]}"]
)
def test_what_is_no_key_set_is_refused(document: bytes):
    with pytest.raises(FetchRefused):
        read_keys(document)


def test_unusable_keys_are_passed_over():
    entries = [
        1,
        {},
        {"kty": "RSA"},
        OctKey.import_key("x" * 32).as_dict(),
        short_rsa_key(),
        RSAKey.generate_key(2048).as_dict(private=True),
        {**FIRST.as_dict(private=False), "use": "enc"},
        SECOND.as_dict(private=False),
    ]

    read = read_keys(json.dumps({"keys": entries}).encode())

    assert [key.kid for key in read] == ["second"]
