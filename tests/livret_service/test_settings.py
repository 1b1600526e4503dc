"""Settings that do not hold stop the service, all problems at once, values never shown."""

from pathlib import Path
from typing import Any

import pytest

from livret_service.app import create_app
from livret_service.settings import Settings
from shared.settings import SettingsRefused
from tests.conftest import livret_settings_values

VALUES = livret_settings_values("sqlite://")


def problems(**changes: Any) -> list[str]:
    with pytest.raises(SettingsRefused) as refusal:
        create_app(Settings.load(**(VALUES | changes)))
    return refusal.value.problems


def test_every_problem_is_listed_at_once():
    found = problems(issuer="http://provider.example", public_url="x", scope="openid", client_id=None)

    assert [line.partition(":")[0] for line in found] == [
        "LIVRET_PUBLIC_URL", "LIVRET_ISSUER", "LIVRET_CLIENT_ID", "LIVRET_SCOPE",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "issuer",
    [
        "http://provider.example",
        "provider.example",
        "https://a:b@provider.example",
        "https://provider.example?x",
        "",
    ],
)
def test_an_issuer_that_is_no_plain_https_address_is_refused(issuer: str):
    assert [line.partition(":")[0] for line in problems(issuer=issuer)] == ["LIVRET_ISSUER"]


@pytest.mark.parametrize(
    "issuer", ["https://provider.example/", "https://provider.example/realm", "http://localhost:1"]
)
def test_an_issuer_is_kept_to_the_character(issuer: str):
    assert Settings.load(**(VALUES | {"issuer": issuer})).issuer == issuer


def test_a_client_needs_a_key_or_a_secret(tmp_path: Path):
    assert "LIVRET_CLIENT_KEY_FILE or LIVRET_CLIENT_SECRET" in problems(client_secret="")[0]
    assert "is not a file" in problems(client_key_file=str(tmp_path / "absent.pem"))[0]


def test_a_key_file_without_a_key_stops_the_start(tmp_path: Path):
    path = tmp_path / "key.pem"
    path.write_text("no key, but a canary")

    (problem,) = problems(client_key_file=str(path))

    assert problem == "LIVRET_CLIENT_KEY_FILE: is not a private RSA or P-256 key"


def test_se_04_no_default_secret_is_accepted():
    assert problems(secret_key=None)
    assert problems(secret_key="A" * 43)


def test_the_algorithm_is_one_of_the_asymmetric_ones():
    for algorithm in ("none", "HS256", "RS512"):
        assert problems(signature_algorithm=algorithm)


def test_activation_is_at_the_provider_unless_said_otherwise():
    assert Settings.load(**VALUES).activation_address == "https://compte.example/activation"
    told = Settings.load(**(VALUES | {"activation_url": "https://compte.example/first"}))
    assert told.activation_address == "https://compte.example/first"
