"""Every page that a test is shown is looked at once: by axe, by keyboard, without scripts, on narrow screens.

Thousands of pages are rendered in a run, of a few hundred *shapes*: what their elements, roles and states are,
whatever their words. The first test of a run that is shown a shape answers for it (`Accessibility.look`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from lxml import html
from lxml.html import HtmlElement
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import CDPSession, ConsoleMessage, Page, Route
from werkzeug.test import TestResponse

from shared.pages import Asset, Pages

AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # no rule of these reads style sheets of other sites
}
BLANK = "https://blank.example/"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:; frame-src *"
KEYBOARD = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")
TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
# Attributes whose value is heard, seen or obeyed; of any other it matters whether it is empty.
TELLING = {"class", "disabled", "hidden", "open", "role", "scope", "tabindex", "type"}
REFERENCES = {"aria-controls", "aria-describedby", "aria-labelledby", "for", "headers", "id"}
NUMBERS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d+")
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)


@dataclass(frozen=True)
class Screen:
    """What a page is drawn on. width: CSS pixels; scheme: of the reader's system."""

    width: int
    scheme: str = "light"

    def __str__(self) -> str:
        return f"{self.width} px {self.scheme}"


DESK, PHONE, SMALLEST = Screen(1280, "dark"), Screen(390), Screen(320)


@dataclass(frozen=True)
class ShownPage:
    """A page as a test got it. assets: the theme's files by address."""

    name: str
    text: str
    assets: Mapping[str, Asset]

    @property
    def without_scripts(self) -> str:
        """The page as a browser draws it that runs none."""
        return re.sub("</?noscript>", "", SCRIPT.sub("", self.text))

    @property
    def as_it_stays(self) -> str:
        """The page as it is read; one that its script leaves at once is read by those without scripts alone."""
        return self.without_scripts if "data-auto-submit" in self.text else self.text

    @property
    def is_scripted(self) -> bool:
        """Whether the script, or its absence, changes something on it."""
        return " data-" in self.text or "<noscript>" in self.text


def shown_page(app: Flask, answer: TestResponse) -> ShownPage | None:
    """The page that an application answered; None for a file, a frame that nobody sees, and a theme of a test's own."""
    pages: Pages | None = app.extensions.get("pages")
    if pages is None or pages.settings.theme_dir or answer.mimetype != "text/html":
        return None
    if pages.static("theme.css") not in answer.text:
        return None
    name = f"{answer.request.method} {answer.request.path} {answer.status_code}"
    return ShownPage(name, answer.text, pages.by_url)


def shapes_of(page: str) -> set[str]:
    """The digests of what stands in the page: header, content and footer apart, since each is met with any other."""
    body = html.document_fromstring(page).find("body")
    return {sha256(repr(shape_of(part)).encode()).hexdigest() for part in body}


def shape_of(element: HtmlElement) -> tuple[Any, ...]:
    """An element without its words; siblings alike count once, be there one child or three."""
    children = [child for child in element if isinstance(child.tag, str)]
    has_text = any((text or "").strip() for text in (element.text, *(child.tail for child in element)))
    attributes = sorted((name, _said(name, value)) for name, value in element.attrib.items())
    return element.tag, attributes, has_text, list(dict.fromkeys(repr(shape_of(child)) for child in children))


def _said(name: str, value: str) -> str:
    if name in REFERENCES:
        return NUMBERS.sub("0", value)
    is_telling = name in TELLING or (name.startswith("aria-") and name != "aria-label")
    return value if is_telling else str(bool(value.strip()))


class Accessibility:
    """Looks at pages of a shape not yet seen in this run.

    seen: a folder that all workers of the run share, with an empty file a shape.
    """

    def __init__(self, seen: Path) -> None:
        self.seen = seen
        self.known: set[str] = set()
        self.looker: Looker | None = None

    def is_new(self, page: ShownPage) -> bool:
        """Whether no worker has looked at this shape; it is then ours to look at."""
        shapes = shapes_of(page.text) - self.known
        self.known |= shapes
        return any([self._claim(shape) for shape in shapes])  # noqa: C419 - claims each, not only the first

    def _claim(self, shape: str) -> bool:
        try:
            (self.seen / shape).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def look(self, pages: Iterable[ShownPage], chromium: Chromium) -> list[str]:
        """What is wrong with the pages, a line a fault."""
        if self.looker is None:
            self.looker = Looker(chromium)
        return [fault for page in pages for fault in self.looker.faults_of(page)]


def axe_faults(page: Page, screen: Screen) -> list[str]:
    """What axe, already loaded, finds on a page as it stands; `screen` is only told."""
    found = page.evaluate("rules => axe.run(rules).then(result => result.violations)", AXE_RULES)
    return [f"{screen}, {rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


class Looker:
    """One page of Chromium that is written over with other pages' text: axe, loaded once, stays with its window."""

    def __init__(self, chromium: Chromium) -> None:
        context = chromium.new_context()
        self.assets: Mapping[str, Asset] = {}
        self.refused: list[str] = []
        self.page: Page = context.new_page()
        self.page.route("**/*", self._answer)
        self.page.on("console", self._note_refusal)
        self.page.goto(BLANK)
        self.page.evaluate(AXE_SCRIPT)
        self.devtools: CDPSession = context.new_cdp_session(self.page)

    def _answer(self, route: Route) -> None:
        address = route.request.url
        asset = self.assets.get(address.removeprefix(BLANK.rstrip("/")))
        if asset:
            route.fulfill(body=asset.content, content_type=asset.media_type)
        elif address == BLANK:
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body="<!doctype html>", content_type="text/html", headers=headers)
        else:
            route.fulfill(status=204)  # where a script would go on to: the page stays

    def _note_refusal(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def faults_of(self, shown: ShownPage) -> list[str]:
        """Every fault of a page, on each screen, with its script and without."""
        self.assets = shown.assets
        self._draw(shown.as_it_stays, DESK)
        faults = axe_faults(self.page, DESK)
        self._resize(PHONE)
        faults += self._faults_on_a_phone()
        if shown.is_scripted:
            self._draw(shown.without_scripts, PHONE)
            faults += [f"without scripts, {fault}" for fault in self._faults_on_a_phone()]
        refused, self.refused = self.refused, []
        return [f"{shown.name}: {fault}" for fault in [*faults, *refused]]

    def _draw(self, text: str, screen: Screen) -> None:
        self._resize(screen)
        self.page.set_content(text, wait_until="domcontentloaded")
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    def _faults_on_a_phone(self) -> list[str]:
        faults = axe_faults(self.page, PHONE) + self._keyboard_faults() + self._overflow(PHONE)
        self._resize(SMALLEST)
        return faults + self._overflow(SMALLEST)

    def _resize(self, screen: Screen) -> None:
        size = {"width": screen.width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": screen.scheme}
        self.devtools.send("Emulation.setDeviceMetricsOverride", size)
        self.devtools.send("Emulation.setEmulatedMedia", {"features": [scheme]})

    def _keyboard_faults(self) -> list[str]:
        """By Tab alone: each control in the page's order, each seen to have the focus, and on from each."""
        controls = self.page.evaluate(KEYBOARD)
        for _ in range(controls - 1):
            self.devtools.send("Input.dispatchKeyEvent", TAB)
        return [f"keyboard, {fault}" for fault in self.page.evaluate("window.keyboardFaults()")]

    def _overflow(self, screen: Screen) -> list[str]:
        needed = self.page.evaluate("document.documentElement.scrollWidth")
        return [f"{screen}, {needed} px wide"] if needed > screen.width else []
