"""OpenID Connect Core 3.1.2.4, security of 10.7: what a person lets a service know, and takes back."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.accounts.models import Account, AccountState
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.families.models import Link, LinkState
from idp.oidc import clients
from idp.oidc.models import AuthorizationCode, Consent
from idp.sessions.rules import OpenedWith
from tests.conftest import FrozenClock
from tests.factories import make_child, make_link
from tests.relying_party import (
    ALL_SCOPES,
    ISSUER,
    RelyingParty,
    answer_of,
    is_sent_to_sign_in,
    make_parent,
    stays_on_our_page,
)
from tests.web import form_values, submit

ALLOW, DENY = {"decision": "allow"}, {"decision": "deny"}
THIRD_PARTY = "n’est pas géré par l’école"


@pytest.fixture
def newcomer(idp_app: Flask, party: RelyingParty) -> AccountId:
    """An active parent, signed in, whom the party's service never asked anything."""
    with idp_app.app_context():
        account_id = make_parent()
    party.sign_in(account_id, agreed=False)
    return account_id


def is_asked(response: TestResponse) -> bool:
    return response.status_code == 303 and response.location.startswith("/autorisation?demande=")


def decide(party: RelyingParty, asked: TestResponse, values: dict[str, str]) -> TestResponse:
    """Answer the consent page; what comes after it."""
    assert is_asked(asked), asked.location
    done = submit(party.browser, asked.location, values, action="/autorisation")
    if done.status_code == 303 and done.location.startswith("/oauth/authorize/resume"):
        return party.browser.get(done.location)
    return done


def count(party: RelyingParty, model: Any) -> int:
    with party.app.app_context():
        return len(db.session.scalars(select(model.id)).all())


def consent_of(party: RelyingParty, account_id: AccountId) -> Consent:
    with party.app.app_context():
        return db.session.scalars(select(Consent).where(Consent.account_id == account_id)).one()


class TestAsked:
    def test_the_first_use_asks_and_later_ones_do_not(self, party: RelyingParty, newcomer: AccountId):
        """oidc A3: remembered per account, client and scopes."""
        first = decide(party, party.authorize(scope="openid profile children"), ALLOW)
        again = party.authorize(scope="openid profile children")
        narrower = party.authorize(scope="openid children")

        assert "code" in answer_of(first)
        assert answer_of(first)["state"] == "an opaque state"
        assert "code" in answer_of(again)
        assert "code" in answer_of(narrower)

    def test_wider_scopes_are_asked_and_add_to_what_was_agreed(
        self, party: RelyingParty, newcomer: AccountId
    ):
        decide(party, party.authorize(scope="openid children"), ALLOW)

        wider = party.authorize(scope="openid children.ine")

        assert is_asked(wider)
        assert answer_of(party.authorize(scope="openid children.ine", prompt="none"))["error"] == (
            "consent_required"
        )
        decide(party, wider, ALLOW)
        assert "code" in answer_of(party.authorize(scope="openid children children.ine"))

    def test_a_claim_asked_by_name_is_asked_as_its_scope_is(self, party: RelyingParty, newcomer: AccountId):
        """Core 5.5: no way around the person's agreement."""
        decide(party, party.authorize(scope="openid"), ALLOW)

        by_name = party.authorize(scope="openid", claims='{"userinfo": {"email": null}}')

        assert is_asked(by_name)
        assert "adresse de courriel" in party.browser.get(by_name.location).text

    def test_each_account_and_each_client_is_asked(
        self, party: RelyingParty, newcomer: AccountId, idp_app: Flask, clock: FrozenClock
    ):
        decide(party, party.authorize(), ALLOW)
        other = RelyingParty(idp_app, clock, client_id="other").register()
        other.sign_in(newcomer, agreed=False)

        assert is_asked(other.authorize())
        with idp_app.app_context():
            someone = make_parent()
        party.sign_in(someone, agreed=False)
        assert is_asked(party.authorize())

    @pytest.mark.parametrize(
        ("values", "is_first_party"),
        [
            ({"first_party": True}, True),
            ({}, False),
            ({"token_endpoint_auth_method": "none"}, False),
        ],
    )
    def test_az_46_every_client_is_asked_for_and_only_a_marked_one_by_the_short_page(
        self,
        idp_app: Flask,
        clock: FrozenClock,
        signing_key: None,
        values: dict[str, Any],
        is_first_party: bool,
    ):
        party = RelyingParty(idp_app, clock, client_id="service").register(**values)
        with idp_app.app_context():
            account_id = make_parent()
        party.sign_in(account_id, agreed=False)

        asked = party.authorize()
        silently = party.authorize(prompt="none")

        page = party.browser.get(asked.location).text
        assert (THIRD_PARTY in page) is not is_first_party
        assert ("https://livret.example" in page.partition("<main")[2]) is not is_first_party
        assert answer_of(silently)["error"] == "consent_required"
        assert count(party, AuthorizationCode) == 0

    def test_prompt_none_never_shows_anything_and_names_the_issuer(
        self, party: RelyingParty, newcomer: AccountId
    ):
        """oidc A2, A18."""
        answer = answer_of(party.authorize(prompt="none"))

        assert set(answer) <= {"error", "error_description", "error_uri", "state", "iss"}
        assert (answer["error"], answer["iss"]) == ("consent_required", ISSUER)

    def test_prompt_consent_asks_again(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=10)

        asked = party.authorize(prompt="consent")

        assert is_asked(asked)
        # Coming back without having answered shows the page again.
        resume = asked.location.replace("/autorisation?", "/oauth/authorize/resume?")
        assert is_asked(party.browser.get(resume))
        assert count(party, AuthorizationCode) == 0
        assert "code" in answer_of(decide(party, asked, ALLOW))

    def test_prompt_login_and_consent_ask_for_both(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=10)

        asked = party.authorize(prompt="login consent")

        assert is_sent_to_sign_in(asked)
        party.clock.advance(seconds=10)
        party.sign_in(parent)
        back = party.browser.get(asked.location.replace("/connexion?", "/oauth/authorize/resume?"))
        assert "code" in answer_of(decide(party, back, ALLOW))


