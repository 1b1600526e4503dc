"""A demo of one's own: real servers, a real worker, a real catcher. One a worker of the test run."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import etree

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Letter:
    """What a guardian reads on paper."""

    text: str
    identifier: str
    provisional_password: str


@dataclass(frozen=True)
class Demo:
    """A running demo, as demo.json tells it."""

    told: dict[str, Any]
    given_out: set[str] = field(default_factory=set, compare=False)
    """Identifiers of guardians that a test has: nobody else's, for tests share the demo of their worker."""

    @property
    def issuer(self) -> str:
        return str(self.told["issuer"])

    @property
    def livret_url(self) -> str:
        return str(self.told["livret_url"])

    def guardian(self, family_name_part: str) -> dict[str, Any]:
        """The guardian whose name holds these letters."""
        found = [one for one in self.told["guardians"] if family_name_part in one["name"]]
        assert len(found) == 1, f"{family_name_part}: {[one['name'] for one in found]}"
        return dict(found[0])

    def newcomer(self, *, with_livret: bool = False) -> dict[str, Any]:
        """A guardian of one child with a letter in hand, alone of this name, given to no other test.

        with_livret: whose child has a bilan, and is no other newcomer's child.
        """
        names = [one["name"] for one in self.told["guardians"]]
        readable = self.ines_with_a_bilan() - self._children_given_out() if with_livret else set()
        for one in self.told["guardians"]:
            is_waiting = one["state"] == "notified" and one["provisional_password"]
            is_alone = len(one["children"]) == 1 and names.count(one["name"]) == 1
            if not is_waiting or not is_alone or one["identifier"] in self.given_out:
                continue
            if not with_livret or one["children"][0]["ine"] in readable:
                self.given_out.add(one["identifier"])
                return dict(one)
        raise AssertionError("the demo has nobody left")

    def _children_given_out(self) -> set[str]:
        return {
            child["ine"]
            for one in self.told["guardians"]
            if one["identifier"] in self.given_out
            for child in one["children"]
        }

    def ines_with_a_bilan(self) -> set[str]:
        """Whom the schools' LSU files hold a bilan périodique of."""
        found: set[str] = set()
        for path in (Path(self.told["letters_pdf"]).parent / "files").glob("*-bilans.xml"):
            document = etree.parse(str(path))
            ine_of = {pupil.get("id"): pupil.get("ine") for pupil in document.iterfind(".//{*}eleve")}
            found |= {
                str(ine_of[bilan.get("eleve-ref")]) for bilan in document.iterfind(".//{*}bilan-periodique")
            }
        return found

    def letters(self) -> list[Letter]:
        """Every letter, read back from the printed PDF."""
        pages = [page for pdf in self.told["letters_pdfs"] for page in pdf_pages(Path(pdf))]
        return [letter for page in pages if (letter := read_letter(page))]

    def letter_of(self, identifier: str) -> Letter:
        found = [letter for letter in self.letters() if letter.identifier == identifier]
        assert len(found) == 1, identifier
        return found[0]

    def messages_to(self, address: str) -> list[dict[str, Any]]:
        """What the catcher received for one address, newest last."""
        messages = requests.get(f"{self.told['catcher_url']}/messages", timeout=5).json()
        return [message for message in messages if message["to"] == address]

    def mailed_link(self, address: str) -> str:
        """The link of the newest mail to an address, as a person copies it from the text."""
        links = re.findall(r"^https?://\S+code=\S+$", self.messages_to(address)[-1]["text"], re.MULTILINE)
        assert len(links) == 1
        return str(links[0])


def pdf_pages(path: Path) -> list[str]:
    """The text of each page, in reading order."""
    text = subprocess.run(
        ["pdftotext", "-enc", "UTF-8", str(path), "-"], capture_output=True, text=True, check=True
    )
    return text.stdout.split("\f")


def read_letter(page: str) -> Letter | None:
    """Identifier and password as printed; None for a page that gives no password."""
    password = re.search(r"\b([A-Z2-9]{4}) ([A-Z2-9]{4})\b", page)
    identifier = re.search(r"^([a-z]\.[a-z]+\d*)$", page, re.MULTILINE)
    if not password or not identifier:
        return None
    return Letter(page, identifier[1], f"{password[1]} {password[2]}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def running_demo(folder: Path, **variables: str) -> Iterator[Demo]:
    """`make demo`, without make, on free ports; stopped as Ctrl-C stops it."""
    names = ("DEMO_IDP_PORT", "DEMO_LIVRET_PORT", "DEMO_CATCHER_PORT", "DEMO_OPERATIONS_PORT")
    # Services of the tests are on this machine too: registered addresses may lead there.
    # The code run is this tree's, wherever the environment's programs were installed from.
    environment = os.environ | {"IDP_FETCH_EXEMPT_HOSTS": "localhost", "PYTHONPATH": str(ROOT)}
    environment |= {name: str(port) for name, port in zip(names, free_ports(4), strict=True)}
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            cwd=ROOT,
            env=environment | variables | {"DEMO_DIR": str(folder / "demo")},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            first_line = process.stdout.readline()  # printed once everything answers
            assert first_line, (folder / "errors").read_text()
            yield Demo(json.loads((folder / "demo" / "demo.json").read_text()))
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture(scope="session")
def embedded_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo as it comes, on SQLite: one per worker."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="session")
def demo(embedded_demo: Demo) -> Demo:
    """What most tests need: some running demo."""
    return embedded_demo


@pytest.fixture(scope="session")
def demo_on_each_database(
    request: pytest.FixtureRequest,
    database_backend: str,
    new_database_url: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demo]:
    """The same on SQLite, then on PostgreSQL."""
    if database_backend == "sqlite":
        yield request.getfixturevalue("embedded_demo")
        return
    urls = {
        f"DEMO_{service.upper()}_DATABASE_URL": new_database_url(f"demo_{service}")
        for service in ("idp", "livret")
    }
    with running_demo(tmp_path_factory.mktemp("demo"), **urls) as running:
        yield running
