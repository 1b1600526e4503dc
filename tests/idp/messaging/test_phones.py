"""Which numbers are written to."""

import pytest

from idp.messaging.phones import (
    PhoneRefused,
    is_french_mobile,
    masked_email,
    masked_phone,
    normalise_phone,
    shown_phone,
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("06 39 98 12 34", "+33639981234"),
        ("06.12.34.56.78", "+33612345678"),
        ("07-81-23-45-67", "+33781234567"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("0033612345678", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("\u200e06\u202f12\u00a034 56 78\u202c", "+33612345678"),
        ("０６１２３４５６７８", "+33612345678"),
        ("+262 692 12 34 56", "+262692123456"),
        ("00262 692 12 34 56", "+262692123456"),
        ("0692 12 34 56", "+262692123456"),
        ("0639 01 23 45", "+262639012345"),
        ("0690 00 12 34", "+590690001234"),
        ("0696 20 12 34", "+596696201234"),
        ("0694 20 12 34", "+594694201234"),
        ("+508 55 12 34", "+508551234"),
        ("+687 75 12 34", "+687751234"),
        ("+689 87 12 34 56", "+68987123456"),
    ],
)
def test_french_and_overseas_mobiles_are_stored_in_e164(typed, stored):
    assert normalise_phone(typed) == stored
    assert is_french_mobile(stored)


@pytest.mark.parametrize(
    "typed",
    [
        "01 23 45 67 89",
        "+33 1 23 45 67 89",
        "09 72 12 34 56",
        "+262 262 20 12 34",
        "08 99 12 34 56",
        "36 11",
        "0700 12 34 56 78 90 12",
        "+44 7911 123456",
        "+32 470 12 34 56",
        "+1 212 555 1234",
        "+371 20000000",
        "+881 612345678",
        "+882 13123456",
        "+883 510001234",
        "+979 12345678",
        "+33639981",
        "06 12 34 56 78 ext 5",
        "06 12 34 56 78, 06 12 34 56 79",
        "tel:+33612345678;phone-context=+1",
        "٠٦١٢٣٤٥٦٧٨",
        "06" * 40,
        "abc",
        "+",
        "",
    ],
)
def test_sm_01_landlines_and_foreign_numbers_are_refused(typed):
    with pytest.raises(PhoneRefused):
        normalise_phone(typed)


@pytest.mark.parametrize(
    "stored", ["+3361234567", "0612345678", "+33 612345678", "+33612345678\r\nBcc: x", "+44 7911123456", ""]
)
def test_only_what_was_normalised_is_a_stored_number(stored):
    assert not is_french_mobile(stored)


@pytest.mark.parametrize(
    ("stored", "shown", "masked"),
    [
        ("+33639981234", "06 39 98 12 34", "06 •• •• •• 34"),
        ("+262692123456", "06 92 12 34 56", "06 •• •• •• 56"),
        ("+687751234", "+687 75 12 34", "+6•• •• •• 34"),
    ],
)
def test_numbers_are_shown_in_pairs(stored, shown, masked):
    assert shown_phone(stored).replace("\u00a0", " ") == shown
    assert masked_phone(stored).replace("\u00a0", " ") == masked


def test_a_masked_address_tells_neither_name_nor_length():
    assert masked_email("celine.lhenoret@exemple.fr") == masked_email("c@exemple.fr") == "c•••@exemple.fr"
