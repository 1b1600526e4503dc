"""The syntax of what is typed to activate an account."""

from typing import ClassVar

from idp.accounts.forms import AddressForm
from idp.activation.rules import ActivationChoice
from idp.families.forms import BirthDateForm
from idp.forms import Check
from idp.passwords.forms import NewPasswordForm


class LetterForm(NewPasswordForm, BirthDateForm):
    """A new password, typed twice, and the birth date of the named child."""

    checks: ClassVar[tuple[Check, ...]] = (*NewPasswordForm.checks, *BirthDateForm.checks)

    def choice(self) -> ActivationChoice:
        """What the account's holder chose; only after the form validated."""
        return ActivationChoice(None, self.new_password.data or "", self.birth_date())


class ActivationForm(AddressForm, LetterForm):
    """The whole page of a first activation, its fields in the leaflet's order."""

    checks: ClassVar[tuple[Check, ...]] = (*AddressForm.checks, *LetterForm.checks)

    def choice(self) -> ActivationChoice:
        """The address too."""
        letters = super().choice()
        return ActivationChoice(self.address(), letters.new_password, letters.birth_date)
