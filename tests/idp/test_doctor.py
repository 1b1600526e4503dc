"""`idp doctor`: what it says of an installation that lacks something."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text, update

from idp.db import db, transaction
from idp.doctor import doctor
from idp.families.models import School
from idp.messaging import sending_domain
from idp.signing_keys.models import SigningKey
from tests.conftest import FrozenClock
from tests.factories import make_school
from tests.idp.messaging.test_service import enqueue
from tests.name_server import name_server
from tests.relying_party import signing_key

__all__ = ["signing_key"]


@pytest.fixture
def examined(
    idp_context: Flask, signing_key: None, mail_server: Any, use_mail_server: Callable[[Any], None]
) -> Callable[[], Result]:
    use_mail_server(mail_server)
    make_school()
    return lambda: idp_context.test_cli_runner().invoke(doctor)


def lines_that_say_no(result: Result) -> list[str]:
    return [line.removeprefix("NO  ") for line in result.stdout.splitlines() if line.startswith("NO")]


def test_where_nothing_is_missing_each_check_says_so(examined: Callable[[], Result]):
    result = examined()

    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 10
    assert lines_that_say_no(result) == []


def test_tables_of_another_release_are_told_first_and_alone(examined: Callable[[], Result]):
    with db.engine.begin() as connection:
        head = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    try:
        result = examined()
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})

    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "run idp db upgrade" in result.stdout


def test_an_installation_without_signing_keys_is_told_so(examined: Callable[[], Result]):
    with transaction():
        db.session.execute(db.delete(SigningKey))

    assert "none signs for RS256" in lines_that_say_no(examined())[0]


def test_a_move_that_is_due_is_told(examined: Callable[[], Result], clock: FrozenClock):
    clock.advance(days=200)

    assert "moves due; run idp keys rotate" in lines_that_say_no(examined())[0]


def test_keys_sealed_under_another_key_are_named(examined: Callable[[], Result]):
    with transaction():
        db.session.execute(update(SigningKey).values(sealed_private=b"\1" * 60))

    assert any("does not open" in line for line in lines_that_say_no(examined()))


def test_a_mail_server_that_does_not_answer_is_told(
    examined: Callable[[], Result], idp_context: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(idp_context.extensions["mail"], "port", 1)

    assert any(line.startswith("mail server") for line in lines_that_say_no(examined()))


def test_a_worker_that_is_away_is_told_by_what_waits(examined: Callable[[], Result], clock: FrozenClock):
    enqueue(clock.now - timedelta(minutes=40))

    assert any("40 minutes overdue" in line for line in lines_that_say_no(examined()))


def test_a_school_without_contact_is_named(examined: Callable[[], Result]):
    with transaction():
        db.session.execute(update(School).values(phone="", email=""))

    assert any("0990001N" in line for line in lines_that_say_no(examined()))


GOOD_ZONE = {
    "compte.example": ["v=spf1 mx -all"],
    "k1._domainkey.compte.example": ["v=DKIM1; k=ed25519; p=AAAA"],
    "_dmarc.compte.example": ["v=DMARC1; p=reject"],
}


@pytest.mark.parametrize(
    ("zone", "selector", "marks", "exit_code"),
    [
        (GOOD_ZONE, "k1", ["ok", "ok", "ok"], 0),
        (GOOD_ZONE, "", ["ok", "??", "ok"], 0),
        ({"compte.example": ["v=spf1 mx -all"]}, "k1", ["ok", "NO", "NO"], 1),
    ],
)
def test_mh_05_the_dns_of_the_sending_domain_is_looked_at(
    examined: Callable[[], Result],
    idp_context: Flask,
    zone: dict[str, list[str]],
    selector: str,
    marks: list[str],
    exit_code: int,
):
    changed = {"mail_sender_address": "ne-pas-repondre@Compte.Example", "mail_dkim_selector": selector}
    settings = idp_context.extensions["settings"]
    idp_context.extensions["settings"] = settings.model_copy(update=changed)

    with name_server(zone):
        result = examined()

    lines = {line[4:].split()[0]: line[:2] for line in result.stdout.splitlines()}
    assert [lines[name] for name in ("SPF", "DKIM", "DMARC")] == marks
    assert result.exit_code == exit_code


def test_a_silent_name_server_is_no_fault_of_the_installation(
    examined: Callable[[], Result], idp_context: Flask, monkeypatch: pytest.MonkeyPatch
):
    changed = {"mail_sender_address": "ne-pas-repondre@compte.example"}
    settings = idp_context.extensions["settings"]
    idp_context.extensions["settings"] = settings.model_copy(update=changed)
    monkeypatch.setattr(sending_domain.spf_problem, "__kwdefaults__", {"seconds": 0.05})
    monkeypatch.setattr(sending_domain.dmarc_problem, "__kwdefaults__", {"seconds": 0.05})

    with name_server({}, is_silent=True):
        result = examined()

    assert result.exit_code == 0
    assert result.stdout.count("compte.example: could not look (LifetimeTimeout)") == 2
