"""The `idp` command. A feature's commands are in its own `cli.py`; here is what spans features."""

import sys

import click
from flask.cli import AppGroup, ScriptInfo
from flask_migrate.cli import db as database_commands
from sqlalchemy.exc import OperationalError

from idp.app import create_app
from idp.attachment.cli import accounts
from idp.doctor import doctor
from idp.errors import CommandRefused
from idp.families.cli import schools
from idp.letters.cli import letters
from idp.link_disputes.cli import links
from idp.messaging.cli import messages
from idp.oidc.cli import clients
from idp.purge import purge
from idp.roster.cli import roster
from idp.signing_keys.cli import keys
from idp.throttling.cli import throttling
from idp.worker import worker
from shared.settings import SettingsRefused
from shared.unavailable import unavailable_page_command

USAGE_EXIT_CODE = 2
UNAVAILABLE_EXIT_CODE = 4


@click.group(cls=AppGroup, context_settings={"help_option_names": ["-h", "--help"]})
def idp() -> None:
    """Operate the OpenID provider of school families.

    Data goes to standard output, progress and notes to standard error. Exit codes: 0 done, 1 a check says no,
    2 usage or refused input, 3 refused by a guard, 4 a dependency is unavailable, 5 partly done.
    """


idp.add_command(database_commands, "db")
idp.add_command(worker)
idp.add_command(purge)
idp.add_command(doctor)
idp.add_command(unavailable_page_command)
idp.add_command(accounts)
idp.add_command(letters)
idp.add_command(messages)
idp.add_command(links)
idp.add_command(clients)
idp.add_command(keys)
idp.add_command(roster)
idp.add_command(schools)
idp.add_command(throttling)


def explanation(refusal: Exception) -> str:
    """What a refusal adds to its code for the operator."""
    words = (getattr(refusal, "hint", ""), getattr(refusal, "detail", ""))
    return "".join(f": {part}" for part in words if part)


def main() -> None:
    """Run the command; a refusal we foresaw is a sentence and an exit code, never a traceback."""
    try:
        idp(obj=ScriptInfo(create_app=create_app, set_debug_flag=False))
    except (SettingsRefused, CommandRefused) as refusal:
        click.echo(f"idp: {refusal}{explanation(refusal)}", err=True)
        sys.exit(getattr(refusal, "exit_code", USAGE_EXIT_CODE))
    except OperationalError as failure:
        # The driver's own words: where it tried to connect, or which lock it waited for. Never a statement's values.
        click.echo(f"idp: database_unavailable: {failure.orig}", err=True)
        sys.exit(UNAVAILABLE_EXIT_CODE)
