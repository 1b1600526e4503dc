"""What a person sees when a request fails."""

import json
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.error_pages import TEXTS
from shared.pages import NavigationEntry, current_pages
from tests.conftest import Browser, browser_at

LEAKS = (
    "Traceback",
    "werkzeug",
    "Werkzeug",
    "site-packages",
    "ValueError",
    "a secret detail",
    'File "',
    "debugger",
)


@pytest.fixture
def browser(bare_app: Flask) -> Browser:
    return browser_at(bare_app, "https://essai.example")


@pytest.mark.parametrize("status", sorted(TEXTS))
def test_every_error_says_what_happened_and_leads_on(browser: Browser, status: int):
    answer = browser.get(f"/refus/{status}")

    assert answer.status_code == status
    assert f"<h1>{TEXTS[status].title}</h1>" in answer.text
    assert str(TEXTS[status].advice) in answer.text
    assert 'href="/"' in answer.text
    assert "Référence" in answer.text


@pytest.mark.parametrize(("status", "shown_as"), [(418, 400), (410, 400), (501, 500)])
def test_an_error_without_words_of_its_own_borrows_them(browser: Browser, status: int, shown_as: int):
    answer = browser.get(f"/refus/{status}")

    assert answer.status_code == status
    assert str(TEXTS[shown_as].title) in answer.text


@pytest.mark.parametrize(
    "path", ["/refus/500", "/refus/404", "/refus/503", "/theme/nothing.css", "/%00", "/../../etc"]
)
def test_br_17_no_failure_shows_its_insides(browser: Browser, path: str):
    answer = browser.get(path)

    assert answer.status_code >= 400
    assert not any(leak in answer.text for leak in LEAKS)
    assert not any(leak in str(answer.headers) for leak in LEAKS)


def test_br_17_a_wrong_method_shows_only_which_are_right(browser: Browser):
    answer = browser.get("/formulaire")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert not any(leak in answer.text for leak in LEAKS)


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:443", "essai.example.evil.test", "essai.example@evil.test"]
)
def test_hh_01_a_forged_host_gets_a_page_that_names_only_the_configured_address(bare_app: Flask, host: str):
    answer = bare_app.test_client().get("/galerie", base_url="https://essai.example", headers={"Host": host})

    assert answer.status_code == 400
    assert "Cette adresse n’est pas la nôtre" in answer.text
    assert 'href="https://essai.example/"' in answer.text
    assert "evil" not in answer.text
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("path", ["/", "/compte", "/connexion", "/oauth/authorize", "/nulle-part"])
def test_hh_04_the_provider_says_nothing_under_a_forged_host(idp_app: Flask, path: str):
    client = idp_app.test_client()

    answers = [client.open(path, method=method, headers={"Host": "evil.test"}) for method in ("GET", "POST")]

    assert [answer.status_code for answer in answers] == [400, 400]
    for answer in answers:
        assert "evil" not in answer.text + str(answer.headers)
        assert "https://compte.example/" in answer.text


def test_a_form_that_another_site_posts_is_explained_and_the_page_is_one_press_away(
    bare_app: Flask, browser: Browser
):
    bare_app.add_url_rule("/saisie", view_func=lambda: "ok", methods=["GET", "POST"])

    answer = browser.post(
        "/saisie?demande=abc", data={"email": "nom@exemple.fr"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 400
    assert "Ce formulaire n’est plus valable" in answer.text
    assert 'href="/saisie?demande=abc"' in answer.text
    assert "nom@exemple.fr" not in answer.text


def test_a_lost_form_token_never_leads_to_an_address_that_only_takes_posts(browser: Browser):
    answer = browser.post("/formulaire", data={"email": "nom@exemple.fr"})

    assert answer.status_code == 400
    assert 'href="/formulaire' not in answer.text
    assert 'href="/"' in answer.text


def test_br_11_the_page_that_could_not_be_read_is_not_repeated_raw(browser: Browser):
    answer = browser.post("/formulaire?x=<svg onload=alert(1)>")

    assert "<svg onload" not in answer.text


def test_a_program_that_asks_for_json_gets_json(browser: Browser):
    answer = browser.get("/refus/404", headers={"Accept": "application/json"})

    told = json.loads(answer.text)
    assert told["error"] == 404
    assert set(told) == {"error", "reference"}


def test_the_reference_on_the_page_is_the_one_in_the_log(bare_app: Flask, browser: Browser):
    seen = []
    bare_app.before_request(lambda: seen.append(__import__("flask").g.request_reference))

    answer = browser.get("/refus/500")

    assert seen[0] in answer.text


@pytest.mark.parametrize(
    "failure",
    [OperationalError("SELECT secret", {}, Exception("away")), InterfaceError("SELECT secret", {}, Exception("away")),
     PoolTimeout("QueuePool limit")],
)  # fmt: skip
def test_without_the_database_there_is_a_503_and_nothing_more_is_asked_of_it(
    bare_app: Flask, failure: Exception, caplog: pytest.LogCaptureFixture
):
    asked: list[str] = []

    def navigation() -> list[NavigationEntry]:
        asked.append("navigation")
        return []

    pages = current_pages(bare_app)
    pages.settings = replace(pages.settings, navigation=navigation)

    def fail() -> str:
        raise failure

    bare_app.add_url_rule("/sans-base", "without_database", fail)

    answer = browser_at(bare_app, "https://essai.example").get("/sans-base")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "momentanément indisponible" in answer.text
    assert "SELECT" not in answer.text + caplog.text
    assert asked == []
