"""A reader who follows every link: no page may be a dead end, no link dead."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import Flask
from lxml import html
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from tests.conftest import Browser

WAYS_ON = "//main//a[@href] | //main//form"


def is_page(answer: TestResponse) -> bool:
    """Whether it is shown by the browser, not kept as a file."""
    return answer.mimetype == "text/html" and "Content-Disposition" not in answer.headers


class Crawler:
    """Follows every link of every page that one browser reaches, and looks at each page's ways on."""

    def __init__(self, app: Flask, browser: Browser) -> None:
        self.app, self.browser = app, browser
        self.seen: set[str] = set()
        self.faults: list[str] = []

    def crawl(self, start: str) -> None:
        waiting = [start]
        while waiting:
            address = waiting.pop()
            if address in self.seen:
                continue
            self.seen.add(address)
            answer = self.browser.get(address)
            if answer.status_code == 303:
                waiting.append(self._own(answer.location) or "/")
            elif is_page(answer):
                waiting.extend(self.look_at(address, answer))

    def look_at(self, address: str, answer: TestResponse) -> Iterator[str]:
        """The addresses that the page leads to; notes a dead link, a dead form, and a page from which nothing leads on."""
        page = html.fromstring(answer.text)
        self._note(answer.status_code >= 400, address, f"answers {answer.status_code}")
        self._note(not page.xpath(WAYS_ON), address, "a dead end")
        for form in page.forms:
            action = self._own(form.get("action", "")) or address
            self._note(not self._is_live(action, form.method), address, f"dead form {action}")
        for href in filter(None, map(self._own, page.xpath("//a/@href"))):
            path, _, anchor = href.partition("#")
            if path in {"", address}:
                self._note(bool(anchor) and not page.xpath("//*[@id=$id]", id=anchor), address, f"no {href}")
                continue
            self._note(not self._is_live(path, "GET"), address, f"dead link {href}")
            yield path

    def _note(self, is_fault: bool, address: str, what: str) -> None:
        if is_fault:
            self.faults.append(f"{address}: {what}")

    def _own(self, href: str) -> str | None:
        """The address within the service; None for a mail, a telephone number or another site."""
        parts = urlsplit(href)
        return (
            None
            if parts.scheme and not href.startswith(self.browser.origin)
            else href.removeprefix(self.browser.origin)
        )

    def _is_live(self, address: str, method: str) -> bool:
        try:
            self.app.url_map.bind("").match(re.split("[?#]", address)[0], method=method.upper())
        except (RequestRedirect, NotFound, MethodNotAllowed):
            return False
        return True
