"""A device in words, from what its browser says of itself: pure. A convenience for its owner; it proves nothing."""

import re
from dataclasses import dataclass

# In this order: most browsers also claim to be those below them.
BROWSERS: tuple[tuple[str, str], ...] = (
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"EdgA?/|EdgiOS/|Edge/", "Edge"),
    (r"OPR/|OPiOS/|Opera", "Opera"),
    (r"FxiOS/|Firefox/", "Firefox"),
    (r"DuckDuckGo/|Ddg/", "DuckDuckGo"),
    (r"CriOS/|Chrome/|Chromium/", "Chrome"),
    (r"Version/.*Safari/", "Safari"),
    (r"Trident/|MSIE ", "Internet Explorer"),
)
SYSTEMS: tuple[tuple[str, str], ...] = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "Mac"),
    (r"CrOS", "ChromeOS"),
    (r"Linux|X11", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """The names of a browser and of what it runs on; empty when they are not known."""

    browser: str
    system: str


def read_device(user_agent: str) -> Device:
    """What a User-Agent header tells, in names that people know; no version, no place, nothing it does not say."""
    return Device(_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent))


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for pattern, name in names if re.search(pattern, user_agent)), "")
