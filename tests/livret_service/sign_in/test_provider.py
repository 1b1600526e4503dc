"""What the client believes of its provider, for how long, and what it asks again."""

from typing import Any

import pytest
from joserfc.jwk import RSAKey

from livret_service.sign_in.checks import IdTokenRefused, ProviderUnavailable
from livret_service.sign_in.provider import Expected, Provider, TokenAnswer
from tests.conftest import FrozenClock
from tests.livret_service.conftest import CLIENT_ID, FakeProvider

NONCE = "the nonce"


@pytest.fixture
def client(provider: FakeProvider, clock: FrozenClock) -> Provider:
    return new_client(provider, clock)


def new_client(provider: FakeProvider, clock: FrozenClock, **changes: Any) -> Provider:
    values: dict[str, Any] = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": "tests only",
        "client_key": None,
        "scope": "openid children",
        "algorithms": ("RS256",),
        "clock": clock,
    }
    return Provider(**(values | changes))


def verify(client: Provider, provider: FakeProvider, clock: FrozenClock) -> dict[str, Any]:
    answer = TokenAnswer(provider.id_token(NONCE), provider.access_token)
    return client.verify_id_token(answer, Expected(nonce=NONCE, asked_at=clock.now))


def test_it_names_itself_when_it_fetches_keys(provider: FakeProvider, clock: FrozenClock):
    """The provider then knows that we hold the key that signs next."""
    client = new_client(provider, clock, client_id="café / 1", client_secret="")
    client.load_server_metadata()

    client._fetch_keys()

    agents = {request.headers["User-Agent"] for request, _ in provider.server.log}
    assert agents == {"livret (client_id=caf%C3%A9%20%2F%201)"}


@pytest.mark.parametrize("given", ["{issuer}/", "https://evil.example", "", None])
def test_p1_discovery_of_another_issuer_is_refused_and_nothing_more_is_called(
    client: Provider, provider: FakeProvider, given: str | None
):
    provider.metadata = {"issuer": given and given.format(issuer=provider.issuer)}

    with pytest.raises(ProviderUnavailable):
        client.load_server_metadata()
    assert provider.asked == ["/.well-known/openid-configuration"]


def test_p1_an_issuer_that_changes_later_is_dropped(
    client: Provider, provider: FakeProvider, clock: FrozenClock
):
    verify(client, provider, clock)
    provider.metadata = {"issuer": "https://evil.example"}
    clock.advance(minutes=10)

    with pytest.raises(ProviderUnavailable):
        client.load_server_metadata()
    assert not client.is_reachable()


def test_p1_an_issuer_with_a_final_slash_keeps_it(provider: FakeProvider, clock: FrozenClock):
    provider.metadata = {"issuer": provider.issuer + "/"}

    client = new_client(provider, clock, issuer=provider.issuer + "/")

    assert client.load_server_metadata()["issuer"] == provider.issuer + "/"


def test_discovery_and_keys_are_kept_ten_minutes(
    client: Provider, provider: FakeProvider, clock: FrozenClock
):
    verify(client, provider, clock)
    clock.advance(minutes=9, seconds=59)
    verify(client, provider, clock)
    assert (provider.count("/.well-known/openid-configuration"), provider.count("/jwks")) == (1, 1)
    clock.advance(seconds=1)

    verify(client, provider, clock)

    assert (provider.count("/.well-known/openid-configuration"), provider.count("/jwks")) == (2, 2)


def test_what_was_known_holds_for_two_hours_while_the_provider_is_silent(
    client: Provider, provider: FakeProvider, clock: FrozenClock
):
    verify(client, provider, clock)
    provider.is_down = True
    clock.advance(minutes=119)
    verify(client, provider, clock)
    clock.advance(minutes=1)

    with pytest.raises(ProviderUnavailable):
        verify(client, provider, clock)


def test_one_look_at_the_provider_stands_for_five_seconds(
    client: Provider, provider: FakeProvider, clock: FrozenClock
):
    provider.is_down = True
    assert not client.is_reachable()
    provider.is_down = False
    clock.advance(seconds=4)
    assert not client.is_reachable()
    clock.advance(seconds=1)

    assert client.is_reachable()
    assert provider.count("/.well-known/openid-configuration") == 2


def test_p3_a_key_that_just_appeared_is_fetched_at_once(
    client: Provider, provider: FakeProvider, clock: FrozenClock, other_key: RSAKey
):
    verify(client, provider, clock)
    provider.key, provider.kid = other_key, "k-2"

    assert verify(client, provider, clock)["sub"] == "guardian-1"
    assert provider.count("/jwks") == 2


def test_p3_another_key_under_the_same_kid_is_fetched_at_once(
    client: Provider, provider: FakeProvider, clock: FrozenClock, other_key: RSAKey
):
    verify(client, provider, clock)
    provider.key = other_key

    assert verify(client, provider, clock)["sub"] == "guardian-1"
    assert provider.count("/jwks") == 2


def test_p3_an_unknown_kid_is_looked_for_once_a_minute_and_each_kid_by_itself(
    client: Provider, provider: FakeProvider, clock: FrozenClock
):
    verify(client, provider, clock)
    provider.jwks = provider.public_jwks()
    counts = []
    for kid, wait in (("x", 0), ("x", 59), ("y", 0), ("x", 1)):
        clock.advance(seconds=wait)
        provider.kid = kid
        with pytest.raises(IdTokenRefused):
            verify(client, provider, clock)
        counts.append(provider.count("/jwks"))

    assert counts == [2, 2, 3, 4]


def test_refetches_have_a_ceiling_in_all(client: Provider, provider: FakeProvider, clock: FrozenClock):
    verify(client, provider, clock)
    provider.jwks = provider.public_jwks()
    for number in range(40):
        provider.kid = f"forged-{number}"
        with pytest.raises(IdTokenRefused):
            verify(client, provider, clock)

    assert provider.count("/jwks") == 21


def test_jw_10_a_key_that_left_the_set_verifies_nothing_once_the_set_is_read_again(
    client: Provider, provider: FakeProvider, clock: FrozenClock, other_key: RSAKey
):
    verify(client, provider, clock)
    provider.jwks = {"keys": [other_key.as_dict(private=False) | {"kid": "k-2"}]}
    clock.advance(minutes=10)

    with pytest.raises(IdTokenRefused):
        verify(client, provider, clock)


def test_an_algorithm_is_pinned_by_setting(provider: FakeProvider, clock: FrozenClock):
    client = new_client(provider, clock, algorithms=("ES256",))

    with pytest.raises(IdTokenRefused):
        verify(client, provider, clock)


def test_discovery_can_take_an_algorithm_away(client: Provider, provider: FakeProvider, clock: FrozenClock):
    provider.metadata = {"id_token_signing_alg_values_supported": ["ES256"]}

    with pytest.raises(IdTokenRefused):
        verify(client, provider, clock)
