"""What never reaches a log, whoever writes it."""

import pytest

from shared.logging import REDACTED, redact


@pytest.mark.parametrize(
    "name",
    [
        "code",
        "one_time_code",
        "password",
        "id_token",
        "client_secret",
        "code_verifier",
        "email",
        "ine",
        "demande",
    ],
)
def test_the_value_of_a_secret_name_is_blanked(name: str):
    assert redact(None, "info", {name: "canary"}) == {name: REDACTED}


def test_a_secret_inside_a_line_of_text_is_blanked():
    line = redact(None, "info", {"event": "GET /retour?code=canary&state=canary&iss=https://i.example"})[
        "event"
    ]

    assert "canary" not in line
    assert "iss=https://i.example" in line


def test_an_error_code_is_a_constant_of_ours_and_is_kept():
    assert redact(None, "info", {"error_code": "attempt_unknown"}) == {"error_code": "attempt_unknown"}
