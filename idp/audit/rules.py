"""What an audit event may hold. An event is declared in the feature that it happens in."""

from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

RECORDABLE = frozenset({UUID, int, bool, datetime, NoneType})


class AuditEvent:
    """The base of events: a subclass that could hold personal data is refused when it is declared.

    Declare a frozen dataclass with `name: ClassVar[str] = "source:subject:action"`, stable for ever, and fields
    of RECORDABLE kinds or of a StrEnum. Raises TypeError for any other: free text cannot be declared, so it
    cannot leak.
    """

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        for field, kind in get_type_hints(cls).items():
            if get_origin(kind) is not ClassVar and not _is_recordable(kind):
                raise TypeError(f"{cls.__name__}.{field} may hold personal data")


def event_details(event: Any) -> dict[str, Any]:
    """The fields of an event, a dataclass, as JSON values: UUID and instants as text, None kept."""
    return {field.name: _as_json(getattr(event, field.name)) for field in fields(event)}


def _is_recordable(kind: Any) -> bool:
    if get_origin(kind) in {Union, UnionType}:
        return all(_is_recordable(member) for member in get_args(kind))
    kind = getattr(kind, "__supertype__", kind)  # a NewType counts as what it wraps
    return kind in RECORDABLE or (isinstance(kind, type) and issubclass(kind, StrEnum))


def _as_json(value: object) -> str | int | None:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, int):  # a bool is an int, and JSON keeps it a bool
        return value
    return str(value)
