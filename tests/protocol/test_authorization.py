"""OpenID Connect Core 3.1.2: who is asked what, and how the client is answered."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.oidc import clients
from idp.oidc.models import AuthorizationCode
from idp.sessions.rules import OpenedWith
from tests.factories import make_child, make_link
from tests.relying_party import (
    ALL_SCOPES,
    ISSUER,
    REDIRECT_URI,
    RelyingParty,
    answer_of,
    is_sent_to_sign_in,
    make_parent,
    stays_on_our_page,
)
from tests.web import form_values


def codes_issued(party: RelyingParty) -> int:
    with party.app.app_context():
        return len(db.session.scalars(select(AuthorizationCode.id)).all())


def change_account(party: RelyingParty, **values: object) -> None:
    with party.app.app_context(), transaction():
        db.session.execute(update(Account).values(**values))


def disable(party: RelyingParty) -> None:
    with party.app.app_context():
        clients.disable_client(party.client_id, now=party.clock.now)


class TestAnswer:
    @pytest.mark.parametrize("mode", [None, "query"])
    def test_a_signed_in_parent_gets_a_code_at_once(
        self, party: RelyingParty, parent: object, mode: str | None
    ):
        """oidc A19: 32 random bytes in base64url, each another."""
        codes = [answer_of(party.authorize(response_mode=mode)) for _ in range(3)]

        assert {frozenset(answer) for answer in codes} == {
            frozenset({"code", "state", "iss", "session_state"})
        }
        assert len({answer["code"] for answer in codes}) == 3
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", answer["code"]) for answer in codes)

    @pytest.mark.parametrize(
        "state", ["x" * 128, "a b+c%20d", "é".encode().hex(), "&code=forged", "<b>\"'", "~-._", " ", "0"]
    )
    def test_state_comes_back_byte_for_byte(self, party: RelyingParty, parent: object, state: str):
        """AZ-40, oidc A2."""
        success, error = party.authorize(state=state), party.authorize(state=state, response_type="token")

        assert answer_of(success)["state"] == state
        assert answer_of(error)["state"] == state

    def test_no_state_sent_none_returned(self, party: RelyingParty, parent: object):
        assert set(answer_of(party.authorize(state=None))) == {"code", "iss", "session_state"}

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"response_type": "token"},
            {"scope": "profile"},
            {"prompt": "none login"},
            {"code_challenge": None},
        ],
    )
    @pytest.mark.parametrize("mode", ["query", "form_post"])
    def test_az_40_every_answer_names_the_issuer(
        self, party: RelyingParty, parent: object, changes: dict[str, str], mode: str
    ):
        response = party.authorize(response_mode=mode, **changes)

        answer = answer_of(response) if mode == "query" else form_values(response.text, action="/retour")
        assert (
            answer["iss"] == ISSUER == party.browser.get("/.well-known/openid-configuration").json["issuer"]
        )
        assert answer["state"] == "an opaque state"

    def test_form_post_posts_to_the_client_and_leaves_nothing_in_the_address(
        self, party: RelyingParty, parent: object
    ):
        """OAuth 2.0 Form Post Response Mode 2; oidc A17."""
        response = party.authorize(response_mode="form_post", state="\"><script>alert('x')</script>")

        assert response.status_code == 200
        assert f'action="{REDIRECT_URI}"' in response.text
        assert "<script>alert" not in response.text
        assert form_values(response.text, action="/retour")["state"] == "\"><script>alert('x')</script>"
        assert "https://livret.example" in response.headers["Content-Security-Policy"]
        assert "no-store" in response.headers["Cache-Control"]
        assert "code" in form_values(response.text, action="/retour")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("display", display) for display in ("page", "popup", "touch", "wap", "x")),
            *(
                (name, tags)
                for name in ("ui_locales", "claims_locales")
                for tags in ("fr-CA fr en", "xx", "-", "<")
            ),
        ],
    )
    def test_display_and_languages_are_wishes(
        self, party: RelyingParty, parent: object, name: str, value: str
    ):
        """oidc A12, Core 3.1.2.1: none is an error; there is one display, and no claim has a language."""
        assert "code" in answer_of(party.authorize(**{name: value}))

    def test_unknown_parameters_are_ignored(self, party: RelyingParty, parent: object):
        """oidc A12, A13."""
        answer = answer_of(
            party.authorize(
                extra="1",
                login_hint="c.dupont",
                acr_values="1 2",
                claims="{}",
            )
        )

        assert "code" in answer

    def test_a_post_is_answered_as_a_get(self, party: RelyingParty, parent: object):
        """oidc A11: 303 to our own page, where the Lax cookie comes along."""
        response = party.browser.post("/oauth/authorize", data=party.request())

        assert response.status_code == 303
        assert response.location.startswith("/oauth/authorize/resume?demande=")
        assert "code" in answer_of(party.browser.get(response.location))

    @pytest.mark.parametrize(
        "path", ["/oauth/authorize", "/oauth/authorize/resume", "/oauth/authorize/cancel"]
    )
    def test_az_44_no_framing_and_no_other_origin(self, party: RelyingParty, parent: object, path: str):
        for origin in ("https://evil.test", "null", "https://livret.example"):
            response = party.browser.get(path, headers={"Origin": origin}, query_string=party.request())

            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["X-Frame-Options"] == "DENY"
            assert not [name for name, _ in response.headers if name.lower().startswith("access-control-")]

    def test_az_44_a_preflight_is_not_answered(self, party: RelyingParty):
        response = party.browser.options(
            "/oauth/authorize",
            headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"},
        )

        assert not [name for name, _ in response.headers if name.lower().startswith("access-control-")]


class TestRefusal:
    @pytest.mark.parametrize(
        "response_type",
        [
            "token",
            "id_token",
            "code token",
            "code id_token",
            "token id_token code",
            "none",
            "code code",
            "CODE",
            "x",
            "code ",
        ],
    )
    def test_az_24_only_the_code_flow(self, party: RelyingParty, parent: object, response_type: str):
        response = party.authorize(response_type=response_type)

        assert answer_of(response)["error"] in {"unsupported_response_type", "unauthorized_client"}
        assert not urlsplit(response.location).fragment
        assert codes_issued(party) == 0

    def test_a_missing_response_type_is_told_to_the_client(self, party: RelyingParty, parent: object):
        """oidc A1."""
        assert answer_of(party.authorize(response_type=None))["error"] == "invalid_request"

    @pytest.mark.parametrize(
        "prompt",
        [
            "none login",
            "none consent",
            "none select_account",
            "login none",
            "none  login",
            "none none x",
            "create",
            "x",
        ],
    )
    def test_az_28_none_stands_alone(self, party: RelyingParty, parent: object, prompt: str):
        assert answer_of(party.authorize(prompt=prompt))["error"] == "invalid_request"
        assert codes_issued(party) == 0

    @pytest.mark.parametrize(
        "maximum_age", ["-1", "abc", "1.5", "1e3", "0x10", "99999999999999999999", " 5", "+5"]
    )
    def test_az_30_a_malformed_max_age_is_refused(
        self, party: RelyingParty, parent: object, maximum_age: str
    ):
        assert answer_of(party.authorize(max_age=maximum_age))["error"] == "invalid_request"

    @pytest.mark.parametrize(
        "scope", [None, "profile", "openid2", "OPENID", "openid,profile", '"openid"', "a" * 2000]
    )
    def test_az_35_a_scope_without_openid_is_refused(
        self, party: RelyingParty, parent: object, scope: str | None
    ):
        assert answer_of(party.authorize(scope=scope))["error"] == "invalid_scope"

    @pytest.mark.parametrize("scope", ["openid\0", "openid\nprofile", "openid é", "openid " + "a" * 3000])
    def test_az_35_control_characters_stay_on_our_page(self, party: RelyingParty, parent: object, scope: str):
        assert stays_on_our_page(party.authorize(scope=scope))

    @pytest.mark.parametrize("name", ["state", "nonce", "login_hint", "unknown"])
    @pytest.mark.parametrize("value", ["é", "\r\nLocation: https://evil.test", "\x7f", "\0", "x" * 2049])
    def test_any_parameter_outside_printable_ascii_or_too_long_is_refused(
        self, party: RelyingParty, parent: object, name: str, value: str
    ):
        assert stays_on_our_page(party.authorize(**{name: value}))

    @pytest.mark.parametrize(
        "mode",
        [
            "fragment",
            "query.jwt",
            "web_message",
            "form_post.jwt",
            "jwt",
            "unknown",
            "QUERY",
            "query form_post",
        ],
    )
    def test_az_38_other_response_modes_are_refused(self, party: RelyingParty, parent: object, mode: str):
        response = party.authorize(response_mode=mode)

        assert answer_of(response)["error"] == "invalid_request"
        assert (
            mode
            not in party.browser.get("/.well-known/openid-configuration").json["response_modes_supported"]
        )

    def test_descriptions_stay_in_the_character_set_of_the_protocol(
        self, party: RelyingParty, parent: object
    ):
        """RFC 6749 4.1.2.1; oidc T10."""
        description = answer_of(party.authorize(response_type='é"\\'.encode().hex()))["error_description"]

        assert all(character.isascii() and character.isprintable() for character in description)
        assert not set(description) & set('"\\')


class TestScope:
    def test_az_35_what_is_not_registered_is_not_granted(self, idp_app, clock, signing_key, parent):
        party = RelyingParty(idp_app, clock, client_id="small").register(scope="openid profile")
        party.sign_in(parent)

        tokens = party.tokens(scope=f"{ALL_SCOPES} address offline_access unknown openid")

        assert tokens["scope"] == "openid profile"
        assert set(party.read_id_token(tokens["id_token"])) <= ID_TOKEN_CLAIMS
        assert set(party.userinfo(tokens["access_token"]).json) == {
            "sub", "name", "given_name", "family_name", "updated_at",
        }  # fmt: skip

    def test_what_is_not_asked_is_not_given(self, party: RelyingParty, parent: object):
        tokens = party.tokens(scope="openid")

        assert set(party.userinfo(tokens["access_token"]).json) == {"sub"}
        assert set(party.read_id_token(tokens["id_token"])) == ID_TOKEN_CLAIMS


ID_TOKEN_CLAIMS = {
    "iss", "sub", "aud", "exp", "iat", "auth_time", "sid", "nonce", "at_hash", "acr", "amr",
}  # fmt: skip


class TestSignIn:
    def test_nobody_signed_in_is_sent_to_the_sign_in_page(self, party: RelyingParty):
        response = party.authorize()

        assert is_sent_to_sign_in(response)
        page = party.browser.get(response.location)
        assert "Livret scolaire" in page.text
        assert "form-action 'self' https://livret.example" in page.headers["Content-Security-Policy"]

    def test_az_27_prompt_none_without_a_session_shows_nothing(self, party: RelyingParty):
        answer = answer_of(party.authorize(prompt="none"))

        assert answer["error"] == "login_required"
        assert answer["state"] == "an opaque state"
        assert answer["iss"] == ISSUER
        assert set(answer) <= {"error", "error_description", "error_uri", "state", "iss"}

    def test_prompt_none_with_a_session_gives_a_code(self, party: RelyingParty, parent: object):
        """oidc A3: same subject, same auth_time."""
        first = party.read_id_token(party.tokens()["id_token"])
        party.clock.advance(seconds=90)

        second = party.read_id_token(party.tokens(prompt="none")["id_token"])

        assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])

    @pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
    def test_az_29_the_password_is_really_asked_again(
        self, party: RelyingParty, parent: object, changes: dict[str, str]
    ):
        """AZ-29, AZ-30, oidc A5."""
        before = party.read_id_token(party.tokens()["id_token"])["auth_time"]
        party.clock.advance(seconds=10)

        response = party.authorize(**changes)

        assert is_sent_to_sign_in(response)
        resume = response.location.replace("/connexion?", "/oauth/authorize/resume?")
        assert is_sent_to_sign_in(party.browser.get(resume))
        assert codes_issued(party) == 1
        party.clock.advance(seconds=10)
        party.sign_in(parent)  # type: ignore[arg-type]
        code = answer_of(party.browser.get(resume))["code"]
        assert party.read_id_token(party.redeem(code).json["id_token"])["auth_time"] == before + 20

    def test_az_30_a_session_older_than_max_age_signs_in_again(self, party: RelyingParty, parent: object):
        """oidc A6."""
        party.clock.advance(seconds=2)

        response = party.authorize(max_age="1")

        assert is_sent_to_sign_in(response)
        party.sign_in(parent)  # type: ignore[arg-type]
        party.clock.advance(minutes=20)
        # The instant was taken on arrival: a slow form does not make it loop.
        resume = response.location.replace("/connexion?", "/oauth/authorize/resume?")
        assert "code" in answer_of(party.browser.get(resume))

    def test_a_session_younger_than_max_age_is_enough(self, party: RelyingParty, parent: object):
        """oidc A7."""
        party.clock.advance(seconds=30)

        first = party.read_id_token(party.tokens(max_age="15000")["id_token"])
        second = party.read_id_token(party.tokens(max_age="10000")["id_token"])

        assert first["auth_time"] == second["auth_time"]

    def test_az_32_a_hint_of_another_account_gives_nothing_silently(
        self, party: RelyingParty, parent: object
    ):
        theirs = party.tokens()["id_token"]
        with party.app.app_context():
            other = make_parent()
        party.sign_in(other)

        assert answer_of(party.authorize(prompt="none", id_token_hint=theirs))["error"] == "login_required"
        assert is_sent_to_sign_in(party.authorize(id_token_hint=theirs))

    def test_az_32_after_the_sign_in_of_another_person_the_client_is_told(
        self, party: RelyingParty, parent: object
    ):
        theirs = party.tokens()["id_token"]
        with party.app.app_context():
            other = make_parent()
        party.sign_in(other)
        asked = party.authorize(id_token_hint=theirs)
        party.clock.advance(seconds=5)
        party.sign_in(other)

        resume = asked.location.replace("/connexion?", "/oauth/authorize/resume?")

        assert answer_of(party.browser.get(resume))["error"] == "login_required"

    @pytest.mark.parametrize("hint", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_az_32_a_hint_that_is_not_ours_gives_nothing_silently(
        self, party: RelyingParty, parent: object, hint: str
    ):
        assert answer_of(party.authorize(prompt="none", id_token_hint=hint))["error"] == "login_required"

    def test_a_hint_of_the_same_account_changes_nothing(self, party: RelyingParty, parent: object):
        """oidc A4."""
        hint = party.tokens()["id_token"]
        party.clock.advance(hours=2)  # expired: still a hint
        party.sign_in(parent)  # type: ignore[arg-type]

        assert "code" in answer_of(party.authorize(prompt="none", id_token_hint=hint))


class TestWhichAccount:
    """OpenID Connect Core 3.1.2.1: `prompt=select_account`."""

    def test_the_present_account_or_another_is_offered(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=5)

        asked = party.authorize(prompt="select_account")

        assert is_sent_to_sign_in(asked)
        page = party.browser.get(asked.location)
        assert page.status_code == 200
        assert "Continuer avec c.lhenoret" in page.text
        assert 'name="password"' in page.text
        assert codes_issued(party) == 0

    def test_going_on_with_the_present_one_needs_no_password(self, party: RelyingParty, parent: AccountId):
        signed_in = int(party.clock.now.timestamp())
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="select_account")

        done = choose(party, asked.location)

        answer = answer_of(party.browser.get(done.location))
        claims = party.read_id_token(party.redeem(answer["code"]).json["id_token"])
        assert claims["auth_time"] == signed_in

    def test_the_choice_is_of_that_session_alone(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="select_account")
        party.clock.advance(seconds=-5)  # a session of before the request
        done = choose(party, asked.location)
        party.sign_in(parent)
        party.clock.advance(seconds=5)

        assert is_sent_to_sign_in(party.browser.get(done.location))

    def test_another_one_signs_in_instead(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="select_account")
        party.clock.advance(seconds=5)
        with party.app.app_context():
            other = make_parent()
        party.sign_in(other)

        back = party.browser.get(asked.location.replace("/connexion?", "/oauth/authorize/resume?"))

        assert "code" in answer_of(back)

    def test_with_login_the_present_one_is_not_offered(self, party: RelyingParty, parent: AccountId):
        """AZ-29: choosing is no way around the password."""
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="select_account login")

        assert "Continuer avec" not in party.browser.get(asked.location).text
        demande = parse_qs(urlsplit(asked.location).query)["demande"][0]
        form = form_values(party.browser.get(asked.location).text, action="/connexion")
        done = party.browser.post("/oauth/authorize/go-on", query_string={"demande": demande}, data=form)
        assert is_sent_to_sign_in(party.browser.get(done.location))
        assert codes_issued(party) == 0

    def test_choosing_needs_the_forms_token(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="select_account")
        demande = parse_qs(urlsplit(asked.location).query)["demande"][0]

        done = party.browser.post("/oauth/authorize/go-on", query_string={"demande": demande})

        assert done.status_code == 400
        assert codes_issued(party) == 0


class TestSignInPage:
    def test_a_login_hint_fills_the_field_and_decides_nothing(self, party: RelyingParty, parent: AccountId):
        """oidc A12."""
        hint = 'c.dupont"><script>'
        party.clock.advance(seconds=5)
        page = party.browser.get(party.authorize(prompt="login", login_hint=hint).location).text

        assert form_values(page, action="/connexion")["identifier"] == hint
        assert "<script>" not in page.partition("<main")[2]
        # Somebody else's hint does not stop who is signed in.
        assert "code" in answer_of(party.authorize(login_hint="somebody.else"))

    def test_az_30_a_default_max_age_counts_as_one_sent(self, idp_app, clock, signing_key, parent):
        """OpenID Connect Registration 2: `default_max_age`; a parameter says otherwise."""
        party = RelyingParty(idp_app, clock, client_id="hasty").register(default_max_age=60)
        party.sign_in(parent)
        assert "code" in answer_of(party.authorize())
        clock.advance(seconds=61)

        assert is_sent_to_sign_in(party.authorize())
        assert answer_of(party.authorize(prompt="none"))["error"] == "login_required"
        assert "code" in answer_of(party.authorize(max_age="100"))

    def test_a_hint_longer_than_other_parameters_is_a_hint_all_the_same(
        self, party: RelyingParty, parent: AccountId
    ):
        """oidc A4: an ID token of a family of six does not fit 2,048 characters, nor a page's address."""
        with party.app.app_context():
            for name in ("Anaïs", "Zoé", "Léa", "Maël", "Noé", "Gaspard"):
                make_link(parent, make_child(given_name=name))
        hint = party.tokens(scope="openid children")["id_token"]
        assert len(hint) > 2048

        silent = party.authorize(prompt="none", id_token_hint=hint)
        party.clock.advance(seconds=5)
        asked = party.authorize(prompt="login", id_token_hint=hint)

        assert "code" in answer_of(silent)
        assert len(asked.location) < 2048
        assert stays_on_our_page(party.authorize(id_token_hint="x" * 20_000))


