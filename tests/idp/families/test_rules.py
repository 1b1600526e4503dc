import pytest

from idp.families.rules import has_ine_shape, is_uai, uai_letter


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
