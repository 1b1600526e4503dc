"""`livret import`: what an operator types, reads, and gets as exit code."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from livret_service.livrets.service import BilanCollision
from livret_service.lsu_import import service
from livret_service.lsu_import.document import MAX_FILE_BYTES
from livret_service.lsu_import.rules import ClassCounts, ImportReport, Problem, StructureRefused, is_uai
from shared.clock import app_now

SCHEMA = "livret.import/1"
REFUSED, UNAVAILABLE, PARTLY_DONE = 2, 4, 5
COLUMNS = ("class", "new", "new version", "unchanged", "refused")
BAR_WIDTH = 30


def read_school(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A school's UAI with its right letter, or none."""
    if value is not None and not is_uai(value):
        raise click.BadParameter("not a school's UAI (seven digits and their check letter)")
    return value


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--school", metavar="UAI", callback=read_school, help="Refuse the file if it is of another school."
)
@click.option("--strict", is_flag=True, help="Refuse every bilan when one has a problem.")
@click.option("--dry-run", is_flag=True, help="Check and count; write nothing.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_appcontext
def import_command(file: Path, school: str | None, form: str, *, strict: bool, dry_run: bool) -> None:
    """Import the bilans of an LSU file of the first degree (XML).

    A file whose structure is wrong is refused whole (exit code 2). A bilan that fails a check is refused, the
    others are stored (exit code 5); with --strict nothing is stored (exit code 2). Importing a file again
    changes nothing; a bilan locked later than the stored one becomes its next version.

    \b
    Examples:
      livret import --school 0990001N --dry-run bilans.xml
      livret import --strict --format json bilans.xml > report.json
    """
    try:
        report = service.import_file(
            read_file(file),
            now=app_now(),
            expected_school_uai=school,
            is_strict=strict,
            is_dry_run=dry_run,
            progress=progress_bar(),
        )
    except StructureRefused as refusal:
        show_refusal(refusal.problems, form)
        sys.exit(REFUSED)
    except BilanCollision:
        click.echo("livret: another import is running; nothing was stored, try again", err=True)
        sys.exit(UNAVAILABLE)
    show_report(report, form)
    sys.exit(exit_code(report, is_strict=strict))


def read_file(file: Path) -> bytes:
    """The bytes of a file, or of standard input for `-`: never more than one above the limit."""
    with click.open_file(str(file), "rb") as stream:
        content: bytes = stream.read(MAX_FILE_BYTES + 1)
    return content


def exit_code(report: ImportReport, *, is_strict: bool) -> int:
    """0 without problem, 2 when `--strict` refused all, 5 when some bilans were refused."""
    if not report.problems:
        return 0
    return REFUSED if is_strict else PARTLY_DONE


def progress_bar() -> Callable[[int, int], None]:
    """Draws on standard error, and only on a terminal."""
    if not sys.stderr.isatty():
        return service.silent

    def draw(done: int, total: int) -> None:
        filled = BAR_WIDTH * done // total
        click.echo(f"\rchecking [{'#' * filled:<{BAR_WIDTH}}] {done}/{total}", err=True, nl=done == total)

    return draw


def show_refusal(problems: tuple[Problem, ...], form: str) -> None:
    """A file whose structure is wrong: every problem, nothing else."""
    if form == "json":
        show_json({"is_stored": False, "classes": [], "problems": [asdict(problem) for problem in problems]})
    else:
        show_problems(problems)
        click.echo(
            f"{counted(len(problems), 'problem')} of structure. The file is refused; nothing was stored."
        )


def show_report(report: ImportReport, form: str) -> None:
    """Counts by class and problems by line, on standard output."""
    if form == "json":
        show_json(asdict(report) | {"is_stored": report.is_stored})
        return
    show_problems(report.problems)
    show_table([COLUMNS, *(row(counts) for counts in report.classes), row(report.total, name="total")])
    click.echo(conclusion(report))


def show_json(values: dict[str, Any]) -> None:
    click.echo(json.dumps({"schema": SCHEMA} | values, ensure_ascii=False, indent=2))


def show_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        click.echo(f"line {problem.line}: {problem.reason} [{problem.error_code}]")


def show_table(rows: list[tuple[str, ...]]) -> None:
    """Columns aligned by spaces; numbers to the right."""
    widths = [max(len(line[place]) for line in rows) for place in range(len(rows[0]))]
    for first, *numbers in rows:
        cells = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
        click.echo("  ".join((first.ljust(widths[0]), *cells)))


def row(counts: ClassCounts, *, name: str = "") -> tuple[str, ...]:
    """A line of the table. Classes go by their national number: a label may tell a disability."""
    numbers = (counts.new, counts.new_version, counts.unchanged, counts.refused)
    return (name or str(counts.class_id or "unknown"), *(str(number) for number in numbers))


def conclusion(report: ImportReport) -> str:
    """What was done, in one sentence."""
    if report.is_dry_run:
        return "Nothing was stored: dry run."
    stored = report.total.new + report.total.new_version
    if not stored:
        return "Nothing was stored."
    return f"{counted(stored, 'bilan')} stored."


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
