"""The syntax of what is typed to recover an identifier or a password."""

from typing import ClassVar

from flask_babel import lazy_gettext as _
from wtforms import StringField

from idp.forms import Check, JourneyForm
from idp.messaging.rules import Channel
from idp.recovery.rules import ChannelMissing, IdentifierMissing

TYPED_IDENTIFIER = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
TYPED_CONTACT = {"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}
TYPED_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}


class LostIdentifierForm(JourneyForm):
    """An address or a number; whether it is one is the service's to say, for it depends on the deployment."""

    contact = StringField(_("Adresse de courriel ou portable"), render_kw=TYPED_CONTACT)


class LostPasswordForm(JourneyForm):
    """The identifier, and by which channel the code should come."""

    identifier = StringField(_("Identifiant"), render_kw=TYPED_IDENTIFIER)
    channel = StringField()

    def check_identifier(self) -> None:
        """Raises IdentifierMissing."""
        if not (self.identifier.data or "").strip():
            raise IdentifierMissing

    def chosen_channel(self) -> Channel:
        """Raises ChannelMissing."""
        try:
            return Channel(self.channel.data or "")
        except ValueError:
            raise ChannelMissing from None

    checks: ClassVar[tuple[Check, ...]] = (check_identifier, chosen_channel)


class CodeForm(JourneyForm):
    """Six digits, in one field."""

    one_time_code = StringField(_("Code reçu"), render_kw=TYPED_CODE)
