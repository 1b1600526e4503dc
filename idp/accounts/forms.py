"""The syntax of an address, as every page that asks for one wants it."""

from typing import ClassVar

from flask_babel import lazy_gettext as _
from wtforms import StringField

from idp.accounts.rules import EmailDiffers, is_same_address, normalise_address
from idp.forms import Check, JourneyForm

TYPED_ADDRESS = {
    "autocomplete": "email",
    "inputmode": "email",
    "autocapitalize": "none",
    "spellcheck": "false",
}


class AddressForm(JourneyForm):
    """An address, typed twice."""

    email = StringField(_("Email"), render_kw=TYPED_ADDRESS)
    email_confirmation = StringField(_("Confirmez votre email"), render_kw=TYPED_ADDRESS)

    def address(self) -> str:
        """The address as it is stored. Raises EmailMalformed."""
        return normalise_address(self.email.data or "")

    def check_same_address(self) -> None:
        """Raises EmailDiffers."""
        if not is_same_address(self.email.data or "", self.email_confirmation.data or ""):
            raise EmailDiffers

    checks: ClassVar[tuple[Check, ...]] = (address, check_same_address)
