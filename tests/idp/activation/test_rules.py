from datetime import UTC, date, datetime, timedelta

import pytest

from idp.activation.rules import (
    BirthDateImpossible,
    BirthDateIncomplete,
    BirthDateYear,
    BirthDayMissing,
    BirthMonthMissing,
    BirthYearMissing,
    EmailMalformed,
    contact_text,
    is_same_address,
    normalise_address,
    read_birth_date,
    seconds_until_resend,
)
from idp.families.rules import SchoolContact

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("celine@exemple.fr", "celine@exemple.fr"),
        ("  Celine.Dupont+ecole@Exemple.FR ", "Celine.Dupont+ecole@exemple.fr"),
        ("celine@école.example.fr", "celine@xn--cole-9oa.example.fr"),
    ],
)
def test_an_address_is_stored_trimmed_with_an_ascii_domain(typed, stored):
    assert normalise_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "celine",
        "celine@",
        "celine@exemple",
        "@exemple.fr",
        "céline@exemple.fr",
        "a@x.fr,b@y.fr",
        "a@x.fr, b@y.fr",
        "a@x.fr;b@y.fr",
        "a@x.fr b@y.fr",
        "Céline <celine@exemple.fr>",
        '"a b"@exemple.fr',
        '["celine@exemple.fr"]',
        "celine@exemple.fr\nBcc: b@y.fr",
        "celine@[127.0.0.1]",
        "a" * 65 + "@exemple.fr",
        "a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 63 + ".fr",
    ],
)
def test_em_17_what_is_not_exactly_one_address_is_refused(typed):
    with pytest.raises(EmailMalformed):
        normalise_address(typed)


def test_addresses_that_differ_by_case_and_spaces_are_the_same():
    assert is_same_address("Celine@Exemple.fr ", " celine@exemple.FR")
    assert not is_same_address("celine@exemple.fr", "celine@exemple.com")


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


@pytest.mark.parametrize(("seconds_ago", "left"), [(0, 60), (0.5, 60), (59, 1), (60, 0), (3600, 0)])
def test_a_message_may_be_sent_again_after_a_minute(seconds_ago, left):
    assert seconds_until_resend(NOW - timedelta(seconds=seconds_ago), now=NOW) == left


def test_without_a_message_there_is_nothing_to_wait_for():
    assert seconds_until_resend(None, now=NOW) == 0


def test_a_contact_says_what_is_known():
    assert contact_text(SchoolContact("0990001N", "École du Lac", "", "ecole@exemple.fr")) == (
        "École du Lac, ecole@exemple.fr"
    )
    assert contact_text(None) == ""
