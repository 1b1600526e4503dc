"""The `livret` command. A feature's commands are in its own `cli.py`."""

import sys

import click
from flask.cli import AppGroup, ScriptInfo
from flask_migrate.cli import db as database_commands

from livret_service.app import create_app
from livret_service.lsu_import.cli import import_command
from shared.settings import SettingsRefused

USAGE_EXIT_CODE = 2


@click.group(cls=AppGroup, context_settings={"help_option_names": ["-h", "--help"]})
def livret() -> None:
    """Operate the livret service.

    Data goes to standard output, progress and notes to standard error. Exit codes: 0 done, 1 a check says no,
    2 usage or refused input, 3 refused by a guard, 4 a dependency is unavailable, 5 partly done.
    """


livret.add_command(database_commands, "db")
livret.add_command(import_command)


def main() -> None:
    """Run the command; settings that do not hold are listed, never a traceback."""
    try:
        livret(obj=ScriptInfo(create_app=create_app, set_debug_flag=False))
    except SettingsRefused as refusal:
        click.echo(f"livret: {refusal}", err=True)
        sys.exit(USAGE_EXIT_CODE)