class TestPage:
    def test_it_names_what_leaves_child_by_child(self, party: RelyingParty, newcomer: AccountId):
        with party.app.app_context():
            for name in ("Zoé", "Anaïs"):
                make_link(newcomer, make_child(given_name=name))
            gone = make_child(given_name="Gaspard")
            make_link(newcomer, gone, state=LinkState.DETACHED)

        page = party.browser.get(party.authorize(scope=ALL_SCOPES).location).text

        for words in ("Zoé", "Anaïs", "INE", "date de naissance", "nom et prénom", "courriel", "téléphone"):
            assert words in page, words
        assert "Gaspard" not in page

    def test_it_names_nothing_that_is_not_asked(self, party: RelyingParty, newcomer: AccountId):
        with party.app.app_context():
            make_link(newcomer, make_child(given_name="Anaïs"))

        page = party.browser.get(party.authorize(scope="openid profile").location).text

        for words in ("Anaïs", "INE", "courriel", "téléphone", "Vos enfants"):
            assert words not in page.partition("<main")[2].partition("</main")[0], words

    def test_its_form_may_end_at_the_service(self, party: RelyingParty, newcomer: AccountId):
        page = party.browser.get(party.authorize().location)

        assert "form-action 'self' https://livret.example" in page.headers["Content-Security-Policy"]
        assert "no-store" in page.headers["Cache-Control"]
        assert page.headers["X-Frame-Options"] == "DENY"

    def test_who_agreed_already_passes_on(self, party: RelyingParty, newcomer: AccountId):
        asked = party.authorize()
        decide(party, asked, ALLOW)

        again = party.browser.get(asked.location)

        assert again.location.startswith("/oauth/authorize/resume?demande=")

    def test_a_link_that_ended_meanwhile_is_not_told(self, party: RelyingParty, newcomer: AccountId):
        with party.app.app_context():
            make_link(newcomer, make_child(given_name="Anaïs"))
        asked = party.authorize(scope="openid children")
        with party.app.app_context(), transaction():
            db.session.execute(update(Link).values(state=LinkState.FROZEN))

        answer = answer_of(decide(party, asked, ALLOW))

        assert party.read_id_token(party.redeem(answer["code"]).json["id_token"])["children"] == []

    def test_the_name_of_a_service_is_text(self, idp_app: Flask, clock: FrozenClock, signing_key: None):
        party = RelyingParty(idp_app, clock, client_id="hostile").register(
            name="<script>alert(1)</script>{{7*7}}"
        )
        with idp_app.app_context():
            account_id = make_parent()
        party.sign_in(account_id, agreed=False)

        page = party.browser.get(party.authorize().location).text

        assert "<script>alert" not in page
        assert "{{7*7}}" in page


