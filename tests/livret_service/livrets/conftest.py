"""Livrets in the database, and guardians who read them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from livret_service.db import db, transaction
from livret_service.livrets.models import Bilan
from livret_service.livrets.rules import (
    Adult,
    Assessment,
    BilanKey,
    BilanKind,
    ChildNames,
    Content,
    CycleContent,
    NewBilan,
    ParcoursText,
    PeriodiqueContent,
    SocleLevel,
    SupportMeasure,
)
from livret_service.livrets.service import plan_bilans, store_bilans
from livret_service.sign_in.models import GuardianSession
from livret_service.sign_in.rules import Reader, Subject
from shared.claims import ChildClaim, SchoolClaim, write_children
from shared.secrets import digest
from tests.conftest import MORNING, Browser, browser_at

ISSUER = "https://compte.example"
SCHOOL = SchoolClaim("0990001N", "École de l’Étang")
LEA = ChildClaim("child-lea", "Léa", "D’Orgeval", "CE2", SCHOOL, ine="123456789AB")
NOE = ChildClaim("child-noe", "Noé", "D’Orgeval", "CP", SCHOOL, ine="0123456789C")
MAEL = ChildClaim("child-mael", "Maël", "N’Guyen", "CM1", SCHOOL, ine="9876543210Z")
LOCKED_AT = MORNING - timedelta(days=3)

MEASURE = SupportMeasure("PPRE", "Calcul mental.")
PERIODIQUE = PeriodiqueContent(
    starts_on=date(2026, 9, 1),
    ends_on=date(2027, 1, 29),
    created_on=date(2026, 11, 10),
    school_head=Adult("MME", "D’ARC", "Zoé"),
    teachers=(Adult("M", "LEMAÎTRE", "Paul"),),
    assessments=(
        Assessment(
            discipline_code="FRA-RAC",
            positionnement=None,
            is_unassessed=False,
            programme_elements=(),
            appreciation="Léa lit avec aisance.",
            parts=(
                Assessment("FRA-LEC", 3, False, ("Lire à voix haute",), ""),
                Assessment("FRA-ECR", None, True, (), ""),
            ),
        ),
        Assessment("EPS-RAC", 2, False, ("Courir",), ""),
    ),
    parcours=(ParcoursText("PAR_ART", "Visite du musée.", True), ParcoursText("PAR_CIT", "Déléguée.", False)),
    support_measures=(MEASURE, SupportMeasure("PAP", "")),
    appreciation="Bon semestre.\nContinuez ainsi.",
    socle=(SocleLevel("CPD_FRA", 3), SocleLevel("CPD_ETR", None), SocleLevel("REP_MND", 0)),
)
CYCLE = CycleContent(
    created_on=date(2026, 11, 10),
    school_head=Adult("MME", "D’ARC", "Zoé"),
    teachers=(Adult("M", "LEMAÎTRE", "Paul"),),
    socle=(SocleLevel("CPD_FRA", 4), SocleLevel("REP_MND", 0)),
    summary="Attendus atteints.",
)

Publish = Callable[..., str]
SignIn = Callable[..., Browser]


def periodique_key(child: ChildClaim = LEA, **changes: Any) -> BilanKey:
    """The key of the first semester of the year in course, unless told otherwise."""
    key = BilanKey(child.ine or "", SCHOOL.uai, BilanKind.PERIODIQUE, 2026, 1, 2)
    return replace(key, **changes)


def cycle_key(child: ChildClaim = LEA) -> BilanKey:
    return BilanKey(child.ine or "", SCHOOL.uai, BilanKind.CYCLE, 2026, 2, 0)


def reader_of(*children: ChildClaim) -> Reader:
    return Reader(ISSUER, Subject("guardian"), children, MORNING)


@pytest.fixture
def publish(livret_app: Flask) -> Publish:
    """Store one bilan, and give back the identifier of the row. Published again with a later lock: a new version."""

    def store(
        key: BilanKey | None = None,
        content: Content = PERIODIQUE,
        *,
        locked_at: datetime = LOCKED_AT,
        imported_at: datetime = MORNING - timedelta(days=1),
    ) -> str:
        key = key or periodique_key()
        with livret_app.app_context():
            with transaction():
                planned = plan_bilans([NewBilan(key, locked_at, content)])
                store_bilans(planned, {key.ine: ChildNames("", "")}, now=imported_at)
            found = db.session.scalars(
                select(Bilan.id)
                .where(Bilan.ine == key.ine, Bilan.locked_at == locked_at)
                .order_by(Bilan.id.desc())
            ).first()
        return str(found)

    return store


@pytest.fixture
def sign_in_as(livret_app: Flask) -> SignIn:
    """A browser of a guardian whose ID token named these children."""
    numbers = count(1)

    def sign_in(*children: ChildClaim) -> Browser:
        secret = f"{next(numbers):043d}"
        with livret_app.app_context(), transaction() as session:
            session.add(new_session(secret, children))
        browser = browser_at(livret_app, "https://livret.example")
        browser.set_cookie("__Host-livret_session", secret, domain="livret.example", secure=True)
        return browser

    return sign_in


def new_session(secret: str, children: Sequence[ChildClaim]) -> GuardianSession:
    later = MORNING + timedelta(hours=8)
    scopes = frozenset({"children", "children.ine"})
    written: list[Mapping[str, Any]] = list(write_children(children, scopes))
    return GuardianSession(
        session_digest=digest(secret),
        issuer=ISSUER,
        subject=f"guardian {secret}",
        sealed_id_token=b"tests only",
        children=written,
        signed_in_at=MORNING,
        renewed_at=MORNING,
        renewal_due_at=later,
        idle_until=later,
        expires_at=later,
    )
