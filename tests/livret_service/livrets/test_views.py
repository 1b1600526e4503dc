"""Pages of livrets: what they say, to whom, in how many queries; and that nothing else answers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from lxml import html
from sqlalchemy import event, update

from livret_service.db import db, transaction
from livret_service.livrets.rules import SupportMeasure
from livret_service.sign_in.models import GuardianSession
from shared.secrets import digest
from tests.conftest import MORNING, Browser, browser_at
from tests.crawling import Crawler
from tests.livret_service.livrets.conftest import (
    CYCLE,
    LEA,
    LOCKED_AT,
    MAEL,
    NOE,
    PERIODIQUE,
    Publish,
    SignIn,
    cycle_key,
    periodique_key,
)

PROBE = "O'<svg onload=alert(1)>\"&lt;{{7*7}}"


def words(page: str) -> str:
    """The text that people read, with plain spaces."""
    (main,) = html.fromstring(page).xpath("//main")
    return " ".join(" ".join(main.itertext()).split())  # str.split knows no-break spaces


def bare(page: str) -> str:
    """A page without what differs at each request: reference, form token, and its own address in other languages."""
    page = re.sub(r'<nav aria-label="Langue">.*?</nav>\n', "", page, flags=re.DOTALL)
    page = re.sub(r"<dd>[0-9a-f]{12}</dd>", "", page)
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page)


def bilan_address(bilan: str, child: str = LEA.sub) -> str:
    return f"/livrets/{child}/{bilan}"


def test_children_have_a_card_each(publish: Publish, sign_in_as: SignIn):
    publish()

    text = words(sign_in_as(LEA, NOE).get("/livrets").text)

    assert "Léa Nouveau CE2, École de l’Étang 1er semestre 2026-2027 Publié le 22 novembre 2026" in text
    assert (
        "Noé CP, École de l’Étang Pas encore de livret pour Noé. Il paraîtra quand l’école l’aura publié."
        in text
    )


def test_a_guardian_without_child_learns_what_to_do(sign_in_as: SignIn):
    page = sign_in_as().get("/livrets")

    assert page.status_code == 200
    assert "Aucun enfant n’est rattaché à votre compte" in words(page.text)
    assert "https://compte.example/compte" in page.text


def test_a_livret_shows_years_and_states(publish: Publish, sign_in_as: SignIn):
    publish()
    publish(locked_at=LOCKED_AT + timedelta(days=1))
    publish(
        periodique_key(school_year=2025),
        imported_at=MORNING - timedelta(days=300),
        locked_at=MORNING - timedelta(days=301),
    )
    publish(cycle_key(), CYCLE)

    text = words(sign_in_as(LEA, NOE).get("/livrets/child-lea").text)

    assert (
        "Année scolaire 2026-2027 1er semestre Nouveau Remplacé le 22 novembre 2026 par une version corrigée"
        in text
    )
    assert "2e semestre En préparation" in text
    assert "Année scolaire 2025-2026 1er semestre Publié le 27 janvier 2026" in text
    assert "Bilan de fin de cycle 2 Nouveau 2026-2027 Publié le 22 novembre 2026" in text


def test_a_bilan_says_everything_once(publish: Publish, sign_in_as: SignIn):
    text = words(sign_in_as(LEA).get(bilan_address(publish())).text)

    for expected in (
        "Léa – 1er semestre 2026-2027",
        "Du 1er septembre 2026 au 29 janvier 2027",
        "Partiellement atteints 1 domaine",
        "Verrouillé par l’école le 20 novembre 2026.",
        "Français Léa lit avec aisance.",
        "Atteints Lire à voix haute",
        "Écriture Non évalué",
        "Travaillé en classe : Courir",
        "Parcours d’éducation artistique et culturelle Toute la classe Visite du musée.",
        "Programme personnalisé de réussite éducative (PPRE) Calcul mental.",
        "Bon semestre. Continuez ainsi.",
        "Langue française Maîtrise satisfaisante",
        "Représentations du monde et activité humaine Dispensé",
        "M. Paul LEMAÎTRE",
    ):
        assert expected in text, expected
    assert text.count("Bon semestre.") == 1


def test_supports_stand_in_the_bilan_alone(publish: Publish, sign_in_as: SignIn):
    bilan = publish(content=replace(PERIODIQUE, support_measures=(SupportMeasure("ULIS", ""),)))
    browser = sign_in_as(LEA)

    page = browser.get(bilan_address(bilan)).text
    document = html.fromstring(page)

    assert "ULIS" in page
    assert "ULIS" not in str(document.xpath("string(//title)")) + str(document.xpath("string(//section[1])"))
    assert "accompagnement" not in "".join(document.xpath("//nav//a/@href"))
    for address in ("/livrets", "/livrets/child-lea"):
        assert "ULIS" not in browser.get(address).text


@pytest.mark.parametrize(("length", "places"), [(300, 1), (301, 1), (1500, 1)])
def test_a_long_appreciation_is_led_to_and_never_cut(
    publish: Publish, sign_in_as: SignIn, length: int, places: int
):
    bilan = publish(content=replace(PERIODIQUE, appreciation="x" * length))

    document = html.fromstring(sign_in_as(LEA).get(bilan_address(bilan)).text)

    assert document.text_content().count("x" * length) == places
    assert ("x" * length in document.xpath("string(//section[1])")) is (length <= 300)
    assert bool(document.xpath("//a[@href='#appreciation']")) is (length > 300)


def test_a_bilan_de_cycle_is_shown(publish: Publish, sign_in_as: SignIn):
    text = words(sign_in_as(LEA).get(bilan_address(publish(cycle_key(), CYCLE))).text)

    assert "Léa – Bilan de fin de cycle 2 2026-2027" in text
    assert "Attendus atteints." in text
    assert "Langue française Très bonne maîtrise" in text


def test_a_replaced_bilan_leads_to_the_current_one_and_says_so(publish: Publish, sign_in_as: SignIn):
    older, newer = publish(), publish(locked_at=LOCKED_AT + timedelta(days=1))

    browser = sign_in_as(LEA)
    answer = browser.get(bilan_address(older))

    assert answer.status_code == 302
    assert answer.location.startswith(bilan_address(newer))
    assert "Ce bilan a été remplacé" in browser.get(answer.location).text
    assert "Ce bilan a été remplacé" not in browser.get(bilan_address(newer)).text


@pytest.mark.parametrize("query", ["?remplace=1", "?lang=xx&page=2&per_page=100000&sort=password&q=%25"])
def test_pc_05_addresses_take_no_order_from_their_query(publish: Publish, sign_in_as: SignIn, query: str):
    browser, address = sign_in_as(LEA), bilan_address(publish())

    for asked in ("/livrets", "/livrets/child-lea", address):
        assert bare(browser.get(asked + query).text) == bare(browser.get(asked).text)


def every_address(bilans: list[str]) -> Iterator[str]:
    """Every livret address of a family, and those of its bilans under another's child."""
    yield f"/livrets/{LEA.sub}"
    for child in (LEA.sub, MAEL.sub):
        yield from (f"/livrets/{child}/{bilan}" for bilan in bilans)


