"""Settings that refuse to start, on the provider's."""

from pathlib import Path
from typing import Any

import pytest

from idp.settings import Settings
from shared.settings import SettingsRefused
from tests.conftest import idp_settings_values, key_of

GOOD = idp_settings_values("sqlite://")


def refusal(**changes: Any) -> SettingsRefused:
    with pytest.raises(SettingsRefused) as refused:
        Settings.load(**{name: value for name, value in (GOOD | changes).items() if value is not None})
    return refused.value


def test_every_problem_is_listed_at_once():
    problems = refusal(issuer=None, secret_key="short", mail_port=0).problems

    assert [problem.split(":")[0] for problem in problems] == [
        "IDP_ISSUER",
        "IDP_SECRET_KEY",
        "IDP_MAIL_PORT",
    ]


def test_a_library_s_switch_that_turns_https_off_refuses_to_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")

    problems = refusal(mail_port=0).problems

    assert [problem.split(":")[0] for problem in problems] == ["AUTHLIB_INSECURE_TRANSPORT", "IDP_MAIL_PORT"]


def test_a_refused_secret_is_not_printed():
    assert "hunter2hunter2" not in str(refusal(secret_key="hunter2hunter2"))


@pytest.mark.parametrize(
    "key", ["", "a", "A" * 43, "0" * 64, "changeme", "not base64 at all!", key_of("x")[:20]], ids=range(7)
)
def test_se_04_a_key_that_is_short_or_not_random_refuses_to_start(key: str):
    assert refusal(secret_key=key).problems[0].startswith("IDP_SECRET_KEY: ")


def test_one_key_has_one_use():
    assert "two keys have the same value" in str(refusal(outbox_key=GOOD["secret_key"]))


def test_a_previous_key_is_none_or_a_good_key_of_its_own():
    assert Settings.load(**GOOD).previous_key_encryption_key is None
    assert "IDP_PREVIOUS_KEY_ENCRYPTION_KEY" in str(refusal(previous_key_encryption_key="A" * 43))
    assert "two keys have the same value" in str(
        refusal(previous_key_encryption_key=GOOD["key_encryption_key"])
    )
    previous = Settings.load(**GOOD | {"previous_key_encryption_key": key_of("the one before")})
    assert "previous_key_encryption_key" not in repr(previous)


@pytest.mark.parametrize(
    "issuer",
    ["http://compte.example", "https://compte.example/", "https://compte.example/x", "ftp://compte.example",
     "https://a@compte.example", "compte.example", "https://"],
)  # fmt: skip
def test_the_issuer_is_an_https_origin(issuer: str):
    assert refusal(issuer=issuer).problems[0].startswith("IDP_ISSUER: ")


@pytest.mark.parametrize(
    "issuer", ["https://compte.example", "https://compte.example:8443", "http://localhost:8000"]
)
def test_plain_http_is_for_this_machine_only(issuer: str):
    assert Settings.load(**GOOD | {"issuer": issuer}).issuer == issuer


def test_plain_smtp_is_for_this_machine_only():
    assert "IDP_MAIL_SECURITY" in str(refusal(mail_host="mail.example"))


def test_keys_may_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "idp_secret_key").write_text(key_of("from a file") + "\n")
    monkeypatch.setenv("IDP_SECRETS_DIR", str(tmp_path))

    settings = Settings.load(**{name: value for name, value in GOOD.items() if name != "secret_key"})

    assert settings.secret_key == Settings.load(**GOOD | {"secret_key": key_of("from a file")}).secret_key


def test_a_key_is_not_shown_when_settings_are_printed():
    settings = Settings.load(**GOOD)

    assert "secret_key" not in repr(settings)
    assert str(settings.secret_key) not in repr(settings)
