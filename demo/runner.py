"""Fills a demo and keeps it running: what is imported by which command, in which order, and what is told at the end."""

import json
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from demo import lsu, onde, parent
from demo.catcher import Mailbox, create_catcher, start_smtp
from demo.commands import CommandLine
from demo.folder import idp_environment, livret_environment, program, write_command
from demo.people import School
from demo.processes import Processes, free_port, wait_until_all_answer
from demo.schools import ACTIVE, DISABLED, demo_schools
from demo.settings import DemoSettings
from shared.files import private_file

LIVRET_CLIENT_ID = "livret"
ACTIVE_PHONE = "+33639980001"
# The first term's bilans are locked in the middle of November: until then the demo lives in the year before.
DAYS_UNTIL_FIRST_BILANS = 75
SEPTEMBER = 9
VARIANTS = ((onde.PLAIN, onde.OLD), (onde.OLD, onde.NEW))

CLIENTS: tuple[dict[str, Any], ...] = (
    {
        "client_id": "demo-rp",
        "client_secret": "",
        "redirect_uris": ["http://localhost:9999/callback"],
        "post_logout_redirect_uris": ["http://localhost:9999/"],
        "require_pkce": False,
        "scope": "openid profile email phone address offline_access children",
    },
    {
        "client_id": "demo-rp-pkce",
        "client_secret": "",
        "redirect_uris": ["http://localhost:9998/callback"],
        "post_logout_redirect_uris": ["http://localhost:9998/"],
        "require_pkce": True,
        "scope": "openid profile email offline_access children",
    },
)
LIVRET_SCOPE = "openid children children.ine"

GUNICORN = (
    "--no-control-socket",
    "--worker-class=gthread",
    "--threads=8",
    "--timeout=60",
    "--graceful-timeout=2",
    "--limit-request-line=8190",
    "--log-level=warning",
)


