"""Where a demo lives: its ports and its folder, from the environment, so that two can run at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class DemoRefused(Exception):
    """The demo cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Ports on localhost, and the folder that holds everything of one demo."""

    idp_port: int
    livret_port: int
    catcher_port: int
    operations_port: int
    folder: Path
    databases: Mapping[str, str] = field(default_factory=dict)
    """By service, an empty database to fill instead of an embedded one."""

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.idp_port}"

    @property
    def livret_url(self) -> str:
        return f"http://localhost:{self.livret_port}"

    @property
    def catcher_url(self) -> str:
        return f"http://localhost:{self.catcher_port}"

    @property
    def operations_url(self) -> str:
        return f"http://localhost:{self.operations_port}"

    def database_url(self, service: str) -> str:
        """Where `idp` or `livret` keeps its rows: in the folder, unless the environment names a database."""
        return self.databases.get(service) or f"sqlite:///{self.folder / 'data' / f'{service}.sqlite'}"

    @property
    def ports(self) -> dict[str, int]:
        """By the variable that changes each."""
        return {
            "DEMO_IDP_PORT": self.idp_port,
            "DEMO_LIVRET_PORT": self.livret_port,
            "DEMO_CATCHER_PORT": self.catcher_port,
            "DEMO_OPERATIONS_PORT": self.operations_port,
        }


def load_settings(environment: Mapping[str, str] = os.environ) -> DemoSettings:
    """From `DEMO_…` in the environment. Raises DemoRefused on a port that is none."""
    return DemoSettings(
        idp_port=_port(environment, "DEMO_IDP_PORT", 8000),
        livret_port=_port(environment, "DEMO_LIVRET_PORT", 8001),
        catcher_port=_port(environment, "DEMO_CATCHER_PORT", 8025),
        operations_port=_port(environment, "DEMO_OPERATIONS_PORT", 8002),
        folder=Path(environment.get("DEMO_DIR") or "var/demo").resolve(),
        databases={
            service: environment.get(f"DEMO_{service.upper()}_DATABASE_URL", "")
            for service in ("idp", "livret")
        },
    )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise DemoRefused(f"{name}: not a port: {text}")
    return int(text)
