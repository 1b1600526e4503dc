"""What never reaches a log, whoever writes it."""

import io
import json
import logging
import sys

import pytest
from flask import Flask

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


def test_a_request_leaves_one_line_with_its_reference_and_without_its_address(
    bare_app: Flask, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)

    bare_app.test_client().get("/nulle-part?code=canary")

    line = json.loads(capsys.readouterr().err)
    assert line["rule"] == "(none)"
    assert line["status"] == 404
    assert line["logger"] == "access"
    assert len(line["reference"]) == 12
    assert "canary" not in str(line)


def test_a_closed_standard_error_loses_lines_and_no_answer(
    bare_app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)

    assert bare_app.test_client().get("/nulle-part").status_code == 404
