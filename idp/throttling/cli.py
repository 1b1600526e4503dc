"""`idp throttling`: what is slowed, and when passwords were tried in masses."""

import json
from datetime import timedelta

import click
from flask.cli import AppGroup, with_appcontext

from idp.throttling import service
from shared.clock import app_now

throttling = AppGroup("throttling", help="Show what is slowed down.")
SHOWN = timedelta(hours=24)
A_CHECK_SAYS_NO = 1


@throttling.command("status")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@with_appcontext
def status(style: str) -> None:
    """Count what each limit slows now, and list the surges of failed sign-ins of the last 24 hours.

    Exits with 1 when there was a surge: somebody tries passwords.

    \b
    Examples:
      idp throttling status
      idp throttling status --format json
    """
    now = app_now()
    slowed, surges = service.slowed_now(now=now), service.surges_since(now - SHOWN)
    if style == "json":
        told = {"schema": 1, "slowed": slowed, "surges": [surge.isoformat() for surge in surges]}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(_lines(slowed, [surge.isoformat(timespec="seconds") for surge in surges])))
    raise SystemExit(A_CHECK_SAYS_NO if surges else 0)


def _lines(slowed: dict[str, int], surges: list[str]) -> list[str]:
    width = max(len(name) for name in slowed)
    lines = [f"{'limit':{width}}  slowed", *(f"{name:{width}}  {count}" for name, count in slowed.items())]
    if surges:
        return [*lines, f"surges in 24 h: {len(surges)}, the last at {surges[0]}"]
    return [*lines, "surges in 24 h: 0"]
