"""`idp clients`."""

import json
import stat
from pathlib import Path

import pytest
from flask import Flask
from joserfc.jwk import RSAKey

from idp.errors import CommandRefused
from idp.oidc.cli import clients
from idp.oidc.clients import METADATA_MEMBERS

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
