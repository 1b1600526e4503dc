"""Forms answer only to our own pages."""

import pytest
from flask import Flask

from tests.conftest import Browser, browser_at
from tests.web import form_values

ORIGIN = "https://essai.example"


@pytest.fixture
def browser(bare_app: Flask) -> Browser:
    return browser_at(bare_app, ORIGIN)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ORIGIN},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        # What browsers send for our own forms, under Referrer-Policy: no-referrer.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_our_own_form_passes(browser: Browser, headers: dict[str, str]):
    values = form_values(browser.get("/galerie").text)

    assert browser.post("/formulaire", data=values, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "http://essai.example"},
        {"Origin": "https://essai.example:8443"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://autre.essai.example", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_br_05_a_post_from_another_page_is_refused_even_with_a_token(
    browser: Browser, headers: dict[str, str]
):
    values = form_values(browser.get("/galerie").text)

    assert browser.post("/formulaire", data=values, headers=headers).status_code == 400


def test_br_05_a_post_without_a_token_is_refused(browser: Browser):
    assert browser.post("/formulaire", data={}).status_code == 400


def test_br_05_the_token_of_another_browser_is_refused(bare_app: Flask, browser: Browser):
    values = form_values(browser_at(bare_app, ORIGIN).get("/galerie").text)
    browser.get("/galerie")

    assert browser.post("/formulaire", data=values).status_code == 400
