"""Recognising, remembering and forgetting devices. Opens no transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from idp.accounts.rules import AccountId
from idp.db import db
from idp.devices.models import KnownDevice
from idp.devices.rules import COOKIE_LIFE, DEVICES_PER_ACCOUNT, device_digest
from shared.database import uuid7


def is_known(device_secret: str, identifier: str, *, now: datetime) -> bool:
    """Whether this browser signed in to this account before: one read, the same for an unknown identifier."""
    found = db.session.scalar(
        select(KnownDevice.id).where(
            KnownDevice.digest == device_digest(device_secret, identifier),
            KnownDevice.last_signed_in_at > now - COOKIE_LIFE,
        )
    )
    return found is not None


def remember(account_id: AccountId, identifier: str, device_secret: str, *, now: datetime) -> bool:
    """Know this browser from now on, in the caller's transaction. Tells whether it is a new one."""
    insert: Callable[..., Any] = (
        postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
    )
    row_id = uuid7()
    kept_id = db.session.scalar(
        insert(KnownDevice)
        .values(
            id=row_id,
            account_id=account_id,
            digest=device_digest(device_secret, identifier),
            first_signed_in_at=now,
            last_signed_in_at=now,
        )
        .on_conflict_do_update(index_elements=[KnownDevice.digest], set_={"last_signed_in_at": now})
        .returning(KnownDevice.id)
    )
    if kept_id != row_id:
        return False
    _forget_the_oldest(account_id)
    return True


def forget_devices(account_id: AccountId, identifier: str, *, keeping: str | None = None) -> int:
    """Know none of the account's browsers any more, in the caller's transaction. Returns how many were known.

    keeping: the secret of the browser in hand, which stays known.
    """
    forgetting = delete(KnownDevice).where(KnownDevice.account_id == account_id)
    if keeping is not None:
        forgetting = forgetting.where(KnownDevice.digest != device_digest(keeping, identifier))
    return len(db.session.scalars(forgetting.returning(KnownDevice.id)).all())


def _forget_the_oldest(account_id: AccountId) -> None:
    newest = (
        select(KnownDevice.id)
        .where(KnownDevice.account_id == account_id)
        .order_by(KnownDevice.last_signed_in_at.desc(), KnownDevice.id.desc())
        .limit(DEVICES_PER_ACCOUNT)
    )
    db.session.execute(
        delete(KnownDevice).where(KnownDevice.account_id == account_id, KnownDevice.id.not_in(newest))
    )
