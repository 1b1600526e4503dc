"""What a demo tells is true: addresses, guardians, letters, commands, clients."""

import subprocess
from pathlib import Path

import pytest
import requests

from demo.parent import Parent
from idp.families.rules import is_uai
from tests.running_demo import Demo

pytestmark = pytest.mark.journey

STATES = {"notified", "active", "disabled"}


def test_everything_answers(demo: Demo):
    addresses = [
        f"{demo.told['issuer']}/.well-known/openid-configuration",
        f"{demo.told['livret_url']}/",
        f"{demo.told['catcher_url']}/messages",
        f"{demo.told['operations_url']}/-/live",
        f"{demo.told['operations_url']}/-/ready",
    ]

    assert [requests.get(url, timeout=20).status_code for url in addresses] == [200] * 5
    assert requests.get(addresses[0], timeout=20).json()["issuer"] == demo.told["issuer"]


def test_operations_are_not_on_the_public_address(demo: Demo):
    assert requests.get(f"{demo.told['issuer']}/-/ready", timeout=20).status_code == 404


def test_guardians_are_told_as_they_are(demo: Demo):
    guardians = demo.told["guardians"]

    assert {guardian["state"] for guardian in guardians} == STATES
    for guardian in guardians:
        assert (guardian["state"] == "notified") == bool(guardian["provisional_password"])
        assert (guardian["state"] == "active") == bool(guardian["password"]) == bool(guardian["email"])
        assert all(is_uai(child["school_uai"]) for child in guardian["children"])
    assert any(len(guardian["children"]) > 1 for guardian in guardians)


def test_the_letters_hold_the_passwords_told(demo: Demo):
    text = subprocess.run(
        ["pdftotext", demo.told["letters_pdf"], "-"], capture_output=True, text=True, check=True
    ).stdout
    printed = [guardian for guardian in demo.told["guardians"] if guardian["identifier"] in text.split()]

    assert len(printed) > 50
    for guardian in printed:
        password = guardian["provisional_password"]
        assert password is None or f"{password[:4]} {password[4:]}" in text


def test_the_active_parent_reads_the_livret_through_the_provider(demo: Demo):
    active = next(guardian for guardian in demo.told["guardians"] if guardian["password"])
    parent = Parent(demo.told["livret_url"])

    parent.open("/connexion")
    parent.fill(identifier=active["identifier"], password=active["password"])
    parent.decide(decision="allow")

    page = parent.page
    assert page.url == f"{demo.told['livret_url']}/livrets"
    assert active["children"][0]["given_name"] in page.text


@pytest.mark.parametrize(
    ("program", "arguments", "expected"),
    [
        ("idp", "keys status", "active"),
        ("livret", "--help", "Usage"),
        ("idp", "clients list", "demo-rp-pkce"),
    ],
)
def test_the_commands_run_on_the_demos_data(demo: Demo, program: str, arguments: str, expected: str):
    command = f"{demo.told['commands'][program]} {arguments}"

    output = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert expected in output


def test_clients_are_told_with_their_secrets(demo: Demo):
    clients = {client["client_id"]: client for client in demo.told["clients"]}

    assert [clients["demo-rp"]["require_pkce"], clients["demo-rp-pkce"]["require_pkce"]] == [False, True]
    assert all(len(client["client_secret"]) >= 43 for client in clients.values())


def test_what_holds_secrets_is_for_its_owner_alone(demo: Demo):
    folder = Path(demo.told["letters_pdf"]).parent

    private = [folder / name for name in ("demo.json", "letters.pdf", "bin", "data", "bin/idp")]

    assert [path.stat().st_mode & 0o077 for path in private] == [0] * 5
