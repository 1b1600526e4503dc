"""Fixtures of the whole suite: databases, clocks, both applications. Nothing leaves the loopback interface."""

import os
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright
from werkzeug.test import TestResponse

from tests.accessibility import Accessibility, ShownPage, shown_page
from tests.hashing import CountingHasher
from tests.postgresql import Cluster, create_database
from tests.running_demo import demo, demo_on_each_database, embedded_demo
from tests.serving import served

__all__ = ["demo", "demo_on_each_database", "embedded_demo"]

BACKENDS = ("sqlite", "postgresql")
MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CLUSTER = pytest.StashKey[Cluster]()
SOCKET_DIR = "postgresql_socket_dir"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # root, as in a container, has no user namespace to sandbox in
    "--disable-gpu",
    "--no-first-run",
    # Nothing but the pages under test: these would look for the maker's hosts.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=(*BACKENDS, "both"), default="both", help="databases to run on")


def chosen_backends(config: pytest.Config) -> tuple[str, ...]:
    chosen = config.getoption("--database")
    return BACKENDS if chosen == "both" else (chosen,)


def pytest_configure(config: pytest.Config) -> None:
    """One cluster for the run: started by the controller, shared by its workers."""
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.collectonly or "postgresql" not in chosen_backends(config):
        return
    cluster = Cluster()
    cluster.start()
    config.stash[CLUSTER] = cluster


def pytest_unconfigure(config: pytest.Config) -> None:
    if cluster := config.stash.get(CLUSTER, None):
        cluster.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    if cluster := node.config.stash.get(CLUSTER, None):
        node.workerinput[SOCKET_DIR] = str(cluster.socket_dir)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that touches a database runs on each."""
    if "database_backend" in metafunc.fixturenames:
        metafunc.parametrize(
            "database_backend", chosen_backends(metafunc.config), scope="session", indirect=True
        )


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """A test that reaches for another machine fails, and says so."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


class FrozenClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        """Move on by `timedelta(**duration)`; returns the new instant."""
        self.now += timedelta(**duration)
        return self.now


@pytest.fixture(scope="session")
def session_clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def clock(session_clock: FrozenClock) -> Iterator[FrozenClock]:
    """The applications' clock, at the same morning for each test."""
    session_clock.now = MORNING
    yield session_clock
    session_clock.now = MORNING


@pytest.fixture
def now(clock: FrozenClock) -> datetime:
    return clock.now


