"""What the portal lists."""

from flask import Flask

from idp.portal import service


def test_without_a_service_the_list_is_empty(idp_context: Flask):
    assert service.list_services("https://compte.example") == ()
