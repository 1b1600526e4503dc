from datetime import datetime
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from idp.accounts.rules import AccountState
from idp.db import db
from idp.sessions import service as sessions
from idp.sessions.models import AccountSession
from idp.sign_in import service
from idp.sign_in.rules import CarriedRequest
from tests.conftest import FrozenClock, browser_at
from tests.factories import make_child, make_link
from tests.hashing import CountingHasher
from tests.idp.sign_in.conftest import CHOSEN, UNKNOWN, People
from tests.web import form_values, submit

PAGE = "/connexion"
COOKIE = "__Host-idp_session"
WRONG = "Wrong7word"


def sign_in(client: FlaskClient, identifier: str, password: str, address: str = PAGE) -> TestResponse:
    return submit(client, address, {"identifier": identifier, "password": password})


def test_the_page_asks_for_a_couple_as_password_managers_expect(idp_client: FlaskClient) -> None:
    page = idp_client.get(PAGE)

    identifier, password = fields(page)
    assert page.status_code == 200
    assert (identifier.get("autocomplete"), identifier.get("autocapitalize")) == ("username", "none")
    assert identifier.get("spellcheck") == "false"
    assert password.get("autocomplete") == "current-password"
    assert not {"maxlength", "minlength", "pattern"} & set(password.attrib)
    assert "Première connexion\u00a0?" in page.text


def test_the_right_couple_opens_the_account(idp_client: FlaskClient, people: People) -> None:
    answer = sign_in(idp_client, people.active().identifier, CHOSEN)

    assert (answer.status_code, answer.location) == (303, "/compte")


def test_the_letter_leads_to_activation_and_the_request_goes_with_it(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime
) -> None:
    person = people.with_letter()
    demande = demande_of(idp_app, now)

    answer = sign_in(idp_client, person.identifier, person.letter, f"{PAGE}?demande={demande}")

    assert path_and_demande(answer) == ("/activation", demande)


def test_an_unconfirmed_address_leads_to_the_waiting_page(idp_client: FlaskClient, people: People) -> None:
    answer = sign_in(idp_client, people.of_state(AccountState.ACTIVATING).identifier, CHOSEN)

    assert (answer.status_code, answer.location) == (303, "/activation/message-envoye")


def test_a_waiting_service_is_named_and_gets_the_person_back(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime
) -> None:
    demande = demande_of(idp_app, now)
    address = f"{PAGE}?demande={demande}"

    page = idp_client.get(address)
    answer = sign_in(idp_client, people.active().identifier, CHOSEN, address)

    assert "Livret scolaire" in html.fromstring(page.text).text_content()
    assert f"/connexion/annuler?demande={demande}" in page.text
    assert "form-action 'self' https://livret.example;" in page.headers["Content-Security-Policy"] + ";"
    assert path_and_demande(answer) == ("/oauth/authorize/resume", demande)


def test_two_tabs_are_two_requests(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime
) -> None:
    first = f"{PAGE}?demande={demande_of(idp_app, now, state='1')}"
    second = f"{PAGE}?demande={demande_of(idp_app, now, state='2')}"
    first_tab = form_values(idp_client.get(first).text)
    idp_client.get(second)

    answer = idp_client.post(
        first, data=first_tab | {"identifier": people.active().identifier, "password": CHOSEN}
    )
    passed_on = idp_client.get(second)

    assert path_and_demande(answer)[1] in first
    assert path_and_demande(passed_on)[1] in second


def test_a_signed_in_person_passes_on(idp_client: FlaskClient, people: People) -> None:
    sign_in(idp_client, people.active().identifier, CHOSEN)

    assert idp_client.get(PAGE).location == "/compte"


def test_a_service_that_wants_a_recent_sign_in_gets_the_form(
    idp_app: Flask, idp_client: FlaskClient, people: People, clock: FrozenClock
) -> None:
    person = people.active()
    sign_in(idp_client, person.identifier, CHOSEN)
    clock.advance(minutes=5)
    demande = demande_of(idp_app, clock.now, signed_in_since=clock.now)

    answer = sign_in(idp_client, person.identifier, CHOSEN, f"{PAGE}?demande={demande}")

    assert path_and_demande(answer) == ("/oauth/authorize/resume", demande)


def test_an_expired_request_still_names_its_service(
    idp_app: Flask, idp_client: FlaskClient, clock: FrozenClock
) -> None:
    demande = demande_of(idp_app, clock.now)
    clock.advance(hours=2)

    page = idp_client.get(f"{PAGE}?demande={demande}")

    assert page.status_code == 200
    assert "Livret scolaire" in page.text


