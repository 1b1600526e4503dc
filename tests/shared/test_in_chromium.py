"""The theme in a real browser: accessibility, keyboard, without JavaScript, framed, weight of a page."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.conftest import idp_settings_values
from tests.shared.conftest import build_app

GALLERY = ("/galerie", "/galerie?faults")
SMALLEST_WIDTH = 320
FORM_BYTES = 10_000


@pytest.fixture
def provider(serve: Callable[[Flask], str], tmp_path: Path) -> Iterator[tuple[Flask, str]]:
    """The provider on plain http, as the demo runs it, with its address."""
    from idp.app import create_app
    from idp.db import db
    from idp.settings import Settings

    values = idp_settings_values(f"sqlite:///{tmp_path / 'idp.sqlite'}") | {"issuer": "http://localhost:8000"}
    app = create_app(Settings.load(**values))
    with app.app_context():
        db.create_all()
    yield app, serve(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def gallery_address(serve: Callable[[Flask], str]) -> str:
    return serve(build_app(public_url="http://localhost"))


def open_browser(chromium: Chromium, screen: tuple[int, str], **options: Any) -> Page:
    width, scheme = screen
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)  # type: ignore[arg-type]
    return context.new_page()


def assert_nothing_sticks_out(page: Page) -> None:
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], page.url


def test_nothing_is_cut_at_320_pixels_nor_with_wide_spacing(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (SMALLEST_WIDTH, "light"), bypass_csp=True)
    page.goto(gallery_address + "/galerie?faults")

    page.add_style_tag(
        content="* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    )

    assert_nothing_sticks_out(page)
    page.context.close()


def test_targets_are_large_enough(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (390, "light"))
    page.goto(gallery_address + "/galerie")

    heights = page.eval_on_selector_all(
        ".button:not(.button-quiet), .input, textarea",
        "found => found.map(e => e.getBoundingClientRect().height)",
    )

    assert heights
    assert min(heights) >= 44
    page.context.close()


def test_the_keyboard_reaches_the_content_first_then_every_control(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (1280, "light"))
    page.goto(gallery_address + "/galerie")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Annuler et revenir au service"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")

    assert outline == "3px"
    page.context.close()


def test_a_refused_form_gives_its_summary_the_focus_and_its_links_reach_the_fields(
    chromium: Chromium, gallery_address: str
):
    page = open_browser(chromium, (1280, "light"))
    page.goto(gallery_address + "/galerie?faults")

    assert page.evaluate("document.activeElement.id") == "error-summary"
    for field in ("email", "new_password", "birth_month"):
        page.click(f'#error-summary a[href="#{field}"]')
        assert page.evaluate("document.activeElement.id") == field

    page.context.close()


def test_without_a_script_no_control_is_dead_and_the_first_faulty_field_is_ready(
    chromium: Chromium, gallery_address: str
):
    page = open_browser(chromium, (1280, "light"), java_script_enabled=False)
    page.goto(gallery_address + "/galerie?faults")

    assert page.locator("#email").evaluate("e => e === document.activeElement")
    assert not page.get_by_label("Afficher le mot de passe").is_visible()
    assert not page.get_by_role("button", name="Imprimer cette page").is_visible()
    assert not page.locator("[data-rules]").is_visible()
    assert page.get_by_role("button", name="Renvoyer le message").is_enabled()

    page.context.close()


def test_a_password_can_be_shown_and_is_hidden_again_when_sent(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (1280, "light"))
    page.goto(gallery_address + "/galerie")
    types = []
    page.expose_function("noteType", lambda kind: types.append(kind))
    page.evaluate(
        "document.forms[0].addEventListener('submit', e => { e.preventDefault(); noteType(new_password.type) })"
    )

    page.fill("#new_password", "Soleil2026")
    page.check("text=Afficher le mot de passe")
    shown = page.get_attribute("#new_password", "type")
    page.click("text=Activer mon compte")
    page.wait_for_function("() => new_password.type === 'password'")

    assert shown == "text"
    assert types == ["password"]
    page.context.close()


def test_the_rules_of_a_password_tick_and_their_count_is_said(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (1280, "light"))
    page.goto(gallery_address + "/galerie")

    page.fill("#new_password", "soleil2026")

    assert page.locator("[data-rules] .met").all_inner_texts() == ["8 à 16 caractères", "Un chiffre"]
    page.wait_for_function("() => document.querySelector('[role=status][data-text]').textContent !== ''")
    assert page.locator("[role=status][data-text]").text_content() == "2 critères sur 3 respectés"
    page.context.close()


def test_a_waiting_button_counts_down_and_does_not_send(chromium: Chromium, gallery_address: str):
    page = open_browser(chromium, (1280, "light"))
    page.goto(gallery_address + "/galerie")
    button = page.locator("[data-countdown]")

    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)

    assert page.url.endswith("/galerie")
    page.context.close()


def test_a_double_press_sends_once(chromium: Chromium, serve: Callable[[Flask], str]):
    app = build_app(public_url="http://localhost")
    received = []
    app.before_request(lambda: received.append(1) if __import__("flask").request.method == "POST" else None)
    page = open_browser(chromium, (1280, "light"))
    page.goto(serve(app) + "/galerie")

    page.evaluate("() => { const form = document.forms[0]; form.requestSubmit(); form.requestSubmit(); }")
    page.wait_for_url("**/formulaire")

    assert received == [1]
    page.context.close()


@pytest.mark.parametrize("path", ["/connexion", "/compte", "/activation", "/"])
def test_br_09_a_page_framed_by_another_origin_is_blocked(
    chromium: Chromium, provider: tuple[Flask, str], serve: Callable[[Flask], str], path: str
):
    _, address = provider
    other = Flask("other")
    other.add_url_rule("/", endpoint="frame", view_func=lambda: f'<iframe src="{address}{path}"></iframe>')
    page = open_browser(chromium, (1280, "light"))

    page.goto(serve(other).replace("localhost", "127.0.0.1"))
    page.wait_for_load_state("networkidle")

    assert page.frames[1].url.startswith("chrome-error://")
    page.context.close()


def test_a_form_stays_light(provider: tuple[Flask, str]):
    """HTML, style, script and icon of the sign-in page, compressed: 10 kB, 4 requests."""
    from shared.pages import current_pages

    app, _ = provider
    page = app.test_client().get("/connexion", base_url="http://localhost:8000")
    assets = current_pages(app).assets.values()

    assert page.status_code == 200
    assert len(assets) == 3
    assert len(gzip.compress(page.data)) + sum(len(asset.compressed) for asset in assets) <= FORM_BYTES
