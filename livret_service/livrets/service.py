"""Finding livrets for their readers, and storing what files bring."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from livret_service.db import db
from livret_service.errors import DomainError
from livret_service.livrets.models import Bilan, KnownChild
from livret_service.livrets.rules import (
    BilanKey,
    BilanSummary,
    ChildLivret,
    ChildNames,
    NewBilan,
    Outcome,
    PlannedBilan,
    ReadableBilan,
    latest_versions,
    livret_of,
    may_read,
    read_content,
    write_content,
)
from livret_service.sign_in.rules import Reader
from shared.claims import ChildClaim
from shared.database import in_chunks, uuid7

SUMMARY_COLUMNS: tuple[Any, ...] = (
    Bilan.id,
    Bilan.ine,
    Bilan.school_uai,
    Bilan.kind,
    Bilan.school_year,
    Bilan.periode_index,
    Bilan.periode_count,
    Bilan.version,
    Bilan.locked_at,
    Bilan.imported_at,
)
KEY_NAMES = ("ine", "school_uai", "kind", "school_year", "periode_index", "periode_count")


class LivretNotFound(DomainError):
    """Absent, or not this reader's to know of: the two are one answer (security: forbidden = absent)."""

    error_code = "livret_not_found"
    sentence = "Cette page n’existe pas"


class BilanCollision(DomainError):
    """Another import stored the same bilan meanwhile. Nothing of this one is kept; running it again is safe."""

    error_code = "bilan_collision"
    sentence = "Un autre import est en cours. Recommencez dans un instant."


def livrets_of(reader: Reader, *, now: datetime) -> tuple[ChildLivret, ...]:
    """One livret per child of the ID token, in its order; one query, whatever the number of children or bilans."""
    readable = _readable_summaries(reader.children, now=now)
    return tuple(livret_of(child, readable.get(child.ine or "", ()), now=now) for child in reader.children)


def livret_for(reader: Reader, child_sub: str, *, now: datetime) -> ChildLivret:
    """The livret of one named child. Raises LivretNotFound."""
    child = _named_child(reader, child_sub)
    readable = _readable_summaries((child,), now=now)
    return livret_of(child, readable.get(child.ine or "", ()), now=now)


def bilan_for(reader: Reader, child_sub: str, bilan_id: str, *, now: datetime) -> ReadableBilan:
    """The current version of the bilan at this address, when the reader may read it now. Raises LivretNotFound."""
    child = _named_child(reader, child_sub)
    found = db.session.execute(_current_version_of(_bilan_id(bilan_id), now)).first()
    # The query narrows; this decides, for the version asked for as for the one shown.
    if found is None or not all(
        may_read(child, found.ine, at, now=now) for at in (found.opened_at, found.locked_at)
    ):
        raise LivretNotFound
    summary = _summary(found)
    return ReadableBilan(
        summary=summary,
        content=read_content(summary.key.kind, found.content),
        is_replaced=found.opened_version != summary.version,
    )


def known_names(ines: Iterable[str]) -> dict[str, ChildNames]:
    """The names stored for these INEs."""
    found: dict[str, ChildNames] = {}
    for chunk in in_chunks(sorted(set(ines))):
        rows = db.session.execute(
            select(KnownChild.ine, KnownChild.family_name, KnownChild.given_name).where(
                KnownChild.ine.in_(chunk)
            )
        )
        found |= {row.ine: ChildNames(row.family_name, row.given_name) for row in rows}
    return found


def plan_bilans(bilans: Sequence[NewBilan]) -> tuple[PlannedBilan, ...]:
    """What storing would do: a later lock is a new version, any other changes nothing. Writes nothing."""
    stored = _newest_stored({bilan.key.ine for bilan in bilans})
    return tuple(_planned(bilan, stored.get(bilan.key)) for bilan in bilans)


def store_bilans(planned: Sequence[PlannedBilan], names: Mapping[str, ChildNames], *, now: datetime) -> None:
    """Add the versions of a plan, and remember the names of their children. Within the caller's transaction.

    Raises BilanCollision when another import was quicker.
    """
    rows = [_row(plan, now) for plan in planned if plan.outcome is not Outcome.UNCHANGED]
    try:
        for chunk in in_chunks(rows):
            db.session.execute(insert(Bilan), chunk)
    except IntegrityError as error:
        raise BilanCollision from error
    _remember(names)


