"""Requests that no page of ours sends, for every address there is: a page added tomorrow is attacked tomorrow."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask
from flask_wtf import FlaskForm
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from lxml import etree, html
from lxml.html import HtmlElement
from wtforms.fields.core import UnboundField

from tests.conftest import Browser

ROOT = Path(__file__).parent.parent
ROUTES = ROOT / "docs" / "generated" / "routes.md"
VARIABLE = re.compile(r"<(?:[^:>]+:)?[^>]+>")
READ_BY_NAME = re.compile(r"request\.(?:args|form|values)(?:\.get\(|\.getlist\(|\[)\"([^\"]+)\"")
FORM = "application/x-www-form-urlencoded"
PROTOCOL_NAMES = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    "prompt", "max_age", "response_mode", "id_token_hint", "request", "request_uri", "claims", "grant_type", "code",
    "code_verifier", "client_secret", "client_assertion", "client_assertion_type", "access_token", "demande", "token",
    "post_logout_redirect_uri", "iss", "sid", "logout_token", "login_hint", "target_link_uri", "error", "response",
    "session_state", "refresh_token", "resource", "lang", "ui_locales", "acr_values", "é", "",
)  # fmt: skip
PLAUSIBLE = (
    "livret", "https://livret.example/retour", "code", "openid", "S256", "authorization_code", "refresh_token", "none",
    "login", "0", "1", "14", "3", "2017", "2017-03-14", "Tilleul-2026", "celine@exemple.example", "06 39 98 12 34",
    "123456", "123 456", "allow", "deny", "oui", "fr", "en", "00000000-0000-7000-8000-000000000000", "c.lhenoret",
    "https://compte.example", "eyJhbGciOiJub25lIn0.e30.", "a.b.c",
)  # fmt: skip
HOSTILE = (
    "\0", "'", '"', "\\", "\r\nSet-Cookie: a=b", "%", "%00", "..", "../../etc/passwd", "//evil.test/", "/\\evil.test",
    "javascript:alert(1)", "https://evil.test", "<script>", "{{7*7}}", "[1]", "{}", "null", "-1", "9" * 30, "1e308",
    "NaN", "٣", "é" * 10, "\ud83d\ude00", "\ud800", "\u202e", "\ufeff", " ", "A" * 399, "A" * 5000, "${x}", "%n",
    "' OR 1=1 --", "é@é.é", "a@b", "+33" + "6" * 40, "31", "99", "0000",
)  # fmt: skip
# What breaks parsers, databases and arithmetic most: put into every field at once, for each address.
TELLING = ("\0", "\ud800", "٣", "9" * 30, "-1", "1e308", "A" * 399, "A" * 5000, "%", "[1]", "\\", "é", "")
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"Authorization": "Basic x"},
    {"Authorization": "Basic /w=="},
    {"Authorization": "Bearer x"},
    {"Authorization": "\u00e9"},
    {"Authorization": "Bearer {access_token}"},
    {"Cookie": "__Host-idp_session=x; __Host-idp_form=\u00e9; lang=\u00e9"},
    {"Accept-Language": "x" * 300 + ";q=abc,,;"},
    {"Accept": "*/*;q=x, application/json;q=-1"},
    {"Referer": "\\"},
    {"User-Agent": "\u00e9" * 400},
    {"If-None-Match": '"', "Range": "bytes=9-1"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
)
# Of our own application alone: it is the same for each example, and nothing that is refused changes it.
ONE_APPLICATION = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    # What is found is told as it was sent: making it smaller takes minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Attempt:
    """What is sent to an address, whatever it is.

    standing: index of who sends it. parts: for the variables of the address. values: for the fields that the page's
    own form has. extra: beside them. raw: a body that is no form.
    """

    standing: int
    parts: list[str]
    query: Pairs
    values: list[str]
    extra: Pairs
    headers: Mapping[str, str]
    raw: bytes


def addresses_of(service: str) -> list[str]:
    """Every address of a service, from the committed list of routes, which a test holds against the map."""
    section = ROUTES.read_text(encoding="utf-8").partition(f"\n## {service}\n")[2].partition("\n## ")[0]
    return list(dict.fromkeys(re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)))


def names_read(package: str) -> list[str]:
    """Every name that the package's code reads from a form or an address by itself."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / package).rglob("*.py"))
    return sorted({name for text in texts for name in READ_BY_NAME.findall(text)})


def fields_of(package: str) -> list[str]:
    """Every name that a page of the package reads from a form or an address, the protocol's among them."""
    names = {*PROTOCOL_NAMES, *names_read(package)}
    for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
        if module.name.endswith("forms"):
            importlib.import_module(module.name)
    for form in _forms(FlaskForm):
        names.update(name for name in dir(form) if isinstance(getattr(form, name), UnboundField))
    return sorted(names)


