"""`idp messages`: what did not leave, and what came back."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import BinaryIO
from urllib.parse import urlsplit
from uuid import UUID

import click
from flask.cli import AppGroup

from idp.messaging import dead_letters
from idp.messaging.dead_letters import Letter
from idp.messaging.reports import LARGEST_REPORT, read_report
from idp.settings import current as current_settings
from shared.clock import app_now

messages = AppGroup(
    "messages", help="Show messages that did not leave; try them again, drop them, take returns."
)
APPLY = click.option("--apply", "is_applied", is_flag=True, help="Act; without it, only print the plan.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)
WHICH = click.argument("message_ids", metavar="[MESSAGE]...", nargs=-1, type=click.UUID)
ALL = click.option("--all", "are_all", is_flag=True, help="Every failed message.")
CHECK_SAYS_NO, PARTLY_DONE = 1, 5
COLUMNS = ("message", "channel", "kind", "to", "state", "since", "attempts", "reason")
PLAN_COLUMNS = ("act", "message", "kind", "to", "failed_with", "reason")
Act = Callable[..., int]


@messages.command("list")
@click.option("--waiting", "with_waiting", is_flag=True, help="Also what is still on its way.")
@FORMAT
def list_messages(with_waiting: bool, style: str) -> None:  # noqa: FBT001 - click gives a flag by position
    """List the messages that failed for good. Exits with 1 when there is one.

    Recipients are masked and words never shown. A mail can be tried again for seven days; then its words are erased.

    \b
    Examples:
      idp messages list
      idp messages list --waiting --format json
    """
    failed = dead_letters.dead_letters()
    waiting = dead_letters.waiting_messages() if with_waiting else ()
    rows = [_row(letter) for letter in (*waiting, *failed)]
    _echo("messages", COLUMNS, rows, style)
    raise SystemExit(CHECK_SAYS_NO if failed else 0)


@messages.command("retry")
@WHICH
@ALL
@APPLY
@FORMAT
def retry(message_ids: tuple[UUID, ...], are_all: bool, is_applied: bool, style: str) -> None:  # noqa: FBT001
    """Send failed mails on their way again, once what stopped them is mended.

    They keep their Message-ID. An SMS is never sent again: whoever waits for it asks for another code. Exits with 5
    when some could not be tried.

    \b
    Examples:
      idp messages retry --all
      idp messages retry 01a209d1-c3bf-709a-a79c-adb314081d76 --apply
    """
    chosen = _chosen(message_ids, are_all)
    fit = [letter for letter in chosen if not letter.unfit]
    rows = [
        _plan_row("skip" if letter.unfit else "retry", letter, letter.unfit or "sent again from now on")
        for letter in chosen
    ]
    _carry_out(rows, fit, dead_letters.retry, is_applied=is_applied, style=style)
    raise SystemExit(PARTLY_DONE if is_applied and len(fit) < len(chosen) else 0)


@messages.command("drop")
@WHICH
@ALL
@APPLY
@FORMAT
def drop(message_ids: tuple[UUID, ...], are_all: bool, is_applied: bool, style: str) -> None:  # noqa: FBT001
    """Erase the words of failed messages, and list them no more.

    \b
    Examples:
      idp messages drop --all
      idp messages drop 01a209d1-c3bf-709a-a79c-adb314081d76 --apply
    """
    chosen = _chosen(message_ids, are_all)
    rows = [_plan_row("drop", letter, "its words are erased") for letter in chosen]
    _carry_out(rows, chosen, dead_letters.drop, is_applied=is_applied, style=style)


@messages.command("bounce")
@click.argument("report", type=click.File("rb"), default="-")
def bounce(report: BinaryIO) -> None:
    """Take a delivery report (RFC 3464) or a complaint (RFC 5965) from the file REPORT, or from standard input.

    For the mail server to pipe what arrives at the sender's address. The address of the mail that came back gets
    no other until somebody has it confirmed; its person is told at the next sign-in, the school by the worker.
    Exits with 1 when nothing is to be done: no report, not final, not about a mail of ours, or told before.

    \b
    Examples:
      idp messages bounce < report.eml
      idp messages bounce report.eml
    """
    domain = urlsplit(current_settings().issuer).hostname or ""
    returned = read_report(report.read(LARGEST_REPORT), domain=domain)
    if returned is None or not dead_letters.record_return(returned, now=app_now()):
        click.echo("Nothing to do: not a final report about a mail of ours.", err=True)
        raise SystemExit(CHECK_SAYS_NO)
    click.echo(f"{returned.message_id} came back: {returned.reason}")


def _chosen(message_ids: Sequence[UUID], are_all: bool) -> tuple[Letter, ...]:  # noqa: FBT001
    if bool(message_ids) == are_all:
        raise click.UsageError("name messages, or give --all")
    letters = dead_letters.dead_letters()
    if are_all:
        return letters
    known = {letter.message_id: letter for letter in letters}
    if missing := [message_id for message_id in message_ids if message_id not in known]:
        raise click.BadParameter(f"{missing[0]} is no failed message", param_hint="MESSAGE")
    return tuple(known[message_id] for message_id in dict.fromkeys(message_ids))


def _carry_out(
    rows: Sequence[Sequence[str]], letters: Iterable[Letter], act: Act, *, is_applied: bool, style: str
) -> None:
    ids = [letter.message_id for letter in letters]
    _echo("plan", PLAN_COLUMNS, rows, style)
    if is_applied:
        click.echo(f"{act(ids, now=app_now())} of {len(ids)} done.", err=True)
    else:
        click.echo(f"{len(ids)} to do. Nothing done. Add --apply to act.", err=True)


def _row(letter: Letter) -> tuple[str, ...]:
    return (
        str(letter.message_id),
        letter.channel.value,
        letter.template,
        letter.to,
        letter.state.value,
        _instant(letter.enqueued_at),
        str(letter.attempts),
        letter.reason,
    )


def _plan_row(act: str, letter: Letter, reason: str) -> tuple[str, ...]:
    return (act, str(letter.message_id), letter.template, letter.to, letter.reason, reason)


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%MZ}"


def _echo(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> None:
    if style == "json":
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps({"schema": 1, name: listed}, ensure_ascii=False, indent=2))
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
