"""RFC 7517, OpenID Connect Core 10.1: keys rotate and no verifier that honours the cache headers notices (ADR 0021)."""

import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from joserfc.util import urlsafe_b64decode
from werkzeug.test import TestResponse

from idp.accounts.rules import AccountId
from idp.db import db
from idp.signing_keys import rotation
from idp.signing_keys import service as signing_keys
from idp.signing_keys.models import SigningKey
from idp.signing_keys.rules import KeyState, Pace, RotationPolicy
from livret_service.sign_in.checks import IdTokenRefused
from livret_service.sign_in.provider import Expected, Provider, TokenAnswer
from tests.conftest import FrozenClock, browser_at
from tests.relying_party import ISSUER, POST_LOGOUT_URI, RelyingParty, make_parent, stays_on_our_page

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
TURNS = 10
STEP = timedelta(minutes=1)
SIGN_INS = int(os.environ.get("ROTATION_SIGN_INS", "1"))
"""Whole sign-ins beside each move of the rotation; the long profile of `make bench` takes many more."""
ID_TOKEN_LIFE = timedelta(minutes=10)


class Livret(Provider):
    """The livret service's own view of the provider, its key cache included; only the wire is a call."""

    def __init__(self, party: RelyingParty, *, algorithm: str = "RS256") -> None:
        super().__init__(
            issuer=ISSUER,
            client_id=party.client_id,
            client_secret="tests only",
            client_key=None,
            scope="openid children",
            algorithms=(algorithm,),
            clock=party.clock,
        )
        self.party = party
        self.fetches = 0

    def _fetch(self, url: str) -> object:
        self.fetches += 1
        path = url.removeprefix(ISSUER)
        return browser_at(self.party.app, ISSUER).get(path, headers=self._own_name).json

    def accepts(self, tokens: dict[str, Any]) -> bool:
        """Whether the livret service lets this answer of the token endpoint in."""
        answer = TokenAnswer(tokens["id_token"], tokens["access_token"])
        expected = Expected(nonce="a nonce", asked_at=self.party.clock.now)
        try:
            return bool(self.verify_id_token(answer, expected))
        except IdTokenRefused:
            return False


@dataclass
class HonestCache:
    """A verifier that does what Cache-Control says and no more: it never fetches the set before its age is over."""

    fetch: Callable[[], TestResponse]
    clock: FrozenClock
    keys: KeySet | None = None
    until: datetime | None = None

    def verify(self, id_token: str) -> None:
        if self.keys is None or self.until is None or self.clock.now >= self.until:
            response = self.fetch()
            found = re.fullmatch(r"public, max-age=(\d+)", response.headers["Cache-Control"])
            assert found is not None
            self.until = self.clock.now + timedelta(seconds=int(found[1]))
            self.keys = KeySet.import_key_set(json.loads(response.text))
        header = json.loads(jws_header(id_token))
        key = self.keys.get_by_kid(header["kid"])
        jwt.decode(id_token, key, algorithms=[header["alg"]])


def jws_header(id_token: str) -> bytes:
    return urlsafe_b64decode(id_token.split(".", maxsplit=1)[0].encode())


def rotate(party: RelyingParty, pace: Pace = Pace.EARLY) -> int:
    """What an operator, or a timer, does."""
    with party.app.app_context():
        return len(rotation.rotate(party.app.extensions["token_readers"], pace, now=party.clock.now))


def kid_in(party: RelyingParty, state: KeyState, algorithm: str = "RS256") -> str:
    with party.app.app_context():
        kid = db.session.scalar(
            db.select(SigningKey.kid).where(SigningKey.state == state, SigningKey.algorithm == algorithm)
        )
    assert kid is not None
    return str(kid)


def jwks(party: RelyingParty) -> list[dict[str, Any]]:
    return list(browser_at(party.app, ISSUER).get("/oauth/jwks").json["keys"])


def end_by_emergency(party: RelyingParty, kid: str) -> None:
    with party.app.app_context():
        rotation.end_by_emergency(kid, party.app.extensions["token_readers"], now=party.clock.now)


