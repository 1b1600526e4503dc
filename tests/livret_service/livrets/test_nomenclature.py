"""The tables of codes agree with each other and with the format."""

from livret_service.livrets import nomenclature
from livret_service.lsu_import.grammar import PARCOURS_CODES, SOCLE_CODES, SUPPORT_CODES


def test_every_code_of_the_format_has_its_words():
    assert set(nomenclature.PARCOURS) == set(PARCOURS_CODES)
    assert set(nomenclature.SUPPORT_MEASURES) == set(SUPPORT_CODES)
    assert tuple(nomenclature.SOCLE) == SOCLE_CODES
    assert set(nomenclature.SOCLE_LEVELS) == {0, 1, 2, 3, 4}
    assert set(nomenclature.POSITIONNEMENTS) == set(nomenclature.POSITIONNEMENT_MEANINGS) == {1, 2, 3, 4}


def test_every_sub_domain_stands_under_a_domain_of_its_cycles():
    for discipline in nomenclature.DISCIPLINES.values():
        if discipline.under:
            domain = nomenclature.DISCIPLINES[discipline.under]
            assert not domain.under
            assert discipline.cycles <= domain.cycles


def test_every_code_has_the_length_of_the_format():
    assert {len(code) for code in nomenclature.DISCIPLINES} == {7}


def test_periods_of_a_year_have_one_name_each():
    assert all(len(names) == count for count, names in nomenclature.PERIODES.items())
