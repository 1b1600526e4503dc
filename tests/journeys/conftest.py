"""A browser in front of a demo."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
READING_SECONDS = 10_000  # milliseconds, as Playwright counts


@pytest.fixture
def new_person(chromium: Chromium) -> Iterator[Callable[..., Page]]:
    """Opens a browser of somebody: own cookies, a phone or a desk, with or without scripts."""
    contexts: list[BrowserContext] = []

    def new(*, scripts: bool = True, viewport: dict[str, int] = PHONE) -> Page:
        context = chromium.new_context(
            java_script_enabled=scripts,
            viewport=viewport,  # type: ignore[arg-type]
            locale="fr-FR",
        )
        context.set_default_timeout(READING_SECONDS)
        contexts.append(context)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()