def test_the_key_set_says_how_long_it_may_be_kept_and_changes_its_tag_with_its_keys(party: RelyingParty):
    """RFC 9111 5.2.2.1, RFC 9110 8.8.3."""
    first = browser_at(party.app, ISSUER).get("/oauth/jwks")
    rotate(party)

    second = browser_at(party.app, ISSUER).get(
        "/oauth/jwks", headers={"If-None-Match": first.headers["ETag"]}
    )

    age = int(RotationPolicy().max_age.total_seconds())
    assert first.headers["Cache-Control"] == f"public, max-age={age}"
    assert second.status_code == 200
    assert second.headers["ETag"] != first.headers["ETag"]


def test_a_fetch_that_finds_nothing_new_still_counts_as_one(party: RelyingParty):
    """RFC 9110 15.4.5: who is told that the set is the same holds it."""
    rotate(party)
    tag = browser_at(party.app, ISSUER).get("/oauth/jwks").headers["ETag"]

    told = browser_at(party.app, ISSUER).get("/oauth/jwks?client_id=livret", headers={"If-None-Match": tag})

    assert told.status_code == 304
    with party.app.app_context():
        reports, _ = rotation.report(party.app.extensions["token_readers"], now=party.clock.now)
    assert [report.view.unread_by for report in reports if report.view.state is KeyState.UPCOMING] == [()] * 2


def test_jk_11_no_private_member_is_ever_published(party: RelyingParty):
    """oidc I5, at every step of a rotation."""
    for days in (0, 90, 1, 89, 1):
        party.clock.advance(days=days)
        rotate(party, Pace.ASKED)
        published = jwks(party)

        assert not any(PRIVATE_MEMBERS & key.keys() for key in published)
        assert len({key["kid"] for key in published}) == len(published)


def test_i6_a_rotation_shows_a_new_key_beside_the_old_one_each_time(party: RelyingParty):
    """Also when it promotes a key that was published before: its successor comes in the same move."""
    for days in (0, 90, 90):
        party.clock.advance(days=days)
        before = {key["kid"]: key for key in jwks(party)}
        signing = kid_in(party, KeyState.ACTIVE)

        rotate(party, Pace.ASKED)

        after = {key["kid"]: key for key in jwks(party)}
        new = [key for kid, key in after.items() if kid not in before]
        assert {key["kty"] for key in new} == {"RSA", "EC"}
        assert not any(key.get("n") == old.get("n") for key in new for old in before.values() if "n" in key)
        assert signing in after


@dataclass
class Worker:
    """A provider's process that lags: it signs with, and serves, what held a step ago. Real ones lag a second."""

    party: RelyingParty
    key: Key | None = None
    document: TestResponse | None = None

    def look(self) -> None:
        # Under a name: the rotation then goes as fast as it may.
        self.document = browser_at(self.party.app, ISSUER).get("/oauth/jwks?client_id=livret")
        with self.party.app.app_context():
            self.key = signing_keys.active_key()

    def fetch(self) -> TestResponse:
        assert self.document is not None
        return self.document

    def sign(self) -> str:
        assert self.key is not None
        claims = {"iat": int(self.party.clock.now.timestamp())}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_rc_10_ten_rotations_under_traffic_fail_no_verification(
    party: RelyingParty, parent: object, pool: ThreadPoolExecutor
):
    """The livret service, caches that never ask early, and workers a minute behind, all through ten turns."""
    livret, lagging, tokens = Livret(party), Worker(party), party.tokens()
    caches = [
        HonestCache(fetch, party.clock)
        for fetch in (lambda: browser_at(party.app, ISSUER).get("/oauth/jwks"), lagging.fetch)
        for _ in range(5)
    ]
    lagging.look()
    alive: list[tuple[datetime, str]] = []
    turns = verified = step = 0
    signing = kid_in(party, KeyState.ACTIVE)
    with party.app.app_context():
        person = make_parent()
    party.agree(person)

    while turns < TURNS:
        step += 1
        assert step < 30 * TURNS, "the rotation stands still"
        party.clock.advance(minutes=STEP.total_seconds() / 60)
        moving = pool.submit(rotate, party)
        fresh = pool.submit(sign_now, party)
        signing_in = [pool.submit(sign_in_whole, party, person) for _ in range(SIGN_INS)]
        assert moving.result() >= 0
        assert all(livret.accepts(answer.result()) for answer in signing_in)
        alive = [(end, token) for end, token in alive if end > party.clock.now]
        alive += [(party.clock.now + ID_TOKEN_LIFE, token) for token in (fresh.result(), lagging.sign())]
        assert lagging.key is not None
        assert livret.accepts(signed_by(party, lagging.key, tokens))
        # Not all at once: each cache was filled at another minute.
        for cache in caches[: step % len(caches) + 1]:
            for _, token in alive:
                cache.verify(token)
                verified += 1
        if kid_in(party, KeyState.ACTIVE) != signing:
            signing, turns = kid_in(party, KeyState.ACTIVE), turns + 1
            sign_in_again(party)
            assert livret.accepts(party.tokens())
        lagging.look()

    assert turns == TURNS
    assert verified > 100 * TURNS


