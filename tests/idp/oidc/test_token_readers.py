"""What the operators of the signing keys are told of the clients."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from idp.db import db, transaction
from idp.oidc import clients, token_readers
from idp.oidc.models import Client
from tests.conftest import FrozenClock
from tests.relying_party import RelyingParty


@pytest.mark.parametrize("end", ["disabled", "expired"])
def test_a_client_that_is_given_nothing_any_more_is_not_active(
    party: RelyingParty, clock: FrozenClock, end: str
):
    RelyingParty(party.app, clock, client_id="another").register()
    with party.app.app_context():
        assert token_readers.active_clients(now=clock.now) == ("another", "livret")
        if end == "disabled":
            clients.disable_client("another", now=clock.now)
        else:
            with transaction():
                ended = update(Client).where(Client.client_id == "another").values(expires_at=clock.now)
                db.session.execute(ended)

        assert token_readers.active_clients(now=clock.now) == ("livret",)


def test_what_was_signed_is_counted_in_its_time_and_of_its_algorithm(
    party: RelyingParty, parent: object, clock: FrozenClock
):
    began = clock.now
    party.tokens()
    clock.advance(minutes=5)
    party.tokens()

    def count(algorithm: str = "RS256", *, until: timedelta | None = None) -> tuple[int, int]:
        end = None if until is None else began + until
        return token_readers.count_signed(algorithm, since=began, until=end, now=clock.now)

    with party.app.app_context():
        assert count() == (2, 1)
        assert count("ES256") == (0, 0)
        assert count(until=timedelta(minutes=5)) == (1, 1)
        assert count(until=timedelta(0)) == (0, 0)
        clock.advance(minutes=5)
        assert count() == (1, 1)


def test_what_is_signed_on_a_refresh_is_counted_too(offline_party: RelyingParty, clock: FrozenClock):
    refresh_token = offline_party.tokens(scope="openid profile offline_access")["refresh_token"]
    began = clock.advance(minutes=6)

    again = offline_party.refresh(refresh_token).json["refresh_token"]
    narrowed = offline_party.refresh(again, scope="profile").json

    assert "id_token" not in narrowed
    with offline_party.app.app_context():
        assert token_readers.count_signed("RS256", since=began, until=None, now=clock.now) == (1, 1)
