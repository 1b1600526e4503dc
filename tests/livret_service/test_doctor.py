"""`livret doctor`: what it says of an installation that lacks something, at a provider that answers as told."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text
from werkzeug import Response

from livret_service.cli import livret
from livret_service.db import db
from livret_service.doctor import doctor
from tests.livret_service.conftest import FakeProvider, NewRelyingParty, json_response

Examine = Callable[[], Result]


def refused_with(error: str) -> Callable[[object], Response]:
    return lambda _answer: json_response({"error": error}, 400)


@pytest.fixture
def examined(new_relying_party: NewRelyingParty, provider: FakeProvider) -> Examine:
    app = new_relying_party()
    provider.token_response = refused_with("invalid_grant")
    assert app.test_cli_runner().invoke(livret, ["db", "stamp"]).exit_code == 0
    return lambda: app.test_cli_runner().invoke(doctor)


def test_where_nothing_is_missing_each_check_says_so(examined: Examine, provider: FakeProvider) -> None:
    result = examined()

    assert result.exit_code == 0, result.output
    assert [line[:2] for line in result.stdout.splitlines()] == ["ok"] * 4
    assert provider.issuer in result.stdout


def test_a_provider_that_is_away_is_told(examined: Examine, provider: FakeProvider) -> None:
    provider.is_down = True

    result = examined()

    assert result.exit_code == 1
    assert [line[:2] for line in result.stdout.splitlines()] == ["ok", "NO", "NO", "NO"]
    assert "LIVRET_ISSUER" in result.stdout


def test_a_provider_of_another_name_is_told(examined: Examine, provider: FakeProvider) -> None:
    provider.metadata = {"issuer": "https://another.example"}

    assert "NO  provider" in examined().stdout


def test_keys_that_verify_nothing_we_accept_are_told(examined: Examine, provider: FakeProvider) -> None:
    provider.jwks = {"keys": []}

    result = examined()

    assert result.exit_code == 1
    assert "none for RS256; set LIVRET_SIGNATURE_ALGORITHM" in result.stdout


def test_a_client_that_the_provider_does_not_know_is_told(examined: Examine, provider: FakeProvider) -> None:
    provider.token_response = refused_with("invalid_client")

    result = examined()

    assert result.exit_code == 1
    assert "livret: invalid_client; compare LIVRET_CLIENT_" in result.stdout


def test_a_provider_that_takes_any_code_is_told(examined: Examine, provider: FakeProvider) -> None:
    provider.token_response = None

    assert "a code that nobody gave was taken" in examined().stdout


def test_tables_of_another_release_are_told_first_and_alone(examined: Examine, livret_app: Flask) -> None:
    with livret_app.app_context(), db.engine.begin() as connection:
        head = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    try:
        result = livret_app.test_cli_runner().invoke(doctor)
    finally:
        with livret_app.app_context(), db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})

    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
    assert "run livret db upgrade" in result.stdout


def test_without_the_tables_of_a_release_nothing_else_is_looked_at(
    new_relying_party: NewRelyingParty, tmp_path: object
) -> None:
    app = new_relying_party(database_url=f"sqlite:///{tmp_path}/there.db")

    result = app.test_cli_runner().invoke(doctor)

    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
