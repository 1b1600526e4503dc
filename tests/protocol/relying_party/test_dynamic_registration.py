"""oidc.md 3, row P10: the service registers itself (OpenID Connect Dynamic Client Registration 1.0), by command."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug import Request, Response

from livret_service.sign_in.cli import client
from livret_service.sign_in.client_file import read_registration
from shared.settings import SettingsRefused
from tests.conftest import browser_at, livret_settings_values
from tests.livret_service.conftest import (
    LIVRET_URL,
    FakeProvider,
    NewRelyingParty,
    json_response,
    sign_in,
)

ISSUED = {"client_id": "issued-1", "client_secret": "s%+:1", "client_secret_expires_at": 0}
TOKEN_CANARY = "initial-token-canary"


@pytest.fixture
def registering(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """The environment of a service that has no client_id yet, at a provider that registers."""
    values = livret_settings_values("sqlite://") | {"issuer": provider.issuer}
    for name, value in values.items():
        if not name.startswith("client_"):
            monkeypatch.setenv(f"LIVRET_{name.upper()}", str(value))
    provider.metadata = {"registration_endpoint": provider.issuer + "/register"}
    provider.register = lambda request: json_response(dict(request.json) | ISSUED, 201)
    return provider


def register(out: Path, *arguments: str) -> Result:
    whole = ["register", "--out", str(out), "--contact", "ops@ecole.example", *arguments]
    return CliRunner().invoke(client, whole, input=TOKEN_CANARY + "\n")


def asked_of(provider: FakeProvider) -> tuple[Request, dict[str, Any]]:
    request = next(one for one in provider.requests if one.path == "/register")
    return request, request.get_json()


def test_p10_the_command_registers_and_keeps_the_answer_for_its_owner_alone(
    registering: FakeProvider, tmp_path: Path
):
    """P10: with an initial access token, which is printed nowhere."""
    out = tmp_path / "client.json"

    result = register(out, "--initial-access-token-file", "-")

    assert result.exit_code == 0, result.output
    request, _ = asked_of(registering)
    assert request.headers["Authorization"] == f"Bearer {TOKEN_CANARY}"
    assert out.stat().st_mode & 0o777 == 0o600
    assert read_registration(out, registering.issuer).client_secret == ISSUED["client_secret"]
    assert result.stdout == "issued-1\n"
    assert TOKEN_CANARY not in result.output
    assert "s%+:1" not in result.output


def test_p10_what_it_says_of_itself_is_true(registering: FakeProvider, tmp_path: Path):
    """P10: https addresses, mail addresses as contacts, every address of ours that exists."""
    register(tmp_path / "client.json")

    _, metadata = asked_of(registering)
    assert metadata == {
        "application_type": "web",
        "client_name": "Livret scolaire",
        "redirect_uris": [f"{LIVRET_URL}/retour"],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "scope": "openid children children.ine",
        "contacts": ["ops@ecole.example"],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "initiate_login_uri": f"{LIVRET_URL}/connexion",
        "post_logout_redirect_uris": [f"{LIVRET_URL}/deconnexion/retour"],
        "backchannel_logout_uri": f"{LIVRET_URL}/deconnexion/canal-arriere",
        "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": f"{LIVRET_URL}/deconnexion/canal-avant",
        "frontchannel_logout_session_required": True,
    }


def test_p10_a_key_signed_userinfo_and_request_objects_are_registered_when_set(
    registering: FakeProvider, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LIVRET_CLIENT_KEY_FILE", str(key_file))
    monkeypatch.setenv("LIVRET_USERINFO_ALGORITHM", "RS256")
    monkeypatch.setenv("LIVRET_REQUEST_FORM", "signed_object")

    register(tmp_path / "client.json")

    _, metadata = asked_of(registering)
    assert metadata["token_endpoint_auth_method"] == "private_key_jwt"
    assert metadata["jwks_uri"] == f"{LIVRET_URL}/connexion/cles"
    assert metadata["userinfo_signed_response_alg"] == "RS256"
    assert metadata["request_object_signing_alg"] == "RS256"
    assert len(metadata["request_uris"]) == len(set(metadata["request_uris"])) == 20
    assert all(uri.startswith(f"{LIVRET_URL}/connexion/requete/") for uri in metadata["request_uris"])


def test_p10_the_service_signs_in_with_what_was_issued(
    registering: FakeProvider, tmp_path: Path, new_relying_party: NewRelyingParty
):
    out = tmp_path / "client.json"
    register(out)
    registering.claims = {"aud": "issued-1"}
    app = new_relying_party(client_file=str(out), client_id="", client_secret="")

    assert sign_in(browser_at(app, LIVRET_URL), registering).status_code == 303
    assert registering.token_requests[0].authorization.username == "issued-1"


def test_p10_a_registration_in_use_is_neither_lost_nor_made_twice(registering: FakeProvider, tmp_path: Path):
    out = tmp_path / "client.json"
    out.write_text("in use")

    assert register(out).exit_code == 3
    assert out.read_text() == "in use"
    assert "/register" not in registering.asked


REFUSALS: dict[str, tuple[Response, int]] = {
    "refused": (json_response({"error": "invalid_token"}, 401), 2),
    "no object": (json_response([], 201), 2),
    "no client_id": (json_response({}, 201), 2),
    "200 for 201": (json_response(ISSUED), 2),
    "HTML": (Response("<html>", 201), 4),
    "redirect": (Response(status=307, headers={"Location": "/elsewhere"}), 4),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_p10_a_refusal_is_said_and_nothing_is_written(registering: FakeProvider, tmp_path: Path, case: str):
    answer, code = REFUSALS[case]
    registering.register = lambda _request: answer

    result = register(tmp_path / "client.json")

    assert result.exit_code == code
    assert not (tmp_path / "client.json").exists()
    assert "/elsewhere" not in registering.asked


def test_p10_a_provider_that_registers_nobody_is_said(registering: FakeProvider, tmp_path: Path):
    registering.metadata = {}

    result = register(tmp_path / "client.json")

    assert result.exit_code == 2
    assert "registration_endpoint" in result.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"issuer": "{issuer}", "registration": {}}', '{"registration": {"client_id": 5}}']
)  # fmt: skip
def test_a_client_file_that_is_no_registration_refuses_to_start(
    new_relying_party: NewRelyingParty, provider: FakeProvider, tmp_path: Path, content: str
):
    path = tmp_path / "client.json"
    path.write_text(content.replace("{issuer}", provider.issuer))

    with pytest.raises(SettingsRefused, match="LIVRET_CLIENT_FILE: is not a registration"):
        new_relying_party(client_file=str(path))


def test_a_registration_at_another_issuer_refuses_to_start(
    new_relying_party: NewRelyingParty, tmp_path: Path
):
    path = tmp_path / "client.json"
    path.write_text(json.dumps({"issuer": "https://other.example", "registration": ISSUED}))

    with pytest.raises(SettingsRefused, match="another issuer"):
        new_relying_party(client_file=str(path))
