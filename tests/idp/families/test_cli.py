import json

import pytest
from click.testing import Result
from flask import Flask

from idp.families.cli import schools
from tests.factories import make_school


def run(idp_app: Flask, *arguments: str) -> Result:
    return idp_app.test_cli_runner().invoke(schools, arguments)


def test_a_contact_is_set_and_listed(idp_app: Flask, school: str) -> None:
    done = run(idp_app, "set", school, "--name", "École de la  Forêt", "--phone", "03 53 01 00 99")
    listed = run(idp_app, "list", "--format", "json")

    assert done.exit_code == 0
    assert json.loads(listed.stdout)["schools"] == [
        {
            "uai": school,
            "name": "École de la Forêt",
            "phone": "03 53 01 00 99",
            "email": "direction@ecole.example",
        }
    ]


def test_an_empty_value_removes_an_address(idp_app: Flask, school: str) -> None:
    done = run(idp_app, "set", school, "--email", "")

    assert done.stdout.splitlines()[-1].split("  ")[-1] == "-"


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "0990001N"),
        ("set", "0990001N", "--name", " "),
        ("set", "0990001N", "--phone", "0" * 41),
        ("set", "0750001U", "--phone", "03 53 01 00 99"),
    ],
)
def test_what_cannot_be_set_is_a_usage_error(idp_app: Flask, school: str, arguments: tuple[str, ...]) -> None:
    done = run(idp_app, *arguments)

    assert done.exit_code == 2
    assert done.stdout == ""


def test_the_list_is_a_table_by_default(idp_app: Flask, school: str) -> None:
    assert run(idp_app, "list").stdout.splitlines() == [
        "uai       name          phone           email",
        "0990001N  École du Lac  03 53 01 00 00  direction@ecole.example",
    ]


@pytest.fixture
def school(idp_app: Flask) -> str:
    with idp_app.app_context():
        return make_school()
