"""The syntax of what is typed to activate by phone."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import StringField

from idp.accounts.rules import Names
from idp.errors import FieldRefusal
from idp.families.rules import read_birth_date
from idp.forms import Check, JourneyForm
from idp.messaging.phones import normalise_phone
from idp.passwords.forms import NewPasswordForm
from idp.phone_activation.rules import ActivatableChild, GivenNameMissing, NameMissing, TypedPerson

PARTS = ("birth_day", "birth_month", "birth_year")


class PersonForm(JourneyForm):
    """Who one is, and the number that the school knows."""

    family_name = StringField(_("Votre nom"), render_kw={"autocomplete": "family-name"})
    given_name = StringField(_("Votre prénom"), render_kw={"autocomplete": "given-name"})
    phone = StringField(_("Téléphone portable"), render_kw={"autocomplete": "tel", "inputmode": "tel"})

    def person(self) -> TypedPerson:
        """What was typed; only after the form validated."""
        names = Names((self.given_name.data or "").strip(), (self.family_name.data or "").strip())
        return TypedPerson(names, self._number())

    def check_family_name(self) -> None:
        """Raises NameMissing."""
        if not (self.family_name.data or "").strip():
            raise NameMissing

    def check_given_name(self) -> None:
        """Raises GivenNameMissing."""
        if not (self.given_name.data or "").strip():
            raise GivenNameMissing

    def _number(self) -> str:
        return normalise_phone(self.phone.data or "")

    checks: ClassVar[tuple[Check, ...]] = (check_family_name, check_given_name, _number)


class CodeForm(JourneyForm):
    """The six digits of the SMS."""

    one_time_code = StringField(
        _("Code reçu"), render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"}
    )


class LastStepForm(NewPasswordForm):
    """A new password, and a birth date for each child: `last_step_form` adds their boxes."""

    children: ClassVar[tuple[ActivatableChild, ...]] = ()

    def validate(self, extra_validators: Any = None) -> bool:
        """Every date too, each said at its own boxes."""
        is_valid = bool(super().validate(extra_validators))
        for child in self.children:
            try:
                read_birth_date(*self._typed(child))
            except FieldRefusal as refusal:
                # The same refusals as a lone birth date's, at the boxes of this child.
                self.say(
                    f"{refusal.field}_{child.key}", [gettext(refusal.sentence).format(**refusal.variables)]
                )
                is_valid = False
        return is_valid

    def birth_dates(self) -> tuple[date, ...]:
        """In the order of the children; only after the form validated."""
        return tuple(read_birth_date(*self._typed(child)) for child in self.children)

    def boxes(self, child: ActivatableChild) -> tuple[Any, ...]:
        """The child's three fields."""
        return tuple(self[f"{part}_{child.key}"] for part in PARTS)

    def _typed(self, child: ActivatableChild) -> tuple[str, str, str]:
        day, month, year = (box.data or "" for box in self.boxes(child))
        return day, month, year


def last_step_form(children: Sequence[ActivatableChild], **arguments: Any) -> LastStepForm:
    """The form with three boxes for each of these children."""
    labels = (_("Jour"), _("Mois"), _("Année"))
    boxes = {
        f"{part}_{child.key}": StringField(label)
        for child in children
        for part, label in zip(PARTS, labels, strict=True)
    }
    form_class = type("LastStepFormOfChildren", (LastStepForm,), {**boxes, "children": tuple(children)})
    form: LastStepForm = form_class(**arguments)
    return form
