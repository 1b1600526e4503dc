"""The programs that a demo starts: each with its log, all stopped at the end, by their own ids."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from demo.settings import DemoRefused

STOP_SECONDS = 10
POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 20


class Processes:
    """Started programs, each leader of its own group, so that Ctrl-C reaches the demo alone, which then stops them."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program; what it says goes to its log."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises DemoRefused, with the end of its log, when a program has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoRefused(f"{name} ended with {process.returncode}\n{self._end_of_log(name)}")

    def stop(self) -> None:
        """Ask all to end, last started first; end by force what does not within STOP_SECONDS."""
        processes = list(self._running.values())[::-1]
        for process in processes:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def _end_of_log(self, name: str) -> str:
        lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is not None:
        return
    if number is signal.SIGKILL:
        os.killpg(process.pid, number)  # its own group: it and its workers, nobody else
    else:
        process.send_signal(number)


def check_ports_are_free(ports: Mapping[str, int]) -> None:
    """Raises DemoRefused naming each taken port and the variable that changes it."""
    taken = [f"{name}={port}" for name, port in ports.items() if not _is_free(port)]
    if taken:
        raise DemoRefused(f"taken by another program: {', '.join(taken)}. Set these variables to free ports.")
    if len(set(ports.values())) < len(ports):
        raise DemoRefused("two ports are the same: " + ", ".join(f"{n}={p}" for n, p in ports.items()))


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_all_answer(urls: Sequence[str], processes: Processes, *, seconds: float = 60) -> None:
    """Return once each address answers 200. Raises DemoRefused when a program ends or time is up."""
    deadline = time.monotonic() + seconds
    waiting = list(urls)
    while waiting:
        processes.check()
        waiting = [url for url in waiting if not _answers(url)]
        if waiting and time.monotonic() > deadline:
            raise DemoRefused(f"no answer within {seconds:.0f} s: {', '.join(waiting)}")
        if waiting:
            time.sleep(POLL_SECONDS)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
