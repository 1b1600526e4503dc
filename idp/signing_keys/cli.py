"""`idp keys`: the state of the signing keys, and their rotation."""

import json
from collections.abc import Sequence
from typing import Any

import click
from flask.cli import AppGroup

from idp.signing_keys import service
from idp.signing_keys.rules import Move, RotationPolicy
from shared.clock import app_now

keys = AppGroup("keys", help="Show and rotate the signing keys.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@keys.command("status")
@FORMAT
def status(style: str) -> None:
    """List the signing keys. Creates the first one on a new database.

    \b
    Examples:
      idp keys status
      idp keys status --format json
    """
    service.ensure_signing_key(now=app_now())
    rows = [
        {"key": view.kid, "state": view.state.value, "since": f"{view.since:%Y-%m-%dT%H:%M:%SZ}"}
        for view in service.key_views()
    ]
    _write(rows, ("key", "state", "since"), style)


@keys.command("rotate")
@click.option("--apply", "is_applied", is_flag=True, help="Make the moves; without it, only print them.")
@FORMAT
def rotate(is_applied: bool, style: str) -> None:  # noqa: FBT001 - click gives a flag by position
    """Print the moves that are due, and make them with --apply.

    \b
    Examples:
      idp keys rotate
      idp keys rotate --apply
    """
    now = app_now()
    moves = service.rotation_due(RotationPolicy(), now=now)
    _write([_row(move) for move in moves], ("act", "key", "from", "to", "reason"), style)
    if not is_applied:
        click.echo(f"{len(moves)} moves. Nothing done. Add --apply to act.", err=True)
        return
    click.echo(f"{service.apply_moves(moves, now=now)} of {len(moves)} moves made.", err=True)


def _row(move: Move) -> dict[str, Any]:
    return {
        "act": move.act,
        "key": move.kid,
        "from": move.from_state.value if move.from_state else "-",
        "to": move.to.value,
        "reason": move.reason,
    }


def _write(rows: list[dict[str, Any]], columns: Sequence[str], style: str) -> None:
    if style == "json":
        click.echo(json.dumps({"schema": 1, "keys": rows}, ensure_ascii=False, indent=2))
        return
    widths = [max([len(column), *(len(row[column]) for row in rows)]) for column in columns]
    for row in [dict(zip(columns, columns, strict=True)), *rows]:
        click.echo(
            "  ".join(
                row[column].ljust(width) for column, width in zip(columns, widths, strict=True)
            ).rstrip()
        )
