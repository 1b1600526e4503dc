"""Services of others, as their developers would set them up: the very files that docs/relying-parties.md shows."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from demo.processes import Processes, free_port, wait_until_all_answer
from tests.running_demo import ROOT, Demo

SNIPPETS = ROOT / "docs" / "relying-parties"
NODE_PACKAGES = ROOT / "var" / "interop" / "node_modules"
PYTHON_PACKAGES = ROOT / "var" / "interop" / "python"
SPRING = ROOT / "var" / "interop" / "spring" / "target" / "families.jar"
APACHE = Path("/usr/sbin/apache2")
APACHE_MODULES = Path("/usr/lib/apache2/modules")
SCOPE = "openid profile email children"
REMEDY = "scripts/install_test_programs.sh installs it, and so does `make test`"


@dataclass(frozen=True)
class Service:
    """A running service. Paths are below `url`; `page` shows who is signed in, `sign_out_method` is how it asks to leave."""

    url: str
    sign_in_path: str
    callback: str
    sign_out_path: str
    sign_out_method: str = "POST"
    page: str = "/"
    form_token: str = "csrfmiddlewaretoken"

    def read_person(self, page: str) -> dict[str, Any]:
        """Who is signed in, as its page tells in JSON."""
        return dict(json.loads(unescape(page)))


def need(path: Path, what: str) -> None:
    """Fail in one line when a program of others is not there: never a silent skip."""
    if not path.exists():
        pytest.fail(f"{what} is not installed: {REMEDY}", pytrace=False)


def register(demo: Demo, service_url: str, callback: str, *options: str) -> dict[str, Any]:
    """Register a service by the operators' command, as docs/relying-parties.md says."""
    command = [
        *("clients", "add", "Service d’un tiers", "--scope", SCOPE, "--format", "json", "--first-party"),
        *("--redirect-uri", f"{service_url}{callback}", "--post-logout-redirect-uri", f"{service_url}/"),
        *options,
    ]
    told = subprocess.run(
        ["sh", "-c", f"{demo.told['commands']['idp']} {shlex.join(command)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(json.loads(told.stdout))


def settings_of(demo: Demo, service_url: str, registered: dict[str, Any]) -> dict[str, str]:
    """The environment that every snippet reads."""
    return {
        "OIDC_ISSUER": demo.issuer,
        "OIDC_CLIENT_ID": registered["client_id"],
        "OIDC_CLIENT_SECRET": registered["client_secret"],
        "SERVICE_URL": service_url,
    }


@contextmanager
def running(folder: Path, command: list[str], environment: dict[str, str], url: str) -> Iterator[None]:
    """A program of others, from its first answer to the end of the block."""
    processes = Processes(folder)
    try:
        processes.start("service", command, environment)
        wait_until_all_answer([url], processes)
        yield
    finally:
        processes.stop()


@contextmanager
def authlib_service(demo: Demo, folder: Path) -> Iterator[Service]:
    """Authlib in Flask, by Flask's own server."""
    port = free_port()
    url = f"http://localhost:{port}"
    told_at = ("--backchannel-logout-uri", f"{url}/deconnexion/canal-arriere")
    environment = settings_of(demo, url, register(demo, url, "/retour", *told_at))
    environment["SERVICE_SECRET_KEY"] = "tests only"
    snippet = str(SNIPPETS / "authlib_flask.py")
    command = [sys.executable, "-m", "flask", "--app", snippet, "run", "--port", str(port)]
    with running(folder, command, environment, f"{url}/"):
        yield Service(url, "/connexion", "/retour", "/deconnexion")


@contextmanager
def openid_client_service(demo: Demo, folder: Path) -> Iterator[Service]:
    """openid-client in Node."""
    need(NODE_PACKAGES / "openid-client", "npm's package openid-client")
    port = free_port()
    url = f"http://localhost:{port}"
    environment = settings_of(demo, url, register(demo, url, "/retour")) | {"PORT": str(port)}
    # Node looks for packages beside the file it runs.
    (folder / "node_modules").symlink_to(NODE_PACKAGES)
    snippet = shutil.copy(SNIPPETS / "openid_client.mjs", folder)
    # Debian 12 has Node 18, which hides `crypto` without this flag; Node 20 and later take it and need it not.
    command = ["node", "--experimental-global-webcrypto", str(snippet)]
    with running(folder, command, environment, f"{url}/"):
        yield Service(url, "/connexion", "/retour", "/deconnexion")


@contextmanager
def django_service(demo: Demo, folder: Path) -> Iterator[Service]:
    """mozilla-django-oidc in Django, by Django's own server."""
    need(PYTHON_PACKAGES / "mozilla_django_oidc", "PyPI's package mozilla-django-oidc")
    port = free_port()
    url = f"http://localhost:{port}"
    environment = settings_of(demo, url, register(demo, url, "/oidc/callback/")) | {
        "SERVICE_SECRET_KEY": "tests only",
        "SERVICE_DATABASE": str(folder / "database"),
        "DJANGO_SETTINGS_MODULE": "django_settings",
        "PYTHONPATH": f"{SNIPPETS}:{PYTHON_PACKAGES}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    django = [sys.executable, "-m", "django"]
    subprocess.run(
        [*django, "migrate"], env=os.environ | environment, check=True, capture_output=True, timeout=60
    )
    command = [*django, "runserver", "--noreload", "--skip-checks", str(port)]
    with running(folder, command, environment, f"{url}/"):
        yield Service(url, "/oidc/authenticate/", "/oidc/callback/", "/oidc/logout/")


@contextmanager
def spring_service(demo: Demo, folder: Path) -> Iterator[Service]:
    """Spring Security in Spring Boot, one page beside the documented class and settings."""
    if shutil.which("mvn") is None or not SPRING.exists():
        # A JDK and Maven's repository are much to ask of who changes a page: the other five run everywhere.
        pytest.skip("Spring Boot is built where Maven is installed and finds its repository")
    port = free_port()
    url = f"http://localhost:{port}"
    told_at = ("--backchannel-logout-uri", f"{url}/logout/connect/back-channel/ecole")
    environment = settings_of(demo, url, register(demo, url, "/login/oauth2/code/ecole", *told_at))
    command = [
        *("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", str(SPRING), f"--server.port={port}"),
        f"--spring.config.location=file:{SNIPPETS / 'spring_security.yml'}",
    ]
    with running(folder, command, environment, f"{url}/"):
        yield Service(
            url, "/oauth2/authorization/ecole", "/login/oauth2/code/ecole", "/logout", form_token="_csrf"
        )


@contextmanager
def apache_service(demo: Demo, _folder: Path) -> Iterator[Service]:
    """mod_auth_openidc in a private Apache, never the machine's own; its page prints what the module hands over."""
    need(APACHE, "Debian's package apache2-bin")
    need(APACHE_MODULES / "mod_auth_openidc.so", "Debian's package libapache2-mod-auth-openidc")
    port = free_port()
    url = f"http://localhost:{port}"
    told_at = ("--backchannel-logout-uri", f"{url}/familles/retour?logout=backchannel")
    environment = settings_of(demo, url, register(demo, url, "/familles/retour", *told_at))
    environment["OIDC_CRYPTO_PASSPHRASE"] = "tests only: thirty-two characters"
    # Apache reads its pages as another account when root starts it: not below pytest's private folder.
    folder = Path(tempfile.mkdtemp(prefix="ce-apache-"))
    try:
        folder.chmod(0o755)
        write_apache_folder(folder, port)
        command = [str(APACHE), "-f", str(folder / "httpd.conf"), "-DFOREGROUND"]
        with running(folder, command, environment, f"{url}/"):
            yield ApacheService(
                url=url,
                sign_in_path="/familles/",
                callback="/familles/retour",
                sign_out_path=f"/familles/retour?logout={url}/",
                sign_out_method="GET",
                page="/familles/",
            )
    finally:
        shutil.rmtree(folder)


class ApacheService(Service):
    """What stands behind Apache reads the module's two variables."""

    def read_person(self, page: str) -> dict[str, Any]:
        userinfo, id_token = (json.loads(unescape(line)) for line in page.splitlines()[:2])
        assert userinfo["sub"] == id_token["sub"]
        return {**userinfo, "children": id_token["children"]}


def write_apache_folder(folder: Path, port: int) -> None:
    """A server of the documented configuration and two pages."""
    (folder / "pages" / "familles").mkdir(parents=True)
    (folder / "pages" / "index.html").write_text("Nobody is signed in.\n")
    (folder / "pages" / "familles" / "index.html").write_text(
        '<!--#echo var="OIDC_userinfo_json" -->\n<!--#echo var="OIDC_id_token_payload" -->\n'
    )
    modules = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "include", "auth_openidc")
    lines = [
        f"ServerRoot {folder}",
        "ServerName localhost",
        f"Listen 127.0.0.1:{port}",
        f"PidFile {folder}/pid",
        f"DefaultRuntimeDir {folder}",
        f"ErrorLog {folder}/error.log",
        "ThreadsPerChild 8",
        "ServerLimit 1",
        "StartServers 1",
        "MaxRequestWorkers 8",
        *(f"LoadModule {module}_module {APACHE_MODULES}/mod_{module}.so" for module in modules),
        *(("User www-data", "Group www-data") if os.geteuid() == 0 else ()),
        f"DocumentRoot {folder}/pages",
        "DirectoryIndex index.html",
        f"<Directory {folder}/pages/familles>",
        "  Options +Includes",
        "  SetOutputFilter INCLUDES",
        "</Directory>",
        f"Include {SNIPPETS / 'mod_auth_openidc.conf'}",
    ]
    (folder / "httpd.conf").write_text("\n".join(lines) + "\n")
