"""Runs the `idp` or `livret` command again and again in one interpreter: starting Python costs more than most commands.

`python -m demo.commands idp` reads one JSON array of arguments a line, runs the command as a shell would, and answers one
JSON line. `CommandLine` is the other end.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo

from demo.settings import DemoRefused


class CommandLine:
    """`idp` or `livret`, ready to run; used in a `with` block, by several threads one after the other."""

    def __init__(self, program: str, environment: Mapping[str, str], log: Path) -> None:
        self._program = program
        self._lock = threading.Lock()
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "demo.commands", program],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )

    def __call__(self, *arguments: str) -> str:
        """Run the command to its end and give its standard output. Raises DemoRefused with what it complained of."""
        assert self._process.stdin  # noqa: S101 - opened as pipes above
        assert self._process.stdout  # noqa: S101
        with self._lock:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise DemoRefused(f"{self._program} {' '.join(arguments)}: the program ended")
        answer = json.loads(line)
        if answer["exit_code"]:
            raise DemoRefused(
                f"{self._program} {' '.join(arguments)} ended with {answer['exit_code']}\n{answer['output']}"
            )
        return str(answer["stdout"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def run_command(script: ScriptInfo, group: click.Group, arguments: list[str]) -> dict[str, Any]:
    """What one command printed, and its exit code."""
    result = CliRunner().invoke(group, arguments, obj=script)
    complaint = "" if result.exception is None else f"{type(result.exception).__name__}: {result.exception}\n"
    return {"exit_code": result.exit_code, "stdout": result.stdout, "output": result.output + complaint}


def program_of(name: str) -> tuple[Callable[[], Flask], click.Group]:
    """What makes the application, and the commands, of one service: imported alone, in its own process."""
    if name == "idp":
        from demo.seeding import seeding
        from idp.app import create_app
        from idp.cli import idp

        idp.add_command(seeding)
        return create_app, idp
    from livret_service.app import create_app as create_livret_app
    from livret_service.cli import livret

    return create_livret_app, livret


def main() -> None:
    """Answer until the other end goes away. What the commands print is in the answers, nothing else on our output."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    create_app, group = program_of(sys.argv[1])
    # Made by the first command that needs it: the livret service refuses to start before it has its key.
    script = ScriptInfo(create_app=cache(create_app), set_debug_flag=False)
    for line in sys.stdin:
        answers.write(json.dumps(run_command(script, group, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
