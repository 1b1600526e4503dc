"""RFC 6749 4.1.2, 4.1.3, RFC 9700 2.1: a code is redeemed once, by its client, in time, while its session holds."""

import io
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from idp.accounts.models import Account, AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.oidc.models import AccessToken, AuthorizationCode
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from shared.logging import configure_logging
from shared.secrets import digest
from tests.relying_party import REDIRECT_URI, RelyingParty, s256

OTHER_VERIFIER = "another-verifier-of-at-least-43-characters-012345"


def is_refused(response: object) -> bool:
    return (response.status_code, response.json["error"]) == (400, "invalid_grant")  # type: ignore[attr-defined]


def tokens_issued(party: RelyingParty) -> int:
    with party.app.app_context():
        return len(db.session.scalars(select(AccessToken.id)).all())


def misuses(party: RelyingParty) -> list[str]:
    with party.app.app_context():
        rows = db.session.scalars(
            select(AuditEntry).where(AuditEntry.name == "oidc:authorization_code:misused")
        )
        return [row.details["misuse"] for row in rows]


def test_the_answer_of_the_token_endpoint(party: RelyingParty, parent: object):
    """RFC 6749 5.1; oidc T7."""
    response = party.redeem(party.authorization_code())

    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    assert response.json["token_type"] == "Bearer"
    assert response.json["expires_in"] == 600
    assert len(response.json["access_token"]) == 43
    assert "refresh_token" not in response.json


def test_codes_and_tokens_are_stored_as_digests(party: RelyingParty, parent: object):
    code = party.authorization_code()
    access_token = party.redeem(code).json["access_token"]

    with party.app.app_context():
        assert db.session.scalars(select(AuthorizationCode.digest)).one() == digest(code)
        assert db.session.scalars(select(AccessToken.digest)).one() == digest(access_token)


def test_co_01_a_second_use_is_refused_and_ends_what_the_first_gave(party: RelyingParty, parent: object):
    """oidc T1, T2, T3."""
    code = party.authorization_code()
    first = party.redeem(code)
    assert party.userinfo(first.json["access_token"]).status_code == 200
    party.clock.advance(seconds=30)

    assert is_refused(party.redeem(code))

    assert party.userinfo(first.json["access_token"]).status_code == 401
    assert misuses(party) == ["reused"]


def test_co_01_also_after_the_code_has_expired(party: RelyingParty, parent: object):
    code = party.authorization_code()
    first = party.redeem(code)
    party.clock.advance(seconds=300)

    assert is_refused(party.redeem(code))

    assert party.userinfo(first.json["access_token"]).status_code == 401


def test_co_01_other_codes_of_the_session_live_on(party: RelyingParty, parent: object):
    reused, other = party.authorization_code(), party.tokens()
    party.redeem(reused)

    assert is_refused(party.redeem(reused))

    assert party.userinfo(other["access_token"]).status_code == 200


def test_co_02_of_fifty_parallel_uses_one_wins_and_the_replays_end_it(party: RelyingParty, parent: object):
    code = party.authorization_code()
    party.browser.get("/oauth/jwks")

    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(lambda _: party.redeem(code), range(50)))

    won = [response for response in responses if response.status_code == 200]
    assert len(won) == 1
    assert all(is_refused(response) for response in responses if response not in won)
    assert tokens_issued(party) == 1
    assert party.userinfo(won[0].json["access_token"]).status_code == 401


def test_co_03_another_client_gets_nothing_and_the_journal_a_line(party: RelyingParty, parent: object):
    """oidc T9: and the owner's tokens are not harmed."""
    other = RelyingParty(party.app, party.clock, client_id="other").register()
    code = party.authorization_code()

    assert is_refused(other.redeem(code))

    assert misuses(party) == ["other_client"]
    first = party.redeem(code)
    assert first.status_code == 200
    assert is_refused(other.redeem(code))
    assert party.userinfo(first.json["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        REDIRECT_URI.upper(),
        REDIRECT_URI + "/",
        REDIRECT_URI + "?",
        "https://livret.example/RETOUR",
        "x",
    ],
)
def test_co_05_another_redirect_uri_is_refused(party: RelyingParty, parent: object, redirect_uri: str | None):
    response = party.redeem(party.authorization_code(), redirect_uri=redirect_uri)

    assert is_refused(response)
    assert tokens_issued(party) == 0


def test_co_05_another_registered_redirect_uri_is_refused(idp_app, clock, signing_key, parent):
    party = RelyingParty(idp_app, clock, client_id="two")
    party.register(redirect_uris=(REDIRECT_URI, "https://livret.example/autre"))
    party.sign_in(parent)

    assert is_refused(party.redeem(party.authorization_code(), redirect_uri="https://livret.example/autre"))