class TestRefused:
    def test_the_client_is_told_and_nothing_is_kept(self, party: RelyingParty, newcomer: AccountId):
        answer = answer_of(decide(party, party.authorize(), DENY))

        assert answer["error"] == "access_denied"
        assert (answer["state"], answer["iss"]) == ("an opaque state", ISSUER)
        assert count(party, Consent) == 0
        assert is_asked(party.authorize())

    def test_by_form_post_too(self, party: RelyingParty, newcomer: AccountId):
        """oidc A17."""
        done = decide(party, party.authorize(response_mode="form_post"), DENY)

        assert form_values(done.text, action="/retour")["error"] == "access_denied"

    @pytest.mark.parametrize("decision", [{}, {"decision": ""}, {"decision": ["allow", "deny"]}])
    def test_neither_yes_nor_no_is_no_answer(self, party: RelyingParty, newcomer: AccountId, decision: Any):
        asked = party.authorize()

        assert submit(party.browser, asked.location, decision, action="/autorisation").status_code == 400
        assert count(party, Consent) == 0

    def test_a_refusal_after_an_agreement_leaves_that_as_it_was(self, party: RelyingParty, parent: AccountId):
        party.clock.advance(seconds=5)

        decide(party, party.authorize(prompt="consent"), DENY)

        assert "code" in answer_of(party.authorize())


