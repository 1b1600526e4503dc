"""One person, two accounts: the links of one taken into the other, and given back.

Runs in the caller's transaction; states, sessions and messages are the caller's too.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Uuid, func, literal, or_, select, tuple_, update
from sqlalchemy.orm import aliased

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db
from idp.errors import DomainError
from idp.families.models import AccountMerge, Child, Guardian, Link, MergedLink
from idp.families.rules import (
    ChildId,
    LinkEnder,
    LinkState,
    MergeEffect,
    MergeUndoer,
    StandingMerge,
    effect_on_own,
)
from shared.database import UtcDateTime, in_chunks, uuid7

UNDO_WITHIN = timedelta(days=30)
LINKS_THAT_MOVE = (LinkState.ACTIVE, LinkState.FROZEN)
LONGEST_CHAIN = 20
MOST_PROPOSED = 20
PARIS = ZoneInfo("Europe/Paris")


class MergeNotUndone(DomainError):
    """Unknown, another account's, undone already, or its thirty days are over. One answer for all."""

    error_code: ClassVar[str] = "merge_not_undone"
    sentence: ClassVar[str] = "Ce regroupement ne peut plus être annulé. Adressez-vous à l’école."


class NewerMergeFirst(DomainError):
    """A later merge touched the same child, or took the kept account itself: it must be undone first."""

    error_code: ClassVar[str] = "newer_merge_first"
    sentence: ClassVar[str] = "Annulez d’abord le regroupement le plus récent."


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge, done or to be undone. `children`: how many links it moved, where it was just done."""

    merge_id: UUID
    kept_account_id: AccountId
    merged_account_id: AccountId
    merged_at: datetime
    children: int = 0


def undo_end(now: datetime) -> datetime:
    """Until when a merge of `now` can be undone: the last second of the thirtieth day after it, in France.

    The page names a day, and that whole day must be good.
    """
    last_day = (now + UNDO_WITHIN).astimezone(PARIS).date()
    return datetime.combine(last_day, time(23, 59, 59), tzinfo=PARIS).astimezone(UTC)


def merge_links(kept: AccountId, merged: AccountId, *, now: datetime) -> Merge:
    """Take the links of `merged` into `kept`: they move, and where both have one, one of them remains.

    The caller holds both accounts' rows. What has ended for `merged` stays with it.
    """
    merge_id = uuid7()
    db.session.add(
        AccountMerge(
            id=merge_id,
            kept_account_id=kept,
            merged_account_id=merged,
            merged_at=now,
            undo_until=undo_end(now),
        )
    )
    db.session.flush()
    own = {link.child_id: link for link in _links_of(kept)}
    coming = [link for link in _links_of(merged) if link.state in LINKS_THAT_MOVE]
    for link in coming:
        twin = own.get(link.child_id)
        if twin is None:
            _apply(merge_id, link, MergeEffect.MOVED, account_id=kept, merge_id=merge_id)
            continue
        _change_own(merge_id, twin, link, now=now)
        ended = {"state": LinkState.MERGED, "ended_at": now, "ended_by": LinkEnder.MERGE}
        _apply(merge_id, link, MergeEffect.SET_ASIDE, **ended)
    db.session.flush()
    return Merge(merge_id, kept, merged, now, len(coming))


def find_merge_to_undo(merge_id: UUID, *, kept: AccountId | None = None, now: datetime) -> Merge:
    """The merge, if it stands and can still be undone. kept: whose it must be; None for the school.

    Raises MergeNotUndone, NewerMergeFirst.
    """
    row = db.session.execute(
        select(AccountMerge.kept_account_id, AccountMerge.merged_account_id, AccountMerge.merged_at).where(
            AccountMerge.id == merge_id, AccountMerge.undone_at.is_(None), AccountMerge.undo_until >= now
        )
    ).one_or_none()
    if row is None or (kept is not None and row.kept_account_id != kept):
        raise MergeNotUndone
    merge = Merge(merge_id, AccountId(row[0]), AccountId(row[1]), row[2])
    if _is_built_upon(merge):
        raise NewerMergeFirst
    return merge


def undo_merge(merge: Merge, by: MergeUndoer, *, now: datetime) -> None:
    """Give the links back, each as it was; what was frozen or detached since stays so, for it was one person's.

    The caller holds both accounts' rows. Raises MergeNotUndone when somebody undid it meanwhile.
    """
    undone = db.session.scalar(
        update(AccountMerge)
        .where(
            AccountMerge.id == merge.merge_id,
            AccountMerge.undone_at.is_(None),
            AccountMerge.undo_until >= now,
        )
        .values(undone_at=now, undone_by=by)
        .returning(AccountMerge.id)
    )
    if undone is None:
        raise MergeNotUndone
    own = {link.child_id: link for link in _links_of(merge.kept_account_id)}
    rows = db.session.execute(
        select(MergedLink, Link)
        .join(Link, Link.id == MergedLink.link_id)
        .where(MergedLink.merge_id == merge.merge_id)
        .execution_options(populate_existing=True)
    )
    # Links set aside first: they take over what was decided on the kept account's since.
    for before, link in sorted(rows, key=lambda row: row[0].effect is not MergeEffect.SET_ASIDE):
        _give_back(merge, before, link, own.get(link.child_id))
    db.session.flush()


def standing_merges(kept: AccountId) -> tuple[StandingMerge, ...]:
    """What was merged into the account and not undone, the newest first."""
    rows = db.session.execute(
        select(AccountMerge.id, Account.identifier, AccountMerge.merged_at, AccountMerge.undo_until)
        .join(Account, Account.id == AccountMerge.merged_account_id)
        .where(AccountMerge.kept_account_id == kept, AccountMerge.undone_at.is_(None))
        .order_by(AccountMerge.merged_at.desc(), AccountMerge.id.desc())
    ).all()
    names = _names_brought_by([row.id for row in rows])
    return tuple(StandingMerge(*row, names.get(row.id, ())) for row in rows)


def standing_merge_of(merged: AccountId) -> Merge | None:
    """The merge that took this account; None when it was not taken, or was given back."""
    row = db.session.execute(
        select(AccountMerge.id, AccountMerge.kept_account_id, AccountMerge.merged_at).where(
            AccountMerge.merged_account_id == merged, AccountMerge.undone_at.is_(None)
        )
    ).one_or_none()
    return None if row is None else Merge(row[0], AccountId(row[1]), merged, row[2])


def last_undone_at(merged: AccountId) -> datetime | None:
    """When a merge of this account was undone last: what was proven of it before proves nothing any more."""
    return db.session.scalar(
        select(func.max(AccountMerge.undone_at)).where(AccountMerge.merged_account_id == merged)
    )


def kept_accounts_of(merged: Collection[AccountId]) -> dict[AccountId, AccountId]:
    """The account that stands for each merged one, however many merges lie between; none for those on their own."""
    kept: dict[AccountId, AccountId] = {}
    following = {account_id: account_id for account_id in merged}
    for _ in range(LONGEST_CHAIN):
        taken_by = _taken_by(set(following.values()))
        following = {start: taken_by[end] for start, end in following.items() if end in taken_by}
        if not following:
            break
        kept |= following
    return kept


def kept_identifier(merged: AccountId) -> str | None:
    """What the person of a merged account signs in with now."""
    kept = kept_accounts_of([merged]).get(merged)
    return None if kept is None else db.session.scalar(select(Account.identifier).where(Account.id == kept))


def stated_at(account_id: AccountId, *, email: str | None, phone: str | None) -> tuple[Account, ...]:
    """Other accounts whose school states this address or this mobile: perhaps the same person, perhaps not.

    email, phone: confirmed ones, None without. It proves nothing: couples share a mailbox, and rosters err.
    """
    reached: list[ColumnElement[bool]] = []
    if email is not None:
        reached.append(Guardian.roster_email.in_({email, email.lower()}))
    if phone is not None:
        reached.append(Guardian.roster_phone == phone)
    if not reached:
        return ()
    rows = db.session.scalars(
        select(Account)
        .join(Guardian, Guardian.account_id == Account.id)
        .where(or_(*reached), Account.id != account_id)
        .order_by(Account.id)
        .limit(MOST_PROPOSED)
    )
    return tuple(rows)


def _taken_by(merged: Collection[AccountId]) -> dict[AccountId, AccountId]:
    taken_by: dict[AccountId, AccountId] = {}
    for chunk in in_chunks(sorted(merged)):
        rows = db.session.execute(
            select(AccountMerge.merged_account_id, AccountMerge.kept_account_id).where(
                AccountMerge.merged_account_id.in_(chunk), AccountMerge.undone_at.is_(None)
            )
        )
        taken_by |= {AccountId(row[0]): AccountId(row[1]) for row in rows}
    return taken_by


def _links_of(account_id: AccountId) -> list[Link]:
    statement = select(Link).where(Link.account_id == account_id).order_by(Link.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _change_own(merge_id: UUID, own: Link, other: Link, *, now: datetime) -> None:
    effect = effect_on_own(own.state, own.ended_by, other.state)
    if effect is MergeEffect.FROZEN:
        ended = {"ended_at": other.ended_at or now, "ended_by": other.ended_by}
        _apply(merge_id, own, effect, state=LinkState.FROZEN, **ended)
    elif effect is MergeEffect.REVIVED:
        active = {"state": LinkState.ACTIVE, "ended_at": None, "ended_by": None}
        _apply(merge_id, own, effect, school_uai=other.school_uai, merge_id=merge_id, **active)


def _apply(merge: UUID, link: Link, effect: MergeEffect, **values: Any) -> None:
    """Note what the link was, then change it."""
    db.session.add(
        MergedLink(
            merge_id=merge,
            link_id=link.id,
            effect=effect,
            former_state=link.state,
            former_ended_at=link.ended_at,
            former_ended_by=link.ended_by,
            former_school_uai=link.school_uai,
            former_merge_id=link.merge_id,
        )
    )
    for name, value in values.items():
        setattr(link, name, value)


def _give_back(merge: Merge, before: MergedLink, link: Link, own: Link | None) -> None:
    match before.effect:
        case MergeEffect.MOVED if link.account_id == merge.kept_account_id:
            link.account_id, link.merge_id = merge.merged_account_id, before.former_merge_id
        case MergeEffect.SET_ASIDE if own is not None and _ended_since(own, merge.merged_at):
            link.state, link.ended_at, link.ended_by = own.state, own.ended_at, own.ended_by
        case MergeEffect.SET_ASIDE:
            _restore(link, before)
        case MergeEffect.REVIVED if link.state is LinkState.ACTIVE:
            _restore(link, before)


def _restore(link: Link, before: MergedLink) -> None:
    link.state, link.merge_id = before.former_state, before.former_merge_id
    link.ended_at, link.ended_by = before.former_ended_at, before.former_ended_by
    link.school_uai = before.former_school_uai


def _ended_since(own: Link, merged_at: datetime) -> bool:
    return own.state is not LinkState.ACTIVE and own.ended_at is not None and own.ended_at >= merged_at


def _is_built_upon(merge: Merge) -> bool:
    """Whether the kept account was merged itself, or a later merge into it met one of the same children."""
    if standing_merge_of(merge.kept_account_id) is not None:
        return True
    children = _children_met_by([merge.merge_id])
    later = db.session.scalars(
        select(AccountMerge.id).where(
            AccountMerge.kept_account_id == merge.kept_account_id,
            AccountMerge.undone_at.is_(None),
            tuple_(AccountMerge.merged_at, AccountMerge.id)
            > tuple_(literal(merge.merged_at, UtcDateTime()), literal(merge.merge_id, Uuid())),
        )
    ).all()
    return not children.isdisjoint(_children_met_by(later))


def _children_met_by(merge_ids: Collection[UUID]) -> set[ChildId]:
    rows = db.session.scalars(
        select(Link.child_id)
        .join(MergedLink, MergedLink.link_id == Link.id)
        .where(MergedLink.merge_id.in_(merge_ids))
    )
    return {ChildId(child_id) for child_id in rows}


def _names_brought_by(merge_ids: Collection[UUID]) -> dict[UUID, tuple[str, ...]]:
    brought = aliased(MergedLink)
    rows = db.session.execute(
        select(brought.merge_id, Child.given_name)
        .join(Link, Link.id == brought.link_id)
        .join(Child, Child.id == Link.child_id)
        .where(
            brought.merge_id.in_(merge_ids),
            brought.effect.in_((MergeEffect.MOVED, MergeEffect.SET_ASIDE)),
        )
        .order_by(Child.given_name, Child.id)
    ).all()
    return {
        merge_id: tuple(row.given_name for row in rows if row.merge_id == merge_id) for merge_id in merge_ids
    }
