"""Services with a server of their own: discovery, sign-in with PKCE, ID token, userinfo, children, sign-out."""

import time
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from demo.parent import FormReader, Parent
from shared.claims import read_children
from tests.interop.services import (
    Service,
    apache_service,
    authlib_service,
    django_service,
    openid_client_service,
    spring_service,
)
from tests.running_demo import Demo

CONSENT = "/autorisation"
SIGN_OUT = "/deconnexion"
# The promise is a minute; the worker looks every second or so.
TOLD_WITHIN_SECONDS = 20
POLL_SECONDS = 0.1
KINDS = {
    "authlib": authlib_service,
    "openid-client": openid_client_service,
    "mod_auth_openidc": apache_service,
    "mozilla-django-oidc": django_service,
    "spring-security": spring_service,
}


class Person(Parent):
    """A browser without scripts, in the hands of the demo's active guardian."""

    def __init__(self, demo: Demo) -> None:
        super().__init__(demo.issuer)
        self.guardian = next(one for one in demo.told["guardians"] if one["password"])

    def sign_in(self, service: Service) -> None:
        """From the service to the provider and back."""
        self.open(f"{service.url}{service.sign_in_path}")
        self.fill(identifier=self.guardian["identifier"], password=self.guardian["password"])
        self.agree()

    def agree(self) -> None:
        """Press « Autoriser » where the provider asks what may be shared: at a first visit alone."""
        if urlsplit(self.page.url).path == CONSENT:
            self.press(CONSENT, decision="allow")

    def press(self, action: str, **typed: str) -> None:
        """Send the form of this page that leads to `action`."""
        reader = FormReader()
        reader.feed(self.page.text)
        form = next(one for one in reader.forms if urlsplit(one.action).path == action)
        url = urljoin(self.page.url, form.action)
        self._page = self.browser.post(url, data={**form.fields, **typed}, timeout=10)

    def leave_provider(self) -> None:
        """Sign out at the provider itself."""
        self.open(SIGN_OUT)
        self.press(SIGN_OUT)

    def is_known_to(self, service: Service) -> bool:
        """Whether the service's page shows who is signed in."""
        self.open(f"{service.url}{service.page}")
        return self.guardian["email"] in self.page.text

    def sign_out(self, service: Service) -> None:
        """Press the service's button."""
        url = f"{service.url}{service.sign_out_path}"
        token = {service.form_token: service.read_person(self.page.text).get("csrf_token")}
        form = token if service.sign_out_method == "POST" else None
        self._page = self.browser.request(service.sign_out_method, url, data=form, timeout=10)

    def next_answer(self, service: Service) -> str:
        """The answer to a new attempt of somebody known at the provider alone: where the browser is sent, unopened."""
        jar: CookieJar = self.browser.cookies
        for cookie in list(jar):
            if not cookie.name.startswith("idp_"):
                jar.clear(cookie.domain, cookie.path, cookie.name)
        url = f"{service.url}{service.sign_in_path}"
        for _ in range(2):
            url = self.browser.get(url, timeout=10, allow_redirects=False).headers["Location"]
        return url

    def steps(self) -> list[str]:
        """The addresses that the last act led through."""
        return [one.url for one in [*self.page.history, self.page]]


def test_a_family_signs_in_reads_and_signs_out(demo: Demo, service: Service):
    person = Person(demo)
    person.sign_in(service)
    answer = parse_qs(urlsplit(next(url for url in person.steps() if "code=" in url)).query)
    seen = service.read_person(person.page.text)

    person.sign_out(service)

    assert answer["iss"] == [demo.issuer]
    assert (seen["name"], seen["email"]) == (person.guardian["name"], person.guardian["email"])
    assert [child.given_name for child in read_children(seen)] == [
        child["given_name"] for child in person.guardian["children"]
    ]
    assert any(url.startswith(f"{demo.issuer}/oauth/end_session?") for url in person.steps())
    assert person.page.url == f"{service.url}/"
    person.open(f"{service.url}{service.sign_in_path}")
    assert person.page.url.startswith(f"{demo.issuer}/connexion"), "the provider's session has ended too"


