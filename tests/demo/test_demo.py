"""`python -m demo` from its start to Ctrl-C. What it tells is held to be true in tests/journeys/test_demo.py."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.processes import free_port

pytestmark = pytest.mark.journey

START_SECONDS = 240


def test_a_demo_starts_afresh_serves_and_stops_all_it_started(running: "Running"):
    running.start()
    told = running.wait_until_told()
    second = running.try_a_second()
    running.stop()
    ports_after = [running.answers(port) for port in running.ports.values()]

    assert told["issuer"] == f"http://localhost:{running.ports['DEMO_IDP_PORT']}"
    assert (second.returncode, "a demo is running" in second.stderr) == (3, True)
    assert running.process.returncode == 0
    assert ports_after == [False] * 4
    assert not (running.folder / "demo.json").exists()
    assert (running.folder / "kept.txt").read_text() == "not the demo's"
    assert not (running.folder / "data" / "left-over").exists()


class Running:
    """A demo on ports of its own, in a folder that an earlier one and somebody else used."""

    process: subprocess.Popen[bytes]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("DEMO_IDP_PORT", "DEMO_LIVRET_PORT", "DEMO_CATCHER_PORT", "DEMO_OPERATIONS_PORT")
        self.ports = {name: free_port() for name in names}
        ports = {name: str(port) for name, port in self.ports.items()}
        self._environment = {**os.environ, **ports, "DEMO_DIR": str(folder)}
        (folder / "data").mkdir()
        (folder / "data" / "left-over").touch()
        (folder / "demo.json").write_text("{}")
        (folder / "kept.txt").write_text("not the demo's")

    def start(self) -> None:
        # As a shell starts what it puts in the background: with Ctrl-C ignored.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            env=self._environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )

    def wait_until_told(self) -> dict[str, str]:
        deadline = time.monotonic() + START_SECONDS
        while not (told := self._told()):
            assert self.process.poll() is None, "the demo ended before it was ready"
            assert time.monotonic() < deadline, f"the demo is not ready after {START_SECONDS} s"
            time.sleep(0.1)
        return told

    def try_a_second(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "demo"], env=self._environment, capture_output=True, text=True, timeout=60
        )

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)

    def answers(self, port: int) -> bool:
        try:
            requests.get(f"http://127.0.0.1:{port}/", timeout=5)
        except requests.ConnectionError:
            return False
        return True

    def _told(self) -> dict[str, str]:
        try:
            told: dict[str, str] = json.loads((self.folder / "demo.json").read_text())
        except FileNotFoundError:
            return {}
        return told


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    demo = Running(tmp_path)
    yield demo
    demo.stop()