@pytest.mark.parametrize("seconds", [60, 61, 3600])
def test_co_06_a_code_past_its_minute_is_refused_while_its_row_is_there(
    party: RelyingParty, parent: object, seconds: int
):
    code = party.authorization_code()
    party.clock.advance(seconds=seconds)

    assert is_refused(party.redeem(code))
    with party.app.app_context():
        assert db.session.scalar(select(AuthorizationCode.consumed_at)) is None


def test_co_06_a_code_within_its_minute_is_good(party: RelyingParty, parent: object):
    code = party.authorization_code()
    party.clock.advance(seconds=59)

    assert party.redeem(code).status_code == 200


@pytest.mark.parametrize("state", [state for state in AccountState if state is not AccountState.ACTIVE])
def test_co_10_an_account_no_longer_active_redeems_nothing(
    party: RelyingParty, parent: object, state: AccountState
):
    code, tokens = party.authorization_code(), party.tokens()
    with party.app.app_context(), transaction():
        db.session.execute(update(Account).values(state=state))

    assert is_refused(party.redeem(code))
    assert party.userinfo(tokens["access_token"]).status_code == 401


def test_co_10_a_password_chosen_meanwhile_ends_codes_and_tokens(party: RelyingParty, parent: object):
    """Also when it was chosen in this very session, which lives on."""
    code, tokens = party.authorization_code(), party.tokens()
    later = party.clock.advance(seconds=5)
    with party.app.app_context(), transaction():
        db.session.execute(update(Account).values(password_changed_at=later))

    assert is_refused(party.redeem(code))
    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert party.redeem(party.authorization_code()).status_code == 200


def test_co_10_an_ended_session_ends_codes_and_tokens(party: RelyingParty, parent: object):
    code, tokens = party.authorization_code(), party.tokens()
    with party.app.app_context(), transaction():
        sessions.end_all_sessions(parent, SessionEndReason.SIGNED_OUT, now=party.clock.now)  # type: ignore[arg-type]

    assert is_refused(party.redeem(code))
    assert party.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.parametrize("value", ["x", "a" * 43, "é", "\0", "' OR 1=1 --", "a" * 2048, "a" * 5000])
def test_an_unknown_code_is_refused(party: RelyingParty, parent: object, value: str):
    response = party.redeem(value)

    assert response.status_code == 400
    assert response.json["error"] in {"invalid_grant", "invalid_request"}


@pytest.mark.parametrize("missing", ["grant_type", "code"])
def test_a_missing_parameter_is_named_by_the_protocol(party: RelyingParty, parent: object, missing: str):
    response = party.redeem(party.authorization_code(), **{missing: None})

    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "grant_type",
    ["password", "implicit", "device_code", "AUTHORIZATION_CODE", "authorization_code ",
     "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"],
)  # fmt: skip
def test_every_other_grant_is_closed(party: RelyingParty, parent: object, grant_type: str):
    """ADR 0001."""
    response = party.redeem(party.authorization_code(), grant_type=grant_type)

    assert (response.status_code, response.json["error"]) == (400, "unsupported_grant_type")


def test_one_kind_of_secret_is_never_taken_for_another(party: RelyingParty, parent: object):
    code, tokens = party.authorization_code(), party.tokens()

    assert party.userinfo(code).status_code == 401
    assert is_refused(party.redeem(tokens["access_token"]))
    assert party.userinfo(tokens["id_token"]).status_code == 401


def test_co_14_no_secret_of_the_flow_reaches_a_log_even_at_debug(
    party: RelyingParty, parent: object, monkeypatch: pytest.MonkeyPatch
):
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("DEBUG")
    try:
        logging.getLogger("werkzeug").warning("GET /retour?code=seen&state=seen")
        code = party.authorization_code(nonce="the-nonce-of-this-test")
        tokens = party.redeem(code).json
        party.redeem(code)
        party.userinfo(tokens["access_token"])
    finally:
        root.handlers = handlers
        root.setLevel(level)

    written = stream.getvalue()
    assert "oidc.authorize" in written or "/oauth/authorize" in written
    secrets = (
        code,
        tokens["access_token"],
        tokens["id_token"],
        party.secret,
        s256(OTHER_VERIFIER),
        "seen",
        "nonce-of",
    )
    assert not [secret for secret in secrets if secret and secret in written]


def test_co_14_no_page_of_ours_tells_where_it_was(party: RelyingParty, parent: object):
    for response in (
        party.authorize(),
        party.authorize(response_mode="form_post"),
        party.authorize(prompt="login"),
    ):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response.headers["Cache-Control"]
