"""The provider under one client at a time: what an operation costs its processes, beside the cryptography in it."""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.measures import Measure, own_milliseconds, processes_milliseconds
from demo.parent import FormReader, Parent
from demo.processes import free_port
from idp.passwords.service import hasher

SERVED = "idp.wsgi:app"
BATCHES = 5
CONSENT = ("decision", "allow")


class Flow:
    """A signed-in person, and the client `demo-rp-pkce` asking for tokens again and again."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._issuer = told["issuer"]
        self._client = next(one for one in told["clients"] if one["require_pkce"])
        active = next(one for one in told["guardians"] if one["password"])
        self.person = (active["identifier"], active["password"])
        parent = Parent(self._issuer)
        parent.open("/connexion")
        parent.fill(identifier=self.person[0], password=self.person[1])
        self._browser = parent.browser
        self._backend = requests.Session()
        self._verifier = secrets.token_urlsafe(32)
        self.authorization_codes: list[str] = []
        self.access_token = ""
        self.refresh_token = ""
        self._agree()

    def sign_in(self) -> None:
        """A whole sign-in: the page, then the form."""
        parent = Parent(self._issuer)
        parent.open("/connexion")
        parent.fill(identifier=self.person[0], password=self.person[1])

    def _agree(self) -> None:
        """The person agrees to what this client receives: asked at the first visit alone."""
        page = self._browser.get(self._authorization_url(offline=True), timeout=10)
        reader = FormReader()
        reader.feed(page.text)
        form = next(one for one in reader.forms if CONSENT in one.buttons)
        fields = {**form.fields, **dict([CONSENT])}
        self._browser.post(urljoin(page.url, form.action), data=fields, allow_redirects=False, timeout=10)

    def _authorization_url(self, *, offline: bool = False) -> str:
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(self._verifier.encode()).digest()).rstrip(b"=").decode()
        )
        parameters = {
            "response_type": "code",
            "client_id": self._client["client_id"],
            "redirect_uri": self._client["redirect_uris"][0],
            "scope": "openid profile email" + (" offline_access" if offline else ""),
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._issuer}/oauth/authorize?{urlencode(parameters)}"

    def authorize(self, *, offline: bool = False) -> None:
        """One authorization code more, for the living session."""
        address = self._authorization_url(offline=offline)
        answer = self._browser.get(address, allow_redirects=False, timeout=10)
        self.authorization_codes += parse_qs(urlsplit(answer.headers["Location"]).query)["code"]

    def redeem(self) -> None:
        """The last code against tokens, the ID token signed with RS256."""
        self._ask_token(
            grant_type="authorization_code",
            code=self.authorization_codes.pop(),
            redirect_uri=self._client["redirect_uris"][0],
            code_verifier=self._verifier,
        )

    def go_offline(self) -> None:
        """A refresh token, for `refresh` to begin with."""
        self.authorize(offline=True)
        self.redeem()

    def refresh(self) -> None:
        """The refresh token against the next one, with new tokens."""
        self._ask_token(grant_type="refresh_token", refresh_token=self.refresh_token)

    def _ask_token(self, **form: str) -> None:
        answer = self._backend.post(
            f"{self._issuer}/oauth/token",
            data=form,
            auth=(self._client["client_id"], self._client["client_secret"]),
            timeout=10,
        ).json()
        self.access_token, self.refresh_token = answer["access_token"], answer.get("refresh_token", "")

    def userinfo(self) -> None:
        """What the access token opens."""
        bearer = {"Authorization": f"Bearer {self.access_token}"}
        self._backend.get(f"{self._issuer}/oauth/userinfo", headers=bearer, timeout=10).raise_for_status()

    def introspect(self) -> None:
        """What the client's own access token stands for."""
        answer = self._backend.post(
            f"{self._issuer}/oauth/introspect",
            data={"token": self.access_token},
            auth=(self._client["client_id"], self._client["client_secret"]),
            timeout=10,
        )
        if answer.json()["active"] is not True:
            raise SystemExit("bench: a living token is called dead")

    def discovery(self) -> None:
        """The metadata."""
        self._backend.get(f"{self._issuer}/.well-known/openid-configuration", timeout=10).raise_for_status()

    def jwks(self) -> None:
        """The key set."""
        self._backend.get(f"{self._issuer}/oauth/jwks", timeout=10).raise_for_status()

    def whole(self) -> None:
        """Authorize while signed in, token, userinfo."""
        self.authorize()
        self.redeem()
        self.userinfo()


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """A demo on free ports: what it tells, and the ids of the provider's processes."""
    names = ("DEMO_IDP_PORT", "DEMO_LIVRET_PORT", "DEMO_CATCHER_PORT", "DEMO_OPERATIONS_PORT")
    environment = os.environ | {name: str(free_port()) for name in names} | {"DEMO_DIR": str(folder / "demo")}
    with subprocess.Popen([sys.executable, "-m", "demo"], env=environment, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise SystemExit("bench: the demo did not start")
            yield json.loads((folder / "demo" / "demo.json").read_text()), pids_of(SERVED)
        finally:
            process.terminate()


def pids_of(word: str) -> list[int]:
    """Processes below this one that have the word on their command line."""
    wanted, parents = [], {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if word.encode() in (path / "cmdline").read_bytes():
                wanted.append(int(path.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and is_ours(parents[pid]))

    return [pid for pid in wanted if is_ours(pid)]


def measure(folder: Path, *, flows: int) -> list[Measure]:
    """Each operation beside one RS256 signature; a sign-in beside one password verification."""
    signature = ("one RS256 signature", signature_milliseconds())
    hashing = ("one Argon2id verification", hash_milliseconds())
    with running_demo(folder) as (told, pids):
        flow = Flow(told)
        flow.whole()

        def cost(
            name: str, act: Callable[[], None], compared_with: tuple[str, float], rounds: int = flows
        ) -> Measure:
            return Measure(name, least_milliseconds(act, pids, rounds), "request", compared_with)

        measures = [
            cost("discovery", flow.discovery, signature),
            cost("JWKS", flow.jwks, signature),
            cost("authorize, signed in", flow.authorize, signature),
            cost("token", flow.redeem, signature),  # redeems what `authorize` has just got
            cost("userinfo", flow.userinfo, signature),
            cost("introspection", flow.introspect, signature),
            cost("full flow", flow.whole, signature),
            cost("sign-in, page and form", flow.sign_in, hashing, max(flows // 10, BATCHES)),
        ]
        flow.go_offline()
        return [*measures, cost("refresh", flow.refresh, signature)]


def least_milliseconds(act: Callable[[], None], pids: Sequence[int], rounds: int) -> float:
    """CPU of processes for one call: the least of a few batches, for other work on the machine only adds."""
    return min(_batch(act, pids, rounds // BATCHES) for _ in range(BATCHES))


def _batch(act: Callable[[], None], pids: Sequence[int], rounds: int) -> float:
    before = processes_milliseconds(pids)
    for _ in range(rounds):
        act()
    return (processes_milliseconds(pids) - before) / rounds


def signature_milliseconds() -> float:
    """One ID token, signed with a key that is loaded already."""
    key = RSAKey.generate_key(2048)
    return own_milliseconds(lambda: jwt.encode({"alg": "RS256"}, {"sub": "x"}, key), rounds=100)


def hash_milliseconds() -> float:
    """One verification of a password, with the parameters in force."""
    stored = hasher.hash("Tilleul-2026")
    return own_milliseconds(lambda: hasher.verify(stored, "Tilleul-2026"), rounds=10)