@pytest.mark.parametrize("address", ["/connexion", "/connexion/annuler"])
@pytest.mark.parametrize("demande", ["x", "a.b", "https://evil.example/", "%00"])
def test_a_request_that_we_did_not_sign_is_refused(
    idp_client: FlaskClient, address: str, demande: str
) -> None:
    assert idp_client.get(f"{address}?demande={demande}").status_code == 400


def test_cancelling_returns_to_the_service_or_to_the_portal(
    idp_app: Flask, idp_client: FlaskClient, now: datetime
) -> None:
    demande = demande_of(idp_app, now)

    to_service = idp_client.get(f"/connexion/annuler?demande={demande}")
    to_portal = idp_client.get("/connexion/annuler")

    assert path_and_demande(to_service) == ("/oauth/authorize/cancel", demande)
    assert to_portal.location == "/"


@pytest.mark.parametrize("kind", ["created", "notified", "activating", "active", "disabled"])
def test_en_01_known_and_unknown_identifiers_get_the_same_answer(
    idp_app: Flask, people: People, password_hasher: CountingHasher, kind: str
) -> None:
    known = people.of_state(AccountState(kind)).identifier
    password_hasher.verified = password_hasher.hashed = 0

    unknown_answer = refused(idp_app, UNKNOWN)
    known_answer = refused(idp_app, known)

    assert known_answer.status_code == unknown_answer.status_code == 422
    assert comparable(known_answer, known) == comparable(unknown_answer, UNKNOWN)
    assert comparable_headers(known_answer) == comparable_headers(unknown_answer)
    assert (password_hasher.verified, password_hasher.hashed) == (2, 0)


def test_ac_01_a_letter_that_served_gets_the_answer_of_a_wrong_password(
    idp_app: Flask, people: People
) -> None:
    person = people.with_letter(AccountState.ACTIVATING)
    people.use_letter(person)

    used = refused(idp_app, person.identifier, person.letter)
    wrong = refused(idp_app, UNKNOWN)

    assert used.status_code == 422
    assert comparable(used, person.identifier) == comparable(wrong, UNKNOWN)


def test_ac_02_an_expired_letter_names_the_school_only_behind_the_right_secret(
    idp_app: Flask, people: People, clock: FrozenClock
) -> None:
    person = people.with_letter()
    clock.advance(days=91)

    right = refused(idp_app, person.identifier, person.letter)
    wrong = refused(idp_app, person.identifier, WRONG)

    assert right.status_code == 422
    assert "n’est plus valable depuis le 21 février 2027" in right.text
    assert "École du Lac" in right.text
    assert "École du Lac" not in wrong.text
    assert "plus valable" not in wrong.text


def test_ac_03_the_older_of_two_letters_opens_nothing(
    idp_app: Flask, idp_client: FlaskClient, people: People
) -> None:
    older = people.with_letter()
    newer = people.reissue(older)

    refusal = refused(idp_app, older.identifier, older.letter)
    answer = sign_in(idp_client, newer.identifier, newer.letter)

    assert comparable(refusal, older.identifier) == comparable(refused(idp_app, UNKNOWN), UNKNOWN)
    assert answer.location == "/activation"


@pytest.mark.parametrize("typed", ["Maël", "N’GUYEN", "m.nguyen", "1234567890A", "14/03/2017"])
def test_ac_12_what_is_known_of_a_child_gets_the_answer_of_an_unknown_identifier(
    idp_app: Flask, people: People, typed: str
) -> None:
    parent = people.with_letter()
    with idp_app.app_context():
        make_link(parent.account_id, make_child(ine="1234567890A"))

    answer = refused(idp_app, typed, "14/03/2017")

    assert comparable(answer, typed) == comparable(refused(idp_app, UNKNOWN), UNKNOWN)


def test_a_refused_form_keeps_the_identifier_and_empties_the_password(
    idp_client: FlaskClient, people: People
) -> None:
    answer = sign_in(idp_client, "C.Dupont", WRONG)

    identifier, password = fields(answer)
    assert identifier.get("value") == "C.Dupont"
    assert password.get("value") is None
    assert WRONG not in answer.text
    assert {identifier.get("aria-invalid"), password.get("aria-invalid")} == {"true"}
    assert html.fromstring(answer.text).findtext(".//title", "").startswith("Erreur")
    assert answer.text.count("L’identifiant ou le mot de passe est incorrect.") == 1


