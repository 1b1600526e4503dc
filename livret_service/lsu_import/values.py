"""The kinds of values that the format knows: each takes a text, and says what is wrong with it or None."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Kind = Callable[[str], str | None]

PARIS = ZoneInfo("Europe/Paris")
"""A time without zone is the time of the school's clock."""

YEARS = range(1900, 2200)
"""Far from the ends of the calendar, where a change of zone would overflow."""

NAME = re.compile(r"[^\W\d][\w.\-]*")
ZONE = re.compile(r"(?:Z|[+-]\d{2}:\d{2})\Z")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def text(minimum: int, maximum: int) -> Kind:
    """From `minimum` to `maximum` characters (line breaks count), one of them not blank."""

    def problem_of(value: str) -> str | None:
        if not value.strip():
            return "is blank"
        if not minimum <= len(value) <= maximum:
            return f"has {len(value)} characters, where {_between(minimum, maximum)} are allowed"
        return None

    return problem_of


def one_of(*allowed: str) -> Kind:
    """A closed list, compared exactly."""

    def problem_of(value: str) -> str | None:
        return None if value in allowed else f"is {shown(value)}, not one of {', '.join(allowed)}"

    return problem_of


def whole_number(value: str) -> str | None:
    """A whole number above zero, of at most nine digits: what an integer column holds."""
    is_right = value.isascii() and value.isdigit() and len(value) <= 9 and int(value) > 0
    return None if is_right else f"is {shown(value)}, not a whole number above 0"


def year(value: str) -> str | None:
    """Four digits."""
    is_right = len(value) == 4 and value.isascii() and value.isdigit() and int(value) in YEARS
    return None if is_right else f"is {shown(value)}, not a year of four digits"


def identifier(value: str) -> str | None:
    """A name that others may refer to (XML's NCName)."""
    return None if NAME.fullmatch(value) else f"is {shown(value)}, not an identifier"


def references(value: str) -> str | None:
    """One identifier or more, separated by spaces."""
    wrong = [name for name in value.split() if not NAME.fullmatch(name)]
    if wrong or not value.split():
        return f"is {shown(value)}, not a list of identifiers"
    return None


def boolean(value: str) -> str | None:
    """true, false, 1 or 0."""
    return None if value in BOOLEANS else f"is {shown(value)}, neither true nor false"


def day(value: str) -> str | None:
    """A date that exists, as yyyy-mm-dd."""
    return _readable(value, DATE, read_day, "a date (yyyy-mm-dd)")


def instant(value: str) -> str | None:
    """A date and time that exist, as yyyy-mm-ddThh:mm:ss, with or without zone."""
    return _readable(value, INSTANT, read_instant, "a date and time (yyyy-mm-ddThh:mm:ss)")


def read_day(value: str) -> date:
    """The date of a value that `day` accepts; a zone says nothing more about it."""
    found = date.fromisoformat(ZONE.sub("", value))
    _check_year(found)
    return found


def read_instant(value: str) -> datetime:
    """The instant, in UTC, of a value that `instant` accepts; Europe/Paris when it names no zone."""
    found = datetime.fromisoformat(value)
    _check_year(found)
    return (found if found.tzinfo else found.replace(tzinfo=PARIS)).astimezone(UTC)


def _check_year(found: date) -> None:
    if found.year not in YEARS:
        raise ValueError("a year that no school has")


def shown(value: str) -> str:
    """A value of the file as problems quote it: one short line."""
    short = value if len(value) <= 30 else value[:29] + "…"
    return ascii(short) if not short.isprintable() else f'"{short}"'


def _between(minimum: int, maximum: int) -> str:
    return str(minimum) if minimum == maximum else f"{minimum} to {maximum}"


def _readable(value: str, form: re.Pattern[str], read: Callable[[str], object], name: str) -> str | None:
    try:
        if form.fullmatch(value):
            read(value)
            return None
    except ValueError:
        pass
    return f"is {shown(value)}, not {name}"
