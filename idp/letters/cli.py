"""`idp letters`: printing what a school hands out."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from flask.cli import AppGroup, with_appcontext

from idp.accounts.rules import fold_name, normalise_identifier
from idp.letters import service
from idp.letters.rules import PrintPlan, Selection, SkipReason
from shared.clock import app_now

PARTLY_DONE = 5
letters = AppGroup("letters", help="Print the letters of a school, or issue them anew.")


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def selection_options(command: Decorated) -> Decorated:
    """The options that say which letters."""
    for option in (
        click.option(
            "--identifier", "identifiers", multiple=True, help="Only this account. May be repeated."
        ),
        click.option("--class", "class_labels", multiple=True, help="Only this class. May be repeated."),
        click.option("--school", "school_uai", required=True, metavar="UAI", help="The school."),
    ):
        command = option(command)
    return command


def output_options(command: Decorated) -> Decorated:
    """Where the file goes, and how the report is written."""
    for option in (
        click.option(
            "--format", "layout", type=click.Choice(["table", "json"]), default="table", show_default=True
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            required=True,
            help="The PDF to write.",
        ),
    ):
        command = option(command)
    return command


@letters.command("print")
@selection_options
@output_options
@with_appcontext
def print_command(
    school_uai: str, class_labels: tuple[str, ...], identifiers: tuple[str, ...], output: Path, layout: str
) -> None:
    """Write the letters to one PDF, in the order of the classes, one page a guardian.

    A first letter issues a provisional password and moves its account to `notified`. Printed again, a letter keeps its
    password and its end. Accounts whose letter has expired get no page (exit code 5): issue them anew.

    \b
    Examples:
      idp letters print --school 0990001N -o letters.pdf
      idp letters print --school 0990001N --class "CE2 B" -o ce2b.pdf
    """
    plan = service.print_letters(_selection(school_uai, class_labels, identifiers), output, now=app_now())
    _report(plan, output, layout)


@letters.command("reissue")
@selection_options
@output_options
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this the plan alone is shown.")
@with_appcontext
def reissue_command(
    school_uai: str,
    class_labels: tuple[str, ...],
    identifiers: tuple[str, ...],
    output: Path,
    layout: str,
    *,
    is_applied: bool,
) -> None:
    """Give new provisional passwords, and write their letters; the older letters stop working at once.

    A person who has chosen a password keeps it, and is skipped, unless --identifier names the account: then that
    password, the signed-in devices and what services were given end at once, a confirmed address is told, and the
    letter asks for another password and the child's birth date.

    \b
    Examples:
      idp letters reissue --school 0990001N --identifier c.dupont -o letter.pdf
      idp letters reissue --school 0990001N --identifier c.dupont -o letter.pdf --apply
    """
    selection, now = _selection(school_uai, class_labels, identifiers), app_now()
    if is_applied:
        _report(service.reissue_letters(selection, output, now=now), output, layout)
        return
    plan = service.plan_reissue_of(selection, now=now)
    _write_report(plan, None, layout)
    click.echo(f"{len(plan.pages)} letters. Nothing done. Add --apply to act.", err=True)


def _selection(school_uai: str, class_labels: tuple[str, ...], identifiers: tuple[str, ...]) -> Selection:
    return Selection(
        school_uai.strip().upper(),
        frozenset(fold_name(label) for label in class_labels),
        frozenset(normalise_identifier(identifier) for identifier in identifiers),
    )


def _report(plan: PrintPlan, output: Path, layout: str) -> None:
    _write_report(plan, output if plan.pages else None, layout)
    if any(one.reason is SkipReason.EXPIRED for one in plan.skipped):
        sys.exit(PARTLY_DONE)


def _write_report(plan: PrintPlan, output: Path | None, layout: str) -> None:
    counts = Counter(page.kind.value for page in plan.pages)
    skipped = [{"identifier": one.identifier, "reason": one.reason.value} for one in plan.skipped]
    if layout == "json":
        report = {
            "schema": "letters/1",
            "output": str(output) if output else None,
            "pages": len(plan.pages),
            "letters": counts,
            "skipped": skipped,
        }
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    click.echo("letters     count")
    for kind, count in counts.items():
        click.echo(f"{kind:<10}  {count:>5}")
    for one in skipped:
        click.echo(f"skipped {one['identifier']}: {one['reason']}", err=True)
    if output:
        click.echo(
            f"{len(plan.pages)} pages in {output}. It holds passwords: print it, then delete it.", err=True
        )
