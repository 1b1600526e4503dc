"""What the `doctor` of each service saw: one line for each check, with what to do where something is missing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

import click
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

WELL, CHECK_SAYS_NO = 0, 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. remedy: what to do; None when all is well.

    is_unknown: the check could not look, which says nothing against the installation.
    """

    name: str
    seen: str
    remedy: str | None = None
    is_unknown: bool = False

    @property
    def mark(self) -> str:
        """How its line begins."""
        if self.is_unknown:
            return "??"
        return "ok" if self.remedy is None else "NO"


Check = Callable[[datetime], Finding]


def tables_finding(engine: Engine, command: str) -> Finding:
    """Whether the database answers, with the tables of this release. command: `idp` or `livret`."""
    config = current_app.extensions["migrate"].migrate.get_config()
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present != head:
        return Finding("database", f"at {present}, this release wants {head}", f"run {command} db upgrade")
    return Finding("database", f"at {head}")


def examine(checks: Iterable[Check], now: datetime, *, database_setting: str) -> Iterator[Finding]:
    """Every check in order, of which the first is the database's: when it says no, the others are not run."""
    for number, check in enumerate(checks):
        try:
            finding = check(now)
        except SQLAlchemyError as failure:
            told = type(getattr(failure, "orig", None) or failure).__name__
            remedy = f"compare {database_setting} with the server's"
            yield Finding("database", f"does not answer: {told}", remedy)
            return
        yield finding
        if number == 0 and finding.remedy is not None:
            return


def tell(findings: Iterable[Finding]) -> NoReturn:
    """Print a line for each and exit with 1 when a check says no."""
    told = list(findings)
    width = max(len(finding.name) for finding in told)
    for finding in told:
        way = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(f"{finding.mark}  {finding.name:{width}}  {finding.seen}{way}")
    raise SystemExit(CHECK_SAYS_NO if any(finding.remedy for finding in told) else WELL)
