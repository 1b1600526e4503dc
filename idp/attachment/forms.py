"""The syntax of what is typed to attach another account."""

from flask_babel import lazy_gettext as _
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from idp.forms import JourneyForm


class OtherAccountForm(JourneyForm):
    """The other account's couple. Its section keeps password managers from overwriting this account's pair."""

    other_identifier = StringField(
        _("Identifiant de l’autre compte"),
        validators=[InputRequired(_("Saisissez l’identifiant de l’autre compte"))],
        render_kw={
            "autocomplete": "section-other username",
            "autocapitalize": "none",
            "spellcheck": "false",
        },
    )
    other_password = PasswordField(
        _("Mot de passe de l’autre compte"),
        validators=[InputRequired(_("Saisissez le mot de passe de l’autre compte"))],
        render_kw={"autocomplete": "section-other current-password"},
    )

    @property
    def couple(self) -> tuple[str, str]:
        """What was typed, as it was typed; only after the form validated."""
        return self.other_identifier.data or "", self.other_password.data or ""
