"""`idp clients`."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from joserfc.jwk import RSAKey
from sqlalchemy import func, select

from idp.audit.models import AuditEntry
from idp.db import db
from idp.errors import CommandRefused
from idp.oidc.cli import clients
from idp.oidc.clients import METADATA_MEMBERS
from idp.oidc.events import journal_id
from idp.oidc.models import InitialAccessToken
from shared.secrets import digest
from tests.relying_party import RelyingParty

ADD = ("add", "Livret scolaire", "--client-id", "livret", "--redirect-uri", "https://livret.example/retour")


def run(app: Flask, *arguments: str):
    return app.test_cli_runner().invoke(clients, arguments)


def as_json(app: Flask, *arguments: str):
    result = run(app, *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_secret_is_printed_once_on_standard_output(idp_app: Flask):
    added = as_json(idp_app, *ADD)

    assert added["client_id"] == "livret"
    assert len(added["client_secret"]) == 43
    for arguments in (["list"], ["show", "livret"]):
        assert added["client_secret"] not in run(idp_app, *arguments).output


def test_the_table_says_the_same(idp_app: Flask):
    result = run(idp_app, *ADD)

    assert "client_secret" in result.stdout
    assert "shown this once" in result.stderr


def test_a_secret_may_go_to_a_file_of_its_owner_alone(idp_app: Flask, tmp_path: Path):
    path = tmp_path / "secret"

    added = as_json(idp_app, *ADD, "--secret-file", str(path))

    assert "client_secret" not in added
    assert len(path.read_text().strip()) == 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_overwritten_and_no_client_is_made(idp_app: Flask, tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("kept")

    assert run(idp_app, *ADD, "--secret-file", str(path)).exit_code == 2

    assert path.read_text() == "kept"
    assert as_json(idp_app, "list")["clients"] == []


def test_every_option_is_kept(idp_app: Flask, tmp_path: Path):
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}))

    as_json(
        idp_app,
        *ADD,
        *("--redirect-uri", "https://livret.example/autre"),
        *("--post-logout-redirect-uri", "https://livret.example/"),
        *("--initiate-login-uri", "https://livret.example/connexion"),
        *("--client-uri", "https://livret.example/"),
        *("--scope", "openid children"),
        *("--sector-identifier", "ecole.example"),
        *("--token-endpoint-auth-method", "private_key_jwt", "--jwks", str(jwks)),
        *("--first-party", "--no-require-pkce"),
    )

    shown = as_json(idp_app, "show", "livret")
    expected = {
        "client_id": "livret",
        "name": "Livret scolaire",
        "client_uri": "https://livret.example/",
        "redirect_uris": ["https://livret.example/retour", "https://livret.example/autre"],
        "post_logout_redirect_uris": ["https://livret.example/"],
        "initiate_login_uri": "https://livret.example/connexion",
        "scope": "openid children",
        "token_endpoint_auth_method": "private_key_jwt",
        "sector_identifier": "ecole.example",
        "require_pkce": False,
        "first_party": True,
        "jwks": json.loads(jwks.read_text()),
        "disabled_at": None,
        "expires_at": None,
        "last_used_at": None,
    }
    assert {name: shown[name] for name in expected} == expected
    assert set(METADATA_MEMBERS) < set(shown)
    assert "require_pkce" in run(idp_app, "show", "livret").stdout


def test_an_id_is_drawn_when_none_is_given(idp_app: Flask):
    added = as_json(idp_app, "add", "X", "--redirect-uri", "https://x.example/cb")

    assert len(added["client_id"]) == 24


def test_a_rotation_prints_another_secret(idp_app: Flask):
    first = as_json(idp_app, *ADD)["client_secret"]

    second = as_json(idp_app, "rotate-secret", "livret", "--overlap-hours", "0")["client_secret"]

    assert second != first


def test_a_disabled_client_is_listed_as_such(idp_app: Flask):
    as_json(idp_app, *ADD)

    assert run(idp_app, "disable", "livret").exit_code == 0

    assert as_json(idp_app, "list")["clients"][0]["disabled_at"] is not None
    assert "disabled" in run(idp_app, "list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (*ADD, "--scope", "profile"),
        ("add", "X", "--redirect-uri", "http://x.example/cb"),
        ("show", "nobody"),
        ("disable", "nobody"),
        ("rotate-secret", "nobody"),
    ],
)
def test_what_is_refused_is_a_sentence(idp_app: Flask, arguments: tuple[str, ...]):
    result = run(idp_app, *arguments)

    assert isinstance(result.exception, CommandRefused)
    assert result.exception.hint or result.exception.detail


@pytest.mark.parametrize("content", ["not json", "[]", "null"])
def test_a_file_that_holds_no_keys_is_a_usage_error(idp_app: Flask, tmp_path: Path, content: str):
    path = tmp_path / "jwks.json"
    path.write_text(content)

    assert run(idp_app, *ADD, "--jwks", str(path)).exit_code == 2


def test_members_of_the_standards_are_options(idp_app: Flask):
    as_json(
        idp_app,
        *ADD,
        *("--logo-uri", "https://livret.example/logo.png"),
        *("--policy-uri", "https://livret.example/donnees"),
        *("--jwks-uri", "https://livret.example/cles"),
        *("--contact", "equipe@livret.example", "--contact", "astreinte@livret.example"),
        *("--request-uri", "https://livret.example/requete"),
        *("--backchannel-logout-uri", "https://livret.example/deconnexion/canal-arriere"),
        *("--userinfo-signed-response-alg", "RS256"),
        *("--access-token-format", "jwt"),
        *("--default-max-age", "600", "--require-auth-time"),
        *("--scope", "openid offline_access"),
    )

    shown = as_json(idp_app, "show", "livret")
    expected = {
        "logo_uri": "https://livret.example/logo.png",
        "policy_uri": "https://livret.example/donnees",
        "jwks_uri": "https://livret.example/cles",
        "contacts": ["equipe@livret.example", "astreinte@livret.example"],
        "request_uris": ["https://livret.example/requete"],
        "backchannel_logout_uri": "https://livret.example/deconnexion/canal-arriere",
        "userinfo_signed_response_alg": "RS256",
        "access_token_format": "jwt",
        "default_max_age": 600,
        "require_auth_time": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "RS256",
        "tos_uri": None,
    }
    assert {name: shown[name] for name in expected} == expected


def test_a_program_signs_nobody_in(idp_app: Flask):
    as_json(
        idp_app, "add", "Stats", "--client-id", "stats", "--grant-type", "client_credentials", "--scope", ""
    )

    shown = as_json(idp_app, "show", "stats")
    assert shown["grant_types"] == ["client_credentials"]
    assert (shown["response_types"], shown["redirect_uris"]) == ([], [])


def test_a_disabled_client_may_be_enabled_again(idp_app: Flask):
    as_json(idp_app, *ADD)
    run(idp_app, "disable", "livret")

    assert run(idp_app, "enable", "livret").exit_code == 0

    assert as_json(idp_app, "list")["clients"][0]["disabled_at"] is None
    assert isinstance(run(idp_app, "enable", "nobody").exception, CommandRefused)


def test_the_list_tells_when_a_client_was_last_used(idp_app: Flask, party: RelyingParty, parent: object):
    assert as_json(idp_app, "list")["clients"][0]["last_used_at"] is None

    party.tokens()

    assert as_json(idp_app, "list")["clients"][0]["last_used_at"] == party.clock.now.isoformat()
    assert party.clock.now.isoformat() in run(idp_app, "list").stdout


def test_the_last_use_is_told_to_the_hour(idp_app: Flask, party: RelyingParty, parent: object):
    """The token endpoint does not pay a write for each request."""
    first = party.clock.now
    party.tokens()
    party.clock.advance(minutes=59)
    party.sign_in(parent)  # type: ignore[arg-type]  # the fixture's account
    party.tokens()
    within = as_json(idp_app, "list")["clients"][0]["last_used_at"]
    party.clock.advance(minutes=1)
    party.sign_in(parent)  # type: ignore[arg-type]  # the fixture's account
    party.tokens()

    assert within == first.isoformat()
    assert as_json(idp_app, "list")["clients"][0]["last_used_at"] == party.clock.now.isoformat()


def test_an_invitation_is_printed_once_with_its_policy(idp_app: Flask):
    told = as_json(
        idp_app,
        *("invite", "--scope", "openid children", "--no-require-pkce", "--uses", "3"),
        *("--expires-days", "2", "--client-days", "9"),
    )

    with idp_app.app_context():
        kept = db.session.execute(select(InitialAccessToken)).scalar_one()
    assert digest(told["initial_access_token"]) == kept.digest
    assert (kept.scope, kept.require_pkce, kept.uses_left, kept.client_days) == (
        "openid children",
        False,
        3,
        9,
    )
    assert kept.expires_at - kept.created_at == timedelta(days=2)


def test_an_invitation_may_go_to_a_file(idp_app: Flask, tmp_path: Path):
    path = tmp_path / "invitation"

    told = as_json(idp_app, "invite", "--secret-file", str(path))

    assert "initial_access_token" not in told
    assert len(path.read_text().strip()) == 43


@pytest.mark.parametrize("scope", ["profile", "openid unknown", ""])
def test_an_invitation_names_scopes_that_exist(idp_app: Flask, scope: str):
    assert run(idp_app, "invite", "--scope", scope).exit_code == 2


def test_an_invitation_to_a_closed_door_says_so(idp_app: Flask):
    before = idp_app.extensions["settings"]
    idp_app.extensions["settings"] = before.model_copy(update={"registration": "closed"})
    try:
        assert "IDP_REGISTRATION" in run(idp_app, "invite").stderr
    finally:
        idp_app.extensions["settings"] = before


def test_what_an_operator_does_is_in_the_journal(idp_app: Flask):
    run(idp_app, *ADD)
    run(idp_app, "rotate-secret", "livret", "--overlap-hours", "1")
    run(idp_app, "disable", "livret")
    run(idp_app, "enable", "livret")
    run(idp_app, "invite", "--uses", "3")
    for nothing in (["disable", "nobody"], ["enable", "nobody"], ["rotate-secret", "nobody"], ADD):
        run(idp_app, *nothing)

    known = as_json(idp_app, "show", "livret")["journal_id"]
    with idp_app.app_context():
        entries = {entry.name: entry for entry in db.session.scalars(select(AuditEntry))}
        [invitation_id] = db.session.scalars(select(InitialAccessToken.id))
        assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == len(entries) == 5
    assert {name: entry.details for name, entry in entries.items()} == {
        "operator:client:added": {"client_id": known},
        "operator:client_secret:rotated": {"client_id": known, "overlap_seconds": 3600},
        "operator:client:disabled": {"client_id": known},
        "operator:client:enabled": {"client_id": known},
        "operator:clients:invited": {"invitation_id": str(invitation_id), "uses": 3},
    }


def test_the_journal_calls_a_service_by_one_uuid_for_ever():
    itself = "7a0c1f6e-4d6f-4c8e-9a2b-3c4d5e6f7a8b"

    assert str(journal_id(itself)) == itself
    assert str(journal_id("livret")) == "5ef21adb-4e19-5680-9967-d11658ca2021"
    assert journal_id(itself.upper()) != journal_id(itself)