def test_a_person_is_the_same_at_each_sign_in_and_so_are_the_children(demo: Demo, service: Service):
    """Core 8.1: pairwise identifiers, stable for ever."""
    seen = []
    for _ in range(2):
        person = Person(demo)
        person.sign_in(service)
        seen.append(service.read_person(person.page.text))

    assert seen[0]["sub"] == seen[1]["sub"]
    assert [child["sub"] for child in seen[0]["children"]] == [child["sub"] for child in seen[1]["children"]]


def test_a_second_visit_asks_nothing(demo: Demo, service: Service):
    """Single sign-on: the session at the provider answers."""
    person = Person(demo)
    person.sign_in(service)
    person.open(f"{service.url}{service.sign_in_path}")

    assert person.page.ok
    assert urlsplit(person.page.url).netloc == urlsplit(service.url).netloc


def test_an_answer_that_nobody_asked_for_signs_nobody_in(demo: Demo, service: Service):
    person = Person(demo)

    person.open(f"{service.url}{service.callback}?code=forged&state=forged&iss={demo.issuer}")
    refused = person.page
    person.open(f"{service.url}/")

    assert person.guardian["email"] not in refused.text + person.page.text


def test_an_answer_of_another_provider_signs_nobody_in(demo: Demo, service: Service):
    """RFC 9207 2.4, the mix-up attack: a good code and a good state under another `iss`."""
    person = Person(demo)
    person.sign_in(service)
    answer = person.next_answer(service)

    person.open(answer.replace(f"iss={quote(demo.issuer, safe='')}", "iss=https%3A%2F%2Fevil.test"))

    assert "code=" in answer
    assert person.guardian["email"] not in person.page.text


@pytest.mark.parametrize("kind", ["authlib", "mod_auth_openidc", "spring-security"])
def test_signing_out_elsewhere_ends_the_session_here(
    demo: Demo, kind: str, tmp_path_factory: pytest.TempPathFactory
):
    """Back-Channel Logout 1.0: told server to server, while the browser is elsewhere."""
    with KINDS[kind](demo, tmp_path_factory.mktemp("told")) as told:
        person = Person(demo)
        person.sign_in(told)
        was_known = person.is_known_to(told)

        person.leave_provider()
        deadline = time.monotonic() + TOLD_WITHIN_SECONDS
        while person.is_known_to(told) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

        assert was_known
        assert not person.is_known_to(told)


def test_a_forged_logout_token_is_refused(demo: Demo, tmp_path_factory: pytest.TempPathFactory):
    """Back-Channel Logout 2.6, on the configuration that checks by itself: Authlib's."""
    keys = requests.get(f"{demo.issuer}/oauth/jwks", timeout=10).json()["keys"]
    kid = next(key["kid"] for key in keys if key["alg"] == "RS256")
    foreign = RSAKey.generate_key(2048, {"kid": kid})
    claims = {"iss": demo.issuer, "aud": "x", "sid": "x", "iat": 1, "exp": 9999999999, "jti": "x"}
    forged = jwt.encode({"alg": "RS256", "kid": kid, "typ": "logout+jwt"}, claims, foreign)
    nameless = jwt.encode({"alg": "RS256", "typ": "logout+jwt"}, claims, foreign)
    unsigned = "eyJhbGciOiJub25lIn0.e30."

    with authlib_service(demo, tmp_path_factory.mktemp("forged")) as told:
        answers = [
            requests.post(f"{told.url}/deconnexion/canal-arriere", data={"logout_token": token}, timeout=10)
            for token in (forged, nameless, unsigned, "a.b.c", "é", "")
        ]

    assert [answer.status_code for answer in answers] == [400] * len(answers)


@pytest.fixture(scope="module", params=KINDS)
def service(
    request: pytest.FixtureRequest, demo: Demo, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service of each kind, for every test of this module."""
    with KINDS[request.param](demo, tmp_path_factory.mktemp("service")) as running:
        yield running
