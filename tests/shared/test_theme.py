"""The theme folder: colours one can read, files that stay light, macros that escape."""

import re
from pathlib import Path

import pytest
from flask import Flask
from lxml import html

from shared.pages import BUILT_IN_THEME, build_asset

ROOT = Path(__file__).parent.parent.parent
TOKENS = (BUILT_IN_THEME / "tokens.css").read_text(encoding="utf-8")
KILOBYTE = 1000
TEXT_RATIO = 6.3
LINE_RATIO = 3.5

# ink on ground; every pair that base.css draws.
TEXT_PAIRS = [
    *[(ink, ground) for ink in ("ink", "muted", "brand", "brand-strong") for ground in ("bg", "surface")],
    ("on-brand", "brand"),
    ("on-brand", "brand-strong"),
    ("danger", "bg"),
    *[(kind, f"{kind}-ground") for kind in ("danger", "ok", "info", "warn")],
    *[(ink, f"{kind}-ground") for ink in ("ink",) for kind in ("danger", "ok", "info", "warn")],
    ("ok", "bg"),
]
LINE_PAIRS = [
    ("line", "bg"),
    ("line", "surface"),
    ("focus", "bg"),
    ("focus", "surface"),
    ("brand", "surface"),
]


def read_tokens(scheme: str) -> dict[str, str]:
    """The colours of one scheme, by name: dark ones replace light ones."""
    light, _, dark = TOKENS.partition("@media")
    text = light if scheme == "light" else light + dark
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6})", text))


def luminance(colour: str) -> float:
    """WCAG 2.2: relative luminance."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_is_readable(scheme: str, ink: str, ground: str):
    tokens = read_tokens(scheme)

    assert contrast(tokens[ink], tokens[ground]) >= TEXT_RATIO


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), LINE_PAIRS)
def test_lines_of_fields_and_focus_are_seen(scheme: str, line: str, ground: str):
    tokens = read_tokens(scheme)

    assert contrast(tokens[line], tokens[ground]) >= LINE_RATIO


@pytest.mark.parametrize(("bundle", "limit"), [("theme.css", 5), ("app.js", 3), ("favicon.svg", 1)])
def test_files_stay_light(bundle: str, limit: int):
    assert len(build_asset(bundle, None).compressed) <= limit * KILOBYTE


def test_the_theme_fetches_nothing_from_elsewhere():
    for path in BUILT_IN_THEME.iterdir():
        if path.suffix in {".css", ".js", ".svg", ".html"}:
            addresses = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", path.read_text(encoding="utf-8"))
            assert set(addresses) <= {"http://www.w3.org"}, path.name


def test_every_macro_says_how_it_is_called():
    text = (BUILT_IN_THEME / "macros.html").read_text(encoding="utf-8")
    commented = set(re.findall(r"\{# (\w+)\(", text))

    assert set(re.findall(r"\{% macro (\w+)\(", text)) <= commented


def test_templates_of_features_write_no_class_or_style():
    pages = [*ROOT.glob("idp/templates/**/*.html"), *ROOT.glob("livret_service/templates/**/*.html")]
    by_hand = [page for page in pages if re.search(r"<[^>]+\s(class|style|on\w+)=", page.read_text("utf-8"))]

    assert pages
    assert [str(page) for page in by_hand] == []


def test_the_gallery_shows_every_macro():
    macros = (BUILT_IN_THEME / "macros.html").read_text(encoding="utf-8")
    gallery = (Path(__file__).parent / "gallery.html").read_text(encoding="utf-8")
    shown_by_others = {"heading", "error_summary", "idle_dialog", "school_contact", "pager"}

    public = {name for name in re.findall(r"\{% macro (\w+)\(", macros) if not name.startswith("_")}

    assert public - set(re.findall(r"ui\.(\w+)\(", gallery)) == shown_by_others


def test_br_11_what_macros_are_given_is_escaped(bare_app: Flask):
    probe = "O'\"><svg onload=alert(1)>"
    calls = [
        'ui.field(name=p, label=p, value=p, errors=[p], hint=p, attrs={"data-x": p})',
        "ui.error_summary(message=p, faults=[(p, p)])",
        "ui.button(p, href=p)",
        "ui.alert(title=p, text=p)",
        "ui.context_box(p, cancel_url=p, logo_url=p)",
        'ui.help_block({"name": p, "phone": p, "email": p})',
        "ui.table(p, [p, p], [[p, p]])",
        'ui.switcher([{"url": p, "label": p, "detail": p}, {"url": p, "label": p, "detail": p}])',
        "ui.card(p, href=p, detail=p)",
        "ui.level(p, 2)",
        "ui.keep(p, p, p)",
        "ui.facts([(p, p)])",
        "ui.heading(p, p)",
        "ui.steps(1, 3, p, p)",
        "ui.link_list([(p, p)])",
        'ui.post_button(p, p, hidden={"demande": p})',
    ]
    with bare_app.test_request_context("/", base_url="https://essai.example"):
        for call in calls:
            source = '{% import "theme/macros.html" as ui %}{{ ' + call + " }}"
            rendered = bare_app.jinja_env.from_string(source).render(p=probe)
            elements = html.fragment_fromstring(rendered, create_parent=True).iter()

            assert "<svg" not in rendered, call
            assert [name for element in elements for name in element.attrib if name.startswith("on")] == [], (
                call
            )