class Demo:
    """One demo: `fill` makes it, `serve` keeps it; `processes` are stopped by whoever made it."""

    def __init__(
        self, settings: DemoSettings, processes: Processes, mailbox: Mailbox, smtp_port: int
    ) -> None:
        self._settings = settings
        self._processes = processes
        self._mailbox = mailbox
        self._folder = settings.folder
        self._idp_environment = idp_environment(settings, smtp_port)
        self._livret_environment = livret_environment(settings, LIVRET_CLIENT_ID)
        self._prefixes = {
            "idp": shlex.quote(str(write_command(self._folder, "idp", self._idp_environment))),
            "livret": shlex.quote(str(write_command(self._folder, "livret", self._livret_environment))),
        }

    def fill(self, *, now: datetime) -> dict[str, Any]:
        """Import, print, register, start, activate; returns what demo.json says, once all answers."""
        schools = demo_schools(school_year_of(now))
        write_files(schools, self._folder / "files", school_year_of(now))
        logs = self._folder / "logs"
        with (
            CommandLine("idp", self._idp_environment, logs / "idp-commands.log") as idp,
            CommandLine("livret", self._livret_environment, logs / "livret-commands.log") as livret,
            ThreadPoolExecutor() as pool,
        ):
            bilans = pool.submit(self._fill_livret, livret, schools)
            letters = self._fill_provider(idp, schools)
            clients = [_add_client(idp, client) for client in CLIENTS]
            initial_access_token = _invite(idp)
            bilans.result()
            self._add_livret_client(idp)
            self._start_livret()
            wait_until_all_answer(self._addresses(), self._processes)
            guardians = self._guardians_of_every_kind(idp, schools)
        return {
            "issuer": self._settings.issuer,
            "livret_url": self._settings.livret_url,
            "catcher_url": self._settings.catcher_url,
            "operations_url": self._settings.operations_url,
            "letters_pdf": str(letters[0]),
            "letters_pdfs": [str(path) for path in letters],
            "commands": self._prefixes,
            "initial_access_token": initial_access_token,
            "guardians": guardians,
            "staff": [],
            "clients": clients,
        }

    def _fill_livret(self, livret: CommandLine, schools: Sequence[School]) -> None:
        key_file = self._livret_environment["LIVRET_CLIENT_KEY_FILE"]
        jwks = livret("client-key", "create", "--out", key_file)
        (self._folder / "data" / "livret-jwks.json").write_text(jwks)
        livret("db", "upgrade")
        for school in schools:
            livret("import", "--school", school.uai, str(self._file(school, "bilans.xml")))

    def _fill_provider(self, idp: CommandLine, schools: Sequence[School]) -> list[Path]:
        idp("db", "upgrade")
        idp("keys", "status")
        self._start_provider()
        letters = []
        for place, school in enumerate(schools):
            files = (str(self._file(school, name)) for name in ("eleves.csv", "responsables.csv"))
            idp("roster", "import", "--school", school.uai, "--school-name", school.name, *files)
            idp("schools", "set", school.uai, "--phone", school.phone, "--email", school.email)
            pdf = self._folder / ("letters.pdf" if place == 0 else f"letters-{school.uai}.pdf")
            idp("letters", "print", "--school", school.uai, "-o", str(pdf))
            letters.append(pdf)
        return letters

    def _add_livret_client(self, idp: CommandLine) -> None:
        url = self._settings.livret_url
        idp(
            *("clients", "add", "Livret scolaire", "--client-id", LIVRET_CLIENT_ID),
            *("--redirect-uri", f"{url}/retour", "--post-logout-redirect-uri", f"{url}/deconnexion/retour"),
            *("--backchannel-logout-uri", f"{url}/deconnexion/canal-arriere"),
            "--backchannel-logout-session-required",
            *("--initiate-login-uri", f"{url}/connexion", "--client-uri", f"{url}/"),
            *("--scope", LIVRET_SCOPE, "--first-party"),
            *("--token-endpoint-auth-method", "private_key_jwt"),
            *("--jwks", str(self._folder / "data" / "livret-jwks.json")),
        )

    def _start_provider(self) -> None:
        settings, environment = self._settings, self._idp_environment
        self._serve("provider", "idp.wsgi:app", settings.idp_port, environment, workers=2)
        self._serve("operations", "idp.wsgi:operations", settings.operations_port, environment, workers=1)
        self._processes.start("worker", [program("idp"), "worker"], environment)

    def _start_livret(self) -> None:
        port = self._settings.livret_port
        self._serve("livret", "livret_service.wsgi:app", port, self._livret_environment, workers=1)

    def _serve(
        self, name: str, application: str, port: int, environment: dict[str, str], *, workers: int
    ) -> None:
        command = [
            program("gunicorn"),
            *GUNICORN,
            f"--workers={workers}",
            f"--bind=127.0.0.1:{port}",
            application,
        ]
        self._processes.start(name, command, environment)

    def _addresses(self) -> list[str]:
        settings = self._settings
        return [
            f"{settings.issuer}/.well-known/openid-configuration",
            f"{settings.livret_url}/",
            f"{settings.catcher_url}/messages",
            f"{settings.operations_url}/-/ready",
        ]

    def _guardians_of_every_kind(self, idp: CommandLine, schools: Sequence[School]) -> list[dict[str, Any]]:
        """One parent activates and gives a number, one account is disabled; then all are read back as they are."""
        printed = _guardians(idp)
        active = _guardian_of(printed, schools, ACTIVE)
        password = parent.activate(
            self._settings.issuer,
            self._mailbox,
            identifier=active["identifier"],
            provisional_password=active["provisional_password"],
            email=_row_of(schools, ACTIVE).email,
            birth_date=active["children"][0]["birthdate"],
        )
        parent.give_phone(
            self._settings.issuer,
            self._mailbox,
            identifier=active["identifier"],
            password=password,
            phone=ACTIVE_PHONE,
        )
        idp("demo-seeding", "let-channels-recover", active["identifier"])
        idp("demo-seeding", "disable", _guardian_of(printed, schools, DISABLED)["identifier"])
        passwords = {active["identifier"]: password}
        return [one | {"password": passwords.get(one["identifier"])} for one in _guardians(idp)]

    def _file(self, school: School, name: str) -> Path:
        return self._folder / "files" / f"{school.uai}-{name}"


