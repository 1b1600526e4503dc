"""Which headers of a request are believed, and by whom."""

import time
import timeit
from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts.mail_domains import meant_address
from idp.accounts.rules import (
    AccountState,
    Names,
    identifier_stem,
    is_same_person,
    normalise_address,
    normalise_identifier,
)
from idp.app import create_app
from idp.errors import DomainError
from idp.messaging.phones import normalise_phone
from idp.settings import Settings
from livret_service.sign_in.rules import TargetRefused, local_target
from shared.pages import LANGUAGES, known_language
from tests.conftest import Browser, browser_at, idp_settings_values
from tests.factories import make_account

ISSUER = "https://compte.example"
FORWARDED = {
    "X-Forwarded-Host": "evil.test",
    "Forwarded": "host=evil.test;proto=http",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-Host": "evil.test",
    "X-Host": "evil.test",
}
IDENTITY = {
    "X-Remote-User": "c.dupont",
    "Remote-User": "c.dupont",
    "X-Forwarded-User": "c.dupont",
    "X-Auth-Request-User": "c.dupont",
    "OIDC_CLAIM_sub": "c.dupont",
    "OIDC-CLAIM-sub": "c.dupont",
    "X-SSL-Client-S-DN": "CN=c.dupont",
}
PAGES = ["/", "/connexion", "/activation", "/compte", "/.well-known/openid-configuration", "/nowhere"]


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The provider as it runs behind one reverse proxy; the pages asked for here need no table."""
    database = tmp_path_factory.mktemp("proxy") / "idp.sqlite"
    values = idp_settings_values(f"sqlite:///{database}") | {"trusted_proxies": 1}
    app = create_app(Settings.load(**values))
    with app.app_context():
        from flask_migrate import upgrade

        upgrade()
    return app


@pytest.mark.parametrize("header", FORWARDED)
@pytest.mark.parametrize("page", PAGES)
def test_hh_02_without_a_trusted_proxy_forwarded_names_are_not_read(
    idp_client: FlaskClient, page: str, header: str
):
    answer = idp_client.get(page, headers={header: FORWARDED[header]})

    assert answer.status_code == idp_client.get(page).status_code
    assert "evil" not in answer.text
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("page", PAGES)
def test_hh_02_a_forged_name_that_the_proxy_lets_through_is_refused(behind_a_proxy: Flask, page: str):
    answer = browser_at(behind_a_proxy, ISSUER).get(page, headers={"X-Forwarded-Host": "evil.test"})

    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "evil" not in str(answer.headers)


def test_hh_02_the_trusted_proxy_says_the_scheme_and_the_host(behind_a_proxy: Flask):
    inside = Browser(behind_a_proxy, behind_a_proxy.response_class, use_cookies=True)
    inside.origin = "http://127.0.0.1:8000"

    answer = inside.get("/", headers={"X-Forwarded-Host": "compte.example", "X-Forwarded-Proto": "https"})

    assert answer.status_code == 200


@pytest.mark.parametrize("header", IDENTITY)
def test_hh_07_a_header_never_says_who_someone_is(idp_app: Flask, idp_client: FlaskClient, header: str):
    with idp_app.app_context():
        make_account(identifier="c.dupont", state=AccountState.ACTIVE)

    answer = idp_client.get("/compte", headers={header: IDENTITY[header]})

    assert answer.status_code == 303
    assert answer.location.startswith("/connexion")


READERS: dict[str, Callable[[str], object]] = {
    "email": normalise_address,
    "email, nearly right": lambda text: normalise_address(f"{text}@exemple.fr"),
    "email, mistyped": lambda text: meant_address(f"a@{text}"),
    "phone": normalise_phone,
    "identifier": normalise_identifier,
    "name": lambda text: identifier_stem(text, text),
    "two names": lambda text: is_same_person(Names(text, text), Names(text, f"{text}x")),
    "target": lambda text: local_target(f"/{text}", ISSUER),
    "language": lambda text: known_language([text], LANGUAGES),
}
PROBES = ["a", "a@", "é", "(", "0 ", "/..", "-", "a.", "gmail.com", "\N{COMBINING ACUTE ACCENT}"]


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("name", READERS)
def test_in_08_ten_kilobytes_of_anything_are_read_in_no_time(name: str, probe: str):
    typed = probe * (10_000 // len(probe.encode()))

    def read() -> None:
        with suppress(DomainError, TargetRefused):
            READERS[name](typed)

    # The least of three: what the machine does beside only adds, and an expression that backtracks is slow each time.
    assert min(timeit.repeat(read, timer=time.process_time, number=1, repeat=3)) < 0.05
