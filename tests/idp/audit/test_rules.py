from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, NewType
from uuid import UUID

import pytest

from idp.audit.rules import AuditEvent, event_details

Reference = NewType("Reference", UUID)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class SomethingHappened(AuditEvent):
    name: ClassVar[str] = "test:something:happened"
    account_id: UUID
    reference: Reference | None
    colour: Colour
    count: int
    is_first: bool
    until: datetime


@pytest.mark.parametrize("kind", [str, bytes, list[int], dict[str, int], Any, str | None, float])
def test_an_event_that_could_hold_personal_data_cannot_be_declared(kind: Any) -> None:
    with pytest.raises(TypeError, match="may hold personal data"):
        type("Leaky", (AuditEvent,), {"__annotations__": {"note": kind}})


def test_details_are_json_values() -> None:
    event = SomethingHappened(
        account_id=UUID(int=1),
        reference=None,
        colour=Colour.RED,
        count=2,
        is_first=True,
        until=datetime(2026, 11, 23, tzinfo=UTC),
    )

    assert event_details(event) == {
        "account_id": "00000000-0000-0000-0000-000000000001",
        "reference": None,
        "colour": "red",
        "count": 2,
        "is_first": True,
        "until": "2026-11-23T00:00:00+00:00",
    }
