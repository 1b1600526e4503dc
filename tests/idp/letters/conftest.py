"""A school with guardians, as an import leaves it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.db import db, transaction
from idp.families.models import Child, Guardian, Link, School
from idp.letters.rules import Pupil, Recipient
from idp.passwords import service as passwords
from shared.database import uuid7

UAI = "0990001N"
IMPORTED_AT = datetime(2026, 11, 1, tzinfo=UTC)

AddGuardian = Callable[..., UUID]
AddChild = Callable[..., UUID]


@pytest.fixture
def school(idp_context: Flask) -> str:
    with transaction() as session:
        session.add(
            School(uai=UAI, name="École Aimé-Césaire", phone="03 53 01 00 01", email="ecole@ecole.example")
        )
    return UAI


@pytest.fixture
def add_child(school: str) -> AddChild:
    def add(given_name: str = "Léa", **columns: object) -> UUID:
        child_id = uuid7()
        values = {
            "id": child_id,
            "given_name": given_name,
            "family_name": "D’HERBOMEZ",
            "birth_date": date(2018, 3, 14),
            "level": "CE2",
            "class_label": "CE2 B",
            "class_id": "1",
            "school_uai": school,
            "ine": None,
        } | columns
        with transaction() as session:
            session.add(Child(**values))
        return child_id

    return add


@pytest.fixture
def add_guardian(school: str, add_child: AddChild) -> AddGuardian:
    def add(
        identifier: str = "c.dherbomez", *, children: list[UUID] | None = None, **columns: object
    ) -> UUID:
        child_ids = [add_child()] if children is None else children
        account_id = uuid7()
        values = {
            "id": account_id,
            "identifier": identifier,
            "state": AccountState.CREATED,
            "title": "MME",
            "given_name": "Céline",
            "family_name": "D’HERBOMEZ",
            "created_at": IMPORTED_AT,
            "updated_at": IMPORTED_AT,
        } | columns
        with transaction() as session:
            session.add(Account(**values))
            session.flush()
            session.add(Guardian(account_id=account_id, school_uai=school))
            session.add_all(
                Link(account_id=account_id, child_id=child_id, school_uai=school, since=IMPORTED_AT)
                for child_id in child_ids
            )
        return account_id

    return add


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "letters.pdf"


def state_of(account_id: UUID) -> AccountState:
    db.session.rollback()
    return AccountState(db.session.get_one(Account, account_id).state)


def issued(account_id: UUID) -> passwords.IssuedPassword | None:
    db.session.rollback()
    return passwords.provisional_password_of(account_id)


def pupil(given_name: str = "Léa", **values: object) -> Pupil:
    defaults = {
        "given_name": given_name,
        "family_name": "D’HERBOMEZ",
        "birth_date": date(2018, 3, 14),
        "level": "CE2",
        "class_label": "CE2 B",
    }
    return Pupil(**defaults | values)  # type: ignore[arg-type]


def recipient(*children: Pupil, **values: object) -> Recipient:
    defaults = {
        "account_id": uuid7(),
        "identifier": "c.dherbomez",
        "state": AccountState.CREATED,
        "title": "MME",
        "given_name": "Céline",
        "family_name": "D’HERBOMEZ",
        "has_password": False,
        "issue_number": None,
        "expires_at": None,
        "children": children or (pupil(),),
    }
    return Recipient(**defaults | values)  # type: ignore[arg-type]
