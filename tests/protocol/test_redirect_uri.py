"""OpenID Connect Core 3.1.2.1, RFC 6749 4.1.2.1, RFC 9700 2.1: no answer leaves before the address is known exactly."""

import pytest

from tests.relying_party import REDIRECT_URI, RelyingParty, answer_of, stays_on_our_page

FORGED = {
    "az_01_userinfo": "https://livret.example@evil.test/retour",
    "az_01_userinfo_and_password": "https://livret.example:x@evil.test/retour",
    "az_01_backslash_host": "https://evil.test\\@livret.example/retour",
    "other_host": "https://evil.test/retour",
    "sub_host": "https://retour.livret.example/retour",
    "host_suffix": "https://livret.example.evil.test/retour",
    "az_04_fragment": REDIRECT_URI + "#frag",
    "az_04_empty_fragment": REDIRECT_URI + "#",
    "az_05_added_query": REDIRECT_URI + "?x=1",
    "az_05_empty_query": REDIRECT_URI + "?",
    "az_07_dots": "https://livret.example/retour/../admin",
    "az_07_encoded_dots": "https://livret.example/retour/%2e%2e/admin",
    "az_07_encoded_slash": "https://livret.example/retour/..%2fadmin",
    "az_07_semicolon": "https://livret.example/retour/..;/admin",
    "az_07_double_encoded": "https://livret.example/retour/%252e%252e/",
    "az_07_dot_that_comes_back": "https://livret.example/x/../retour",
    "az_08_trailing_slash": REDIRECT_URI + "/",
    "az_08_double_slash": "https://livret.example//retour",
    "az_08_path_case": "https://livret.example/RETOUR",
    "az_08_host_case": "https://LIVRET.example/retour",
    "az_08_encoded_letter": "https://livret.example/%72etour",
    "az_14_javascript": "javascript:alert(1)",
    "az_14_data": "data:text/html,<script>alert(1)</script>",
    "az_14_vbscript": "vbscript:msgbox(1)",
    "az_14_mixed_case": "JaVaScRiPt:alert(1)",
    "az_14_line_feed": "java\nscript:alert(1)",
    "az_16_localhost": "http://localhost:1234/retour",
    "az_16_loopback_4": "http://127.0.0.1/retour",
    "az_16_loopback_6": "http://[::1]/retour",
    "az_18_http": "http://livret.example/retour",
    "default_port": "https://livret.example:443/retour",
    "other_port": "https://livret.example:8443/retour",
    "leading_space": " " + REDIRECT_URI,
    "trailing_space": REDIRECT_URI + " ",
    "trailing_nul": REDIRECT_URI + "\0",
    "carriage_return": REDIRECT_URI + "\r\nX-Injected: 1",
    "quote": REDIRECT_URI + '"',
    "accent": "https://livret.example/rétour",
    "scheme_relative": "//livret.example/retour",
    "no_scheme": "livret.example/retour",
    "bad_brackets": "https://[livret.example/retour",
    "long": REDIRECT_URI + "a" * 3000,
}


@pytest.mark.parametrize("redirect_uri", FORGED.values(), ids=FORGED.keys())
def test_az_01_az_04_az_05_az_07_az_08_az_14_az_16_az_18_an_address_not_registered_to_the_character_is_refused(
    party: RelyingParty, parent: object, redirect_uri: str
):
    """AZ-01, AZ-04, AZ-05, AZ-07, AZ-08, AZ-14, AZ-16, AZ-18; oidc A8."""
    response = party.authorize(redirect_uri=redirect_uri)

    assert stays_on_our_page(response)
    assert f'href="{redirect_uri}' not in response.text
    assert "<script>alert" not in response.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_az_19_a_missing_address_is_an_error_even_when_one_is_registered(
    party: RelyingParty, parent: object, method: str
):
    """oidc A9."""
    parameters = party.request(redirect_uri=None)

    response = (
        party.browser.get("/oauth/authorize", query_string=parameters)
        if method == "get"
        else party.browser.post("/oauth/authorize", data=parameters)
    )

    assert stays_on_our_page(response)


@pytest.mark.parametrize(
    "addresses",
    [
        (REDIRECT_URI, "https://evil.test/"),
        ("https://evil.test/", REDIRECT_URI),
        (REDIRECT_URI, REDIRECT_URI),
    ],
)
def test_az_20_an_address_sent_twice_is_refused(
    party: RelyingParty, parent: object, addresses: tuple[str, str]
):
    pairs = [*party.request(redirect_uri=None).items(), *(("redirect_uri", address) for address in addresses)]

    assert stays_on_our_page(party.browser.get("/oauth/authorize", query_string=_encode(pairs)))
    assert stays_on_our_page(
        party.browser.post(
            "/oauth/authorize",
            query_string=_encode([("redirect_uri", addresses[0])]),
            data=party.request(redirect_uri=addresses[1]),
        )
    )


@pytest.mark.parametrize(
    "name", ["client_id", "state", "nonce", "scope", "response_type", "prompt", "unknown"]
)
def test_every_other_parameter_sent_twice_is_refused(party: RelyingParty, parent: object, name: str):
    pairs = [*party.request().items(), (name, "x"), (name, "x")]

    assert stays_on_our_page(party.browser.get("/oauth/authorize", query_string=_encode(pairs)))


@pytest.mark.parametrize(
    "client_id",
    [
        "unknown",
        "",
        "\0",
        "livret\0",
        "a" * 10_000,
        "LIVRET",
        "livret ",
        " livret",
        "livr\u00e9t",
        "' OR 1=1 --",
        "*",
    ],
)
def test_az_22_whatever_is_wrong_with_a_client_id_the_page_is_the_same(party: RelyingParty, client_id: str):
    reference = party.authorize(client_id="another-unknown-client")

    response = party.authorize(client_id=client_id)

    assert stays_on_our_page(response)
    assert response.text == reference.text


def test_az_23_nothing_is_redirected_before_the_address_is_known(party: RelyingParty, parent: object):
    response = party.authorize(response_type="token", redirect_uri="https://evil.test/")

    assert stays_on_our_page(response)


def test_the_page_names_the_kind_of_difference_and_never_the_registered_list(
    party: RelyingParty, parent: object
):
    response = party.authorize(redirect_uri="https://livret.example:8443/retour/")

    assert "https://livret.example:8443/retour/" in response.text
    assert "le port, la barre oblique finale" in response.text
    assert f">{REDIRECT_URI}<" not in response.text


def test_a_registered_query_is_kept_and_ours_is_appended(idp_app, clock, signing_key, parent):
    """oidc A10."""
    party = RelyingParty(
        idp_app, clock, client_id="with-query", redirect_uri="https://q.example/cb?a=1%202&b="
    )
    party.register()
    party.sign_in(parent)

    response = party.authorize()

    assert response.location.startswith("https://q.example/cb?a=1%202&b=&code=")


def test_a_registered_loopback_address_is_honoured(idp_app, clock, signing_key, parent):
    party = RelyingParty(idp_app, clock, client_id="local", redirect_uri="http://localhost:9999/callback")
    party.register()
    party.sign_in(parent)

    assert "code" in answer_of(party.authorize())


def _encode(pairs: list[tuple[str, str]]) -> str:
    from urllib.parse import urlencode

    return urlencode(pairs)
