"""Bilans as stored: key columns to find them by, and their content as one immutable document."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Enum, Integer, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from livret_service.db import Model
from livret_service.livrets.rules import BilanKind
from shared.database import uuid7


class KnownChild(Model):
    """The names that came with an INE, so that a file cannot give it others. Guardians are not known here."""

    __tablename__ = "known_children"

    ine: Mapped[str] = mapped_column(String(11), primary_key=True, info={"personal": True})
    family_name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    given_name: Mapped[str] = mapped_column(String(100), info={"personal": True})


class Bilan(Model):
    """One version of one bilan. Never changed: a correction is a new row, with the next `version`.

    Found by (ine, school_uai, kind, school_year, periode_index, periode_count). A bilan de cycle has its cycle
    as `periode_index` and 0 as `periode_count`. `locked_at` is when it may be read from, and orders the versions.
    """

    __tablename__ = "bilans"
    __table_args__ = (
        UniqueConstraint(
            "ine",
            "school_uai",
            "kind",
            "school_year",
            "periode_index",
            "periode_count",
            "version",
            name="uq_bilans_version",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7)
    ine: Mapped[str] = mapped_column(String(11), info={"personal": True})
    school_uai: Mapped[str] = mapped_column(String(8))
    kind: Mapped[BilanKind] = mapped_column(
        Enum(
            BilanKind,
            native_enum=False,
            length=16,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        )
    )
    school_year: Mapped[int] = mapped_column(Integer)
    periode_index: Mapped[int] = mapped_column(Integer)
    periode_count: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    locked_at: Mapped[datetime]
    imported_at: Mapped[datetime]
    content: Mapped[dict[str, Any]] = mapped_column(JSON, info={"personal": True})
