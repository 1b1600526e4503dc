"""Two guardians of one child: equal, and each as if the other were not; what one attaches follows at the livrets."""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from idp.accounts.rules import AccountId
from idp.attachment import service as attachment
from idp.db import db, transaction
from idp.families import service as families
from idp.families.models import AccountMerge
from idp.passwords import service as passwords
from idp.sessions import service as sessions
from idp.sessions.rules import CurrentSession, OpenedWith
from tests.both_services import BothServices, Person, running_services, services
from tests.conftest import Browser
from tests.factories import LONG_AGO, make_child, make_link
from tests.relying_party import RelyingParty, basic, make_parent

__all__ = ["running_services", "services"]

INE, OTHER_INE = "123456789AB", "987654321CD"
PASSWORD = "Romarin77"
CHANGES_EACH_TIME = re.compile(r'name="csrf_token" value="[^"]*"|<p class="reference">.*?</p>|[0-9a-f]{12,}')
MOTHER: dict[str, Any] = {
    "identifier": "s.canarimere",
    "given_name": "Solène",
    "family_name": "CANARIMÈRE",
    "email": "solene@mere.example",
    "phone": "+33639980101",
    "phone_confirmed_at": LONG_AGO,
}
FATHER: dict[str, Any] = {
    "identifier": "t.canaripere",
    "given_name": "Tancrède",
    "family_name": "CANARIPÈRE",
    "email": "tancrede@pere.example",
    "phone": "+33639980202",
    "phone_confirmed_at": LONG_AGO,
}
WAYS_OUT = {"/oauth/end_session", "/deconnexion", "/deconnexion/retour", "/deconnexion/canal-avant"}
WORDS = ("identifier", "given_name", "family_name", "email", "phone")


@dataclass(frozen=True)
class Guardian:
    """One of the two. `secrets`: what no page or answer of the other may hold."""

    account_id: AccountId
    link_id: UUID
    secrets: tuple[str, ...]


def make_guardian(values: dict[str, Any], child_id: Any, own_child: str) -> Guardian:
    account_id = make_parent(password_hash=passwords.hash_password(PASSWORD), **values)
    link_id = make_link(account_id, child_id, relationship=values["given_name"]).id
    make_link(account_id, make_child(given_name=own_child))
    shown_phone = " ".join(re.findall("..", "0" + values["phone"][3:]))
    secrets = (*(values[name] for name in WORDS), shown_phone, own_child, str(account_id), account_id.hex)
    return Guardian(account_id, link_id, (*secrets, str(link_id)))


def family(app: Flask) -> tuple[Guardian, Guardian]:
    """Separated parents of Léa, each with a child of their own."""
    with app.app_context():
        child_id = make_child(given_name="Léa", ine=INE)
        return make_guardian(MOTHER, child_id, "Ombeline"), make_guardian(FATHER, child_id, "Ferréol")


def busy(services: BothServices, guardian: Guardian, bilan: str) -> Person:
    """A guardian who has read, reported and been refused: there is something in the journal."""
    person = services.person(guardian.account_id)
    (child,) = re.findall(r'href="/livrets/([^"/]+)"[^>]*>[^<]*Léa', person.read("/livrets").text)[:1]
    assert person.read(f"/livrets/{child}/{bilan}").status_code == 200
    with services.idp.app_context(), transaction():
        other_child = families.links_of(guardian.account_id)
        own = next(link for link in other_child if link.given_name != "Léa")
        families.dispute_link(guardian.account_id, own.link_id, now=services.clock.now)
    return person