@pytest.mark.parametrize(
    ("typed", "sentences"),
    [
        ({"identifier": "", "password": WRONG}, ["Saisissez votre identifiant"]),
        ({"identifier": "c.dupont", "password": ""}, ["Saisissez votre mot de passe"]),
        ({"identifier": "", "password": ""}, ["Saisissez votre identifiant", "Saisissez votre mot de passe"]),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_evaluated(
    idp_client: FlaskClient, password_hasher: CountingHasher, typed: dict[str, str], sentences: list[str]
) -> None:
    answer = submit(idp_client, PAGE, typed)

    assert answer.status_code == 422
    assert all(f'">{sentence}</a>' in answer.text for sentence in sentences)
    assert password_hasher.verified == 0


@pytest.mark.parametrize("known", [True, False])
def test_en_14_whoever_is_slowed_is_told_the_wait(idp_app: Flask, people: People, known: bool) -> None:
    identifier = people.active().identifier if known else UNKNOWN
    for _ in range(5):
        refused(idp_app, identifier)

    slowed = refused(idp_app, identifier, CHOSEN)

    assert slowed.status_code == 429
    assert slowed.headers["Retry-After"] == "60"
    assert "Réessayez dans 1 minute," in slowed.text.replace("\u00a0", " ")


def test_a_busy_server_keeps_the_form_and_says_when_to_come_back(
    idp_app: Flask, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = people.active()
    full = CountingHasher(slots=1, wait_seconds=0.001)
    full._slots.acquire()
    monkeypatch.setattr("idp.passwords.service.hasher", full)

    answer = refused(idp_app, person.identifier, CHOSEN)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert fields(answer)[0].get("value") == person.identifier


def test_hh_05_a_forged_forwarding_header_changes_no_network(idp_app: Flask, people: People) -> None:
    identifier = people.active().identifier
    for number in range(5):
        refused(
            idp_app, identifier, headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": "10.0.0.1"}
        )

    slowed = refused(idp_app, identifier, CHOSEN, headers={"X-Forwarded-For": "198.51.100.7"})
    elsewhere = refused(idp_app, identifier, headers={"X-Forwarded-For": "192.0.2.1"}, remote="2001:db8::1")

    assert slowed.status_code == 429
    assert elsewhere.status_code == 422


def test_hh_05_addresses_of_one_ipv6_network_are_one(idp_app: Flask, people: People) -> None:
    identifier = people.active().identifier
    for number in range(5):
        refused(idp_app, identifier, remote=f"2001:db8:1:2::{number}")

    assert refused(idp_app, identifier, remote="2001:db8:1:2:ffff::9").status_code == 429
    assert refused(idp_app, identifier, remote="2001:db8:1:3::9").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"identifier": ["c.dupont", "c.dupont2"], "password": WRONG},
        {"identifier": "c.dupont", "password": [WRONG, CHOSEN]},
        {"identifier": "c.dupont", "password": "a" * 129},
        {"identifier": "c" * 201, "password": WRONG},
        {"identifier": "c.dup\0ont", "password": WRONG},
        {"identifier": "c.dupont", "password": "Kx7\0mPq2w"},
    ],
)
def test_in_04_what_no_page_of_ours_sends_is_400_and_hashes_nothing(
    idp_client: FlaskClient, password_hasher: CountingHasher, body: dict[str, str]
) -> None:
    assert submit(idp_client, PAGE, body).status_code == 400
    assert password_hasher.verified == 0


def test_pw_02_a_password_of_a_million_characters_is_refused_unread(
    idp_client: FlaskClient, password_hasher: CountingHasher
) -> None:
    answer = submit(idp_client, PAGE, {"identifier": "c.dupont", "password": "a" * 1_000_000})

    assert answer.status_code in {400, 413}
    assert password_hasher.verified == 0


def test_se_01_the_session_changes_at_each_sign_in(
    idp_app: Flask, idp_client: FlaskClient, people: People, clock: FrozenClock
) -> None:
    person = people.active()
    idp_client.set_cookie(COOKIE, "chosen-by-the-attacker", domain="compte.example", secure=True)
    sign_in(idp_client, person.identifier, CHOSEN)
    first = cookie_secret(idp_client)

    clock.advance(minutes=1)
    demande = demande_of(idp_app, clock.now, signed_in_since=clock.now)
    sign_in(idp_client, person.identifier, CHOSEN, f"{PAGE}?demande={demande}")

    second = cookie_secret(idp_client)
    assert len({"chosen-by-the-attacker", first, second}) == 3
    assert living_sessions(idp_app, clock.now) == 1
    assert opens_account(idp_app, second)
    assert not opens_account(idp_app, first)


