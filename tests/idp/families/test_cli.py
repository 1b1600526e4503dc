import json
from datetime import datetime
from uuid import UUID

import click
import pytest
from click.testing import Result
from flask import Flask

from idp.db import transaction
from idp.families import service as families
from idp.families.cli import schools
from tests.factories import make_account, make_child, make_link, make_school


def run(idp_app: Flask, *arguments: str, group: click.Group = schools) -> Result:
    return idp_app.test_cli_runner().invoke(group, arguments)


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


def test_a_schools_tasks_are_listed_with_names_and_settled(
    idp_app: Flask, reported: tuple[UUID, str]
) -> None:
    link_id, reference = reported

    listed = json.loads(run(idp_app, "tasks", "0990001N", "--format", "json").stdout)
    settled = run(idp_app, "tasks", "0990001N", "--settle", reference.lower())

    assert listed["tasks"] == [
        {
            "reference": reference,
            "kind": "link_reported",
            "since": "2026-11-23",
            "identifier": "c.lhenoret",
            "guardian": "Céline L’HÉNORET",
            "child": "Maël N’GUYEN",
            "link": str(link_id),
        }
    ]
    assert settled.exit_code == 0
    assert settled.stdout.splitlines() == ["reference  kind  since  identifier  guardian  child  link"]
    assert run(idp_app, "tasks", "0990001N", "--settle", reference).exit_code == 2
    assert run(idp_app, "tasks", "0750001U").exit_code == 2


@pytest.fixture
def reported(idp_app: Flask, now: datetime) -> tuple[UUID, str]:
    """A link that its guardian reported, and the reference they were given."""
    with idp_app.app_context():
        account_id = make_account(identifier="c.lhenoret")
        link_id = make_link(account_id, make_child()).id
        with transaction():
            return link_id, families.dispute_link(account_id, link_id, now=now)


@pytest.fixture
def school(idp_app: Flask) -> str:
    with idp_app.app_context():
        return make_school()