def addresses(app: Flask, **known: str) -> list[str]:
    """Every address that a browser may open, filled in with what this person can know."""
    adapter = app.url_map.bind("localhost")
    opened = (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    filled = (
        adapter.build(rule.endpoint, {name: value_of(name, known) for name in rule.arguments})
        for rule in opened
        if rule.endpoint not in {"static", "theme_file"}
    )
    return sorted(address for address in set(filled) if address not in WAYS_OUT)


def value_of(name: str, known: dict[str, str]) -> Any:
    value = known.get(name, str(uuid4()))
    return UUID(value) if name.endswith("_id") and name != "client_id" else value


@pytest.mark.parametrize("reader", [0, 1], ids=["mother", "father"])
def test_pc_10_no_page_of_either_service_holds_anything_of_the_other_guardian(
    services: BothServices, reader: int
):
    both = family(services.idp)
    bilan = services.publish(INE)
    persons = [busy(services, guardian, bilan) for guardian in both]
    person, own, other = persons[reader], both[reader], both[1 - reader]
    (child,) = re.findall(r'href="/livrets/([^"/]+)"[^>]*>[^<]*Léa', person.read("/livrets").text)[:1]

    opened = {
        address: person.account.get(address).text
        for address in addresses(services.idp, link_id=str(own.link_id))
    }
    opened |= {
        f"livret {address}": person.read(address).text
        for address in addresses(services.livret, child=child, bilan=bilan)
    }

    assert len(opened) > 40
    assert "Léa" in opened["/compte/enfants"]
    assert "Léa" in opened[f"livret /livrets/{child}"]
    told = {
        (address, secret) for address, text in opened.items() for secret in other.secrets if secret in text
    }
    assert told == set()


@pytest.mark.parametrize("reader", [0, 1], ids=["mother", "father"])
def test_pc_10_no_answer_of_the_protocol_holds_anything_of_the_other_guardian(
    idp_app: Flask, party: RelyingParty, reader: int
):
    both = family(idp_app)
    answers = []
    for guardian in both:
        party.sign_in(guardian.account_id)
        tokens = party.tokens(scope="openid profile email phone children children.ine")
        inspected = party.browser.post(
            "/oauth/introspect",
            data={"token": tokens["access_token"]},
            headers=basic(party.client_id, party.secret or ""),
        )
        parts = (party.read_id_token(tokens["id_token"]), party.userinfo(tokens["access_token"]).json)
        answers.append(json.dumps([*parts, inspected.json], ensure_ascii=False))

    assert both[reader].secrets[1] in answers[reader]
    assert "Léa" in answers[reader]
    # The child has one identifier at a service, whoever's child it is; nothing else is shared.
    assert [secret for secret in both[1 - reader].secrets if secret in answers[reader]] == []


def test_en_11_the_other_guardians_objects_are_absent_like_those_that_never_were(services: BothServices):
    mother, father = family(services.idp)
    person = services.person(mother.account_id)
    merge_id = attach_to(services, father)

    for forbidden, absent in (
        (f"/compte/enfants/{father.link_id}/signaler", f"/compte/enfants/{uuid4()}/signaler"),
        (
            f"/compte/enfants/regroupements/{merge_id}/annuler",
            f"/compte/enfants/regroupements/{uuid4()}/annuler",
        ),
    ):
        for method in ("GET", "POST"):
            one, other = (send(person.account, method, address) for address in (forbidden, absent))
            assert one == other, forbidden


@pytest.mark.parametrize(
    "address",
    ["/ecole", "/ecole/0990001N", "/ecole/0990001N/responsables", "/ecole/0990001N/courriers"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pc_13_a_guardian_finds_no_function_of_the_school(services: BothServices, address: str, method: str):
    mother, _father = family(services.idp)
    person = services.person(mother.account_id)

    assert send(person.account, method, address) == send(person.account, method, f"{address}-absent")


def test_pc_25_what_is_attached_or_given_back_reaches_the_livrets_within_a_minute(services: BothServices):
    with services.idp.app_context():
        kept = make_parent(identifier="c.kept")
        make_link(kept, make_child(given_name="Léa", ine=INE))
        other = make_parent(identifier="c.other", password_hash=passwords.hash_password(PASSWORD))
        make_link(other, make_child(given_name="Zoé", ine=OTHER_INE))
    bilan = services.publish(OTHER_INE)
    reader, closed = services.person(kept), services.person(other)
    assert children(reader) == ["Léa"]
    assert children(closed) == ["Zoé"]

    session = attach(services, kept)
    services.clock.advance(seconds=60)

    assert children(reader) == ["Léa", "Zoé"]
    (zoe,) = re.findall(r'href="/livrets/([^"/]+)"[^>]*>[^<]*Zoé', reader.read("/livrets").text)[:1]
    assert reader.read(f"/livrets/{zoe}/{bilan}").status_code == 200
    assert "Zoé" not in closed.read("/livrets").text

    with services.idp.app_context():
        merge_id = db.session.scalars(db.select(AccountMerge.id)).one()
        attachment.undo_attach(session, merge_id, now=services.clock.now)
    services.clock.advance(seconds=60)

    assert reader.read(f"/livrets/{zoe}/{bilan}").status_code == 404
    assert children(reader) == ["Léa"]


def children(person: Person) -> list[str]:
    """Whom the list of livrets names."""
    page = person.read("/livrets")
    assert page.status_code == 200
    return [name for name in ("Léa", "Zoé") if name in page.text]


def send(browser: Browser, method: str, address: str) -> tuple[int, str]:
    """An answer without what is new each time, with a form token of the browser's own."""
    home = browser.get("/compte").text
    form = (
        {"csrf_token": re.findall(r'name="csrf_token" value="([^"]*)"', home)[0]}
        if method == "POST"
        else None
    )
    answer = browser.open(address, method=method, data=form)
    own_words = answer.text.replace(address, "address")
    return answer.status_code, CHANGES_EACH_TIME.sub("", own_words)


def attach(services: BothServices, kept: AccountId) -> CurrentSession:
    """Attach « c.other » to the account, in a session of its own."""
    with services.idp.app_context():
        with transaction():
            opened = sessions.open_session(kept, OpenedWith.CHOSEN, now=services.clock.now)
        session = sessions.find_session(opened.session_id, now=services.clock.now)
        assert session is not None
        couple = ("c.other", PASSWORD)
        sealed = attachment.prove_couple(session, couple, network="192.0.2.0/24", now=services.clock.now)
        attachment.attach(session, sealed, now=services.clock.now)
    return session


def attach_to(services: BothServices, guardian: Guardian) -> UUID:
    """The guardian attached another account of theirs."""
    names = {name: FATHER[name] for name in ("given_name", "family_name")}
    with services.idp.app_context():
        make_parent(identifier="c.other", password_hash=passwords.hash_password(PASSWORD), **names)
    attach(services, guardian.account_id)
    with services.idp.app_context():
        return UUID(str(db.session.scalars(db.select(AccountMerge.id)).one()))
