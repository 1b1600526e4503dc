"""What services hold to see a change of sign-in."""

import hashlib

import pytest

from idp.oidc.session_state import browser_origin, session_state


def test_a_session_state_is_a_digest_and_its_salt():
    expected = hashlib.sha256(b"livret https://livret.example state salt").hexdigest() + ".salt"

    assert session_state("livret", "https://livret.example", "state", "salt") == expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://livret.example/retour", "https://livret.example"),
        ("https://Livret.Example:443/retour", "https://livret.example"),
        ("http://localhost:8001/retour", "http://localhost:8001"),
        ("http://[::1]:80/retour", "http://[::1]"),
        ("org.example.application:/retour", None),
    ],
)
def test_an_origin_is_written_as_browsers_do(url: str, origin: str | None):
    assert browser_origin(url) == origin
