"""The syntax of a child's birth date, in three boxes."""

from datetime import date
from typing import ClassVar

from flask_babel import lazy_gettext as _
from wtforms import StringField

from idp.families.rules import read_birth_date
from idp.forms import Check, JourneyForm


class BirthDateForm(JourneyForm):
    """A birth date: day, month, year."""

    birth_day = StringField(_("Jour"))
    birth_month = StringField(_("Mois"))
    birth_year = StringField(_("Année"))

    def birth_date(self) -> date:
        """The date typed. Raises BirthDateIncomplete, BirthDateYear, BirthDateImpossible."""
        return read_birth_date(
            self.birth_day.data or "", self.birth_month.data or "", self.birth_year.data or ""
        )

    checks: ClassVar[tuple[Check, ...]] = (birth_date,)