def sign_now(party: RelyingParty) -> str:
    """As the token endpoint does, in another thread than the rotation's."""
    with party.app.app_context():
        key = signing_keys.active_key()
    claims = {"iat": int(party.clock.now.timestamp())}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def sign_in_whole(party: RelyingParty, account_id: AccountId) -> dict[str, Any]:
    """A sign-in of its own, from the session to the tokens, beside all others."""
    own = RelyingParty(party.app, party.clock, secret=party.secret)
    own.sign_in(account_id, agreed=False)
    return own.tokens()


def sign_in_again(party: RelyingParty) -> None:
    """The half-hour of a session is over at each turn."""
    with party.app.app_context():
        account_id = make_parent()
    party.sign_in(account_id)


def signed_by(party: RelyingParty, key: Key, tokens: dict[str, Any]) -> dict[str, Any]:
    """The same answer, its ID token of now, signed by another key of ours."""
    now = int(party.clock.now.timestamp())
    claims = party_claims(tokens) | {"iat": now, "exp": now + 600}
    return tokens | {"id_token": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)}


def party_claims(tokens: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(urlsafe_b64decode(tokens["id_token"].split(".")[1].encode())))


def test_jw_10_a_retiring_key_is_accepted_a_retired_one_refused(party: RelyingParty, parent: object):
    livret, tokens = Livret(party), party.tokens()
    with party.app.app_context():
        old = signing_keys.active_key()
    rotate(party, Pace.ASKED)
    party.clock.advance(days=90)
    rotate(party, Pace.ASKED)
    assert kid_in(party, KeyState.RETIRING) == old.kid
    assert livret.accepts(signed_by(party, old, tokens))

    party.clock.advance(days=1)
    rotate(party, Pace.ASKED)

    assert kid_in(party, KeyState.RETIRED) == old.kid
    assert not livret.accepts(signed_by(party, old, tokens))


def test_jw_10_jk_08_a_key_ended_by_emergency_is_refused_within_the_cache_s_age(
    party: RelyingParty, parent: object
):
    livret, tokens = Livret(party), party.tokens()
    with party.app.app_context():
        stolen = signing_keys.active_key()
    rotate(party)
    assert livret.accepts(tokens)

    end_by_emergency(party, str(stolen.kid))

    assert stolen.kid not in {key["kid"] for key in jwks(party)}
    # The successor is found at once, although the cache is warm and has not seen it sign.
    assert livret.accepts(party.tokens())
    party.clock.advance(minutes=10)
    assert not livret.accepts(signed_by(party, stolen, tokens))


