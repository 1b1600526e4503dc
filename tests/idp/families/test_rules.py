from datetime import date

import pytest

from idp.families.rules import (
    BirthDateImpossible,
    BirthDateIncomplete,
    BirthDateYear,
    BirthDayMissing,
    BirthMonthMissing,
    BirthYearMissing,
    SchoolContact,
    contact_text,
    has_ine_shape,
    is_uai,
    read_birth_date,
    uai_letter,
)


@pytest.mark.parametrize("uai", ["0990001N", "0750001U", "9740001H"])
def test_a_uai_ends_in_its_check_letter(uai: str) -> None:
    assert uai_letter(uai[:7]) == uai[7]
    assert is_uai(uai)


@pytest.mark.parametrize(
    "uai", ["0990001A", "099001N", "0990001n", " 0990001N", "0990001N\n", "", "٠990001N"]
)
def test_anything_else_is_no_uai(uai: str) -> None:
    assert not is_uai(uai)


def test_check_letters_leave_out_i_o_and_q() -> None:
    letters = {uai_letter(f"{number:07d}") for number in range(23)}

    assert len(letters) == 23
    assert not letters & set("IOQ")


@pytest.mark.parametrize("ine", ["123456789AB", "0123456789C", "1234A56789B"])
def test_the_three_shapes_of_an_ine(ine: str) -> None:
    assert has_ine_shape(ine)


@pytest.mark.parametrize("ine", ["", "12345678AB", "123456789ab", "ABCDEFGHIJK", "123456789AB\n"])
def test_other_shapes_are_no_ine(ine: str) -> None:
    assert not has_ine_shape(ine)


@pytest.mark.parametrize("typed", [("14", "3", "2017"), ("14", "03", "2017"), (" 14 ", "3 ", " 2017")])
def test_a_birth_date_is_read_with_or_without_zero(typed):
    assert read_birth_date(*typed) == date(2017, 3, 14)


def test_the_29th_of_february_exists_every_four_years():
    assert read_birth_date("29", "2", "2016") == date(2016, 2, 29)
    with pytest.raises(BirthDateImpossible):
        read_birth_date("29", "2", "2017")


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        (("", "3", "2017"), BirthDayMissing),
        (("14", " ", "2017"), BirthMonthMissing),
        (("14", "3", ""), BirthYearMissing),
        (("", "", "2017"), BirthDateIncomplete),
        (("", "", ""), BirthDateIncomplete),
        (("14", "3", "17"), BirthDateYear),
        (("31", "4", "2017"), BirthDateImpossible),
        (("14", "13", "2017"), BirthDateImpossible),
        (("0", "3", "2017"), BirthDateImpossible),
        (("quatorze", "3", "2017"), BirthDateImpossible),
        (("-1", "3", "2017"), BirthDateImpossible),
        (("١٤", "3", "2017"), BirthDateImpossible),
        (("14", "3", "0000"), BirthDateImpossible),
        (("14", "3", "20170"), BirthDateImpossible),
    ],
)
def test_a_birth_date_that_cannot_be_says_why(typed, refusal):
    with pytest.raises(BirthDateIncomplete if refusal is BirthDateIncomplete else refusal) as refused:
        read_birth_date(*typed)

    assert type(refused.value) is refusal


def test_a_contact_says_what_is_known():
    assert contact_text(SchoolContact("0990001N", "École du Lac", "", "ecole@exemple.fr")) == (
        "École du Lac, ecole@exemple.fr"
    )
    assert contact_text(None) == ""
