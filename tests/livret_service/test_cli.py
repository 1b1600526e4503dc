"""The `livret` command: what spans features."""

import pytest
from flask import Flask

from livret_service.cli import livret, main


def test_purge_prints_its_plan_and_acts_only_when_told(livret_app: Flask):
    runner = livret_app.test_cli_runner()

    planned = runner.invoke(livret, ["purge"])
    done = runner.invoke(livret, ["purge", "--apply"])

    assert planned.exit_code == done.exit_code == 0
    assert "Nothing done" in planned.output
    assert "Nothing done" not in done.output


def test_a_key_is_created_before_any_setting_exists(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["livret", "client-key", "create", "--out", str(tmp_path / "key.pem")])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 0
    assert (tmp_path / "key.pem").is_file()


def test_settings_that_do_not_hold_are_listed_without_a_trace(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["livret", "purge"])
    monkeypatch.delenv("LIVRET_ISSUER", raising=False)

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    assert "LIVRET_ISSUER: is required" in capsys.readouterr().err