def _forms(form: type[Any]) -> Iterator[type[Any]]:
    for below in form.__subclasses__():
        yield below
        yield from _forms(below)


def attempts(names: list[str], *, standings: int, genuine: tuple[str, ...]) -> st.SearchStrategy[Attempt]:
    """Attempts with these field names. genuine: placeholders of values that the service gave out itself."""
    known = st.sampled_from([*genuine, *PLAUSIBLE, *HOSTILE])
    values = st.one_of(known, known, st.text(max_size=60))
    pairs = st.lists(st.tuples(st.sampled_from(names), values), max_size=6)
    demande = st.sampled_from([[], [("demande", one) for one in genuine if "demande" in one]])
    return st.builds(
        Attempt,
        standing=st.integers(0, standings - 1),
        parts=st.lists(values, min_size=2, max_size=2),
        query=st.builds(lambda first, more: [*first, *more], demande, pairs),
        values=st.lists(values, min_size=4, max_size=12),
        extra=pairs,
        headers=st.sampled_from(HEADERS),
        raw=st.binary(max_size=60),
    )


def everywhere(names: list[str], demande: str, *, standings: int) -> Iterator[Attempt]:
    """One strange value in every field of the address, then in every field of the form that each sender is shown."""
    for place, value in enumerate(TELLING):
        common: dict[str, Any] = {"parts": [value], "values": [value], "extra": [], "headers": {}, "raw": b""}
        yield Attempt(standing=place % standings, query=[(name, value) for name in names], **common)
        for standing in range(standings):
            yield Attempt(standing=standing, query=[("demande", demande)], **common)


def path_of(address: str, parts: list[str]) -> str:
    """The address with its variables filled in."""
    left = iter(parts * 4)
    return VARIABLE.sub(lambda _found: quote(as_bytes(next(left) or "x"), safe=""), address)


def as_bytes(text: str) -> bytes:
    """Also of text that is none: a lone surrogate, as an attacker may send it."""
    return text.encode("utf-8", "surrogatepass")


def as_form(pairs: Pairs) -> str:
    """Pairs as a form or a query string."""
    return urlencode([(as_bytes(name), as_bytes(value)) for name, value in pairs])


def filled(text: str, genuine: Mapping[str, str]) -> str:
    """The value that a placeholder stands for, or the text itself."""
    for name, value in genuine.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def methods_of(app: Flask, address: str) -> list[str]:
    """The methods that an address answers to, and one that none does."""
    found = {
        method for rule in app.url_map.iter_rules() if rule.rule == address for method in rule.methods or ()
    }
    return [*sorted(found), "PATCH"]


def own_fields(page: str, path: str) -> list[str]:
    """The fields of a page's forms that post to `path`; of all its forms when none does."""
    try:
        forms: list[Any] = list(html.fromstring(page).forms)
    except (etree.ParserError, ValueError):
        return []
    here = [form for form in forms if _target(form, path) == path]
    return [name for form in here or forms for name in form.fields.keys() if name]  # noqa: SIM118 - not a dictionary


def _target(form: HtmlElement, path: str) -> str:
    return (form.get("action") or path).partition("?")[0]


def send(
    app: Flask, browser: Browser, address: str, attempt: Attempt, genuine: Mapping[str, str]
) -> list[tuple[str, Any]]:
    """Send an attempt by each method of the address; each answer beside what was asked.

    The fields of a form are those that the page itself shows, when it shows one.
    """
    path = path_of(address, [filled(part, genuine) for part in attempt.parts])
    query = as_form([(name, filled(value, genuine)) for name, value in attempt.query])
    headers = {name: filled(value, genuine) for name, value in attempt.headers.items()}
    answers: list[tuple[str, Any]] = []
    page = ""
    for method in methods_of(app, address):
        for body, kind in bodies(method, page, path, attempt, genuine):
            answer = browser.open(
                path, method=method, query_string=query, headers=headers, data=body, content_type=kind
            )
            answers.append((f"{method} {path}?{query} {body!r}", answer))
        if method == "GET" and answers[-1][1].mimetype == "text/html":
            page = answers[-1][1].text
    return answers


def bodies(
    method: str, page: str, path: str, attempt: Attempt, genuine: Mapping[str, str]
) -> Iterator[tuple[str | bytes | None, str | None]]:
    """What a request of this method carries: its own form badly filled in, other fields, no form at all."""
    if method not in {"POST", "PUT"}:
        yield None, None
        return
    values = [filled(value, genuine) for value in attempt.values]
    own = [(name, values[place % len(values)]) for place, name in enumerate(own_fields(page, path))]
    extra = [(name, filled(value, genuine)) for name, value in attempt.extra]
    yield as_form([*own, *extra]), FORM
    if not (extra or attempt.raw):
        return
    yield as_form(own), FORM
    yield attempt.raw, FORM
    yield attempt.raw, "application/json"
    yield as_form(extra), "multipart/form-data; boundary=x"
