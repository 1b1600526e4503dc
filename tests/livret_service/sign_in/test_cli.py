"""The operator's commands for this client's key."""

import json
from pathlib import Path

from click.testing import CliRunner

from livret_service.sign_in.cli import client_key
from livret_service.sign_in.client_authentication import load_client_key


def test_a_new_key_is_readable_by_its_owner_alone_and_its_public_part_is_printed(tmp_path: Path):
    path = tmp_path / "client-key.pem"

    for algorithm in ("RS256", "ES256"):
        path.unlink(missing_ok=True)
        result = CliRunner().invoke(client_key, ["create", "--out", str(path), "--algorithm", algorithm])

        assert result.exit_code == 0
        (printed,) = json.loads(result.stdout)["keys"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert printed["kid"] == load_client_key(path).kid
        assert printed["alg"] == algorithm
        assert "d" not in printed


def test_a_key_in_use_is_never_written_over(tmp_path: Path):
    path = tmp_path / "client-key.pem"
    path.write_text("in use")

    result = CliRunner().invoke(client_key, ["create", "--out", str(path)])

    assert result.exit_code == 3
    assert path.read_text() == "in use"


def test_the_public_part_can_be_printed_again(tmp_path: Path):
    path = tmp_path / "client-key.pem"
    created = CliRunner().invoke(client_key, ["create", "--out", str(path)])

    shown = CliRunner().invoke(client_key, ["show", str(path)])

    assert shown.stdout == created.stdout


def test_a_file_that_is_no_key_is_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "client-key.pem"
    path.write_text("no key")

    result = CliRunner().invoke(client_key, ["show", str(path)])

    assert result.exit_code == 2
    assert "is not a private" in result.stderr
