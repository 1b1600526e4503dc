"""The session that ends by itself: said before, in every tab, by keyboard; what was typed stays on the page."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask, request
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect

from shared.pages import IdleEnd
from tests.accessibility import PHONE, axe_faults
from tests.shared.conftest import build_app

WARNING, OVER = "Êtes-vous encore là", "Votre session s’est fermée"


class Service:
    """The gallery, to somebody whose session ends after half an hour."""

    def __init__(self, serve: Callable[[Flask], str]) -> None:
        self.stayed: list[str] = []
        app = build_app(public_url="http://localhost", idle_end=lambda: IdleEnd(1800, "/rester"))
        app.add_url_rule("/rester", view_func=self.stay)
        self.address = serve(app)

    def stay(self) -> str:
        self.stayed.append(request.method)
        return ""

    def open(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.clock.install()
        page.goto(f"{self.address}/galerie")
        return page


@pytest.fixture
def service(serve: Callable[[Flask], str]) -> Service:
    return Service(serve)


@pytest.fixture
def context(chromium: Chromium) -> Iterator[BrowserContext]:
    opened = chromium.new_context(viewport={"width": PHONE.width, "height": 844})
    yield opened
    opened.close()


def test_three_minutes_before_its_end_one_key_keeps_the_session(context: BrowserContext, service: Service):
    page = service.open(context)
    page.evaluate(AXE_SCRIPT)
    dialog = page.get_by_role("dialog", name=WARNING)

    page.clock.fast_forward("26:59")
    expect(dialog).to_be_hidden()
    page.clock.fast_forward("00:02")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("button", name="Rester connecté")).to_be_focused()
    assert axe_faults(page, PHONE) == []

    with page.expect_response("**/rester"):
        page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert service.stayed == ["HEAD"]

    page.clock.fast_forward("27:01")
    with page.expect_response("**/rester"):
        page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_afterwards_the_page_says_why_and_keeps_what_was_typed(context: BrowserContext, service: Service):
    page = service.open(context)
    page.fill("#email", "celine@exemple.fr")

    page.clock.fast_forward("27:01")
    page.clock.fast_forward("03:00")

    dialog = page.get_by_role("dialog", name=OVER)
    expect(dialog).to_be_visible()
    expect(page.get_by_role("link", name="Se reconnecter")).to_be_focused()
    page.get_by_role("button", name="Fermer ce message").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#email")).to_have_value("celine@exemple.fr")
    assert service.stayed == []


def test_a_telephone_that_slept_too_long_is_told_at_once(context: BrowserContext, service: Service):
    page = service.open(context)

    page.clock.set_system_time(page.evaluate("Date.now()") + 3_600_000)
    page.clock.run_for("27:01")

    expect(page.get_by_role("dialog", name=OVER)).to_be_visible()


def test_an_answer_in_one_tab_is_one_for_all(context: BrowserContext, service: Service):
    first, second = service.open(context), service.open(context)
    first.clock.fast_forward("27:01")
    expect(first.get_by_role("dialog", name=WARNING)).to_be_visible()

    second.evaluate("localStorage.setItem('last-answer', 'another')")

    expect(first.get_by_role("dialog", name=WARNING)).to_be_hidden()


def test_a_page_of_nobody_warns_of_nothing(context: BrowserContext, serve: Callable[[Flask], str]):
    page = context.new_page()
    page.goto(serve(build_app(public_url="http://localhost")) + "/galerie")

    expect(page.locator("template, dialog")).to_have_count(0)
