"""`python -m demo` for real: every program started, filled by the commands, told in demo.json, and stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.parent import Parent
from demo.processes import free_port
from idp.families.rules import is_uai

pytestmark = pytest.mark.journey

START_SECONDS = 240
STATES = {"notified", "active", "disabled"}


def test_everything_answers(told: dict[str, Any]):
    addresses = [
        f"{told['issuer']}/.well-known/openid-configuration",
        f"{told['livret_url']}/",
        f"{told['catcher_url']}/messages",
        f"{told['operations_url']}/-/live",
        f"{told['operations_url']}/-/ready",
    ]

    assert [requests.get(url, timeout=20).status_code for url in addresses] == [200] * 5
    assert requests.get(addresses[0], timeout=20).json()["issuer"] == told["issuer"]


def test_operations_are_not_on_the_public_address(told: dict[str, Any]):
    assert requests.get(f"{told['issuer']}/-/ready", timeout=20).status_code == 404


def test_guardians_are_told_as_they_are(told: dict[str, Any]):
    guardians = told["guardians"]

    assert {guardian["state"] for guardian in guardians} == STATES
    for guardian in guardians:
        assert (guardian["state"] == "notified") == bool(guardian["provisional_password"])
        assert (guardian["state"] == "active") == bool(guardian["password"]) == bool(guardian["email"])
        assert all(is_uai(child["school_uai"]) for child in guardian["children"])
    assert any(len(guardian["children"]) > 1 for guardian in guardians)


def test_the_letters_hold_the_passwords_told(told: dict[str, Any]):
    text = subprocess.run(
        ["pdftotext", told["letters_pdf"], "-"], capture_output=True, text=True, check=True
    ).stdout
    printed = [guardian for guardian in told["guardians"] if guardian["identifier"] in text.split()]

    assert len(printed) > 50
    for guardian in printed:
        password = guardian["provisional_password"]
        assert password is None or f"{password[:4]} {password[4:]}" in text


def test_the_active_parent_reads_the_livret_through_the_provider(told: dict[str, Any]):
    active = next(guardian for guardian in told["guardians"] if guardian["password"])
    parent = Parent(told["livret_url"])

    parent.open("/connexion")
    parent.fill(identifier=active["identifier"], password=active["password"])

    page = parent.page
    assert page.url == f"{told['livret_url']}/livrets"
    assert active["children"][0]["given_name"] in page.text


@pytest.mark.parametrize(
    ("program", "arguments", "expected"),
    [
        ("idp", "keys status", "active"),
        ("livret", "--help", "Usage"),
        ("idp", "clients list", "demo-rp-pkce"),
    ],
)
def test_the_commands_run_on_the_demos_data(
    told: dict[str, Any], program: str, arguments: str, expected: str
):
    command = f"{told['commands'][program]} {arguments}"

    output = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert expected in output


def test_clients_are_told_with_their_secrets(told: dict[str, Any]):
    clients = {client["client_id"]: client for client in told["clients"]}

    assert [clients["demo-rp"]["require_pkce"], clients["demo-rp-pkce"]["require_pkce"]] == [False, True]
    assert all(len(client["client_secret"]) >= 43 for client in clients.values())


def test_what_holds_secrets_is_for_its_owner_alone(running: "Running"):
    private = [running.folder / name for name in ("demo.json", "letters.pdf", "bin", "data", "bin/idp")]

    assert [path.stat().st_mode & 0o077 for path in private] == [0] * 5


def test_a_second_demo_in_the_same_folder_is_refused(running: "Running"):
    second = subprocess.run(
        [sys.executable, "-m", "demo"], env=running.environment, capture_output=True, text=True, timeout=60
    )

    assert (second.returncode, "a demo is running" in second.stderr) == (3, True)


def test_ctrl_c_stops_everything_it_started(tmp_path_factory: pytest.TempPathFactory, running: "Running"):
    """Last: it ends the demo of the tests above."""
    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(timeout=60) == 0
    assert not (running.folder / "demo.json").exists()
    for name, port in running.ports.items():
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=5)
        assert name in running.environment


class Running:
    """A demo on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("DEMO_IDP_PORT", "DEMO_LIVRET_PORT", "DEMO_CATCHER_PORT", "DEMO_OPERATIONS_PORT")
        self.ports = {name: free_port() for name in names}
        ports = {name: str(port) for name, port in self.ports.items()}
        self.environment = {**os.environ, **ports, "DEMO_DIR": str(folder)}
        self.process = subprocess.Popen([sys.executable, "-m", "demo"], env=self.environment)

    def wait_until_told(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self.folder / "demo.json").exists():
            assert self.process.poll() is None, "the demo ended before it was ready"
            assert time.monotonic() < deadline, f"the demo is not ready after {START_SECONDS} s"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    demo = Running(tmp_path_factory.mktemp("demo"))
    try:
        demo.wait_until_told()
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGINT)
            demo.process.wait(timeout=60)


@pytest.fixture(scope="module")
def told(running: Running) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((running.folder / "demo.json").read_text())
    return told
