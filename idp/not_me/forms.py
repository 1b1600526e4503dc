"""The syntax of the second proof: a birth date, or a password."""

from flask_babel import lazy_gettext as _
from wtforms import PasswordField
from wtforms.validators import InputRequired

from idp.families.forms import BirthDateForm
from idp.forms import JourneyForm


class ChildForm(BirthDateForm):
    """The birth date of the named child."""


class PasswordForm(JourneyForm):
    """The account's password."""

    password = PasswordField(
        _("Mot de passe"),
        validators=[InputRequired(_("Saisissez votre mot de passe"))],
        render_kw={"autocomplete": "current-password"},
    )
