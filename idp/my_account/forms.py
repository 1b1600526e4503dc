"""The syntax of what is typed in one's own account."""

from typing import ClassVar

from flask_babel import lazy_gettext as _
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from idp.forms import Check, JourneyForm
from idp.messaging.phones import normalise_phone
from idp.passwords.forms import NewPasswordForm

TYPED_PASSWORD = {"autocomplete": "current-password"}


class ConfirmationForm(JourneyForm):
    """« Confirmez que c’est vous »: the password of the account that is signed in."""

    password = PasswordField(
        _("Mot de passe"),
        validators=[InputRequired(_("Saisissez votre mot de passe"))],
        render_kw=TYPED_PASSWORD,
    )


class PhoneForm(JourneyForm):
    """A mobile number."""

    phone = StringField(_("Téléphone portable"), render_kw={"autocomplete": "tel", "inputmode": "tel"})

    def number(self) -> str:
        """The number in E.164. Raises PhoneRefused."""
        return normalise_phone(self.phone.data or "")

    checks: ClassVar[tuple[Check, ...]] = (number,)


class CodeForm(JourneyForm):
    """The code of an SMS: one field, spaces and hyphens as they come."""

    one_time_code = StringField(
        _("Code reçu"), render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"}
    )


class PasswordChangeForm(NewPasswordForm):
    """The present password, and a new one typed twice."""

    current_password = PasswordField(
        _("Mot de passe actuel"),
        validators=[InputRequired(_("Saisissez votre mot de passe actuel"))],
        render_kw=TYPED_PASSWORD,
    )
    checks: ClassVar[tuple[Check, ...]] = NewPasswordForm.checks
