"""`idp keys`, as an operator meets it."""

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from idp.db import db
from idp.signing_keys import service
from idp.signing_keys.cli import keys
from idp.signing_keys.models import SigningKey
from idp.signing_keys.rotation import KeyAbsent, KeysUnreadable
from shared.settings import decode_key
from tests.conftest import FrozenClock, key_of
from tests.relying_party import RelyingParty


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a command waits for workers: counted, not spent."""
    seconds: list[float] = []
    monkeypatch.setattr("idp.signing_keys.cli.time.sleep", seconds.append)
    return seconds


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(keys, arguments)


def status(app: Flask) -> dict[str, Any]:
    return dict(json.loads(run(app, "status", "--format", "json").stdout))


def kid_in(app: Flask, state: str) -> str:
    return next(
        str(key["kid"]) for key in status(app)["keys"] if (key["state"], key["alg"]) == (state, "RS256")
    )


def test_status_creates_the_first_keys_and_lists_them(idp_app: Flask):
    result = run(idp_app, "status")

    assert result.exit_code == 0
    header, rsa, ec = result.stdout.splitlines()
    assert header.split() == ["key", "alg", "state", "age", "next", "when", "why", "not_fetched_by"]
    assert rsa.split()[1:5] == ["RS256", "active", "0", "min"]
    assert "relieve  2027-02-21 08:00 UTC  has signed long enough" in rsa
    assert ec.split()[1] == "ES256"


def test_status_says_no_when_a_move_is_due(idp_app: Flask, clock: FrozenClock):
    run(idp_app, "status")
    clock.advance(days=60)

    result = run(idp_app, "status")

    assert result.exit_code == 1
    assert "2 moves due: run idp keys rotate to see, with --apply to act." in result.stderr
    told = status(idp_app)
    assert told["due"] == 2
    assert [move["act"] for move in told["moves"][:2]] == ["create", "create"]


def test_status_tells_which_active_clients_have_not_fetched_a_waiting_key(
    party: RelyingParty, clock: FrozenClock
):
    for number in range(4):
        RelyingParty(party.app, clock, client_id=f"service-{number}").register()
    run(party.app, "rotate", "--apply")
    party.browser.get("/oauth/jwks?client_id=service-3")
    party.browser.get("/oauth/jwks", headers={"User-Agent": "livret (client_id=service-1)"})
    party.browser.get("/oauth/jwks?client_id=unknown")
    party.browser.head("/oauth/jwks?client_id=service-0")

    told = run(party.app, "status").stdout

    waiting = [line for line in told.splitlines() if "upcoming" in line]
    assert [line.endswith("every cache has seen it  livret, service-0, service-2") for line in waiting] == [
        True,
        True,
    ]
    assert [key["not_fetched_by"] for key in status(party.app)["keys"] if key["state"] == "upcoming"] == [
        ["livret", "service-0", "service-2"]
    ] * 2


def test_many_names_are_cut(party: RelyingParty, clock: FrozenClock):
    for number in range(4):
        RelyingParty(party.app, clock, client_id=f"service-{number}").register()

    run(party.app, "rotate", "--apply")

    assert "livret, service-0, service-1 and 2 more" in run(party.app, "status").stdout


def test_a_disabled_client_is_waited_for_no_more(party: RelyingParty, clock: FrozenClock):
    from idp.oidc.clients import disable_client

    run(party.app, "rotate", "--apply")
    with party.app.app_context():
        disable_client("livret", now=clock.now)

    assert all(key["not_fetched_by"] == [] for key in status(party.app)["keys"])


def test_a_rotation_prints_its_dated_plan_and_acts_only_when_told(idp_app: Flask, waited: list[float]):
    run(idp_app, "status")

    planned = run(idp_app, "rotate")

    lines = planned.stdout.splitlines()
    assert lines[0].split() == ["act", "key", "alg", "from", "to", "when", "reason"]
    assert lines[1].split()[:6] == ["create", "(new)", "RS256", "-", "upcoming", "now"]
    assert "2027-02-21 08:00 UTC" in planned.stdout
    assert planned.stderr == "2 moves due now. Nothing done. Add --apply to act.\n"
    assert len(status(idp_app)["keys"]) == 2
    assert waited == []

    applied = run(idp_app, "rotate", "--apply")

    assert applied.stdout == planned.stdout
    assert applied.stderr == "2 of 2 moves made. Every worker knows.\n"
    assert [key["state"] for key in status(idp_app)["keys"]].count("upcoming") == 2
    assert waited == [pytest.approx(1.2)]
    again = run(idp_app, "rotate", "--apply")
    assert again.exit_code == 0
    assert again.stderr.startswith("No move is due. The next one: relieve k-2026-11-23-")


def test_an_early_rotation_waits_for_caches_alone(idp_app: Flask, clock: FrozenClock):
    run(idp_app, "rotate", "--apply")
    signing = kid_in(idp_app, "active")
    clock.advance(minutes=9)
    assert run(idp_app, "rotate", "--early", "--apply").stderr.startswith("No move is due.")
    clock.advance(minutes=1)

    run(idp_app, "rotate", "--early", "--apply")

    assert kid_in(idp_app, "retiring") == signing


def test_a_new_key_is_published_as_soon_as_the_rotation_is_applied(idp_app: Flask, idp_client):
    """oidc I6: new name, new material, the old one still there."""

    def material() -> dict[str, str]:
        return {key["kid"]: key.get("n") or key["x"] for key in idp_client.get("/oauth/jwks").json["keys"]}

    before = material()

    run(idp_app, "rotate", "--apply")

    after = material()
    assert before.items() < after.items()
    assert len(set(after.values())) == 4


def test_an_emergency_counts_before_it_acts(party: RelyingParty, parent: object, waited: list[float]):
    run(party.app, "rotate", "--apply")
    waited.clear()
    party.tokens()
    signing = kid_in(party.app, "active")

    planned = run(party.app, "emergency", signing)

    lines = planned.stdout.splitlines()
    assert [line.split()[0] for line in lines if line] == [
        "act", "end", "promote", "create", "clients", "id_tokens", "sessions",
    ]  # fmt: skip
    assert [line.split()[1] for line in lines[-3:]] == ["1", "1", "1"]
    assert planned.stderr == "3 moves. Nothing done. Add --apply to act.\n"
    assert kid_in(party.app, "active") == signing
    told = json.loads(run(party.app, "emergency", signing, "--format", "json").stdout)
    assert told["effects"] == {"clients": 1, "id_tokens": 1, "sessions": 1}

    applied = run(party.app, "emergency", signing, "--apply")

    assert applied.stderr == "3 of 3 moves made. Every worker knows.\n"
    assert kid_in(party.app, "ended") == signing
    assert signing not in party.browser.get("/oauth/jwks").text
    assert waited == [pytest.approx(1.2)]
    again = run(party.app, "emergency", signing, "--apply")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == f"{signing} has ended already. Nothing to do.\n"
    ended = next(line for line in run(party.app, "status").stdout.splitlines() if signing in line)
    assert ended.split()[-3:] == ["refused", "everywhere", "-"]


def test_an_emergency_needs_a_key_that_is_there(idp_app: Flask):
    result = run(idp_app, "emergency", "k-unknown", "--apply")

    assert isinstance(result.exception, KeyAbsent)
    assert result.exception.exit_code == 2


def use_keys(app: Flask, patch: pytest.MonkeyPatch, current: str, previous: str | None) -> None:
    changes = {
        "key_encryption_key": decode_key(key_of(current)),
        "previous_key_encryption_key": decode_key(key_of(previous)) if previous else None,
    }
    patch.setitem(app.extensions, "settings", app.extensions["settings"].model_copy(update=changes))
    with app.app_context():
        service.forget_keyring()


def test_a_new_key_encryption_key_is_told_planned_and_applied(
    idp_app: Flask, monkeypatch: pytest.MonkeyPatch
):
    assert run(idp_app, "status").exit_code == 0
    use_keys(idp_app, monkeypatch, "another", previous="key_encryption_key")

    told = run(idp_app, "status")
    assert told.exit_code == 1
    assert told.stderr.startswith("To be sealed anew with idp keys rewrap --apply: k-2026-11-23-")
    assert told.stderr.count("k-2026-11-23-") == 2
    planned = run(idp_app, "rewrap")
    assert [line.split()[0] for line in planned.stdout.splitlines()] == ["act", "reseal", "reseal"]
    assert planned.stderr == "2 keys. Nothing done. Add --apply to act.\n"

    applied = run(idp_app, "rewrap", "--apply")

    assert applied.stderr == "2 keys sealed anew. Remove IDP_PREVIOUS_KEY_ENCRYPTION_KEY.\n"
    use_keys(idp_app, monkeypatch, "another", previous=None)
    assert run(idp_app, "status").exit_code == 0
    assert "Nothing to do" in run(idp_app, "rewrap", "--apply").stderr


def test_keys_that_nobody_can_open_are_told(idp_app: Flask, monkeypatch: pytest.MonkeyPatch):
    run(idp_app, "status")
    use_keys(idp_app, monkeypatch, "lost", previous=None)

    told = run(idp_app, "status")

    assert told.exit_code == 1
    assert "Sealed under a key-encryption key that is not in the settings" in told.stderr
    refused = run(idp_app, "rewrap", "--apply").exception
    assert isinstance(refused, KeysUnreadable)
    assert refused.exit_code == 3


def test_ad_05_no_private_part_is_ever_printed(idp_app: Flask):
    printed = "".join(
        run(idp_app, *arguments).output
        for arguments in (
            ["status"],
            ["rotate", "--apply"],
            ["rotate", "--format", "json"],
            ["rewrap", "--format", "json"],
            ["status", "--format", "json"],
        )
    )

    assert "PRIVATE" not in printed
    assert '"d"' not in printed
    with idp_app.app_context():
        sealed = db.session.scalars(db.select(SigningKey.sealed_private)).all()
    assert not any(each.hex() in printed for each in sealed)


@pytest.mark.parametrize("command", ["status", "rotate", "emergency", "rewrap"])
def test_help_shows_two_examples(idp_app: Flask, command: str):
    assert run(idp_app, command, "--help").stdout.count(f"  idp keys {command}") >= 2
