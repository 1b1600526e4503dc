from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from idp.audit import service as audit
from idp.audit.models import AuditEntry, JournalIsAppendOnly
from idp.audit.rules import AuditEvent
from idp.db import db, transaction


@dataclass(frozen=True, slots=True)
class DoorOpened(AuditEvent):
    name: ClassVar[str] = "test:door:opened"
    account_id: UUID | None


def test_an_entry_tells_what_happened_when_and_to_which_account(idp_context: Flask, now: datetime) -> None:
    with transaction():
        audit.record(DoorOpened(UUID(int=1)), now=now)

    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.name, entry.account_id, entry.recorded_at) == ("test:door:opened", UUID(int=1), now)


def test_an_entry_goes_with_the_transaction_that_fails(idp_context: Flask, now: datetime) -> None:
    def fail_after_recording() -> None:
        with transaction():
            audit.record(DoorOpened(None), now=now)
            raise RuntimeError("failure")

    with pytest.raises(RuntimeError, match="failure"):
        fail_after_recording()

    assert db.session.scalars(select(AuditEntry)).all() == []


def test_an_entry_is_never_changed(idp_context: Flask, now: datetime) -> None:
    with transaction():
        audit.record(DoorOpened(None), now=now)

    with pytest.raises(JournalIsAppendOnly), transaction():
        db.session.scalars(select(AuditEntry)).one().name = "test:door:closed"


def test_an_entry_is_never_deleted(idp_context: Flask, now: datetime) -> None:
    with transaction():
        audit.record(DoorOpened(None), now=now)

    with pytest.raises(JournalIsAppendOnly), transaction() as session:
        session.delete(session.scalars(select(AuditEntry)).one())