@pytest.fixture(scope="session")
def database_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def new_database_url(
    request: pytest.FixtureRequest, database_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Makes an empty database of the chosen kind, one per name and worker."""

    def new(name: str) -> str:
        if database_backend == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('db') / name}.sqlite"
        config = request.config
        cluster = config.stash.get(CLUSTER, None)
        socket_dir = str(cluster.socket_dir) if cluster else config.workerinput[SOCKET_DIR]  # type: ignore[attr-defined]
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        return create_database(socket_dir, f"{name}_{worker}")

    return new


def key_of(name: str) -> str:
    """A 32-byte key for tests, as text: the same at each run, and plainly not a real one."""
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(f"tests only: {name}".encode()).digest()).decode()


def idp_settings_values(database_url: str) -> dict[str, Any]:
    """The least that the provider's settings need."""
    return {
        "issuer": "https://compte.example",
        "database_url": database_url,
        "secret_key": key_of("secret_key"),
        "pairwise_key": key_of("pairwise_key"),
        "provisional_password_key": key_of("provisional_password_key"),
        "key_encryption_key": key_of("key_encryption_key"),
        "outbox_key": key_of("outbox_key"),
        "mail_security": "none",
        "log_level": "WARNING",
    }


def livret_settings_values(database_url: str) -> dict[str, Any]:
    """The least that the livret service's settings need."""
    return {
        "public_url": "https://livret.example",
        "database_url": database_url,
        "secret_key": key_of("livret_secret_key"),
        "issuer": "https://compte.example",
        "client_id": "livret",
        "client_secret": "tests only",
        "log_level": "WARNING",
    }


def empty_tables(app: Flask, database: SQLAlchemy) -> None:
    """Leave no row behind: rows are few, so deleting is quicker than truncating."""
    with app.app_context(), database.engine.begin() as connection:
        for table in reversed(database.metadata.sorted_tables):
            connection.execute(table.delete())


def forget_held_records(app: Flask) -> None:
    """A worker holds clients and keys for ten seconds: not from one test to the next."""
    from idp.signing_keys.service import forget_keyring

    app.extensions["oidc"].clients.forget()
    with app.app_context():
        forget_keyring()


@pytest.fixture(scope="session")
def idp_application(new_database_url: Callable[[str], str], session_clock: FrozenClock) -> Iterator[Flask]:
    from flask_migrate import upgrade

    from idp.app import create_app
    from idp.db import db
    from idp.settings import Settings

    app = create_app(Settings.load(**idp_settings_values(new_database_url("idp"))), clock=session_clock)
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def password_hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    """LOUD: a cheap password hasher, for tests alone; see tests/hashing.py."""
    cheap = CountingHasher()
    monkeypatch.setattr("idp.passwords.service.hasher", cheap)
    return cheap


@pytest.fixture
def idp_app(idp_application: Flask, clock: FrozenClock, password_hasher: CountingHasher) -> Iterator[Flask]:
    """The provider on an empty database. No context is pushed: requests get their own, as in production."""
    from idp.db import db

    yield idp_application
    empty_tables(idp_application, db)
    forget_held_records(idp_application)


@pytest.fixture
def idp_context(idp_app: Flask) -> Iterator[Flask]:
    """The provider's application context, for tests of services without a request."""
    with idp_app.app_context():
        yield idp_app


@pytest.fixture
def idp_client(idp_app: Flask) -> FlaskClient:
    """A browser at the provider's public address."""
    return browser_at(idp_app, "https://compte.example")


@pytest.fixture(scope="session")
def livret_application(new_database_url: Callable[[str], str], session_clock: FrozenClock) -> Iterator[Flask]:
    from flask_migrate import upgrade

    from livret_service.app import create_app
    from livret_service.db import db
    from livret_service.settings import Settings

    app = create_app(Settings.load(**livret_settings_values(new_database_url("livret"))), clock=session_clock)
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def livret_app(livret_application: Flask, clock: FrozenClock) -> Iterator[Flask]:
    """The livret service on an empty database, no context pushed."""
    from livret_service.db import db

    yield livret_application
    empty_tables(livret_application, db)


@pytest.fixture
def livret_context(livret_app: Flask) -> Iterator[Flask]:
    with livret_app.app_context():
        yield livret_app


@pytest.fixture
def livret_client(livret_app: Flask) -> FlaskClient:
    return browser_at(livret_app, "https://livret.example")


class Browser(FlaskClient):
    """A test client whose relative addresses are those of one origin: its Host, its scheme.

    shown: the pages that the running test was shown by any of them.
    """

    origin = ""
    shown: ClassVar[list[ShownPage]] = []

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if args and isinstance(args[0], str) and args[0].startswith("/"):
            kwargs.setdefault("base_url", self.origin)
        answer = super().open(*args, **kwargs)
        if page := shown_page(self.application, answer):
            self.shown.append(page)
        return answer


def browser_at(app: Flask, origin: str) -> Browser:
    """A browser with an empty cookie jar, at one origin; https, so that Secure cookies travel."""
    browser = Browser(app, app.response_class, use_cookies=True)
    browser.origin = origin
    return browser


@pytest.fixture
def sms_on(idp_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that sends SMS. By `monkeypatch`, which also undoes in order what a test changes after it."""
    twilio = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "tests only"}
    changed = idp_app.extensions["settings"].model_copy(update=twilio | {"twilio_from": "+33639980000"})
    monkeypatch.setitem(idp_app.extensions, "settings", changed)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium, headless. `chromium.new_context(...)` is a browser with an empty cookie jar."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def accessibility(tmp_path_factory: pytest.TempPathFactory) -> Accessibility:
    """What the whole run knows of its pages' shapes; workers have their folders beside each other."""
    base = tmp_path_factory.getbasetemp()
    seen = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shapes"
    seen.mkdir(exist_ok=True)
    return Accessibility(seen)


@pytest.fixture(autouse=True)
def look_at_shown_pages(request: pytest.FixtureRequest, accessibility: Accessibility) -> Callable[[], None]:
    """A test answers for the pages that it was the first to be shown; its Chromium starts with the first of them."""
    Browser.shown.clear()

    def look() -> None:
        if request.node.get_closest_marker("hostile"):
            return
        if new := [page for page in Browser.shown if accessibility.is_new(page)]:
            faults = accessibility.look(new, request.getfixturevalue("chromium"))
            assert not faults, "\n".join(faults)

    return look


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """After a test has passed, its pages are looked at: a fault there is a failure of that test."""
    result = yield
    look: Callable[[], None] = pyfuncitem.funcargs["look_at_shown_pages"]  # type: ignore[assignment]
    look()
    return result


@pytest.fixture
def serve() -> Iterator[Callable[[Flask], str]]:
    """Serves applications on free loopback ports until the test ends; gives each one's address."""
    with ExitStack() as running:
        yield lambda app: f"http://localhost:{running.enter_context(served(app)).server_port}"


@pytest.fixture
def project_root() -> Path:
    return Path(__file__).parent.parent
