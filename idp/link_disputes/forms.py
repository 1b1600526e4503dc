"""Which child is reported."""

from uuid import UUID

from flask_babel import gettext
from wtforms import StringField

from idp.forms import TypedForm

LONGEST_ID = 36


class DisputeForm(TypedForm):
    """The link that the page named, or the one that was chosen among several."""

    link = StringField()

    def link_id(self) -> UUID | None:
        """The link's id; None when none was chosen, or what came cannot be one. Then the field says so."""
        try:
            return UUID((self.link.data or "")[:LONGEST_ID])
        except ValueError:
            self.link.errors = [*self.link.errors, gettext("Choisissez un élève")]
            return None