class TestNotAnswerable:
    def test_a_post_from_another_site_agrees_to_nothing(self, party: RelyingParty, newcomer: AccountId):
        asked = party.authorize()
        party.browser.get(asked.location)

        assert party.browser.post(asked.location, data=ALLOW).status_code == 400
        assert count(party, Consent) == 0

    @pytest.mark.parametrize("demande", ["", "x", "x.y", "é", "a" * 9000])
    def test_or_09_a_request_that_is_not_ours(self, party: RelyingParty, newcomer: AccountId, demande: str):
        """OR-09."""
        assert stays_on_our_page(party.browser.get("/autorisation", query_string={"demande": demande}))

    def test_or_09_a_request_changed_by_one_byte(self, party: RelyingParty, newcomer: AccountId):
        """OR-09."""
        demande = parse_qs(urlsplit(party.authorize().location).query)["demande"][0]
        for place in (0, len(demande) // 2, len(demande) - 1):
            letter = "A" if demande[place] != "A" else "B"
            changed = demande[:place] + letter + demande[place + 1 :]

            answer = party.browser.get("/autorisation", query_string={"demande": changed})

            assert stays_on_our_page(answer), place

    def test_a_request_past_its_hour_offers_to_begin_again(self, party: RelyingParty, newcomer: AccountId):
        asked = party.authorize()
        party.clock.advance(hours=1, minutes=1)

        page = party.browser.get(asked.location)

        assert page.status_code == 400
        assert 'id="request-expired"' in page.text

    def test_a_client_disabled_meanwhile(self, party: RelyingParty, newcomer: AccountId):
        """AZ-47."""
        asked = party.authorize()
        with party.app.app_context():
            clients.disable_client(party.client_id, now=party.clock.now)
        party.app.extensions["oidc"].clients.forget()

        assert stays_on_our_page(party.browser.get(asked.location))

    def test_nobody_signed_in_goes_to_the_sign_in_page(self, party: RelyingParty, newcomer: AccountId):
        asked = party.authorize()
        party.browser.delete_cookie("__Host-idp_session", domain="compte.example")

        assert is_sent_to_sign_in(party.browser.get(asked.location))

    @pytest.mark.parametrize("state", [AccountState.NOTIFIED, AccountState.ACTIVATING])
    def test_az_49_an_account_not_yet_active_agrees_to_nothing(
        self, party: RelyingParty, newcomer: AccountId, state: AccountState
    ):
        asked = party.authorize()
        form = form_values(party.browser.get(asked.location).text, action="/autorisation")
        with party.app.app_context(), transaction():
            db.session.execute(update(Account).values(state=state))

        answer = party.browser.post(asked.location, data=form | ALLOW)

        assert answer.status_code == 303
        assert answer.location.startswith("/activation")
        assert count(party, Consent) == 0

    def test_az_49_the_letters_password_agrees_to_nothing(self, party: RelyingParty, newcomer: AccountId):
        asked = party.authorize()
        party.sign_in(newcomer, agreed=False, opened_with=OpenedWith.PROVISIONAL)

        assert party.browser.get(asked.location).location.startswith("/activation")


class TestReturnAddress:
    """Where a browser goes next is the registered redirect URI, whatever else was sent along."""

    @pytest.mark.parametrize("name", ["next", "return_to", "target_link_uri", "redirect", "url"])
    @pytest.mark.parametrize(
        "address",
        [
            *("https://evil.test", "//evil.test", "///evil.test", "/\\evil.test", "/%09/evil.test"),
            *("https:evil.test", "http:///evil.test", "https://sub.livret.example", "http://livret.example"),
            "/deconnexion",
        ],
    )
    def test_or_01_or_04_or_08_nothing_else_says_where_to_go(
        self, party: RelyingParty, parent: AccountId, name: str, address: str
    ):
        asked = party.authorize(prompt="consent", **{name: address})
        party.clock.advance(seconds=1)

        page = party.browser.get(asked.location + "&" + urlencode({name: address}))
        form = form_values(page.text, action="/autorisation")
        done = party.browser.post(
            asked.location, data=form | ALLOW | {name: address}, headers={"Referer": address}
        )

        assert done.location.startswith("/oauth/authorize/resume?demande=")
        assert party.browser.get(done.location).location.startswith("https://livret.example/retour?")

    def test_or_06_a_lost_session_goes_to_the_sign_in_page_not_to_the_referer(
        self, party: RelyingParty, newcomer: AccountId
    ):
        asked = party.authorize()
        form = form_values(party.browser.get(asked.location).text, action="/autorisation")
        party.browser.delete_cookie("__Host-idp_session", domain="compte.example")

        done = party.browser.post(
            asked.location, data=form | ALLOW, headers={"Referer": "https://evil.test/"}
        )

        assert is_sent_to_sign_in(done)
        assert count(party, Consent) == 0


class TestServices:
    def test_each_service_with_what_it_receives_since_and_last_use(
        self, party: RelyingParty, newcomer: AccountId
    ):
        with party.app.app_context():
            make_link(newcomer, make_child(given_name="Anaïs"))
        decide(party, party.authorize(scope="openid children"), ALLOW)
        party.clock.advance(days=2)
        party.sign_in(newcomer, agreed=False)
        party.authorize(scope="openid children", prompt="none")

        page = party.browser.get("/compte/services").text

        for words in ("Livret scolaire", "23 novembre 2026", "25 novembre 2026", "Anaïs"):
            assert words in page, words
        assert "/compte/services" in party.browser.get("/compte").text

    def test_without_any_it_says_so(self, party: RelyingParty, newcomer: AccountId):
        assert "Aucun service" in party.browser.get("/compte/services").text

    def test_it_shows_nobody_elses(self, party: RelyingParty, parent: AccountId):
        with party.app.app_context():
            someone = make_parent()
        party.sign_in(someone, agreed=False)

        assert "Livret scolaire" not in party.browser.get("/compte/services").text

    def test_a_withdrawn_access_ends_codes_and_tokens_and_is_asked_again(
        self, party: RelyingParty, parent: AccountId
    ):
        tokens, kept = party.tokens(), party.authorization_code()

        done = submit(
            party.browser,
            "/compte/services",
            {},
            to=f"/compte/services/{consent_of(party, parent).id}/retirer",
            action="/retirer",
        )

        assert done.status_code == 303
        assert "n’a plus accès" in party.browser.get(done.location).text
        assert party.userinfo(tokens["access_token"]).status_code == 401
        assert party.redeem(kept).json["error"] == "invalid_grant"
        assert answer_of(party.authorize(prompt="none"))["error"] == "consent_required"
        assert is_asked(party.authorize())

    def test_given_again_it_forgets_the_wider_scopes_of_before(self, party: RelyingParty, parent: AccountId):
        withdraw = f"/compte/services/{consent_of(party, parent).id}/retirer"
        submit(party.browser, "/compte/services", {}, to=withdraw, action="/retirer")

        decide(party, party.authorize(scope="openid"), ALLOW)

        assert is_asked(party.authorize(scope="openid children"))

    def test_nobody_withdraws_anothers(self, party: RelyingParty, parent: AccountId):
        consent_id = consent_of(party, parent).id
        with party.app.app_context():
            someone = make_parent()
        party.sign_in(someone)

        submit(
            party.browser,
            "/compte/services",
            {},
            to=f"/compte/services/{consent_id}/retirer",
            action="/retirer",
        )

        assert consent_of(party, parent).revoked_at is None

    def test_a_post_without_the_forms_token_withdraws_nothing(self, party: RelyingParty, parent: AccountId):
        consent_id = consent_of(party, parent).id

        assert party.browser.post(f"/compte/services/{consent_id}/retirer").status_code == 400
        assert consent_of(party, parent).revoked_at is None

    def test_nobody_signed_in_is_shown_nothing(self, party: RelyingParty):
        assert party.browser.get("/compte/services").location.startswith("/connexion")
