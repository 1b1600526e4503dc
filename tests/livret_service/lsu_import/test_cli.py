"""`livret import`: output, exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from livret_service.lsu_import.cli import import_command
from tests.livret_service.lsu_files import SCHOOL, VALID, spoiled, write


def run(app: Flask, *arguments: str | Path, content: bytes | None = None) -> Result:
    return app.test_cli_runner().invoke(
        import_command, [str(argument) for argument in arguments], input=content
    )


def test_a_right_file_prints_counts_by_class(livret_app: Flask, tmp_path: Path):
    result = run(livret_app, "--school", SCHOOL, write(tmp_path))

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "class   new  new version  unchanged  refused",
        "123456    2            0          0        0",
        "654321    1            0          0        0",
        "total     3            0          0        0",
        "3 bilans stored.",
    ]
    assert result.stderr == ""


def test_a_structure_error_refuses_the_file_with_exit_code_2(livret_app: Flask, tmp_path: Path):
    content, line = spoiled('positionnement="2"/>', 'positionnement="9"/>')

    result = run(livret_app, write(tmp_path, content))

    assert result.exit_code == 2
    assert result.stdout.startswith(
        f'line {line}: "acquis": attribute "positionnement" is "9", not one of 1, 2, 3, 4'
    )
    assert "nothing was stored" in result.stdout


@pytest.mark.parametrize(("options", "exit_code"), [([], 5), (["--strict"], 2), (["--dry-run"], 5)])
def test_a_semantic_problem_is_told_with_its_line(
    livret_app: Flask, tmp_path: Path, options: list[str], exit_code: int
):
    content, line = spoiled('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"')

    result = run(livret_app, *options, write(tmp_path, content))

    assert result.exit_code == exit_code
    assert (
        result.stdout.splitlines()[0] == f'line {line}: the domain "XYZ-RAC" is unknown [discipline_unknown]'
    )


def test_json_says_the_same(livret_app: Flask, tmp_path: Path):
    content, line = spoiled('code-domaine="STC-RAC"', 'code-domaine="XYZ-RAC"')

    report = json.loads(run(livret_app, "--format", "json", write(tmp_path, content)).stdout)

    assert report["schema"] == "livret.import/1"
    assert report["classes"][1] == {
        "class_id": 654321,
        "new": 0,
        "new_version": 0,
        "unchanged": 0,
        "refused": 1,
    }
    assert report["problems"][0]["line"] == line
    assert report["is_stored"] is True


def test_json_of_a_refused_file_lists_its_problems(livret_app: Flask, tmp_path: Path):
    report = json.loads(run(livret_app, "--format", "json", write(tmp_path, "<a/>")).stdout)

    assert [problem["error_code"] for problem in report["problems"]] == ["unexpected_root"]
    assert report["is_stored"] is False


def test_a_file_comes_from_standard_input_too(livret_app: Flask):
    assert run(livret_app, "--dry-run", "-", content=VALID.encode()).exit_code == 0


@pytest.mark.parametrize("school", ["0990001A", "099", "école"])
def test_a_school_that_cannot_be_is_a_fault_of_usage(livret_app: Flask, tmp_path: Path, school: str):
    assert run(livret_app, "--school", school, write(tmp_path)).exit_code == 2


def test_output_names_no_child_class_label_or_ine(livret_app: Flask, tmp_path: Path):
    content, _line = spoiled('nom="DUPONT"', 'nom="MARTIN"')
    run(livret_app, write(tmp_path))

    output = run(livret_app, write(tmp_path, content)).output

    assert "ine_other_names" in output
    for personal in ("MARTIN", "DUPONT", "Léa", "123456789AB", "CE2 B"):
        assert personal not in output


def test_help_gives_two_examples(livret_app: Flask):
    assert run(livret_app, "--help").output.count("  livret import ") == 2
