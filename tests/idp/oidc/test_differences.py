"""Each kind of difference is named."""

import pytest

from idp.oidc.differences import kinds_of_difference

REGISTERED = ("https://livret.example/retour", "https://other.example/cb?x=1")


@pytest.mark.parametrize(
    ("received", "kinds"),
    [
        ("http://livret.example/retour", ("scheme",)),
        ("https://livret.test/retour", ("host",)),
        ("https://livret.example:8443/retour", ("port",)),
        ("https://livret.example/autre", ("path",)),
        ("https://livret.example/retour/", ("trailing slash",)),
        ("https://livret.example/retour?x=1", ("query",)),
        ("https://livret.example/Retour", ("case",)),
        ("https://livret.example/retour#a", ("fragment",)),
        ("https://livret.example@evil.test/retour", ("user information", "host")),
        ("https://other.example/cb", ("query",)),
        ("https://livret.example/retour?", ("spelling",)),
        ("https://[livret.example/retour", ("not an address",)),
        ("https://livret.example:x/retour", ("not an address",)),
    ],
)
def test_the_kind_of_difference_from_the_nearest_address(received: str, kinds: tuple[str, ...]):
    assert kinds_of_difference(received, REGISTERED) == kinds


def test_nothing_registered_differs_in_nothing():
    assert kinds_of_difference("https://livret.example/", ()) == ()