@pytest.mark.parametrize(("is_ended", "is_a_hint"), [(False, True), (True, False)])
def test_jw_10_a_retired_key_still_vouches_for_a_hint_and_an_ended_one_does_not(
    party: RelyingParty, parent: object, is_ended: bool, is_a_hint: bool
):
    hint = party.tokens()["id_token"]
    signing = kid_in(party, KeyState.ACTIVE)
    for days in (0, 90, 1):
        party.clock.advance(days=days)
        rotate(party, Pace.ASKED)
    assert kid_in(party, KeyState.RETIRED) == signing
    if is_ended:
        end_by_emergency(party, signing)

    asked = {"id_token_hint": hint, "post_logout_redirect_uri": POST_LOGOUT_URI}
    response = party.browser.get("/oauth/end_session", query_string=asked)

    assert (response.status_code == 303) is is_a_hint
    assert stays_on_our_page(response) is not is_a_hint


def test_jw_10_a_session_that_is_open_is_not_ended_by_a_hint_of_an_ended_key(
    party: RelyingParty, parent: object
):
    hint = party.tokens()["id_token"]
    end_by_emergency(party, kid_in(party, KeyState.ACTIVE))

    response = party.browser.get("/oauth/end_session", query_string={"id_token_hint": hint})

    assert stays_on_our_page(response)
    assert party.authorize(prompt="none").location.startswith("https://livret.example/retour?code=")


def test_jk_12_no_token_is_signed_by_a_key_younger_than_the_caches(party: RelyingParty, parent: object):
    """However often, and however early, it is asked for."""
    rotate(party)
    waiting = kid_in(party, KeyState.UPCOMING)
    browser_at(party.app, ISSUER).get("/oauth/jwks?client_id=livret")

    for _ in range(9):
        party.clock.advance(minutes=1)
        rotate(party)
        with party.app.app_context():
            assert signing_keys.active_key().kid != waiting
    party.clock.advance(minutes=1)
    rotate(party)

    with party.app.app_context():
        assert signing_keys.active_key().kid == waiting


def test_the_livret_service_names_itself_when_it_fetches_keys(party: RelyingParty, parent: object):
    livret = Livret(party)
    rotate(party)

    assert livret.accepts(party.tokens())

    with party.app.app_context():
        reports, _ = rotation.report(party.app.extensions["token_readers"], now=party.clock.now)
    assert [report.view.unread_by for report in reports if report.view.state is KeyState.UPCOMING] == [()] * 2


@pytest.mark.parametrize(
    "query", ["client_id=" + "x" * 5000, "client_id=%00", "client_id=a&client_id=b", "x=%FF"]
)
def test_a_strange_name_changes_nothing(party: RelyingParty, query: str):
    response = party.browser.get(f"/oauth/jwks?{query}", headers={"User-Agent": "(client_id=%FF%00)"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("header", "signer"),
    [
        ({"alg": "PS256", "kid": "RS256"}, "RS256"),
        ({"alg": "ES256", "kid": "RS256"}, "ES256"),
        ({"alg": "RS256", "kid": "ES256"}, "RS256"),
        ({"alg": "ES256", "kid": "none of ours"}, "ES256"),
    ],
)
def test_jw_05_a_hint_is_verified_with_the_key_it_names_and_that_key_s_algorithm_alone(
    party: RelyingParty, parent: object, header: dict[str, str], signer: str
):
    claims = party_claims(party.tokens())
    with party.app.app_context():
        ours = {algorithm: signing_keys.active_key(algorithm) for algorithm in ("RS256", "ES256")}
    named = ours[header["kid"]].kid if header["kid"] in ours else header["kid"]
    key_type = RSAKey if signer == "RS256" else ECKey
    # The same material without its stated use, so that it signs with any algorithm.
    key = key_type.import_key(ours[signer].as_pem(private=True))
    forged = jwt.encode(header | {"kid": named}, claims, key, [header["alg"]])

    response = party.browser.get("/oauth/end_session", query_string={"id_token_hint": forged})

    assert stays_on_our_page(response)


def test_an_honest_cache_does_refuse_what_it_has_not_seen(party: RelyingParty, parent: object):
    """The measure itself: a key that signs at once would fail."""
    cache = HonestCache(lambda: browser_at(party.app, ISSUER).get("/oauth/jwks"), party.clock)
    cache.verify(sign_now(party))
    end_by_emergency(party, kid_in(party, KeyState.ACTIVE))

    with pytest.raises((JoseError, ValueError)):
        cache.verify(sign_now(party))
