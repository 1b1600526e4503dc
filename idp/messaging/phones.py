"""Which telephone numbers are written to, and how an address or a number is shown: pure.

Beside the channels, because both the channel and the forms of several journeys ask: `normalise_phone` is what a
form calls with what was typed, `is_french_mobile` what the channel itself checks once more.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from idp.errors import FieldRefusal

REGIONS = ("FR", "RE", "YT", "GP", "MQ", "GF")
"""Where a number is written with a 0 before it, in the order in which one without country is tried."""

COUNTRIES = frozenset({33, 262, 590, 594, 596, 508, 687, 681, 689})
"""Calling codes of mainland France and of the overseas departments and collectivities."""

# Set aside for fiction, demonstrations and documentation, so that nobody has them.
FICTION = re.compile(r"\+3363998\d{4}")
LONGEST_TYPED = 32
TYPED = re.compile(r"\+?[0-9 .()/-]+")
HIDDEN = "•"
NO_BREAK_SPACE = "\u00a0"


class PhoneRefused(FieldRefusal):
    """Not a number that we send an SMS to: not French, not a mobile, or not a number."""

    error_code = "phone_refused"
    sentence = "Saisissez un portable français, par exemple 06 39 98 12 34"
    field = "phone"


def normalise_phone(typed: str) -> str:
    """The number as it is stored, in E.164 (`+33639981234`); French and overseas mobiles only.

    `06 39 98 12 34`, `+33 6…`, `0033 6…`, `+33 (0)6…`, `0692…`, `+262 692…` are all read. Raises PhoneRefused for
    a landline, a foreign or premium number, and for what is no number (SM-01).
    """
    # A pasted number brings invisible direction marks and unusual spaces.
    shown = (" " if char.isspace() else char for char in unicodedata.normalize("NFKC", typed))
    text = "".join(char for char in shown if char.isprintable()).strip().replace("(0)", "")
    if len(text) > LONGEST_TYPED or not text.isascii() or TYPED.fullmatch(text) is None:
        raise PhoneRefused
    for region in REGIONS:
        number = _parse(text, region)
        if number is not None and (e164 := _accepted(number)):
            return e164
    raise PhoneRefused


def is_french_mobile(e164: str) -> bool:
    """Whether a stored number is one that `normalise_phone` gives."""
    number = _parse(e164, None)
    return number is not None and _accepted(number) == e164


def shown_phone(e164: str) -> str:
    """As people read it: `06 39 98 12 34`, with no-break spaces; with its country where no 0 is dialled."""
    number = phonenumbers.parse(e164)
    if number.country_code in {687, 681, 689, 508}:
        written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL).replace(".", " ")
        return str(written).replace(" ", NO_BREAK_SPACE)
    digits = f"0{number.national_number}"
    return NO_BREAK_SPACE.join(digits[start : start + 2] for start in range(0, len(digits), 2))


def masked_phone(e164: str) -> str:
    """Enough for its owner to know it again: `06 •• •• •• 34`."""
    shown = shown_phone(e164)
    visible = {*range(2), *range(len(shown) - 2, len(shown))}
    return "".join(
        char if place in visible or char in {NO_BREAK_SPACE, "+"} else HIDDEN
        for place, char in enumerate(shown)
    )


def masked_email(address: str) -> str:
    """Enough for its owner to know it again: `c•••@exemple.fr`, as many dots whatever its length."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{HIDDEN * 3}@{domain}"


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _accepted(number: PhoneNumber) -> str | None:
    """The number in E.164 when it is one of ours."""
    e164 = str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    is_ours = number.country_code in COUNTRIES and number.extension is None
    return e164 if FICTION.fullmatch(e164) or (is_ours and is_mobile) else None