def choose(party: RelyingParty, address: str) -> TestResponse:
    """Press « Continuer avec … » on the sign-in page."""
    page = party.browser.get(address).text
    demande = parse_qs(urlsplit(address).query)["demande"][0]
    done = party.browser.post(
        "/oauth/authorize/go-on",
        query_string={"demande": demande},
        data=form_values(page, action="/oauth/authorize/go-on"),
    )
    assert done.location.startswith("/oauth/authorize/resume?demande=")
    return done


class TestEnded:
    def test_az_47_a_disabled_client_starts_nothing(self, party: RelyingParty, parent: object):
        party.authorization_code()
        disable(party)

        # The record of the client may be ten seconds old: the statement that issues asks all the same.
        assert stays_on_our_page(party.authorize())
        assert codes_issued(party) == 1

    def test_az_47_a_disabled_client_redeems_nothing(self, party: RelyingParty, parent: object):
        code = party.authorization_code()
        disable(party)

        assert party.redeem(code).status_code in {400, 401}

    def test_az_47_a_disabled_clients_token_opens_nothing(self, party: RelyingParty, parent: object):
        tokens = party.tokens()
        disable(party)

        assert party.userinfo(tokens["access_token"]).status_code == 401

    def test_az_47_a_request_carried_since_before_is_not_answered(self, party: RelyingParty):
        carried = party.authorize().location
        disable(party)
        with party.app.app_context():
            person = make_parent()
        party.sign_in(person)

        response = party.browser.get(carried.replace("/connexion?", "/oauth/authorize/resume?"))

        assert stays_on_our_page(response)

    @pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.MERGED])
    def test_az_48_an_account_that_ended_gets_no_code(
        self, party: RelyingParty, parent: object, state: AccountState
    ):
        change_account(party, state=state)

        assert is_sent_to_sign_in(party.authorize())
        assert answer_of(party.authorize(prompt="none"))["error"] == "login_required"
        assert codes_issued(party) == 0

    @pytest.mark.parametrize("state", [AccountState.CREATED, AccountState.NOTIFIED, AccountState.ACTIVATING])
    @pytest.mark.parametrize("opened_with", list(OpenedWith))
    def test_az_49_an_account_not_yet_active_gets_no_code(
        self, party: RelyingParty, state: AccountState, opened_with: OpenedWith
    ):
        with party.app.app_context():
            account_id = make_parent(state=state)
        party.sign_in(account_id, opened_with=opened_with)

        response = party.authorize()
        assert response.status_code == 303
        assert response.location.startswith("/")
        carried = parse_qs(urlsplit(response.location).query)["demande"][0]
        assert answer_of(party.authorize(prompt="none"))["error"] == "login_required"
        again = party.browser.get("/oauth/authorize/resume", query_string={"demande": carried})
        assert again.location.startswith("/")
        assert codes_issued(party) == 0

    def test_az_49_the_letters_password_opens_no_service_even_of_an_active_account(self, party: RelyingParty):
        with party.app.app_context():
            account_id = make_parent()
        party.sign_in(account_id, opened_with=OpenedWith.PROVISIONAL)

        assert answer_of(party.authorize(prompt="none"))["error"] == "login_required"
        assert codes_issued(party) == 0