def test_pc_01_another_family_gets_the_very_answer_of_an_absent_page(publish: Publish, sign_in_as: SignIn):
    bilans = [publish(), publish(locked_at=LOCKED_AT + timedelta(days=1)), publish(cycle_key(), CYCLE)]
    publish(periodique_key(MAEL))
    stranger = sign_in_as(MAEL)
    absent = stranger.get("/livrets/nobody")

    for address in every_address(bilans):
        for method in ("GET", "HEAD"):
            answer = stranger.open(address, method=method)
            assert answer.status_code == 404, address
            assert {k: v for k, v in answer.headers if k not in ("Content-Length", "Set-Cookie")} == {
                k: v for k, v in absent.headers if k not in ("Content-Length", "Set-Cookie")
            }
            if method == "GET":
                assert bare(answer.text) == bare(absent.text), address


def test_pc_01_the_family_itself_reads_every_one_of_them(publish: Publish, sign_in_as: SignIn):
    """The matrix above proves nothing if the addresses are wrong."""
    bilans = [publish(), publish(cycle_key(), CYCLE)]
    parent = sign_in_as(LEA)

    assert [parent.get(bilan_address(bilan)).status_code for bilan in bilans] == [200, 200]


def test_pc_01_nobody_signed_in_is_sent_to_sign_in_whether_the_page_exists_or_not(
    publish: Publish, livret_client: Browser
):
    for address in ("/livrets", "/livrets/child-lea", bilan_address(publish()), "/livrets/nobody/nothing"):
        answer = livret_client.get(address)
        assert answer.status_code == 303
        assert answer.location.startswith("/connexion")


def test_pc_09_every_byte_of_a_child_needs_the_session_and_the_link(
    publish: Publish, sign_in_as: SignIn, livret_app: Flask, livret_client: Browser
):
    """No shared, signed or guessed address: from the URL map, whatever is added to it."""
    bilan = publish()
    # Under another's child too: a stranger has one of their own.
    addresses = {
        re.sub("<[^>]*>", "x", rule.rule.replace("<bilan>", bilan).replace("<child>", child))
        for rule in livret_app.url_map.iter_rules()
        for child in (LEA.sub, MAEL.sub)
    }
    signed_out, family, stranger = sign_in_as(LEA), sign_in_as(LEA), sign_in_as(MAEL)
    cookie = signed_out.get_cookie("__Host-livret_session", domain="livret.example")
    assert cookie is not None
    end_session(livret_app, cookie.value)

    def tells(browser: Browser) -> set[str]:
        answers = {address: browser.get(address).text for address in addresses}
        return {address for address, text in answers.items() if "Léa" in text or "Bon semestre" in text}

    assert tells(family) == {"/livrets", f"/livrets/{LEA.sub}", bilan_address(bilan)}
    assert [tells(browser) for browser in (stranger, livret_client, signed_out)] == [set(), set(), set()]


