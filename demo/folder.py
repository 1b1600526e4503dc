"""The folder of one demo: whose it is, what is in it, the secrets drawn for it."""

import fcntl
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.settings import DemoRefused, DemoSettings

OWN_NAMES = ("demo.json", "bin", "data", "files", "logs", "letters.pdf")
IDP_KEYS = ("SECRET_KEY", "PAIRWISE_KEY", "PROVISIONAL_PASSWORD_KEY", "KEY_ENCRYPTION_KEY", "OUTBOX_KEY")


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder for one demo, emptied of an earlier one's files and of nothing else. Raises DemoRefused."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoRefused(f"a demo is running in {folder}: set DEMO_DIR to another folder") from None
        _empty(folder)
        yield


def _empty(folder: Path) -> None:
    for path in [*(folder / name for name in OWN_NAMES), *folder.glob("letters-*.pdf")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in ("bin", "data", "files", "logs"):
        (folder / name).mkdir(mode=0o700)


def idp_environment(settings: DemoSettings, smtp_port: int) -> dict[str, str]:
    """What the provider of this demo reads; keys are new at each start."""
    return {
        "IDP_ISSUER": settings.issuer,
        "IDP_DATABASE_URL": settings.database_url("idp"),
        **{f"IDP_{name}": secrets.token_urlsafe(32) for name in IDP_KEYS},
        "IDP_MAIL_HOST": "localhost",
        "IDP_MAIL_PORT": str(smtp_port),
        "IDP_MAIL_SECURITY": "none",
        # Twilio's account form, of nobody: the catcher stands for Twilio.
        "IDP_TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "IDP_TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "IDP_TWILIO_FROM": "+33639980000",
        "IDP_TWILIO_URL": settings.catcher_url,
        # The livret service is told of sign-outs on this machine; a certification run adds its own host.
        "IDP_FETCH_EXEMPT_HOSTS": ",".join(
            (f"localhost:{settings.livret_port}", os.environ.get("IDP_FETCH_EXEMPT_HOSTS", ""))
        ),
    }


def livret_environment(settings: DemoSettings, client_id: str) -> dict[str, str]:
    """What the livret service of this demo reads."""
    return {
        "LIVRET_PUBLIC_URL": settings.livret_url,
        "LIVRET_DATABASE_URL": settings.database_url("livret"),
        "LIVRET_SECRET_KEY": secrets.token_urlsafe(32),
        "LIVRET_ISSUER": settings.issuer,
        "LIVRET_CLIENT_ID": client_id,
        "LIVRET_CLIENT_KEY_FILE": str(settings.folder / "data" / "livret-key.pem"),
    }


def program(name: str) -> str:
    """A console script beside the interpreter that runs the demo."""
    return str(Path(sys.executable).with_name(name))


def write_command(folder: Path, name: str, environment: Mapping[str, str]) -> Path:
    """A script that runs `idp` or `livret` on this demo's data. It holds keys: for its owner alone."""
    exports = [f"export {variable}={shlex.quote(value)}" for variable, value in environment.items()]
    script = folder / "bin" / name
    lines = ["#!/bin/sh", *exports, f'exec {shlex.quote(program(name))} "$@"']
    with open(os.open(script, os.O_WRONLY | os.O_CREAT, 0o700), "w") as file:  # noqa: PTH123
        file.write("\n".join(lines) + "\n")
    return script
