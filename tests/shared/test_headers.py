"""Security headers of both services."""

import pytest
from flask import Flask

from shared.headers import allow, content_security_policy, origin_of
from tests.conftest import Browser, browser_at

EXEMPT = {"theme_file", "static"}
# What a program in a browser reads without cookies, from any origin.
READ_FROM_ANY_ORIGIN = {
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/oauth/jwks",
    "/oauth/userinfo",
}


def pages_of(app: Flask) -> list[str]:
    """Every address that GET answers without an argument."""
    rules = app.url_map.iter_rules()
    return sorted(
        r.rule for r in rules if "GET" in (r.methods or ()) and not r.arguments and r.endpoint not in EXEMPT
    )


def policy_of(header: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in header.split(";"))}


def assert_guarded(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    headers = answer.headers
    policy = policy_of(headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"], path
    assert policy["frame-ancestors"] == ["'none'"], path
    assert not {"'unsafe-inline'", "'unsafe-eval'", "data:", "*", "https:"} & {
        s for v in policy.values() for s in v
    }
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert int(headers["Strict-Transport-Security"].partition("=")[2].partition(";")[0]) >= 365 * 24 * 3600
    assert ("Access-Control-Allow-Origin" in headers) <= (path in READ_FROM_ANY_ORIGIN), path
    assert "Access-Control-Allow-Credentials" not in headers
    if answer.mimetype == "text/html":
        assert "no-store" in headers["Cache-Control"]
        assert headers["X-Robots-Tag"] == "noindex"


def test_br_08_every_page_of_the_provider_carries_its_headers(idp_app: Flask, idp_client: Browser):
    paths = [path for path in pages_of(idp_app) if not path.startswith("/oauth/check_session")]

    assert {"/", "/aide", "/compte"} <= set(paths)
    for path in [*paths, "/nulle-part"]:
        assert_guarded(idp_client, path)


def test_br_08_every_page_of_the_livret_service_carries_its_headers(
    livret_app: Flask, livret_client: Browser
):
    for path in [*pages_of(livret_app), "/nulle-part"]:
        if path not in {"/connexion", "/retour"}:  # these speak to the provider first
            assert_guarded(livret_client, path)


def test_no_header_names_a_version(idp_client: Browser):
    assert "Server" not in idp_client.get("/").headers
    assert "X-Powered-By" not in idp_client.get("/").headers


def test_a_view_may_widen_its_own_answer_alone(bare_app: Flask):
    def wide() -> str:
        allow(
            form_action=["https://client.example:8443/retour?x=1"],
            img_src=["https://client.example/logo.png"],
        )
        return "ok"

    bare_app.add_url_rule("/large", view_func=wide)
    browser = browser_at(bare_app, "https://essai.example")

    wide_policy = policy_of(browser.get("/large").headers["Content-Security-Policy"])
    next_policy = policy_of(browser.get("/galerie").headers["Content-Security-Policy"])

    assert wide_policy["form-action"] == ["'self'", "https://client.example:8443"]
    assert wide_policy["img-src"] == ["'self'", "https://client.example"]
    assert next_policy["form-action"] == next_policy["img-src"] == ["'self'"]


def test_a_page_for_frames_names_who_may_frame_it(bare_app: Flask):
    def framed() -> str:
        allow(frame_ancestors=["https://compte.example/"])
        return "ok"

    bare_app.add_url_rule("/cadre", view_func=framed)

    answer = browser_at(bare_app, "https://essai.example").get("/cadre")

    assert policy_of(answer.headers["Content-Security-Policy"])["frame-ancestors"] == [
        "https://compte.example"
    ]
    assert "X-Frame-Options" not in answer.headers


def test_allowing_nothing_keeps_the_refusal():
    policy = policy_of(content_security_policy({"frame-ancestors": []}))

    assert policy["frame-ancestors"] == ["'none'"]
    assert "frame-src" not in policy


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://client.example/retour", "https://client.example"),
        ("https://Client.example:8443", "https://client.example:8443"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
        ("https://someone:secret@client.example/", "https://client.example"),
    ],
)
def test_an_origin_is_rebuilt_from_its_parts(url: str, origin: str):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "/retour", "javascript:alert(1)", "https://a.example;script-src *", "https://*/"]
)
def test_what_has_no_origin_does_not_reach_the_policy(url: str):
    with pytest.raises(ValueError, match="no origin"):
        origin_of(url)