def end_session(app: Flask, secret: str) -> None:
    with app.app_context(), transaction():
        db.session.execute(
            update(GuardianSession)
            .where(GuardianSession.session_digest == digest(secret))
            .values(ended_at=MORNING)
        )


def test_pc_10_two_guardians_of_a_child_see_the_same_bytes_and_not_each_other(
    publish: Publish, sign_in_as: SignIn
):
    bilan = publish()
    one, other = sign_in_as(LEA, NOE), sign_in_as(LEA)

    assert bare(one.get(bilan_address(bilan)).text) == bare(other.get(bilan_address(bilan)).text)
    assert NOE.given_name not in other.get("/livrets").text


def test_pc_25_the_children_of_the_session_decide_at_each_request(
    publish: Publish, sign_in_as: SignIn, livret_app: Flask
):
    browser, address = sign_in_as(LEA), bilan_address(publish())
    assert browser.get(address).status_code == 200

    with livret_app.app_context(), transaction() as session:
        for row in session.query(GuardianSession):
            row.children = []

    assert browser.get(address).status_code == 404
    assert browser.get("/livrets/child-lea").status_code == 404


def test_br_11_what_a_school_writes_is_text(publish: Publish, sign_in_as: SignIn):
    teacher = replace(PERIODIQUE.teachers[0], family_name=PROBE)
    domain = replace(PERIODIQUE.assessments[0], appreciation=PROBE)
    element = replace(PERIODIQUE.assessments[1], programme_elements=(PROBE, PROBE))
    content = replace(
        PERIODIQUE,
        teachers=(teacher,),
        assessments=(domain, element),
        parcours=(replace(PERIODIQUE.parcours[0], text=PROBE),),
        support_measures=(SupportMeasure("PPRE", PROBE),),
        appreciation=PROBE,
    )
    child = replace(LEA, given_name=PROBE, school=replace(LEA.school, name=PROBE))
    browser = sign_in_as(child, NOE)
    addresses = ("/livrets", "/livrets/child-lea", bilan_address(publish(content=content)))

    for address in addresses:
        page = browser.get(address).text
        assert "<svg onload" not in page
        assert PROBE in html.fromstring(page).text_content()
        assert not html.fromstring(page).xpath("//*[@onload]")
    assert words(page).count(PROBE) >= 9


def test_br_14_pages_are_private(publish: Publish, sign_in_as: SignIn):
    for address in ("/livrets", "/livrets/child-lea", bilan_address(publish()), "/livrets/nobody"):
        headers = sign_in_as(LEA).get(address).headers
        assert headers["Cache-Control"] == "no-store, private"
        assert "ETag" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_livrets_are_read_and_nothing_else(publish: Publish, sign_in_as: SignIn, method: str):
    for address in ("/livrets", "/livrets/child-lea", bilan_address(publish())):
        assert sign_in_as(LEA).open(address, method=method).status_code in (400, 405)


@contextmanager
def counted_queries(app: Flask) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_page_makes_six_queries_at_most_however_many_bilans(
    publish: Publish, sign_in_as: SignIn, livret_app: Flask
):
    bilan = publish()
    for year in range(2015, 2026):
        for index in (1, 2, 3):
            publish(periodique_key(school_year=year, periode_index=index, periode_count=3))
    browser = sign_in_as(LEA, NOE, MAEL)

    for address in ("/livrets", "/livrets/child-lea", bilan_address(bilan)):
        with counted_queries(livret_app) as queries:
            assert browser.get(address).status_code == 200
        assert len([query for query in queries if not query.startswith("BEGIN")]) <= 6, queries


def test_a_bilan_weighs_little(publish: Publish, sign_in_as: SignIn):
    import gzip

    page = sign_in_as(LEA).get(bilan_address(publish())).data

    assert len(gzip.compress(page)) < 15_000


def test_no_page_is_a_dead_end(livret_app: Flask, publish: Publish, sign_in_as: SignIn):
    publish()
    publish(locked_at=LOCKED_AT + timedelta(days=1))
    publish(cycle_key(), CYCLE)
    nobody = browser_at(livret_app, "https://livret.example")

    for browser, pages in ((sign_in_as(LEA, NOE), 6), (sign_in_as(), 2), (nobody, 1)):
        crawler = Crawler(livret_app, browser)
        crawler.crawl("/")
        # No provider runs here: signing in says so, and that page too has a way on.
        assert [fault for fault in crawler.faults if not fault.endswith("answers 503")] == []
        assert len(crawler.seen) >= pages, crawler.seen
