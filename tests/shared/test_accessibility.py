"""Every element of the theme is accessible, also once the script has changed it; and what is not is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser as Chromium

from shared.pages import current_pages
from tests.accessibility import (
    PHONE,
    Accessibility,
    ShownPage,
    axe_faults,
    shapes_of,
    shown_page,
)
from tests.conftest import browser_at
from tests.shared.conftest import build_app

ORIGIN = "http://localhost"
TRAP = b"document.onkeydown = event => event.target.id === 'email' && event.preventDefault()"


def gallery(app: Flask, path: str = "/galerie") -> ShownPage:
    page = shown_page(app, browser_at(app, ORIGIN).get(path))
    assert page is not None
    return page


@pytest.mark.parametrize("path", ["/galerie", "/galerie?faults"])
def test_every_element_is_accessible(accessibility: Accessibility, chromium: Chromium, path: str):
    page = gallery(build_app(public_url=ORIGIN), path)

    assert accessibility.look([page], chromium) == []


def test_what_the_script_changes_is_accessible(chromium: Chromium, serve: Callable[[Flask], str]):
    page = chromium.new_context(viewport={"width": PHONE.width, "height": 844}).new_page()
    page.goto(serve(build_app(public_url=ORIGIN)) + "/galerie")
    page.evaluate(AXE_SCRIPT)

    page.fill("#new_password", "soleil2026")
    page.check("text=Afficher le mot de passe")
    page.wait_for_function("() => document.querySelector('[role=status][data-text]').textContent !== ''")
    page.wait_for_function(
        "() => /\\(\\d+ s\\)/.test(document.querySelector('[data-countdown]').textContent)"
    )

    assert axe_faults(page, PHONE) == []
    page.context.close()


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('<label for="email"', "<label", "label: <input"),
        ("<h2>Bilans</h2>", "<h4>Bilans</h4>", "heading-order"),
        ('id="email"', 'id="email" tabindex="3"', "Tab reaches"),
        ("<h2>Bilans</h2>", '<h2>Bilans</h2><p style="width: 30rem">x</p>', "style"),
        ("<h2>Bilans</h2>", '<svg width="700" height="1" aria-hidden="true"></svg>', "px wide"),
    ],
    ids=[
        "no label",
        "a heading's level",
        "an order of its own",
        "a style that the policy refuses",
        "too wide",
    ],
)
def test_what_is_wrong_with_a_page_is_found(
    accessibility: Accessibility, chromium: Chromium, before: str, after: str, fault: str
):
    page = gallery(build_app(public_url=ORIGIN))
    assert before in page.text

    faults = accessibility.look([replace(page, text=page.text.replace(before, after, 1))], chromium)

    assert any(fault in found for found in faults), faults


@pytest.mark.parametrize(
    ("bundle", "addition", "fault"),
    [
        ("theme.css", b":focus-visible { outline: 0 !important }", "focus not seen"),
        ("app.js", TRAP, "Tab reaches"),
        ("theme.css", b"a { color: #999 !important }", "color-contrast"),
    ],
    ids=["no outline", "a trap", "a pale link"],
)
def test_what_is_wrong_with_the_theme_is_found(
    accessibility: Accessibility, chromium: Chromium, bundle: str, addition: bytes, fault: str
):
    app = build_app(public_url=ORIGIN)
    page = gallery(app)
    asset = current_pages(app).assets[bundle]
    worse = replace(asset, content=asset.content + b"\n" + addition)
    spoilt = replace(
        page, text=page.text.replace(asset.url, "/worse"), assets={**page.assets, "/worse": worse}
    )

    faults = accessibility.look([spoilt], chromium)

    assert any(fault in found for found in faults), faults


def test_what_only_readers_without_scripts_see_is_looked_at(accessibility: Accessibility, chromium: Chromium):
    page = gallery(build_app(public_url=ORIGIN))
    spoilt = replace(page, text=page.text.replace("<h2>Bilans</h2>", '<noscript><img src="x"></noscript>'))

    faults = accessibility.look([spoilt], chromium)

    assert any("without scripts" in found and "image-alt" in found for found in faults), faults
    assert not any("image-alt" in found and "without scripts" not in found for found in faults), faults


def test_a_shape_is_the_page_without_its_words():
    plain = "<body><main><ul><li>Léa</li></ul></main></body>"
    more = "<body><main><ul><li>Noé</li><li>Maël</li></ul></main></body>"
    empty = "<body><main><ul><li></li></ul></main></body>"
    marked = '<body><main><ul><li aria-current="true">Léa</li></ul></main></body>'

    assert shapes_of(plain) == shapes_of(more)
    assert len({frozenset(shapes_of(page)) for page in (plain, empty, marked)}) == 3
