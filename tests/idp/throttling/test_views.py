"""The one page of whoever must wait."""

import pytest
from flask import Flask

from idp.throttling.rules import BIRTH_DATE_IN_ALL, BIRTH_DATE_PER_DAY, TooManyAttempts
from idp.throttling.views import show_too_many_attempts, wait_in_words


def answer_to(app: Flask, error: TooManyAttempts, path: str = "/connexion?demande=abc", **request):
    with app.test_request_context(path, base_url="https://compte.example", **request):
        return app.make_response(show_too_many_attempts(error))


def test_the_page_names_the_wait_in_words_and_in_seconds(idp_app):
    answer = answer_to(idp_app, TooManyAttempts(BIRTH_DATE_PER_DAY, 30))

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"
    assert "Réessayez dans 30 secondes." in answer.get_data(as_text=True)


def test_the_page_leads_back_with_its_request(idp_app):
    answer = answer_to(idp_app, TooManyAttempts(BIRTH_DATE_PER_DAY, 30))

    assert 'href="/connexion?demande=abc"' in answer.get_data(as_text=True)


def test_without_a_wait_that_helps_the_page_names_the_school(idp_app):
    answer = answer_to(idp_app, TooManyAttempts(BIRTH_DATE_IN_ALL, None))

    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert "Adressez-vous à l’école" in answer.get_data(as_text=True)


def test_a_program_is_told_so_too(idp_app):
    answer = answer_to(
        idp_app, TooManyAttempts(BIRTH_DATE_PER_DAY, 30), headers={"Accept": "application/json"}
    )

    assert (answer.status_code, answer.mimetype) == (429, "application/json")
    assert answer.headers["Retry-After"] == "30"


def test_the_application_answers_whatever_no_view_answered(idp_app):
    with idp_app.test_request_context("/", base_url="https://compte.example"):
        answer = idp_app.make_response(idp_app.handle_user_exception(TooManyAttempts(BIRTH_DATE_PER_DAY, 5)))

    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 seconde"),
        (59, "59 secondes"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (3540, "59 minutes"),
        (3541, "1 heure"),
        (3601, "2 heures"),
        (86400, "24 heures"),
    ],
)
def test_the_wait_is_rounded_up_in_the_unit_that_people_use(idp_app, seconds, words):
    with idp_app.test_request_context("/", base_url="https://compte.example"):
        assert wait_in_words(seconds) == words
