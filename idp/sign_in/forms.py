"""The sign-in form: its two fields, and what no browser of ours sends."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from idp.forms import TypedForm

LONGEST_IDENTIFIER = 200
LONGEST_PASSWORD = 128
LIMITS = {"identifier": LONGEST_IDENTIFIER, "password": LONGEST_PASSWORD}


class SignInForm(TypedForm):
    """Identifier and password. Whatever is not empty is evaluated: the page tells nothing of their syntax."""

    identifier = StringField(
        _("Identifiant"),
        validators=[InputRequired(_("Saisissez votre identifiant"))],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _("Mot de passe"),
        validators=[InputRequired(_("Saisissez votre mot de passe"))],
        render_kw={"autocomplete": "current-password"},
    )

    @property
    def couple(self) -> tuple[str, str]:
        """What was typed, as it was typed; only after the form validated."""
        return self.identifier.data or "", self.password.data or ""


def is_malformed(body: MultiDict[str, str], fields: Sequence[str] = ("identifier", "password")) -> bool:
    """Whether a field comes twice, is far too long or holds NUL: answered 400 before anything is hashed."""
    return any(
        len(body.getlist(name)) > 1
        or len(body.get(name, "")) > LIMITS.get(name, LONGEST_IDENTIFIER)
        or "\0" in body.get(name, "")
        for name in fields
    )
