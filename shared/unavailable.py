"""The page that the front server shows while a service does not answer: one file, nothing to fetch, every language."""

import base64
import hashlib
from dataclasses import dataclass

import click
from flask import current_app, render_template
from flask.cli import with_appcontext
from flask_babel import force_locale, gettext
from markupsafe import Markup

from shared.error_pages import TEXTS
from shared.pages import PageSettings, current_pages, find_theme_file

STYLE_FILES = ("tokens.css", "unavailable.css")


@dataclass(frozen=True, slots=True)
class Section:
    """The page's words in one language."""

    language: str
    title: str
    explanation: str
    advice: str
    retry: str
    home: str


@dataclass(frozen=True, slots=True)
class UnavailablePage:
    """The page, and the policy that lets browsers use its style and nothing else."""

    html: str
    policy: str


def unavailable_page(settings: PageSettings) -> UnavailablePage:
    """Made of the theme and of the words of the services' own 503."""
    style = "\n".join(
        find_theme_file(name, settings.theme_dir).read_text(encoding="utf-8") for name in STYLE_FILES
    )
    html = render_template(
        "theme/unavailable.html",
        service_name=settings.service_name,
        # A file of the theme, whose owner is the operator: never input.
        style=Markup(style),  # noqa: S704
        sections=[_section(language) for language in settings.languages],
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return UnavailablePage(
        html,
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    )


@click.command("unavailable-page")
@with_appcontext
def unavailable_page_command() -> None:
    """Write the page that the front server shows while this service does not answer.

    It holds all it needs, in French and English, in the theme of the settings: write it again after a change of
    theme or name. The policy that belongs to it is told on standard error; see deploy/README.md.

    \b
    Examples:
      idp unavailable-page > /srv/compte/503.html
      livret unavailable-page > /srv/livret/503.html
    """
    page = unavailable_page(current_pages(current_app).settings)
    click.echo(page.html, nl=False)
    click.echo(f"Content-Security-Policy: {page.policy}", err=True)


def _section(language: str) -> Section:
    words = TEXTS[503]
    with force_locale(language):
        return Section(
            language,
            str(words.title),
            str(words.explanation),
            str(words.advice),
            gettext("Réessayer"),
            gettext("Aller à l’accueil"),
        )
