"""Theme folder, files under hashed names, languages."""

from pathlib import Path

import pytest
from flask import Flask

from shared.pages import current_pages
from tests.conftest import Browser, browser_at
from tests.shared.conftest import build_app

ORIGIN = "https://essai.example"


@pytest.fixture
def browser(bare_app: Flask) -> Browser:
    return browser_at(bare_app, ORIGIN)


@pytest.mark.parametrize("name", ["theme.css", "app.js", "favicon.svg"])
def test_a_theme_file_may_be_kept_for_ever(bare_app: Flask, browser: Browser, name: str):
    answer = browser.get(current_pages(bare_app).static(name))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_theme_file_travels_compressed_when_the_browser_can(bare_app: Flask, browser: Browser):
    url = current_pages(bare_app).static("theme.css")

    packed = browser.get(url, headers={"Accept-Encoding": "gzip, br"})
    plain = browser.get(url)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["theme.000000000000.css", "base.css", "theme.toml", "..%2fpages.py"])
def test_nothing_else_of_the_theme_folder_is_served(browser: Browser, name: str):
    assert browser.get(f"/theme/{name}").status_code == 404


def test_a_theme_folder_replaces_files_one_by_one(tmp_path: Path):
    (tmp_path / "logo.svg").write_text('<svg id="other-logo"></svg>')
    (tmp_path / "tokens.css").write_text(":root { --bg: #fffff0 }")

    app = build_app(theme_dir=tmp_path)
    page = browser_at(app, ORIGIN).get("/galerie").text

    assert "other-logo" in page
    assert b"#fffff0" in current_pages(app).assets["theme.css"].content
    assert b".button" in current_pages(app).assets["theme.css"].content


def test_a_theme_may_show_pictures_from_the_origins_it_names(tmp_path: Path):
    (tmp_path / "theme.toml").write_text(
        'name = "Autre"\nversion = "1"\nimg_src = ["https://images.example"]\n'
    )

    answer = browser_at(build_app(theme_dir=tmp_path), ORIGIN).get("/galerie")

    assert "img-src 'self' https://images.example;" in answer.headers["Content-Security-Policy"]


def test_one_language_shows_no_choice():
    browser = browser_at(build_app(languages=("fr",)), ORIGIN)

    assert "hreflang" not in browser.get("/galerie").text


def test_the_frame_speaks_both_languages(browser: Browser):
    assert "Aller au contenu" in browser.get("/galerie").text
    assert "Skip to content" in browser.get("/galerie?lang=en").text


def test_who_chose_nothing_here_reads_the_language_known_of_them():
    browser = browser_at(build_app(known_wish=lambda: "en"), ORIGIN)

    assert '<html lang="en">' in browser.get("/galerie").text
    assert '<html lang="fr">' in browser.get("/galerie?lang=fr").text
    assert '<html lang="fr">' in browser.get("/galerie").text


def test_a_language_link_keeps_the_page_and_its_request():
    browser = browser_at(build_app(kept_parameters=frozenset({"demande"})), ORIGIN)

    page = browser.get("/galerie?demande=a%26b&lang=fr").text

    assert 'href="/galerie?demande=a%26b&amp;lang=en"' in page


def test_no_language_link_repeats_what_others_wrote(browser: Browser):
    assert "hreflang" not in browser.get("/galerie?error_description=canary").text


@pytest.mark.parametrize("path", ["//evil.test/x", "/\\evil.test/x", "/\\/evil.test/x"])
def test_a_language_link_never_leads_to_another_site(path: str):
    browser = browser_at(build_app(languages=("fr", "en")), ORIGIN)

    page = browser.get("/", environ_overrides={"PATH_INFO": path}).text

    assert 'href="/evil.test/x?lang=en"' in page


def test_a_chosen_language_is_remembered():
    browser = browser_at(build_app(languages=("fr", "en")), ORIGIN)

    browser.get("/galerie?lang=en")

    assert '<html lang="en">' in browser.get("/galerie").text


@pytest.mark.parametrize("query", ["lang=xx", "lang=", "ui_locales=de"])
def test_an_unknown_language_falls_back_to_the_first(query: str):
    answer = browser_at(build_app(languages=("fr", "en")), ORIGIN).get(f"/galerie?{query}")

    assert '<html lang="fr">' in answer.text
    assert "lang=" not in answer.headers.get("Set-Cookie", "")


def test_what_the_client_asked_decides_at_first():
    answer = browser_at(build_app(languages=("fr", "en")), ORIGIN).get("/galerie?ui_locales=en-GB fr")

    assert '<html lang="en">' in answer.text


def test_a_refused_form_says_so_first(browser: Browser):
    page = browser.get("/galerie?faults").text

    assert "<title>Erreur\u00a0: Étape 2 sur 3\u00a0: Activation du compte – Service d’essai</title>" in page
    assert page.index('id="error-summary"') < page.index("<h1>")
    assert page.count("autofocus") == 1
    for field in ("email", "new_password", "birth_month"):
        assert f'href="#{field}"' in page
