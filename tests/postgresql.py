"""A throw-away PostgreSQL cluster for one test run: private, on a Unix socket, never the machine's own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql")
MISSING = "PostgreSQL is not installed: `make test` installs it, or install Debian's package `postgresql`"


class Cluster:
    """`start()` makes it, `stop()` removes every trace. `socket_dir` is short: addresses over 107 bytes fail."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ce-pg-"))
        self.socket_dir = self.directory / "s"
        self.binaries = find_binaries()
        self.owner = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        """initdb and start; durability off, it lives for minutes."""
        self.socket_dir.mkdir()
        if self.owner:
            shutil.chown(self.directory, self.owner)
            shutil.chown(self.socket_dir, self.owner)
        data = self.directory / "data"
        self._run(
            "initdb", "-A", "trust", "-U", "tests", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D", str(data)
        )
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.socket_dir} -c fsync=off"
            " -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
        )
        log = str(self.directory / "log")
        self._run("pg_ctl", "-D", str(data), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if self.owner:  # initdb and pg_ctl refuse root
            command = ["runuser", "-u", self.owner, "--", *command]
        # No pipes: the server that pg_ctl leaves behind would hold them open.
        with (self.directory / f"{program}.log").open("wb") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd="/")


def find_binaries() -> Path:
    """The newest installed version's programs. Raises RuntimeError with what to install."""
    versions = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise RuntimeError(MISSING)
    if os.geteuid() == 0:
        pwd.getpwnam("postgres")
    return versions[-1].parent


def create_database(socket_dir: str, name: str) -> str:
    """An empty database; returns its SQLAlchemy address."""
    import psycopg

    with psycopg.connect(f"host={socket_dir} user=tests dbname=postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://tests@/{name}?host={socket_dir}"