def test_se_03_the_cookie_is_bound_to_our_host_and_hidden_from_scripts(
    idp_client: FlaskClient, people: People
) -> None:
    answer = sign_in(idp_client, people.active().identifier, CHOSEN)

    [header] = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(f"{COOKIE}=")]
    morsel = SimpleCookie(header)[COOKIE]
    assert (morsel["secure"], morsel["httponly"], morsel["path"]) == (True, True, "/")
    assert morsel["samesite"] == "Lax"
    assert (morsel["domain"], morsel["expires"], morsel["max-age"]) == ("", "", "")


def test_se_04_a_changed_cookie_is_nobody(idp_app: Flask, idp_client: FlaskClient, people: People) -> None:
    sign_in(idp_client, people.active().identifier, CHOSEN)
    secret = cookie_secret(idp_client)

    for changed in (
        secret[:-1],
        secret.swapcase(),
        f"{secret}=",
        f" {secret}x",
        secret[::-1],
        "",
        "x" * 1000,
    ):
        assert not opens_account(idp_app, changed)
    assert opens_account(idp_app, secret)


def test_se_06_the_server_ends_an_idle_session(
    idp_app: Flask, idp_client: FlaskClient, people: People, clock: FrozenClock
) -> None:
    sign_in(idp_client, people.active().identifier, CHOSEN)
    for _ in range(3):
        clock.advance(minutes=29)
        assert idp_client.get(PAGE).location == "/compte"

    clock.advance(minutes=30)

    assert idp_client.get(PAGE).status_code == 200


def test_se_11_signing_in_as_somebody_else_ends_the_first_ones_session(
    idp_app: Flask, idp_client: FlaskClient, people: People, clock: FrozenClock
) -> None:
    first, second = people.active(), people.active()
    sign_in(idp_client, first.identifier, CHOSEN)
    clock.advance(minutes=1)
    demande = demande_of(idp_app, clock.now, signed_in_since=clock.now)

    sign_in(idp_client, second.identifier, CHOSEN, f"{PAGE}?demande={demande}")

    with idp_app.app_context():
        found = sessions.find_session(cookie_secret(idp_client), now=clock.now)
    assert found is not None
    assert found.account_id == second.account_id
    assert living_sessions(idp_app, clock.now) == 1


@pytest.mark.parametrize(
    "kind", ["none", "wrong", "another browser's", "from before signing in", "in the address"]
)
@pytest.mark.parametrize("address", ["/connexion", "/deconnexion"])
def test_br_01_a_post_without_its_own_form_token_changes_nothing(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime, address: str, kind: str
) -> None:
    person, other = people.active(), people.active()
    before = form_values(idp_client.get(PAGE).text)["csrf_token"]
    sign_in(idp_client, person.identifier, CHOSEN)
    others_browser = browser_at(idp_app, "https://compte.example")
    token = {
        "wrong": "forged",
        "another browser's": form_values(others_browser.get(PAGE).text)["csrf_token"],
        "from before signing in": before,
    }.get(kind)
    genuine = form_values(idp_client.get("/deconnexion").text, action="/deconnexion")["csrf_token"]
    query = f"?csrf_token={genuine}" if kind == "in the address" else ""
    body = {"identifier": other.identifier, "password": CHOSEN} | ({"csrf_token": token} if token else {})

    answer = idp_client.post(address + query, data=body)

    # The form again, or what opening its page answers to who is signed in already.
    assert answer.status_code == 400 or answer.location == idp_client.get(address).location
    assert living_sessions(idp_app, now) == 1
    assert opens_account(idp_app, cookie_secret(idp_client))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://compte.example.evil.example"},
        {"Origin": "http://compte.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_br_05_another_sites_page_cannot_sign_a_person_in(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime, headers: dict[str, str]
) -> None:
    values = form_values(idp_client.get(PAGE).text)
    couple = {"identifier": people.active().identifier, "password": CHOSEN}

    answer = idp_client.post(PAGE, data=values | couple, headers=headers)

    assert answer.status_code in {400, 403}
    assert living_sessions(idp_app, now) == 0