def school_year_of(now: datetime) -> int:
    """The year of September of the school year that the demo shows."""
    shown = now - timedelta(days=DAYS_UNTIL_FIRST_BILANS)
    return shown.year if shown.month >= SEPTEMBER else shown.year - 1


def write_files(schools: Sequence[School], folder: Path, school_year: int) -> None:
    """The files that a school would hand over: both variants of each extraction, and its bilans."""
    for school, (pupils, guardians) in zip(schools, VARIANTS, strict=True):
        (folder / f"{school.uai}-eleves.csv").write_bytes(onde.pupils_csv(school, pupils))
        (folder / f"{school.uai}-responsables.csv").write_bytes(onde.guardians_csv(school, guardians))
        (folder / f"{school.uai}-bilans.xml").write_bytes(lsu.lsu_xml(school, school_year))


def write_demo_json(folder: Path, told: dict[str, Any]) -> None:
    """Whole or absent, for whoever waits for it; it holds passwords, so for its owner alone."""
    with private_file(json.dumps(told, ensure_ascii=False, indent=1).encode(), folder / "demo.json"):
        pass


@contextmanager
def running_catcher(mailbox: Mailbox, port: int) -> Iterator[int]:
    """The catcher's pages on `port` while the block runs; gives the port of its SMTP."""
    smtp_port = free_port()
    smtp = start_smtp(mailbox, port=smtp_port)
    pages = make_server("127.0.0.1", port, create_catcher(mailbox), threaded=True)
    thread = threading.Thread(target=pages.serve_forever, daemon=True)
    thread.start()
    try:
        yield smtp_port
    finally:
        _quietly(pages.shutdown)
        thread.join()
        pages.server_close()
        _quietly(smtp.stop)


def _quietly(stop: Callable[[], object]) -> None:
    try:
        stop()
    except (OSError, RuntimeError) as error:
        print(f"catcher: {error}", file=sys.stderr)


def _add_client(idp: CommandLine, client: dict[str, Any]) -> dict[str, Any]:
    command = [
        "clients",
        "add",
        client["client_id"],
        "--client-id",
        client["client_id"],
        "--scope",
        client["scope"],
    ]
    for uri in client["redirect_uris"]:
        command += ["--redirect-uri", uri]
    for uri in client["post_logout_redirect_uris"]:
        command += ["--post-logout-redirect-uri", uri]
    if not client["require_pkce"]:
        command.append("--no-require-pkce")
    told = json.loads(idp(*command, "--format", "json"))
    return client | {"client_secret": told["client_secret"]}


def _invite(idp: CommandLine) -> str:
    """For a certification run: hundreds of clients, among them some that know no PKCE."""
    command = ("clients", "invite", "--no-require-pkce", "--uses", "10000", "--expires-days", "30")
    return str(json.loads(idp(*command, "--format", "json"))["initial_access_token"])


def _guardians(idp: CommandLine) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(idp("demo-seeding", "guardians"))
    return listed


def _row_of(schools: Sequence[School], kind: str) -> Any:
    return next(guardian for school in schools for guardian in school.guardians if guardian.kind == kind)


def _guardian_of(guardians: Sequence[dict[str, Any]], schools: Sequence[School], kind: str) -> dict[str, Any]:
    row = _row_of(schools, kind)
    name = f"{row.given_name} {row.usage_name or row.family_name}"
    return next(guardian for guardian in guardians if guardian["name"] == name)
