import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import Processes, check_ports_are_free, free_port, wait_until_all_answer
from demo.settings import DemoRefused


def test_a_taken_port_is_named_with_its_variable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(DemoRefused, match=f"DEMO_IDP_PORT={port}"):
            check_ports_are_free({"DEMO_IDP_PORT": port})


def test_one_port_for_two_programs_is_refused():
    port = free_port()

    with pytest.raises(DemoRefused, match="the same"):
        check_ports_are_free({"DEMO_IDP_PORT": port, "DEMO_LIVRET_PORT": port})


def test_a_program_that_ends_by_itself_stops_the_wait_with_its_last_words(processes: Processes):
    processes.start("provider", [sys.executable, "-c", "print('no such table'); raise SystemExit(7)"], {})

    with pytest.raises(DemoRefused, match=r"provider ended with 7\n  no such table"):
        wait_until_all_answer([f"http://127.0.0.1:{free_port()}/"], processes)


def test_stopping_ends_even_what_will_not(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("demo.processes.STOP_SECONDS", 0.2)
    program = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    )
    ready = tmp_path / "ready"
    processes.start("deaf", [sys.executable, "-c", program, str(ready)], {})
    while not ready.exists():
        processes.check()

    processes.stop()

    processes.check()  # nothing is left to look at


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.stop()
