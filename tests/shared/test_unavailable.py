"""The page for the front server: one light file that needs nothing else, in every language, and no dead end."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from lxml import html

from shared.pages import current_pages
from shared.unavailable import unavailable_page, unavailable_page_command

KILOBYTE = 1000


@pytest.fixture(params=["idp", "livret"])
def written(request: pytest.FixtureRequest, idp_app: Flask, livret_app: Flask) -> Result:
    app = idp_app if request.param == "idp" else livret_app
    return app.test_cli_runner().invoke(unavailable_page_command)


def test_it_says_in_both_languages_what_happened_and_offers_to_try_again(written: Result) -> None:
    page = html.document_fromstring(written.stdout)

    sections = {section.get("lang"): section for section in page.iter("section")}
    assert page.get("lang") == "fr"
    assert "momentanément indisponible" in sections["fr"].text_content()
    assert "Rien n’est perdu" in sections["fr"].text_content()
    for section, words in ((sections["fr"], "Réessayer"), (sections["en"], "Try again")):
        links = {link.text: link.get("href") for link in section.iter("a")}
        assert links[words] == ""
        assert "/" in links.values()
    assert [heading.tag for heading in page.iter("h1", "h2")] == ["h1", "h2"]


def test_it_is_one_light_file_that_fetches_nothing(written: Result) -> None:
    page = html.document_fromstring(written.stdout)

    assert len(written.stdout.encode()) < 6 * KILOBYTE
    assert not list(page.iter("script", "img", "link", "iframe", "form"))
    assert not re.search(r"url\(|@import|https?:|//[a-z]", written.stdout)


def test_its_policy_lets_its_own_style_in_and_nothing_else(written: Result) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", written.stdout, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'" in written.stderr


def test_it_follows_the_theme_of_the_settings(idp_app: Flask, tmp_path: Path) -> None:
    (tmp_path / "tokens.css").write_text(":root { --brand: #123456; }", encoding="utf-8")
    settings = current_pages(idp_app).settings

    with idp_app.app_context():
        page = unavailable_page(type(settings)("École & <co>", settings.public_url, theme_dir=tmp_path))

    assert ":root { --brand: #123456; }" in page.html
    assert "École &amp; &lt;co&gt;" in page.html
