"""The client directory of a worker, and the registry behind it."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from idp.db import db, transaction
from idp.oidc import clients
from idp.oidc.clients import ClientAbsent, ClientDirectory, ClientExists, ClientHasNoSecret
from idp.oidc.models import Client, ClientSecret
from idp.oidc.registration import ClientMetadata
from shared.secrets import digest

METADATA = ClientMetadata("livret", "Livret scolaire", ("https://livret.example/retour",), "openid")


class Ticks:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_secret_is_returned_once_and_kept_as_a_digest(idp_context: Flask, now: datetime):
    client_secret = clients.add_client(METADATA, now=now)

    assert client_secret is not None
    assert len(client_secret) == 43
    assert db.session.scalars(select(ClientSecret.secret_digest)).one() == digest(client_secret)


def test_what_is_registered_is_read_back(idp_context: Flask, now: datetime):
    """Each field of the metadata is a column, and none is lost on the way."""
    rich = dataclasses.replace(
        METADATA,
        jwks_uri="https://livret.example/cles",
        contacts=("equipe@livret.example",),
        request_uris=("https://livret.example/requete",),
        default_max_age=600,
        require_auth_time=True,
        grant_types=("authorization_code", "refresh_token"),
        backchannel_logout_uri="https://livret.example/deconnexion/canal-arriere",
        backchannel_logout_session_required=True,
    )
    clients.add_client(rich, now=now)

    found = clients.find_client("livret", now=now)

    assert found is not None
    read = {member: getattr(found, member) for member in clients.METADATA_MEMBERS}
    assert ClientMetadata(**read) == dataclasses.replace(rich, sector_identifier="livret.example")


def test_a_client_past_its_end_is_disabled(idp_context: Flask, now: datetime):
    clients.add_client(METADATA, now=now)
    with transaction():
        db.session.execute(update(Client).values(expires_at=now))

    at_its_end = clients.find_client("livret", now=now)
    just_before = clients.find_client("livret", now=now - timedelta(seconds=1))

    assert at_its_end is not None
    assert at_its_end.is_disabled
    assert just_before is not None
    assert not just_before.is_disabled


def test_a_client_id_is_given_once(idp_context: Flask, now: datetime):
    clients.add_client(METADATA, now=now)

    with pytest.raises(ClientExists):
        clients.add_client(METADATA, now=now)


def test_what_is_not_there_is_said(idp_context: Flask, now: datetime):
    for act in (
        lambda: clients.get_client("nobody"),
        lambda: clients.disable_client("nobody", now=now),
        lambda: clients.rotate_secret("nobody", overlap=timedelta(0), now=now),
    ):
        with pytest.raises(ClientAbsent):
            act()


def test_a_public_client_has_no_secret_to_rotate(idp_context: Flask, now: datetime):
    public = ClientMetadata("app", "App", METADATA.redirect_uris, "openid", token_endpoint_auth_method="none")
    assert clients.add_client(public, now=now) is None

    with pytest.raises(ClientHasNoSecret):
        clients.rotate_secret("app", overlap=timedelta(0), now=now)


def test_disabling_twice_keeps_the_first_instant(idp_context: Flask, now: datetime):
    clients.add_client(METADATA, now=now)
    clients.disable_client("livret", now=now)

    clients.disable_client("livret", now=now + timedelta(days=1))

    assert clients.get_client("livret").disabled_at == now


def test_a_record_is_read_once_in_ten_seconds(idp_context: Flask, now: datetime):
    clients.add_client(METADATA, now=now)
    ticks = Ticks()
    statements: list[str] = []
    directory = ClientDirectory(ticks)

    def listen(*arguments: Any) -> None:
        if not arguments[2].startswith("BEGIN"):
            statements.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        first = directory.find("livret", now=now)
        ticks.seconds = 9.9
        assert directory.find("livret", now=now) is first
        read = len(statements)
        ticks.seconds = 10.0
        assert directory.find("livret", now=now) is not first
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)

    assert len(statements) == 2 * read


def test_a_client_added_now_works_now(idp_context: Flask, now: datetime):
    directory = ClientDirectory(Ticks())
    assert directory.find("livret", now=now) is None

    clients.add_client(METADATA, now=now)

    assert directory.find("livret", now=now) is not None


def test_an_assertion_identifier_may_come_again_once_it_could_not_be_replayed(
    idp_context: Flask, now: datetime
):
    clients.add_client(METADATA, now=now)
    end = now + timedelta(seconds=70)

    assert clients.take_assertion("livret", "jti", expires_at=end, now=now)
    assert not clients.take_assertion("livret", "jti", expires_at=end, now=end)
    assert clients.take_assertion("livret", "jti", expires_at=end, now=end + timedelta(seconds=1))
