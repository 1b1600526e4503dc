"""Every address of the provider, before everyone who may stand there; found in the URL map, so none is forgotten."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from idp.db import db, transaction
from idp.families.models import Child
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from tests.crawling import WAYS_ON, Crawler, is_page
from tests.hostile import own_fields
from tests.idp.persons import ORIGIN, Person, family
from tests.web import form_values

FILES = {"static", "theme_file"}
FRAMES = {"logout.check_session"}
PERSONS = ("nobody", "letter", "waiting", "parent")
# What the protocol itself makes a GET change, and addresses that no page leads to.
PROTOCOL_READS = {"/oauth/authorize", "/oauth/end_session", "/oauth/jwks"}
# Posts that other sites and programs send by right: they carry their own proof.
PROTOCOL_POSTS = {
    "oidc.authorize_by_post",
    "oidc.token",
    "oidc.userinfo",
    "oidc.introspect",
    "oidc.revoke",
    "logout.end_session",
    "registration.register",
    "registration.update",
    "registration.remove",
    "messaging.sms_status",
}


@pytest.fixture
def persons(idp_app: Flask, now: datetime) -> dict[str, Person]:
    return family(idp_app, now=now)


def rows(app: Flask) -> list[Any]:
    """Everything that is stored."""
    with app.app_context():
        return [
            row for table in db.metadata.sorted_tables for row in db.session.execute(table.select()).all()
        ]


def rules(app: Flask, method: str) -> list[Rule]:
    """The addresses that take this method."""
    return sorted(
        (
            rule
            for rule in app.url_map.iter_rules()
            if method in (rule.methods or ()) and rule.endpoint not in FILES
        ),
        key=lambda rule: rule.rule,
    )


def address_of(app: Flask, rule: Rule, person: Person) -> str:
    """The rule's address, with what the person owns. A rule with an argument unknown here fails: add it."""
    known: dict[str, object] = {
        "link_id": person.link_id,
        "client_id": "absent",
    }
    values = {
        # Rows that this person does not have are absent: refused in the same manner as another's.
        name: known.get(name, UUID(int=7)) if name.endswith("_id") else known[name]
        for name in rule.arguments
    }
    with app.test_request_context(base_url=ORIGIN):
        return str(
            app.url_map.bind("compte.example").build(
                rule.endpoint, values, method="GET" if "GET" in (rule.methods or ()) else "POST"
            )
        )


@pytest.mark.parametrize("name", PERSONS)
def test_br_02_reading_any_address_changes_nothing(idp_app: Flask, persons: dict[str, Person], name: str):
    before = rows(idp_app)
    addresses = {address_of(idp_app, rule, persons[name]) for rule in rules(idp_app, "GET")} - PROTOCOL_READS

    for method in ("GET", "HEAD", "OPTIONS"):
        for address in sorted(addresses):
            persons[name].browser.open(address, method=method)
        assert rows(idp_app) == before, method
    assert before


@pytest.mark.parametrize("name", PERSONS)
def test_br_01_every_form_refuses_a_post_without_its_own_token(
    idp_app: Flask, persons: dict[str, Person], name: str
):
    person, stranger = persons[name], persons["other parent"]
    token = form_values(stranger.browser.get("/deconnexion").text)["csrf_token"]
    before = rows(idp_app)

    for rule in rules(idp_app, "POST"):
        if rule.endpoint in PROTOCOL_POSTS:
            continue
        address = address_of(idp_app, rule, person)
        for body, query in (({}, {}), ({"csrf_token": token}, {}), ({}, {"csrf_token": token})):
            answer = person.browser.post(address, data=body, query_string=query)
            # Refused, or led where opening the page leads this person: never what the form does.
            assert answer.status_code in {400, 403, 404} or is_opening(person, address, answer), address
    assert rows(idp_app) == before


def path_of(answer: TestResponse) -> str:
    """Where a redirect leads, without what it carries."""
    return answer.location.partition("?")[0]


def is_opening(person: Person, address: str, answer: TestResponse) -> bool:
    """Whether the answer is the redirect that opening the address gives; a form without a page of its own has none."""
    opened = person.browser.get(address)
    return answer.status_code == 303 and (opened.status_code == 405 or path_of(answer) == path_of(opened))


@pytest.mark.parametrize("values", [["a\0"], ["é" * 4000], ["a", "b"]], ids=["NUL", "long", "twice"])
@pytest.mark.parametrize("name", PERSONS)
def test_in_01_in_04_in_05_every_form_refuses_what_no_page_of_ours_sends(
    idp_app: Flask, persons: dict[str, Person], name: str, values: list[str], sms_on: None
):
    person = persons[name]
    tried = 0
    for rule in rules(idp_app, "POST"):
        address = address_of(idp_app, rule, person)
        page = person.browser.get(address)
        if f'action="{address}' not in page.text:
            continue
        for field in set(own_fields(page.text, address)) - {"csrf_token"}:
            token = form_values(page.text)["csrf_token"]
            answer = person.browser.post(address, data={"csrf_token": token, field: values})
            assert answer.status_code == 400, (address, field, answer.status_code)
            assert "plus valable" not in answer.text
            tried += 1
    assert tried


