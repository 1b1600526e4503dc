"""The syntax of what is typed in one's own account."""

from flask_babel import lazy_gettext as _
from wtforms import PasswordField
from wtforms.validators import InputRequired

from idp.forms import JourneyForm


class ConfirmationForm(JourneyForm):
    """« Confirmez que c’est vous »: the password of the account that is signed in."""

    password = PasswordField(
        _("Mot de passe"),
        validators=[InputRequired(_("Saisissez votre mot de passe"))],
        render_kw={"autocomplete": "current-password"},
    )