@pytest.mark.parametrize("address", ["/connexion", "/connexion/annuler", "/deconnexion"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_br_02_reading_changes_nothing(
    idp_app: Flask, idp_client: FlaskClient, people: People, address: str, method: str
) -> None:
    sign_in(idp_client, people.active().identifier, CHOSEN)
    written: list[str] = []

    def note(*given: object) -> None:
        statement = str(given[2]).split()[0].upper()
        if statement not in {"SELECT", "BEGIN", "PRAGMA"}:
            written.append(statement)

    with idp_app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    idp_client.open(address, method=method)
    event.remove(engine, "before_cursor_execute", note)

    assert written == []


def test_signing_out_ends_the_session_and_takes_the_cookie_back(
    idp_app: Flask, idp_client: FlaskClient, people: People, now: datetime
) -> None:
    sign_in(idp_client, people.active().identifier, CHOSEN)
    secret = cookie_secret(idp_client)

    asked = idp_client.get("/deconnexion")
    answer = submit(idp_client, "/deconnexion", {}, action="/deconnexion")
    told = idp_client.get("/deconnexion")

    assert "Se déconnecter" in asked.text
    assert (answer.status_code, answer.location) == (303, "/deconnexion")
    assert idp_client.get_cookie(COOKIE, domain="compte.example") is None
    assert not opens_account(idp_app, secret)
    assert 'id="signed-out"' in told.text


@pytest.mark.parametrize("address", ["/connexion", "/deconnexion"])
def test_br_14_pages_are_kept_by_no_cache(idp_client: FlaskClient, address: str) -> None:
    assert idp_client.get(address).headers["Cache-Control"] == "no-store, private"


def demande_of(
    app: Flask, made_at: datetime, *, signed_in_since: datetime | None = None, state: str = "s"
) -> str:
    """A carried request of a service, made at this instant."""
    carried = CarriedRequest(
        parameters={"redirect_uri": "https://livret.example/retour", "state": state},
        client_id="livret",
        client_name="Livret scolaire",
        client_home="https://livret.example/",
        made_at=made_at,
        signed_in_since=signed_in_since,
    )
    with app.app_context():
        return service.seal_demande(carried)


def refused(
    app: Flask,
    identifier: str,
    password: str = WRONG,
    *,
    headers: dict[str, str] | None = None,
    remote: str = "192.0.2.1",
) -> TestResponse:
    """The answer to one couple, from a browser that was never here."""
    client = browser_at(app, "https://compte.example")
    client.environ_base["REMOTE_ADDR"] = remote
    values = form_values(client.get(PAGE).text)
    return client.post(
        PAGE, data=values | {"identifier": identifier, "password": password}, headers=headers or {}
    )


def comparable(answer: TestResponse, identifier: str) -> str:
    """The page without what differs from request to request: form token, and what was typed."""
    token = form_values(answer.text)["csrf_token"]
    value = html.fromstring(answer.text).xpath("//input[@id='identifier']/@value")
    assert value == [identifier]
    return answer.text.replace(token, "[token]").replace(f'value="{identifier}"', 'value="[typed]"')


def comparable_headers(answer: TestResponse) -> list[tuple[str, str]]:
    return [
        (name, value.split("=")[0] if name == "Set-Cookie" else value)
        for name, value in answer.headers
        if name != "Content-Length"
    ]


def fields(page: TestResponse) -> tuple[html.HtmlElement, html.HtmlElement]:
    """The inputs for identifier and password."""
    tree = html.fromstring(page.text)
    [identifier], [password] = tree.xpath("//input[@id='identifier']"), tree.xpath("//input[@id='password']")
    return identifier, password


def path_and_demande(answer: TestResponse) -> tuple[str, str]:
    assert answer.status_code == 303
    parts = urlsplit(answer.location or "")
    return parts.path, parse_qs(parts.query)["demande"][0]


def cookie_secret(client: FlaskClient) -> str:
    cookie = client.get_cookie(COOKIE, domain="compte.example")
    assert cookie is not None
    return cookie.value


def living_sessions(app: Flask, now: datetime) -> int:
    with app.app_context():
        living = select(func.count()).where(AccountSession.ended_at.is_(None))
        return db.session.scalar(living) or 0


def opens_account(app: Flask, secret: str) -> bool:
    """Whether a browser with this cookie is signed in."""
    client = browser_at(app, "https://compte.example")
    client.set_cookie(COOKIE, secret, domain="compte.example", secure=True)
    return client.get(PAGE).location == "/compte"
