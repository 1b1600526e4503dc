"""The syntax of what is typed to activate an account."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from idp.activation.rules import (
    ActivationChoice,
    EmailDiffers,
    FieldRefusal,
    NewPasswordMissing,
    PasswordDiffers,
    is_same_address,
    normalise_address,
    read_birth_date,
)
from idp.passwords.rules import PASSWORD_MANAGER_RULES, PasswordRefused

LONGEST_FIELD = 400
TYPED_ADDRESS = {
    "autocomplete": "email",
    "inputmode": "email",
    "autocapitalize": "none",
    "spellcheck": "false",
}
NEW_PASSWORD = {"autocomplete": "new-password", "passwordrules": PASSWORD_MANAGER_RULES}

Check = Callable[[Any], object]


class JourneyForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A form whose checks are pure rules: each refusal is said at the field that it belongs to."""

    checks: ClassVar[tuple[Check, ...]] = ()

    def validate(self, extra_validators: Any = None) -> bool:
        """Every check, so that all problems are said at once. Syntax alone: the service says what is allowed."""
        is_valid = bool(super().validate(extra_validators))
        for check in self.checks:
            try:
                check(self)
            except FieldRefusal as refusal:
                self.show(refusal)
                is_valid = False
        return is_valid

    def show(self, refusal: FieldRefusal) -> None:
        """Say a refusal at its field."""
        self._say(refusal.field, [gettext(refusal.sentence).format(**refusal.variables)])

    def show_password_refusal(self, refusal: PasswordRefused) -> None:
        """Say every broken rule at the new password."""
        sentences = (gettext(sentence).format(**refusal.variables) for sentence in refusal.sentences)
        self._say("new_password", sentences)

    def _say(self, name: str, sentences: Iterable[str]) -> None:
        field = self[name]
        field.errors = [*field.errors, *sentences]


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


class LetterForm(JourneyForm):
    """A new password, typed twice, and the birth date of the named child."""

    new_password = PasswordField(_("Nouveau mot de passe"), render_kw=NEW_PASSWORD)
    new_password_confirmation = PasswordField(
        _("Confirmez votre mot de passe"), render_kw={"autocomplete": "new-password"}
    )
    birth_day = StringField(_("Jour"))
    birth_month = StringField(_("Mois"))
    birth_year = StringField(_("Année"))

    def choice(self) -> ActivationChoice:
        """What the account's holder chose; only after the form validated."""
        return ActivationChoice(None, self.new_password.data or "", read_birth_date(*self._typed_date()))

    def check_password_given(self) -> None:
        """Raises NewPasswordMissing."""
        if not self.new_password.data:
            raise NewPasswordMissing

    def check_same_password(self) -> None:
        """Raises PasswordDiffers."""
        if self.new_password.data != self.new_password_confirmation.data:
            raise PasswordDiffers

    def check_birth_date(self) -> None:
        """Raises BirthDateIncomplete, BirthDateYear, BirthDateImpossible."""
        read_birth_date(*self._typed_date())

    def _typed_date(self) -> tuple[str, str, str]:
        return self.birth_day.data or "", self.birth_month.data or "", self.birth_year.data or ""

    checks: ClassVar[tuple[Check, ...]] = (check_password_given, check_same_password, check_birth_date)


class ActivationForm(AddressForm, LetterForm):
    """The whole page of a first activation, its fields in the leaflet's order."""

    checks: ClassVar[tuple[Check, ...]] = (*AddressForm.checks, *LetterForm.checks)

    def choice(self) -> ActivationChoice:
        """The address too."""
        letters = super().choice()
        return ActivationChoice(self.address(), letters.new_password, letters.birth_date)


def has_strange_values(fields: Iterable[tuple[str, Sequence[str]]]) -> bool:
    """Whether a field comes twice, is far too long or holds NUL: what no page of ours sends."""
    return any(
        len(values) > 1 or any(len(value) > LONGEST_FIELD or "\0" in value for value in values)
        for _name, values in fields
    )
