"""An application that has the theme and nothing else, and a real server for real browsers."""

from pathlib import Path

import pytest
from flask import Flask, abort, g, render_template_string, request
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from shared.csrf import FormProtection
from shared.error_pages import init_error_pages
from shared.headers import init_headers
from shared.logging import init_request_log
from shared.pages import PageSettings, init_pages

GALLERY = (Path(__file__).parent / "gallery.html").read_text(encoding="utf-8")


class GalleryForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    email = StringField("Email")
    new_password = PasswordField("Nouveau mot de passe")
    birth_day = StringField("Jour")
    birth_month = StringField("Mois")
    birth_year = StringField("Année")

    def mark_faults(self) -> None:
        self.email.errors = ["Saisissez une adresse complète, par exemple nom@exemple.fr"]
        self.new_password.errors = ["Ajoutez un chiffre"]
        self.birth_month.errors = ["Indiquez aussi le mois"]


def gallery() -> str:
    """Every macro on one page; `?faults` shows its errors."""
    form = GalleryForm()
    if "faults" in request.args:
        form.mark_faults()
    return render_template_string(GALLERY, form=form)


def fail(status: int) -> str:
    if status == 500:
        raise ValueError("a secret detail")
    abort(status)


def build_app(**settings: object) -> Flask:
    """The theme, the headers, the error pages and the form protection on an application without a feature."""
    values: dict[str, object] = {"service_name": "Service d’essai", "public_url": "https://essai.example"}
    app = Flask("bare")
    app.config.update(SECRET_KEY="tests only", TRUSTED_HOSTS=["essai.example", "localhost"])
    init_request_log(app)
    FormProtection().init_app(app, public_url="https://essai.example")
    init_pages(app, PageSettings(**values | settings))  # type: ignore[arg-type]
    init_headers(app, https=True)
    init_error_pages(app)
    app.add_url_rule("/galerie", view_func=gallery)
    app.add_url_rule("/refus/<int:status>", view_func=fail)
    app.add_url_rule(
        "/formulaire", endpoint="sent", view_func=lambda: f"reçu {g.csrf_valid}", methods=["POST"]
    )
    return app


@pytest.fixture
def bare_app() -> Flask:
    return build_app()
