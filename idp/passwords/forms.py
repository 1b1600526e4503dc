"""The syntax of a new password, as every page that asks for one wants it."""

from typing import ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import PasswordField

from idp.forms import Check, JourneyForm
from idp.passwords.rules import (
    PASSWORD_MANAGER_RULES,
    NewPasswordMissing,
    PasswordDiffers,
    PasswordRefused,
)

NEW_PASSWORD = {"autocomplete": "new-password", "passwordrules": PASSWORD_MANAGER_RULES}


class NewPasswordForm(JourneyForm):
    """A new password, typed twice."""

    new_password = PasswordField(_("Nouveau mot de passe"), render_kw=NEW_PASSWORD)
    new_password_confirmation = PasswordField(
        _("Confirmez votre mot de passe"), render_kw={"autocomplete": "new-password"}
    )

    def show_password_refusal(self, refusal: PasswordRefused) -> None:
        """Say every broken rule at the new password."""
        sentences = (gettext(sentence).format(**refusal.variables) for sentence in refusal.sentences)
        self.say("new_password", sentences)

    def check_password_given(self) -> None:
        """Raises NewPasswordMissing."""
        if not self.new_password.data:
            raise NewPasswordMissing

    def check_same_password(self) -> None:
        """Raises PasswordDiffers."""
        if self.new_password.data != self.new_password_confirmation.data:
            raise PasswordDiffers

    checks: ClassVar[tuple[Check, ...]] = (check_password_given, check_same_password)
