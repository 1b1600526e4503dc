"""What forms of every journey share: checks that are pure rules, refusals said at their field."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from flask_babel import gettext
from flask_wtf import FlaskForm

from idp.errors import FieldRefusal
from shared.reopening import typed

LONGEST_FIELD = 400

Check = Callable[[Any], object]


class TypedForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A form that reads what it is given, and nothing else; opened empty, it shows what is shown again."""

    def __init__(self, formdata: Any = None, **arguments: Any) -> None:
        super().__init__(formdata=typed() if formdata is None else formdata, **arguments)


class JourneyForm(TypedForm):
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
        self.say(refusal.field, [gettext(refusal.sentence).format(**refusal.variables)])

    def say(self, name: str, sentences: Iterable[str]) -> None:
        """Add translated sentences to the errors of a field."""
        field = self[name]
        field.errors = [*field.errors, *sentences]


def has_strange_values(fields: Iterable[tuple[str, Sequence[str]]]) -> bool:
    """Whether a field comes twice, is far too long or holds NUL: what no page of ours sends."""
    return any(
        len(values) > 1 or any(len(value) > LONGEST_FIELD or "\0" in value for value in values)
        for _name, values in fields
    )
