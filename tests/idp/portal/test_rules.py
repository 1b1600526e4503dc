"""What the portal shows."""

import pytest

from idp.portal.rules import with_issuer


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        (
            "https://livret.example/connexion",
            "https://livret.example/connexion?iss=https%3A%2F%2Fcompte.example",
        ),
        ("https://livret.example/?a=1", "https://livret.example/?a=1&iss=https%3A%2F%2Fcompte.example"),
    ],
)
def test_a_service_learns_which_provider_sends_the_person(url: str, opened: str):
    assert with_issuer(url, "https://compte.example") == opened
