"""`idp schools`: contacts and what schools must look at."""

import json
from collections.abc import Sequence

import click
from flask.cli import AppGroup

from idp.families import service
from idp.families.rules import CONTACT_LENGTHS, SchoolContact
from idp.families.service import ContactField
from shared.clock import app_now

schools = AppGroup("schools", help="Show the schools, their contacts, and what they must look at.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)
_COLUMNS = ("uai", "name", "phone", "email")
_TASK_COLUMNS = ("reference", "kind", "since", "identifier", "guardian", "child", "link")


@schools.command("list")
@FORMAT
def list_schools(style: str) -> None:
    """List the schools with the contact printed on their letters.

    \b
    Examples:
      idp schools list
      idp schools list --format json
    """
    contacts = service.list_schools()
    if style == "json":
        rows = [{column: getattr(contact, column) for column in _COLUMNS} for contact in contacts]
        click.echo(json.dumps({"schema": 1, "schools": rows}, ensure_ascii=False, indent=2))
    else:
        click.echo(_table(contacts))


@schools.command("set")
@click.argument("uai")
@click.option("--name", help="Name of the school, as parents know it.")
@click.option("--phone", help="Telephone of the head, printed as given.")
@click.option("--email", help="Address of the head.")
def set_school(uai: str, name: str | None, phone: str | None, email: str | None) -> None:
    """Set the name, telephone or address that letters and pages give for the school UAI.

    What is not named stays as it is; an empty value removes a telephone or an address.

    \b
    Examples:
      idp schools set 0990001N --name "École du Lac" --phone "03 53 01 00 00"
      idp schools set 0990001N --email direction@ecole.example
    """
    given: dict[ContactField, str | None] = {"name": name, "phone": phone, "email": email}
    changes = {field: " ".join(value.split()) for field, value in given.items() if value is not None}
    if not changes or not changes.get("name", "x"):
        raise click.UsageError("give --name, --phone or --email; a name cannot be empty")
    for field, value in changes.items():
        if len(value) > CONTACT_LENGTHS[field]:
            raise click.BadParameter(
                f"longer than {CONTACT_LENGTHS[field]} characters", param_hint=f"--{field}"
            )
    try:
        click.echo(_table([service.set_contact(uai, changes)]))
    except service.UnknownSchool:
        raise click.BadParameter(f"{uai} is not known: import its roster first", param_hint="UAI") from None


@schools.command("tasks")
@click.argument("uai")
@click.option("--settle", "reference", help="Mark the task of this reference as done.")
@FORMAT
def tasks(uai: str, reference: str | None, style: str) -> None:
    """List what the school UAI must look at: reported links, blocked birth dates, returned mail, merged accounts.

    For a blocked birth date that is wrong in the roster: idp links correct-birth-date, which settles the task.

    \b
    Examples:
      idp schools tasks 0990001N
      idp schools tasks 0990001N --settle E7KQM2X
    """
    try:
        if reference is not None:
            service.settle_school_task(uai, reference.strip().upper(), now=app_now())
        found = service.open_tasks(uai)
    except service.UnknownSchool:
        raise click.BadParameter(f"{uai} is not known: import its roster first", param_hint="UAI") from None
    except service.UnknownTask:
        raise click.BadParameter("no open task has this reference", param_hint="--settle") from None
    rows = [
        (
            task.reference,
            task.kind.value,
            task.created_at.date().isoformat(),
            task.identifier,
            task.guardian_name,
            task.child_name,
            str(task.link_id or ""),
        )
        for task in found
    ]
    echo_rows("tasks", _TASK_COLUMNS, rows, style)


def echo_rows(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> None:
    if style == "json":
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps({"schema": 1, name: found}, ensure_ascii=False, indent=2))
    else:
        click.echo(aligned([columns, *([cell or "-" for cell in row] for row in rows)]))


def _table(contacts: Sequence[SchoolContact]) -> str:
    return aligned(
        [_COLUMNS, *([getattr(contact, column) or "-" for column in _COLUMNS] for contact in contacts)]
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
