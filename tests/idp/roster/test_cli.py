import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.db import db
from idp.roster.cli import roster
from tests.conftest import idp_settings_values
from tests.idp.roster.files import GuardianLine, PupilLine, guardians_csv, pupils_csv

MAEL = PupilLine()
LEA = PupilLine("Léa", ine="123456789AB")
Import = Callable[..., Result]


def test_an_import_prints_its_counts_and_exits_0(import_files: Import) -> None:
    done = import_files("--school-name", "École du Lac")

    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()][1:4] == [
        ["children", "2", "0", "0", "0"],
        ["guardians", "1", "0", "0", "0"],
        ["links", "2", "0", "0", "0"],
    ]
    assert done.stderr == ""


def test_a_dry_run_prints_the_plan_and_writes_nothing(import_files: Import, idp_app: Flask) -> None:
    done = import_files("--dry-run")

    assert done.exit_code == 0
    assert "new guardian: L’HÉNORET Céline (line 2)" in done.stdout
    assert "nothing was written" in done.stderr
    with idp_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Account)) == 0


def test_json_goes_to_standard_output_alone(import_files: Import) -> None:
    done = import_files("--format", "json")

    document = json.loads(done.stdout)
    assert (document["schema"], document["school"], document["is_dry_run"]) == (1, "0990001N", False)
    assert [change["identifier"] for change in document["changes"] if change["what"] == "guardian"] == [
        "c.lhenoret"
    ]
    assert document["problems"] == []


def test_im_03_every_problem_is_listed_and_the_exit_code_is_2(import_files: Import) -> None:
    done = import_files(
        school="0990001A", pupils=[PupilLine(born="?", sex="?")], guardians=[GuardianLine(title="?")]
    )

    assert done.exit_code == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert "'0990001A' is not a UAI" in lines[0]
    assert lines[1].endswith(
        "pupils.csv, line 2, column 4 (Date naissance): '?' is not a date (dd/mm/yyyy or yyyy-mm-dd)"
    )
    assert "line 2, column 5 (Sexe)" in lines[2]
    assert "guardians.csv, line 2, column 1 (Civilité Responsable)" in lines[3]
    assert lines[-1] == "4 problems: nothing was written"


def test_problems_in_json_are_a_document_too(import_files: Import) -> None:
    done = import_files("--format", "json", pupils=[PupilLine(born="?")], guardians=[])

    (problem,) = json.loads(done.stdout)["problems"]
    assert done.exit_code == 2
    assert (problem["line"], problem["column"], problem["column_name"]) == (2, 4, "Date naissance")


def test_notices_go_to_standard_error(import_files: Import) -> None:
    done = import_files(pupils=[PupilLine(ine="odd")], guardians=[GuardianLine([MAEL])])

    assert done.exit_code == 0
    assert "note: " in done.stderr
    assert "line 2, column 6 (INE)" in done.stderr


def test_a_dry_run_that_the_guard_would_stop_exits_3(import_files: Import) -> None:
    import_files()

    done = import_files("--dry-run", pupils=[MAEL], guardians=[GuardianLine([MAEL])])

    assert done.exit_code == 3
    assert "leaving child: N’GUYEN Léa" in done.stdout
    assert "the guard would stop this import: 1 of 2 children would leave the school (50 %)" in done.stderr


def test_a_mass_departure_stops_the_command_with_exit_code_3(
    import_files: Import,
    command: Callable[..., subprocess.CompletedProcess[str]],
    write_files: Callable[..., list[str]],
) -> None:
    import_files()
    files = write_files([MAEL], [GuardianLine([MAEL])])

    stopped = command("roster", "import", "--school", "0990001N", *files)
    allowed = import_files("--allow-departures", pupils=[MAEL], guardians=[GuardianLine([MAEL])])

    assert stopped.returncode == 3
    assert stopped.stdout == ""
    assert "--allow-departures" in stopped.stderr
    assert "1 of 2 children would leave" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert allowed.exit_code == 0


def test_help_shows_two_examples(idp_app: Flask) -> None:
    help_text = idp_app.test_cli_runner().invoke(roster, ["import", "--help"]).stdout

    assert help_text.count("idp roster import --school 0990001N") == 2


@pytest.mark.parametrize("missing", ["pupils.csv", "guardians.csv"])
def test_a_file_that_is_not_there_is_a_usage_error(
    idp_app: Flask, write_files: Callable[..., list[str]], missing: str
) -> None:
    files = write_files([MAEL], [GuardianLine([MAEL])])
    next(Path(file) for file in files if file.endswith(missing)).unlink()

    done = idp_app.test_cli_runner().invoke(roster, ["import", "--school", "0990001N", *files])

    assert done.exit_code == 2


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[..., list[str]]:
    """Writes both extractions; returns their paths, pupils first."""

    def write(pupils: list[PupilLine], guardians: list[GuardianLine]) -> list[str]:
        (tmp_path / "pupils.csv").write_bytes(pupils_csv(*pupils))
        (tmp_path / "guardians.csv").write_bytes(guardians_csv(*guardians))
        return [str(tmp_path / "pupils.csv"), str(tmp_path / "guardians.csv")]

    return write


@pytest.fixture
def import_files(idp_app: Flask, write_files: Callable[..., list[str]]) -> Import:
    """Runs the command on two pupils of one guardian, or on what is given."""

    def run(
        *options: str,
        school: str = "0990001N",
        pupils: list[PupilLine] | None = None,
        guardians: list[GuardianLine] | None = None,
    ) -> Result:
        lines = [MAEL, LEA] if pupils is None else pupils
        files = write_files(lines, [GuardianLine(lines)] if guardians is None else guardians)
        return idp_app.test_cli_runner().invoke(roster, ["import", "--school", school, *options, *files])

    return run


@pytest.fixture
def command(idp_app: Flask) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `idp` as an operator does, on the test's database."""
    values = idp_settings_values(idp_app.extensions["settings"].database_url)
    environment = os.environ | {f"IDP_{name.upper()}": str(value) for name, value in values.items()}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from idp.cli import main; main()", *arguments]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)

    return run