class TestCarried:
    def test_az_41_the_answer_after_signing_in_is_a_303(self, party: RelyingParty):
        """The way back of a posted password: 303 to us, 303 to the client, never 307 (AZ-41)."""
        carried = party.authorize().location
        with party.app.app_context():
            person = make_parent()
        party.sign_in(person)

        response = party.browser.get(carried.replace("/connexion?", "/oauth/authorize/resume?"))

        assert response.status_code == 303
        assert "code" in answer_of(response)

    @pytest.mark.parametrize("way", ["resume", "restart", "cancel"])
    @pytest.mark.parametrize("demande", ["", "x", "x.y", "é", "\0", "a" * 9000])
    def test_a_carried_request_that_is_not_ours_stays_on_our_page(
        self, party: RelyingParty, parent: object, way: str, demande: str
    ):
        response = party.browser.get(f"/oauth/authorize/{way}", query_string={"demande": demande})

        assert stays_on_our_page(response)

    def test_a_changed_carried_request_is_refused(self, party: RelyingParty, parent: object):
        demande = parse_qs(urlsplit(party.authorize(prompt="login").location).query)["demande"][0]
        changed = ("B" if demande[0] != "B" else "C") + demande[1:]

        response = party.browser.get("/oauth/authorize/resume", query_string={"demande": changed})

        assert stays_on_our_page(response)

    def test_cancelling_tells_the_client(self, party: RelyingParty):
        carried = party.authorize().location

        answer = answer_of(party.browser.get(carried.replace("/connexion?", "/oauth/authorize/cancel?")))

        assert answer["error"] == "access_denied"
        assert answer["state"] == "an opaque state"
        assert answer["iss"] == ISSUER

    def test_an_old_request_begins_again_at_the_service(self, idp_app, clock, signing_key, parent):
        party = RelyingParty(idp_app, clock, client_id="with-home")
        party.register(initiate_login_uri="https://livret.example/connexion?from=portal")
        carried = party.authorize().location
        party.clock.advance(hours=1, seconds=1)
        party.sign_in(parent)

        response = party.browser.get(carried.replace("/connexion?", "/oauth/authorize/resume?"))

        assert response.status_code == 303
        expected = "https://livret.example/connexion?from=portal&" + urlencode({"iss": ISSUER})
        assert response.location == expected
        assert codes_issued(party) == 0

    def test_an_old_request_without_a_way_in_names_the_service(self, party: RelyingParty, parent: object):
        carried = party.authorize(prompt="login").location
        party.clock.advance(hours=1, seconds=1)

        for way in ("resume", "restart", "cancel"):
            response = party.browser.get(carried.replace("/connexion?", f"/oauth/authorize/{way}?"))

            assert response.status_code == 400
            assert 'id="request-expired"' in response.text
            assert "Livret scolaire" in response.text

    def test_on_another_device_it_begins_again_at_the_service(self, idp_app, clock, signing_key):
        party = RelyingParty(idp_app, clock, client_id="with-home")
        party.register(initiate_login_uri="https://livret.example/connexion")
        carried = party.authorize().location

        response = party.browser.get(carried.replace("/connexion?", "/oauth/authorize/restart?"))

        assert response.location == "https://livret.example/connexion?" + urlencode({"iss": ISSUER}, safe="")

    def test_two_tabs_are_two_requests(self, party: RelyingParty):
        """ADR 0004."""
        tabs = [party.authorize(state=state).location for state in ("one", "two")]
        with party.app.app_context():
            person = make_parent()
        party.sign_in(person)

        states = [
            answer_of(party.browser.get(tab.replace("/connexion?", "/oauth/authorize/resume?")))["state"]
            for tab in reversed(tabs)
        ]

        assert states == ["two", "one"]


