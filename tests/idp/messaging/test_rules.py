from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from idp.messaging.rules import (
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    ForeignUrl,
    Message,
    RenderedMail,
    UnsafeHeader,
    is_given_up,
    own_urls,
    paragraphs,
    wait_before_retry,
)

ISSUER = "https://compte.example"


def a_message(
    to: str = "celine@exemple.fr", subject: str = "activation du compte", **variables: str
) -> Message:
    return Message.mail(to=to, subject=subject, template="activation/confirm_email", variables=variables)


@pytest.mark.parametrize(
    "to",
    [
        "a@x.fr,b@y.fr",
        "a@x.fr, b@y.fr",
        "a@x.fr;b@y.fr",
        "a@x.fr b@y.fr",
        "a@x.fr\r\nBcc: b@y.fr",
        "a@x.fr\nb@y.fr",
        "Nom <a@x.fr>",
        "a@b@y.fr",
        '["a@x.fr"]',
        "a@x.fr\x00",
        "",
        "a",
    ],
)
def test_em_17_a_message_has_exactly_one_recipient(to):
    with pytest.raises(UnsafeHeader):
        a_message(to=to)


@pytest.mark.parametrize("subject", ["deux\r\nBcc: b@y.fr", "deux\nlignes", "nul\x00"])
def test_mh_01_a_subject_is_one_line(subject):
    with pytest.raises(UnsafeHeader):
        a_message(subject=subject)


def test_a_variable_cannot_bring_a_paragraph_of_its_own():
    message = a_message(given_name="Zoé\n\nhttps://piege.example\n")

    assert message.variables["given_name"] == "Zoé https://piege.example"


def test_a_url_that_is_not_ours_is_refused():
    with pytest.raises(ForeignUrl):
        own_urls({"url": "https://piege.example/activation/adresse"}, ISSUER)


def test_a_host_that_only_begins_like_ours_is_refused():
    with pytest.raises(ForeignUrl):
        own_urls({"help_url": "https://compte.example.piege.example/"}, ISSUER)


def test_only_variables_named_url_are_urls():
    urls = own_urls({"url": f"{ISSUER}/a", "given_name": f"{ISSUER}/b", "hours": 24}, ISSUER)

    assert urls == {f"{ISSUER}/a"}


def test_paragraphs_are_parted_by_empty_lines():
    assert paragraphs("Bonjour,\n\n\nune ligne\nune autre\n") == (("Bonjour,",), ("une ligne", "une autre"))


def test_a_rendered_mail_survives_its_written_form_and_a_newer_one():
    mail = RenderedMail("a@x.fr", "Sujet", "Été", "<p>Été</p>")

    assert RenderedMail.from_bytes(mail.to_bytes()) == mail
    assert RenderedMail.from_bytes(mail.to_bytes()[:-1] + b', "new_member": 1}') == mail


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 480), (500, 480)])
def test_the_wait_doubles_up_to_eight_minutes(attempts, seconds):
    waits = [wait_before_retry(attempts, Random(seed)).total_seconds() for seed in range(200)]

    assert seconds / 2 <= min(waits) < max(waits) <= seconds


def test_the_longest_wait_lets_everything_leave_within_ten_minutes():
    assert timedelta(minutes=10) > LONGEST_WAIT


def test_a_day_of_refusals_ends_the_attempts():
    enqueued_at = datetime(2026, 11, 23, 8, tzinfo=UTC)

    assert not is_given_up(enqueued_at, now=enqueued_at + GIVE_UP_AFTER - timedelta(seconds=1))
    assert is_given_up(enqueued_at, now=enqueued_at + GIVE_UP_AFTER)
