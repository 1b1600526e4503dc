"""Everything that is kept about one's own account, to take away. Nothing of anybody else's."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db
from idp.families.models import Child, Guardian, Link, School
from idp.families.rules import LinkState
from idp.my_account import journal
from idp.my_account.sentences import SENTENCES, sentence_of
from idp.oidc import consents
from idp.sessions import service as sessions

ACCOUNT_FIELDS = (
    "identifier", "state", "title", "given_name", "family_name", "usage_name", "email", "email_confirmed_at",
    "pending_email", "phone", "phone_confirmed_at", "locale", "created_at", "activated_at", "last_signed_in_at",
    "password_changed_at",
)  # fmt: skip
"""Named one by one: a column added later is not given away before somebody decided so."""


def collect(account_id: AccountId, *, now: datetime) -> dict[str, Any]:
    """What is kept, by subject, ready to be written as JSON: instants in ISO 8601, no secret, no digest.

    Children: of active links alone, and only what this guardian may read of them (CH-12, ADR 0035).
    """
    account = db.session.get_one(Account, account_id)
    return {
        "written_at": now.isoformat(),
        "account": {name: _plain(getattr(account, name)) for name in ACCOUNT_FIELDS},
        "from_the_school": _told_by_school(account_id),
        "children": _children(account_id),
        "devices": [
            {
                "browser": one.device.browser,
                "system": one.device.system,
                "signed_in_at": one.signed_in_at.isoformat(),
                "last_used_at": one.last_seen_at.isoformat(),
            }
            for one in sessions.open_sessions(account_id, now=now)
        ],
        "services": [
            {
                "name": one.client_name,
                "since": one.since.isoformat(),
                "last_used_at": _plain(one.last_used_at),
                "scopes": sorted(one.scopes),
            }
            for one in consents.services_of(account_id)
        ],
        "journal": [
            {
                "at": entry.recorded_at.isoformat(),
                "event": entry.name,
                "sentence": sentence_of(entry.name, entry.details),
            }
            for entry in journal.read_all(account_id, SENTENCES)
        ],
    }


def _told_by_school(account_id: AccountId) -> dict[str, Any]:
    row = db.session.execute(
        select(School.name, Guardian.roster_email, Guardian.roster_phone, Guardian.postal_address)
        .join(School, School.uai == Guardian.school_uai)
        .where(Guardian.account_id == account_id)
    ).one_or_none()
    if row is None:
        return {}
    return {"school": row[0], "email": row[1], "phone": row[2], "postal_address": row[3]}


def _children(account_id: AccountId) -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(
            Child.given_name,
            func.coalesce(func.nullif(Child.usage_name, ""), Child.family_name),
            Child.level,
            Child.class_label,
            School.name,
            Link.relationship,
            Link.since,
        )
        .join_from(Link, Child)
        .join(School, School.uai == Child.school_uai)
        .where(Link.account_id == account_id, Link.state == LinkState.ACTIVE)
        .order_by(Child.given_name, Child.id)
    )
    names = ("given_name", "family_name", "level", "class", "school", "relationship", "since")
    return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows]


def _plain(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
