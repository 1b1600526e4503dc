"""`idp roster`: bring a school's ONDE extraction in."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from idp import settings
from idp.roster import report, service
from idp.roster.extraction import ExtractionFile, ExtractionRefused
from idp.roster.reading import MAXIMUM_BYTES
from shared.clock import app_now
from shared.progress import ProgressBar

REFUSED_INPUT = 2
STOPPED_BY_GUARD = 3
SCHEMA = {"schema": 1}
CSV_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

roster = AppGroup("roster", help="Import the pupils and guardians of a school.")


@roster.command("import")
@click.option(
    "--school", "school_uai", metavar="UAI", required=True, help="The school: the files do not name it."
)
@click.option("--school-name", default="", help="Its name, used when it is imported for the first time.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Print what would change; write nothing.")
@click.option(
    "--allow-departures", "allows_departures", is_flag=True, help="Do not stop when many would leave."
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.argument("pupils", type=CSV_FILE, metavar="PUPILS.csv")
@click.argument("guardians", type=CSV_FILE, metavar="GUARDIANS.csv")
def import_command(pupils: Path, guardians: Path, style: str, **options: Any) -> None:
    """Import the two ONDE extractions of a school: all of both files, or nothing.

    Every problem of both files is listed at once, with its line and column (exit code 2). The same files again
    change nothing; changed files update. When 40 % or more of the children or guardians would leave, nothing is
    written (exit code 3). Whom the files cannot tell apart is reported and left alone.

    \b
    Examples:
      idp roster import --school 0990001N --dry-run PUPILS.csv GUARDIANS.csv
      idp roster import --school 0990001N --school-name "École du Lac" PUPILS.csv GUARDIANS.csv
    """
    order = service.RosterOrder(pupils=_read(pupils), guardians=_read(guardians), **options)
    try:
        done = service.import_roster(
            order,
            mass_departure_percent=settings.current().mass_departure_percent,
            now=app_now(),
            advance=ProgressBar("importing"),
        )
    except ExtractionRefused as refusal:
        _show_problems(order, refusal, style)
        sys.exit(REFUSED_INPUT)
    _show(order, done, style)
    if done.objections:
        click.echo(f"the guard would stop this import: {'; '.join(done.objections)}", err=True)
        sys.exit(STOPPED_BY_GUARD)


def _read(path: Path) -> ExtractionFile:
    """The file, or one byte more than is accepted of it."""
    with path.open("rb") as file:
        return ExtractionFile(str(path), file.read(MAXIMUM_BYTES + 1))


def _show_problems(order: service.RosterOrder, refusal: ExtractionRefused, style: str) -> None:
    if style == "json":
        _show_json(order, {"problems": report.problems_as_json(refusal.problems)})
        return
    for problem in refusal.problems:
        click.echo(str(problem), err=True)
    click.echo(f"{len(refusal.problems)} problems: nothing was written", err=True)


def _show(order: service.RosterOrder, done: service.RosterImport, style: str) -> None:
    if style == "json":
        _show_json(order, report.as_json(done.plan, done.identifiers) | {"problems": []})
        return
    if order.is_dry_run:
        for change in report.changes(done.plan, done.identifiers):
            click.echo(report.written(change))
    click.echo(report.summary(done.plan))
    for notice in done.plan.notices:
        click.echo(f"note: {notice}", err=True)
    if order.is_dry_run:
        click.echo("dry run: nothing was written", err=True)


def _show_json(order: service.RosterOrder, values: dict[str, Any]) -> None:
    head = SCHEMA | {"school": order.school_uai, "is_dry_run": order.is_dry_run}
    click.echo(json.dumps(head | values, ensure_ascii=False, indent=2))