class TestForgedHost:
    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-Host": "evil.test"},
            {"Forwarded": "host=evil.test"},
            {"X-Forwarded-Proto": "http"},
            {"X-Forwarded-Prefix": "/evil"},
            {"X-Original-Host": "evil.test"},
        ],
    )
    def test_hh_04_forwarded_names_change_nothing(
        self, party: RelyingParty, parent: object, headers: dict[str, str]
    ):
        metadata = party.browser.get("/.well-known/openid-configuration", headers=headers)
        answer = party.browser.get("/oauth/authorize", query_string=party.request(), headers=headers)
        to_sign_in = party.browser.get(
            "/oauth/authorize", query_string=party.request(prompt="login"), headers=headers
        )

        assert "evil" not in metadata.text
        assert answer_of(answer)["iss"] == ISSUER
        assert is_sent_to_sign_in(to_sign_in)

    @pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth/jwks", "/oauth/authorize"])
    def test_hh_04_a_forged_host_never_comes_back(self, party: RelyingParty, parent: object, path: str):
        response = party.app.test_client().get(
            path, base_url="https://evil.test", query_string=party.request()
        )

        assert response.status_code == 400
        assert "evil.test" not in response.text
        assert "Location" not in response.headers


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def test_az_14_the_error_page_links_to_nothing_that_was_received(party: RelyingParty, parent: object):
    links = _Links()

    links.feed(party.authorize(redirect_uri="javascript:alert(1)").text)

    assert links.addresses
    assert not [address for address in links.addresses if "alert" in address or "javascript" in address]
