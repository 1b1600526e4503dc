"""The syntax of what is typed in one's own account."""

from typing import ClassVar

from flask_babel import lazy_gettext as _
from wtforms import PasswordField
from wtforms.validators import InputRequired

from idp.forms import Check, JourneyForm
from idp.passwords.forms import NewPasswordForm

TYPED_PASSWORD = {"autocomplete": "current-password"}


class ConfirmationForm(JourneyForm):
    """« Confirmez que c’est vous »: the password of the account that is signed in."""

    password = PasswordField(
        _("Mot de passe"),
        validators=[InputRequired(_("Saisissez votre mot de passe"))],
        render_kw=TYPED_PASSWORD,
    )


class PasswordChangeForm(NewPasswordForm):
    """The present password, and a new one typed twice."""

    current_password = PasswordField(
        _("Mot de passe actuel"),
        validators=[InputRequired(_("Saisissez votre mot de passe actuel"))],
        render_kw=TYPED_PASSWORD,
    )
    checks: ClassVar[tuple[Check, ...]] = NewPasswordForm.checks
