"""`idp schools`: contacts and what schools must look at. `idp links`: who may see which child."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import click
from flask.cli import AppGroup

from idp.accounts.rules import AccountId, normalise_identifier
from idp.families import service
from idp.families.rules import CONTACT_LENGTHS, LinkEnder, LinkSheet, SchoolContact
from idp.families.service import ContactField
from shared.clock import app_now

schools = AppGroup("schools", help="Show the schools, their contacts, and what they must look at.")
links = AppGroup("links", help="Show which children an account may see; suspend, restore or end that.")
APPLY = click.option("--apply", "is_applied", is_flag=True, help="Act; without it, only print the plan.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)
_COLUMNS = ("uai", "name", "phone", "email")
_TASK_COLUMNS = ("reference", "kind", "since", "identifier", "guardian", "child", "link")
_LINK_COLUMNS = ("link", "state", "ended_by", "child", "school")


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

    \b
    Examples:
      idp schools tasks 0990001N
      idp schools tasks 0990001N --settle E-7KQM2X
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
    _echo_rows("tasks", _TASK_COLUMNS, rows, style)


@links.command("list")
@click.argument("identifier")
@FORMAT
def list_links(identifier: str, style: str) -> None:
    """List the children of the account IDENTIFIER, with the state of each link and who ended it.

    \b
    Examples:
      idp links list c.dupont2
      idp links list c.dupont2 --format json
    """
    rows = [
        (
            str(link.link_id),
            link.state.value,
            link.ended_by.value if link.ended_by else "",
            f"{link.given_name} {link.family_name}",
            link.school_uai,
        )
        for link in service.links_named(normalise_identifier(identifier))
    ]
    _echo_rows("links", _LINK_COLUMNS, rows, style)


@links.command("freeze")
@click.argument("link", type=click.UUID)
@APPLY
def freeze(link: UUID, *, is_applied: bool) -> None:
    """Suspend the access that LINK gives, for the school; no import takes it back.

    \b
    Examples:
      idp links freeze 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links freeze 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("freeze", "the school suspends this access", link, _freeze, is_applied=is_applied)


@links.command("restore")
@click.argument("link", type=click.UUID)
@APPLY
def restore(link: UUID, *, is_applied: bool) -> None:
    """Give the access of LINK back, after the school has checked; settles what was reported about it.

    \b
    Examples:
      idp links restore 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links restore 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("restore", "the school gives this access back", link, service.restore_link, is_applied=is_applied)


@links.command("detach")
@click.argument("link", type=click.UUID)
@APPLY
def detach(link: UUID, *, is_applied: bool) -> None:
    """End the access that LINK gives for good; no import takes it back. Settles what was reported about it.

    \b
    Examples:
      idp links detach 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links detach 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("detach", "the school ends this access", link, service.detach_link, is_applied=is_applied)


def _freeze(account_id: AccountId, link_id: UUID, *, now: datetime) -> None:
    service.freeze_link(account_id, link_id, by=LinkEnder.SCHOOL_HEAD, now=now)


def _act(act: str, reason: str, link_id: UUID, change: Callable[..., None], *, is_applied: bool) -> None:
    """Print the plan, and carry it out when told to."""
    link = service.find_any_link(link_id)
    if link is None:
        raise click.BadParameter("no such link: see idp links list", param_hint="LINK")
    click.echo(_aligned([("act", "object", "reason"), (act, _link_words(link), reason)]))
    if not is_applied:
        click.echo("Nothing done. Add --apply to act.", err=True)
        return
    try:
        service.change_link(change, link.account_id, link.link_id, now=app_now())
    except service.LinkNotFound:
        raise click.BadParameter(f"cannot {act} a link that is {link.state}", param_hint="LINK") from None


def _link_words(link: LinkSheet) -> str:
    return f"{link.identifier} - {link.given_name} {link.family_name} ({link.school_uai}, {link.state})"


def _echo_rows(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> None:
    if style == "json":
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps({"schema": 1, name: found}, ensure_ascii=False, indent=2))
    else:
        click.echo(_aligned([columns, *([cell or "-" for cell in row] for row in rows)]))


def _table(contacts: Sequence[SchoolContact]) -> str:
    return _aligned(
        [_COLUMNS, *([getattr(contact, column) or "-" for column in _COLUMNS] for contact in contacts)]
    )


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
