"""The `livret` command. A feature's commands are in its own `cli.py`."""

import sys

import click
from flask.cli import AppGroup, ScriptInfo
from flask_migrate.cli import db as database_commands

from livret_service.app import create_app
from livret_service.doctor import doctor
from livret_service.lsu_import.cli import import_command
from livret_service.sign_in import service as sign_in
from livret_service.sign_in.cli import client, client_key
from shared.clock import app_now
from shared.settings import SettingsRefused
from shared.unavailable import unavailable_page_command

USAGE_EXIT_CODE = 2


@click.group(cls=AppGroup, context_settings={"help_option_names": ["-h", "--help"]})
def livret() -> None:
    """Operate the livret service.

    Data goes to standard output, progress and notes to standard error. Exit codes: 0 done, 1 a check says no,
    2 usage or refused input, 3 refused by a guard, 4 a dependency is unavailable, 5 partly done.
    """


livret.add_command(database_commands, "db")
livret.add_command(import_command)
livret.add_command(client)
livret.add_command(client_key)
livret.add_command(doctor)
livret.add_command(unavailable_page_command)


@livret.command("purge")
@click.option("--apply", "is_applied", is_flag=True, help="Delete; without it only the plan is printed.")
def purge(is_applied: bool) -> None:  # noqa: FBT001 - click gives a flag by position
    """Delete expired sign-in attempts and what they left, and sessions that ended more than a day ago.

    \b
    Examples:
      livret purge
      livret purge --apply
    """
    waste = sign_in.purge(now=app_now()) if is_applied else sign_in.find_waste(now=app_now())
    click.echo(f"sign-in attempts  {waste.attempts}")
    click.echo(f"sessions          {waste.sessions}")
    click.echo(f"leftovers         {waste.leftovers}")
    if not is_applied:
        click.echo("Nothing done. Add --apply to act.", err=True)


def main() -> None:
    """Run the command; settings that do not hold are listed, never a traceback."""
    try:
        livret(obj=ScriptInfo(create_app=create_app, set_debug_flag=False))
    except SettingsRefused as refusal:
        click.echo(f"livret: {refusal}", err=True)
        sys.exit(USAGE_EXIT_CODE)