def test_br_01_only_the_protocol_is_spared(idp_app: Flask):
    spared = idp_app.extensions["csrf"]._exempt_views
    endpoints = {
        endpoint
        for endpoint, view in idp_app.view_functions.items()
        if f"{view.__module__}.{view.__name__}" in spared
    }

    assert endpoints <= PROTOCOL_POSTS


@pytest.mark.parametrize("name", [*PERSONS, "other parent"])
def test_br_08_br_09_br_14_br_19_en_13_every_page_keeps_what_it_knows_and_leads_on(
    idp_app: Flask, persons: dict[str, Person], name: str
):
    """BR-08, BR-09, BR-14, BR-19, EN-13, PC-10: those too that nothing leads to; somebody kept the address."""
    others = [person for person in persons.values() if person.name != name]

    for rule in rules(idp_app, "GET"):
        answer = persons[name].browser.get(address_of(idp_app, rule, persons[name]))
        check_headers(answer, rule.rule, is_framed=rule.endpoint in FRAMES)
        told = [words for other in others for words in other.own_words if words in answer.text]
        assert told == [], rule.rule
        if is_page(answer) and answer.status_code != 303:
            page = html.fromstring(answer.text)
            loaded = page.xpath("//@src | //link[@rel!='canonical']/@href")
            assert all(re.match("/(?!/)", url) for url in loaded), (rule.rule, loaded)
            assert page.xpath(WAYS_ON) or rule.endpoint in FRAMES, f"{rule.rule}: a dead end"


def test_en_13_who_has_signed_out_is_told_nothing_at_any_address(
    idp_app: Flask, persons: dict[str, Person], now: datetime
):
    """Whoever sits down next at that browser, and finds its cookies."""
    left = persons["parent"]
    assert left.account_id is not None
    with idp_app.app_context(), transaction():
        sessions.end_all_sessions(left.account_id, SessionEndReason.SIGNED_OUT, now=now)

    for rule in rules(idp_app, "GET"):
        shown = left.browser.get(address_of(idp_app, rule, left)).text
        told = [words for person in persons.values() for words in person.own_words if words in shown]
        assert told == [], rule.rule


def test_a_class_is_told_on_the_page_of_ones_children_and_in_ones_own_data_alone(
    idp_app: Flask, persons: dict[str, Person]
):
    """A label may say « ULIS » (ADR 0035)."""
    with idp_app.app_context(), transaction():
        db.session.execute(update(Child).values(class_label="ULIS du lac"))

    for name, person in persons.items():
        answers = {
            rule.rule: person.browser.get(address_of(idp_app, rule, person)) for rule in rules(idp_app, "GET")
        }
        told = {address for address, answer in answers.items() if "ULIS" in answer.text}
        has_account = name in {"parent", "other parent"}

        assert told == ({"/compte/enfants", "/compte/mes-donnees/fichier"} if has_account else set()), name
        assert not any("ULIS" in str(answer.headers) for answer in answers.values())
        assert "ULIS" not in str(html.fromstring(answers["/compte/enfants"].text).xpath("//title/text()"))


def check_headers(answer: TestResponse, address: str, *, is_framed: bool) -> None:
    """Of an HTML page: nothing inline, in no frame but the protocol's, kept by no cache, https alone."""
    if answer.mimetype != "text/html" or is_framed:
        return
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy, address
    assert "frame-ancestors 'none'" in policy, address
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert int(answer.headers["Strict-Transport-Security"].split("max-age=")[1].split(";")[0]) >= 31536000
    assert "no-store" in answer.headers["Cache-Control"].split(", "), address


def test_en_12_no_address_counts(idp_app: Flask):
    """Identifiers in addresses are random: none is a number that can be counted on from."""
    converters = {
        type(converter).__name__
        for rule in idp_app.url_map.iter_rules()
        for converter in rule._converters.values()
    }

    assert converters <= {"UUIDConverter", "UnicodeConverter", "PathConverter"}


@pytest.mark.parametrize("path", ["/connexion", "/compte", "/activation", "/oauth/authorize"])
def test_in_14_an_address_has_one_spelling(persons: dict[str, Person], path: str):
    parent = persons["parent"].browser
    spellings = [f"{path}/", f"/.{path}", path.upper(), f"{path};jsessionid=1", f"{path}%2f", f"/x/..{path}"]

    for spelling in spellings:
        answer = parent.get("/", environ_overrides={"PATH_INFO": spelling})
        assert answer.status_code in {308, 404}, (spelling, answer.status_code)
        if answer.status_code == 308:
            assert urlsplit(answer.location).path == path
    doubled = parent.get("/", environ_overrides={"PATH_INFO": f"/{path}"})
    assert (doubled.status_code, doubled.location) == (
        parent.get(path).status_code,
        parent.get(path).location,
    )


@pytest.mark.parametrize("name", PERSONS)
def test_no_page_is_a_dead_end(idp_app: Flask, persons: dict[str, Person], name: str):
    crawler = Crawler(idp_app, persons[name].browser)

    crawler.crawl("/")

    assert crawler.faults == []
    assert len(crawler.seen) > 5