def _named_child(reader: Reader, child_sub: str) -> ChildClaim:
    child = reader.child(child_sub)
    if child is None:
        raise LivretNotFound
    return child


def _bilan_id(text: str) -> UUID:
    """The identifier in its one written form: no second address for the same page. Raises LivretNotFound."""
    try:
        found = UUID(text)
    except ValueError:
        raise LivretNotFound from None
    if str(found) != text:
        raise LivretNotFound
    return found


def _readable_summaries(
    children: Sequence[ChildClaim], *, now: datetime
) -> dict[str, tuple[BilanSummary, ...]]:
    by_ine = {child.ine: child for child in children if child.ine}
    if not by_ine:
        return {}
    rows = db.session.execute(
        select(*SUMMARY_COLUMNS)
        .where(Bilan.ine.in_(by_ine), Bilan.locked_at <= now)
        .order_by(Bilan.locked_at)
    )
    found: dict[str, tuple[BilanSummary, ...]] = {}
    for summary in map(_summary, rows):
        ine = summary.key.ine
        if may_read(by_ine.get(ine), ine, summary.locked_at, now=now):
            found[ine] = (*found.get(ine, ()), summary)
    return found


def _current_version_of(bilan_id: UUID, now: datetime) -> Select[Any]:
    """The newest readable version beside the one asked for, in one statement."""
    opened = aliased(Bilan)
    same_bilan = [getattr(Bilan, name) == getattr(opened, name) for name in KEY_NAMES]
    return (
        select(
            *SUMMARY_COLUMNS,
            Bilan.content,
            opened.version.label("opened_version"),
            opened.locked_at.label("opened_at"),
        )
        .join(opened, db.and_(*same_bilan))
        .where(opened.id == bilan_id, opened.locked_at <= now, Bilan.locked_at <= now)
        .order_by(Bilan.version.desc())
        .limit(1)
    )


def _newest_stored(ines: Iterable[str]) -> dict[BilanKey, BilanSummary]:
    return {summary.key: summary for chunk in in_chunks(sorted(ines)) for summary in _newest_of(chunk)}


def _newest_of(ines: Sequence[str]) -> Iterator[BilanSummary]:
    rows = db.session.execute(select(*SUMMARY_COLUMNS).where(Bilan.ine.in_(ines)))
    yield from latest_versions(map(_summary, rows))


def _planned(bilan: NewBilan, stored: BilanSummary | None) -> PlannedBilan:
    if stored is None:
        return PlannedBilan(bilan, Outcome.NEW, 1)
    if bilan.locked_at > stored.locked_at:
        return PlannedBilan(bilan, Outcome.NEW_VERSION, stored.version + 1)
    return PlannedBilan(bilan, Outcome.UNCHANGED, stored.version)


def _row(plan: PlannedBilan, now: datetime) -> dict[str, Any]:
    key = plan.bilan.key
    return {name: getattr(key, name) for name in KEY_NAMES} | {
        "id": uuid7(),
        "version": plan.version,
        "locked_at": plan.bilan.locked_at,
        "imported_at": now,
        "content": write_content(plan.bilan.content),
    }


def _remember(names: Mapping[str, ChildNames]) -> None:
    """Keep names that are known already; fill in those that were empty."""
    rows = [
        {"ine": ine, "family_name": n.family_name, "given_name": n.given_name} for ine, n in names.items()
    ]
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    for chunk in in_chunks(rows):
        statement = dialect.insert(KnownChild)
        kept = {
            name: db.func.coalesce(
                db.func.nullif(getattr(KnownChild, name), ""), getattr(statement.excluded, name)
            )
            for name in ("family_name", "given_name")
        }
        db.session.execute(statement.on_conflict_do_update(index_elements=["ine"], set_=kept), chunk)


def _summary(row: Row[Any]) -> BilanSummary:
    key = BilanKey(*(getattr(row, name) for name in KEY_NAMES))
    return BilanSummary(row.id, key, row.version, row.locked_at, row.imported_at)
